//! The assignment's chatter (R12): `timestamp:IP:n`, every 5 s from the first neighbor on, ten in all.
//!
//! It is a workload of the program `tidings` and of scenarios, and no part of the protocol: a node of
//! a library user says nothing by itself.

use std::net::IpAddr;
use std::time::Duration;

use tidings_core::settings::Profile;
use tidings_core::{Event, Instant, Payload, Topic, UnixTime};
use tokio::sync::Notify;
use tokio::time::{self, MissedTickBehavior};

use crate::handle::{NodeHandle, Observer};

/// How much a peer says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chatter {
    /// Time from the first neighbor to the first message, and between two of them. 10 ms to 1 h.
    pub every: Duration,
    /// How many messages in all; 0 for a silent peer.
    pub count: u32,
}

impl Chatter {
    /// What the assignment asks for (R12).
    pub const DOCUMENTED: Self = Self { every: Duration::from_secs(5), count: 10 };

    /// Nothing.
    pub const NONE: Self = Self { count: 0, ..Self::DOCUMENTED };

    /// That of the program's peers with this profile: with `classic` what is documented.
    pub const fn of(profile: Profile) -> Self {
        match profile {
            Profile::Classic => Self::DOCUMENTED,
            Profile::Modern => Self::NONE,
        }
    }

    /// The `number`-th message, from 1, of a peer at `ip`.
    ///
    /// # Panics
    ///
    /// Never: a time, an address and a number are short.
    pub fn message(unix: UnixTime, ip: IpAddr, number: u32) -> Payload {
        let text = format!("{}:{ip}:{number}", unix.as_millis());
        Payload::new(text.into_bytes()).expect("a time, an address and a number are short")
    }

    /// Says all of it. `joined` must observe the node; `clock` tells the calendar. Returns when all is
    /// said, or when the node has stopped.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped says no more; whether its last message was sent is not known.
    pub async fn run(
        self,
        joined: &FirstNeighbor,
        node: &NodeHandle,
        ip: IpAddr,
        clock: impl Fn() -> UnixTime,
    ) {
        if self.count == 0 {
            return;
        }
        joined.0.notified().await;
        let mut pauses = time::interval_at(time::Instant::now() + self.every, self.every);
        pauses.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for number in 1..=self.count {
            pauses.tick().await;
            let message = Self::message(clock(), ip, number);
            if node.broadcast(Topic::default(), message).await.is_err() {
                return;
            }
        }
    }
}

/// An observer that notes when a node has a neighbor.
#[derive(Debug, Default)]
pub struct FirstNeighbor(Notify);

impl Observer for FirstNeighbor {
    fn on_event(&self, _at: Instant, event: &Event) {
        if matches!(event, Event::NeighborUp { .. }) {
            self.0.notify_one();
        }
    }
}
