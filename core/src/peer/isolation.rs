//! A peer that finds no neighbor says why. Lists name others, and none of their addresses leads to them:
//! nobody listens there, something swallows the connections, or somebody else answers. Those who announce
//! such addresses do not notice.

use alloc::collections::BTreeSet;
use core::time::Duration;

use crate::context::Context;
use crate::event::{ContactFailure, Event};
use crate::id::NodeId;
use crate::links::{Failed, Failure};
use crate::time::Instant;
use crate::wire::Refusal;

/// How long a peer searches before it says so. *Choice: lists are asked for every 2 s.*
const PATIENCE: Duration = Duration::from_secs(10);

/// Time until it says so again. *Choice.*
const TELL_AGAIN: Duration = Duration::from_mins(1);

/// Most peers that are counted.
const MAX_COUNTED: usize = 256;

/// Attempts to find a neighbor that have failed since there was one.
#[derive(Clone, Debug)]
pub(super) struct Isolation {
    since: Instant,
    told: Option<Instant>,
    peers: BTreeSet<NodeId>,
    attempts: u64,
}

impl Isolation {
    pub(super) const fn new(since: Instant) -> Self {
        Self { since, told: None, peers: BTreeSet::new(), attempts: 0 }
    }

    /// One more has failed.
    pub(super) fn on_failed(&mut self, cx: &mut Context, failed: &Failed) {
        let Some(to) = &failed.to else { return };
        let Some(reason) = contact_failure(&failed.failure) else { return };
        self.attempts += 1;
        if self.peers.len() < MAX_COUNTED {
            self.peers.insert(to.subject());
        }
        let is_due = match self.told {
            Some(told) => cx.now.since(told) >= TELL_AGAIN,
            None => cx.now.since(self.since) >= PATIENCE,
        };
        if is_due {
            self.told = Some(cx.now);
            let (peers, attempts) = (self.peers.len(), self.attempts);
            cx.emit(Event::NobodyReached { peers, attempts, peer: to.clone(), reason });
        }
    }
}

/// What is wrong with a peer's address, if something is. Who is busy or about to leave is there.
fn contact_failure(failure: &Failure) -> Option<ContactFailure> {
    match failure {
        Failure::Dial(failure) => Some(ContactFailure::Dial(*failure)),
        Failure::Lost(loss) => Some(ContactFailure::Lost(*loss)),
        Failure::Garbled => Some(ContactFailure::Garbled),
        Failure::Refused(refuse) => match refuse.reason {
            Refusal::Busy | Refusal::Duplicate | Refusal::StaleEpoch | Refusal::Leaving => None,
            Refusal::RegistryFull
            | Refusal::WrongNetwork
            | Refusal::WrongNode
            | Refusal::WrongRole
            | Refusal::Yourself
            | Refusal::NotNamed
            | Refusal::OtherParts { .. } => Some(ContactFailure::Refused(refuse.reason)),
        },
    }
}
