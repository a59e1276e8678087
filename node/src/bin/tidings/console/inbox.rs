//! The latest messages of a peer, for people who ask what was said.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tidings_core::{Event, GossipMessage, Instant};
use tidings_node::Observer;

use crate::output::shown;

/// Messages kept; texts are cut short, so this is also a bound in bytes.
const MAX_MESSAGES: usize = 100;

/// A bounded list of what was said and heard.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    latest: Mutex<VecDeque<MessageLine>>,
}

/// One message, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MessageLine {
    /// The id of its envelope.
    pub(crate) id: String,
    /// Its number among the messages of its origin's life.
    pub(crate) sequence: u64,
    /// Who said it.
    pub(crate) origin: String,
    /// The neighbor it came from; none for an own message.
    pub(crate) from: Option<String>,
    /// Links it travelled; 0 for an own message.
    pub(crate) hop: u16,
    /// It was sent before this node was born.
    pub(crate) history: bool,
    /// What was said, quoted and escaped.
    pub(crate) text: String,
}

impl Inbox {
    /// What is kept, oldest first.
    pub(crate) fn latest(&self) -> Vec<MessageLine> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    fn add(&self, envelope: &GossipMessage, from: Option<String>, hop: u16, history: bool) {
        let line = MessageLine {
            id: format!("{:#}", envelope.id()),
            sequence: envelope.sequence().0,
            origin: envelope.origin().to_string(),
            from,
            hop,
            history,
            text: shown(&envelope.payload()),
        };
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if latest.len() == MAX_MESSAGES {
            latest.pop_front();
        }
        latest.push_back(line);
    }
}

impl Observer for Inbox {
    fn on_event(&self, _at: Instant, event: &Event) {
        if let Event::Published { envelope, .. } = event {
            self.add(envelope, None, 0, false);
        } else if let Event::Delivered { envelope, from, addr, hop, history } = event {
            self.add(envelope, Some(format!("{from}@{addr}")), hop.0, *history);
        }
    }
}
