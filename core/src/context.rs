//! What a part of the protocol may do: read the time, draw, arm a timer, send, tell.

use alloc::collections::VecDeque;
use core::time::Duration;

use crate::config::Config;
use crate::event::Event;
use crate::id::{LinkId, NodeId, Role};
use crate::io::{Birth, Output};
use crate::rng::Rng;
use crate::stats::Stats;
use crate::time::{Instant, UnixTime};
use crate::timers::{Timer, Timers};
use crate::wire::Message;

/// The part of a node that all its parts share. Parts know it and not each other.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) now: Instant,
    pub(crate) role: Role,
    pub(crate) birth: Birth,
    pub(crate) config: Config,
    pub(crate) rng: Rng,
    pub(crate) timers: Timers,
    pub(crate) stats: Stats,
    /// The node has been told to leave: it asks nobody for anything and refuses who asks.
    pub(crate) leaving: bool,
    outbox: VecDeque<Output>,
}

impl Context {
    pub(crate) fn new(role: Role, config: Config, birth: Birth) -> Self {
        Self {
            now: Instant::BIRTH,
            role,
            rng: Rng::new(birth.rng_seed),
            birth,
            config,
            timers: Timers::default(),
            stats: Stats::default(),
            leaving: false,
            outbox: VecDeque::new(),
        }
    }

    pub(crate) fn me(&self) -> NodeId {
        self.birth.id()
    }

    /// What the calendar says now, as far as this node knows.
    pub(crate) fn unix(&self) -> UnixTime {
        self.birth.unix + self.now.since_birth()
    }

    pub(crate) fn arm(&mut self, timer: Timer, after: Duration) {
        self.timers.arm(timer, self.now + after);
    }

    pub(crate) fn send(&mut self, link: LinkId, message: Message) {
        self.stats.messages_sent += 1;
        self.outbox.push_back(Output::Send { link, message });
    }

    pub(crate) fn output(&mut self, output: Output) {
        self.outbox.push_back(output);
    }

    pub(crate) fn emit(&mut self, event: Event) {
        self.outbox.push_back(Output::Event(event));
    }

    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        self.outbox.pop_front()
    }

    pub(crate) fn is_drained(&self) -> bool {
        self.outbox.is_empty()
    }
}
