//! Who belongs to the network, for the program that a node is part of: first all that are known, then
//! what changes.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use tidings_core::wire::Evidence;
use tidings_core::{AddressRecord, BootEpoch, Event, MemberSnapshot, MemberState, NodeId};

use crate::flag::Flag;
use crate::queue::{Queue, Taken};

/// Changes kept for a reader that is behind; with one more it gets all members again.
const MAX_CHANGES: usize = 1024;

/// Members that are alive or suspected, as told to readers. Far more than a table has room for
/// (`members_max`, 65,536 at most): some may have gone from it without a word.
const MAX_LIVING: usize = 1 << 18;

/// What a peer holds of the members of its network. More kinds may come.
///
/// Members are known by the table of the detector `swim`, which holds at most as many as the setting
/// `members_max` says. Two peers may hold different things for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MemberEvent {
    /// All that are known, in any state: first of all, and again whenever this reader was too slow. It
    /// takes the place of all that was told before.
    All {
        /// The members, by identity, without the node itself.
        members: Vec<MemberSnapshot>,
        /// Changes that were not told one by one; 0 at first.
        missed: u64,
    },
    /// A new member, or a new life of one, or one that was held dead is back.
    Joined {
        /// Who, where, which life.
        member: AddressRecord,
    },
    /// It did not answer somebody, and may yet refute that. May be the first that is heard of it.
    Suspect {
        /// Who.
        member: AddressRecord,
        /// Who said so first.
        by: NodeId,
        /// What that one saw.
        evidence: Option<Evidence>,
    },
    /// It was suspected, and lives.
    Refuted {
        /// Who.
        member: AddressRecord,
    },
    /// It did not refute in time.
    Dead {
        /// Who.
        member: AddressRecord,
        /// Who said so first.
        by: NodeId,
        /// What was seen.
        evidence: Option<Evidence>,
    },
    /// It left on its own will.
    Left {
        /// Who.
        member: AddressRecord,
    },
}

/// There are no members to be told of: only a peer whose detector is `swim` has a table of them, and only
/// if `members_max` is not 0. The profile `modern` has one, `classic` has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the node keeps no table of members: that needs detector = swim and members_max above 0")]
pub struct NoMembers;

/// The [members](MemberEvent) of a network, as one peer knows them, until that peer has stopped. A reader
/// that is more than 1,024 changes behind gets all members again.
#[derive(Debug)]
pub struct Members {
    reader: Arc<MemberReader>,
}

impl Members {
    pub(crate) fn new(wish: &Arc<Flag>) -> Self {
        let reader = MemberReader {
            queue: Queue::new(MAX_CHANGES),
            wants_all: AtomicBool::new(true),
            is_new: AtomicBool::new(true),
            missed: AtomicU64::new(0),
            wish: Arc::clone(wish),
        };
        Self { reader: Arc::new(reader) }
    }

    /// Of a node that has stopped: there are none.
    pub(crate) fn ended() -> Self {
        let members = Self::new(&Arc::default());
        members.reader.queue.close();
        members
    }

    pub(crate) fn reader(&self) -> Weak<MemberReader> {
        Arc::downgrade(&self.reader)
    }

    /// What is next; `None` when the node has stopped and all was read.
    ///
    /// # Cancel safety
    ///
    /// Safe: a call that is dropped has taken nothing.
    pub async fn next(&mut self) -> Option<MemberEvent> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl Stream for Members {
    type Item = MemberEvent;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<MemberEvent>> {
        let polled = self.reader.queue.poll(cx);
        if polled.is_pending() && self.reader.wants_all.load(Ordering::Acquire) {
            self.reader.wish.raise();
        }
        Poll::Ready(ready!(polled).and_then(|taken| match taken {
            Taken::Item(event) => Some(event),
            // These queues are never pushed over their capacity.
            Taken::Missed(_) => None,
        }))
    }
}

/// What waits for one reader of members. The node writes, the reader reads; both on their own threads.
#[derive(Debug)]
pub(crate) struct MemberReader {
    queue: Queue<MemberEvent>,
    /// It is to get all before it gets changes.
    wants_all: AtomicBool,
    /// It was given nothing yet, so that it can miss nothing.
    is_new: AtomicBool,
    missed: AtomicU64,
    wish: Arc<Flag>,
}

impl MemberReader {
    fn tell(&self, event: &MemberEvent) {
        if self.wants_all.load(Ordering::Acquire) {
            let missed = u64::from(!self.is_new.load(Ordering::Relaxed));
            self.missed.fetch_add(missed, Ordering::Relaxed);
        } else if !self.queue.try_push(event.clone()) {
            let lost = u64::try_from(self.queue.clear()).unwrap_or(u64::MAX).saturating_add(1);
            self.missed.fetch_add(lost, Ordering::Relaxed);
            self.wants_all.store(true, Ordering::Release);
            // It may have emptied the queue meanwhile, and would wait for ever.
            self.wish.raise();
        }
    }
}

/// The readers of members, and what they were told.
#[derive(Debug, Default)]
pub(crate) struct MemberFeed {
    readers: Vec<Weak<MemberReader>>,
    /// Who is alive or suspected, in which life, and whether suspected.
    living: BTreeMap<NodeId, (BootEpoch, bool)>,
    /// A reader wants all members.
    pub(crate) wish: Arc<Flag>,
}

impl MemberFeed {
    pub(crate) fn add(&mut self, reader: Weak<MemberReader>) {
        // A program may ask again and again while nothing happens.
        self.readers.retain(|reader| reader.strong_count() > 0);
        self.readers.push(reader);
        self.wish.raise();
    }

    /// Gives all members to those who want them.
    pub(crate) fn tell_all(&mut self, members: &[MemberSnapshot]) {
        self.living = members
            .iter()
            .filter(|member| matches!(member.state, MemberState::Alive | MemberState::Suspect))
            .map(|member| {
                let is_suspect = member.state == MemberState::Suspect;
                (member.record.subject(), (member.record.epoch(), is_suspect))
            })
            .collect();
        self.for_each(|reader| {
            if reader.wants_all.swap(false, Ordering::AcqRel) {
                let missed = reader.missed.swap(0, Ordering::Relaxed);
                reader.is_new.store(false, Ordering::Relaxed);
                // The queue is empty: whoever wants all was told nothing since.
                let _has_room =
                    reader.queue.try_push(MemberEvent::All { members: members.to_vec(), missed });
            }
        });
    }

    /// Tells a change to those who know the rest.
    pub(crate) fn on_event(&mut self, event: &Event) {
        if self.readers.is_empty() {
            return;
        }
        let Event::Member { subject, state, by, evidence } = event else { return };
        if let Some(change) = self.change(subject, *state, *by, *evidence) {
            self.for_each(|reader| reader.tell(&change));
        }
    }

    fn change(
        &mut self,
        subject: &AddressRecord,
        state: MemberState,
        by: NodeId,
        evidence: Option<Evidence>,
    ) -> Option<MemberEvent> {
        let (id, life, member) = (subject.subject(), subject.epoch(), subject.clone());
        let is_suspect = state == MemberState::Suspect;
        let before = match state {
            MemberState::Alive | MemberState::Suspect => {
                if self.living.len() >= MAX_LIVING {
                    self.living.clear();
                }
                self.living.insert(id, (life, is_suspect))
            }
            MemberState::Dead | MemberState::Left => self.living.remove(&id),
        };
        let was = before.filter(|(epoch, _)| *epoch == life).map(|(_, is_suspect)| is_suspect);
        Some(match (state, was) {
            (MemberState::Alive, None) => MemberEvent::Joined { member },
            (MemberState::Alive, Some(true)) => MemberEvent::Refuted { member },
            (MemberState::Alive, Some(false)) => return None,
            (MemberState::Suspect, _) => MemberEvent::Suspect { member, by, evidence },
            (MemberState::Dead, _) => MemberEvent::Dead { member, by, evidence },
            (MemberState::Left, _) => MemberEvent::Left { member },
        })
    }

    /// The node has stopped.
    pub(crate) fn close(&mut self) {
        self.for_each(|reader| reader.queue.close());
    }

    fn for_each(&mut self, visit: impl Fn(&MemberReader)) {
        self.readers.retain(|reader| {
            let reader = reader.upgrade();
            reader.as_deref().map(&visit).is_some()
        });
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;
    use std::time::Duration;

    use tidings_core::Incarnation;

    use super::*;

    fn record(n: u8, life: u64) -> AddressRecord {
        let addr = ([10, 0, 0, n], 7000).into();
        AddressRecord::new(NodeId::new([n; 32]), BootEpoch(life), &[addr]).expect("valid")
    }

    fn event(n: u8, life: u64, state: MemberState) -> Event {
        let by = NodeId::new([9; 32]);
        Event::Member { subject: record(n, life), state, by, evidence: None }
    }

    fn member(n: u8, state: MemberState) -> MemberSnapshot {
        MemberSnapshot {
            record: record(n, 1),
            incarnation: Incarnation::default(),
            state,
            since: Duration::ZERO,
        }
    }

    /// What a reader gets, in short.
    fn read(members: &mut Members) -> Vec<String> {
        let mut cx = Context::from_waker(Waker::noop());
        let mut told = Vec::new();
        while let Poll::Ready(Some(event)) = Pin::new(&mut *members).poll_next(&mut cx) {
            told.push(match event {
                MemberEvent::All { members, missed } => format!("all {} {missed}", members.len()),
                MemberEvent::Joined { member } => format!("joined {}", member.epoch()),
                MemberEvent::Suspect { .. } => "suspect".to_owned(),
                MemberEvent::Refuted { .. } => "refuted".to_owned(),
                MemberEvent::Dead { .. } => "dead".to_owned(),
                MemberEvent::Left { .. } => "left".to_owned(),
            });
        }
        told
    }

    fn reader(feed: &mut MemberFeed) -> Members {
        let members = Members::new(&feed.wish);
        feed.add(members.reader());
        members
    }

    #[test]
    fn a_reader_gets_all_first_and_then_what_changes() {
        let mut feed = MemberFeed::default();
        let mut members = reader(&mut feed);
        assert!(feed.wish.take(), "it wants all");
        feed.on_event(&event(1, 1, MemberState::Alive));
        assert!(read(&mut members).is_empty() && feed.wish.take(), "it still does");
        feed.tell_all(&[member(1, MemberState::Alive), member(2, MemberState::Suspect)]);
        assert_eq!(read(&mut members), ["all 2 0"]);
        for (n, life, state) in [
            (1, 1, MemberState::Alive),
            (1, 1, MemberState::Suspect),
            (1, 1, MemberState::Alive),
            (2, 1, MemberState::Alive),
            (3, 1, MemberState::Alive),
            (3, 1, MemberState::Dead),
            (3, 1, MemberState::Alive),
            (3, 2, MemberState::Alive),
            (3, 2, MemberState::Left),
        ] {
            feed.on_event(&event(n, life, state));
        }
        let told =
            ["suspect", "refuted", "refuted", "joined 1", "dead", "joined 1", "joined 2", "left"];
        assert_eq!(read(&mut members), told);
        assert!(!feed.wish.take(), "it knows all");
        feed.close();
        assert!(read(&mut members).is_empty());
    }

    /// A slow reader costs its capacity and no more, and then knows all again.
    #[test]
    fn a_slow_reader_gets_all_again() {
        let mut feed = MemberFeed::default();
        let (mut slow, mut quick) = (reader(&mut feed), reader(&mut feed));
        assert!(feed.wish.take());
        feed.tell_all(&[]);
        assert_eq!(read(&mut quick), ["all 0 0"]);
        for life in 1..=2000 {
            feed.on_event(&event(1, life, MemberState::Alive));
            assert_eq!(read(&mut quick), [format!("joined {life}")]);
        }
        assert!(read(&mut slow).is_empty() && feed.wish.take());
        feed.tell_all(&[member(1, MemberState::Alive)]);
        // The first list of all was lost with the changes after it.
        assert_eq!(read(&mut slow), ["all 1 2001"]);
        assert!(read(&mut quick).is_empty(), "who knows all is not told again");
        drop((slow, quick));
        feed.on_event(&event(1, 3000, MemberState::Alive));
        assert!(feed.readers.is_empty(), "readers that are gone are forgotten");
    }
}
