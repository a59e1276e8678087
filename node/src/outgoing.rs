//! What waits to be written to one link, already encoded, bounded in bytes.
//!
//! The driver appends and never waits; the link's task takes all that has gathered and writes it in
//! one call. A link that takes too little fills up, and then the node is told, so that a slow
//! neighbor holds up nobody and grows no memory.

use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::BytesMut;
use tidings_core::wire::{self, Message};
use tokio::sync::Notify;

/// Most bytes that wait for one link before it counts as overrun; one frame may go beyond.
pub(crate) const MAX_QUEUED: usize = 1024 * 1024;

/// Room that an emptied buffer keeps for the next gathering.
const KEPT_ROOM: usize = 64 * 1024;

/// Encoded messages on their way to a link's task. One task waits on it.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    queue: Mutex<Queue>,
    queued: Notify,
    closed: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    bytes: BytesMut,
    closed: bool,
}

/// Too much waits already; the message was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Overrun;

impl Outgoing {
    /// Queues a message. Messages for a closed link are dropped.
    pub(crate) fn push(&self, message: &Message) -> Result<(), Overrun> {
        let mut queue = self.lock();
        if queue.closed {
            return Ok(());
        }
        if queue.bytes.len() >= MAX_QUEUED {
            return Err(Overrun);
        }
        wire::encode(message, &mut queue.bytes);
        self.queued.notify_one();
        Ok(())
    }

    /// Takes nothing more: what waits is still to be written, then the link ends.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.closed.notify_one();
    }

    /// Moves all that has gathered into `into`, which must be empty. False when there is nothing.
    pub(crate) fn gather(&self, into: &mut BytesMut) -> bool {
        assert!(into.is_empty(), "bytes that are not written yet would be lost");
        let mut queue = self.lock();
        if queue.bytes.is_empty() {
            return false;
        }
        if into.capacity() > KEPT_ROOM {
            *into = BytesMut::new();
        }
        mem::swap(&mut queue.bytes, into);
        true
    }

    /// Waits until something was queued since the last wait.
    pub(crate) async fn queued(&self) {
        self.queued.notified().await;
    }

    /// Waits until the link is closed on this side.
    pub(crate) async fn closed(&self) {
        while !self.lock().closed {
            self.closed.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tidings_core::wire::RegistrationMessage;

    use super::*;

    #[test]
    fn messages_gather_until_they_are_taken() {
        let outgoing = Outgoing::default();
        let mut taken = BytesMut::new();
        assert!(!outgoing.gather(&mut taken));
        outgoing.push(&Message::Registration(RegistrationMessage::Renew)).expect("room");
        outgoing.push(&Message::Registration(RegistrationMessage::Unknown)).expect("room");
        assert!(outgoing.gather(&mut taken));
        assert_eq!(taken.len(), 10, "two frames of one byte, four bytes of length each");
    }

    #[test]
    fn a_link_that_takes_nothing_is_overrun_and_keeps_its_bound() {
        let outgoing = Outgoing::default();
        let most = MAX_QUEUED.div_ceil(5);
        let pushed = (0..2 * most)
            .take_while(|_| {
                outgoing.push(&Message::Registration(RegistrationMessage::Renew)).is_ok()
            })
            .count();
        assert_eq!(pushed, most);
        assert_eq!(outgoing.push(&Message::Registration(RegistrationMessage::Renew)), Err(Overrun));
    }

    #[test]
    fn what_waits_at_the_close_is_still_there() {
        let outgoing = Outgoing::default();
        outgoing.push(&Message::Registration(RegistrationMessage::Renew)).expect("room");
        outgoing.close();
        outgoing
            .push(&Message::Registration(RegistrationMessage::Renew))
            .expect("dropped without an error");
        let mut taken = BytesMut::new();
        assert!(outgoing.gather(&mut taken));
        assert_eq!(taken.len(), 5);
    }
}
