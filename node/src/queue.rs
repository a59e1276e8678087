//! A bounded queue with one reader, which never holds up the writer: what the reader is too slow for is
//! lost to it, and counted.
//!
//! Not tokio's: its `broadcast` has one capacity for all readers, and each chooses its own here; its
//! `mpsc` refuses the newest item where there is no room, instead of dropping the oldest.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// What waits for one reader.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    capacity: usize,
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    items: VecDeque<T>,
    /// Lost since the reader was last told.
    missed: u64,
    is_closed: bool,
    waker: Option<Waker>,
}

/// What a reader gets.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken<T> {
    /// The oldest item that is left.
    Item(T),
    /// So many items before it are lost.
    Missed(u64),
}

impl<T> Queue<T> {
    /// An open queue for at most `capacity` items, and for one at least.
    pub(crate) fn new(capacity: usize) -> Self {
        let state = State { items: VecDeque::new(), missed: 0, is_closed: false, waker: None };
        Self { capacity: capacity.max(1), state: Mutex::new(state) }
    }

    /// Adds an item; the oldest one goes where there is no room.
    pub(crate) fn push(&self, item: T) {
        self.change(|state| {
            if state.items.len() == self.capacity {
                state.items.pop_front();
                state.missed += 1;
            }
            state.items.push_back(item);
        });
    }

    /// Adds an item if there is room for it, and says whether there was.
    pub(crate) fn try_push(&self, item: T) -> bool {
        self.change(|state| {
            let has_room = state.items.len() < self.capacity;
            if has_room {
                state.items.push_back(item);
            }
            has_room
        })
    }

    /// Drops all that waits, and says how much that was.
    pub(crate) fn clear(&self) -> usize {
        let mut state = self.lock();
        let count = state.items.len();
        state.items.clear();
        count
    }

    /// Ends the queue: what waits can still be read.
    pub(crate) fn close(&self) {
        self.change(|state| state.is_closed = true);
    }

    /// Changes the queue and then wakes its reader, who may come for it at once: the lock is free by then.
    fn change<R>(&self, change: impl FnOnce(&mut State<T>) -> R) -> R {
        let mut state = self.lock();
        let changed = change(&mut state);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        changed
    }

    /// The next item, or how many are missing before it; nothing when the queue is closed and empty.
    pub(crate) fn poll(&self, cx: &Context<'_>) -> Poll<Option<Taken<T>>> {
        let mut state = self.lock();
        if state.missed > 0 {
            let missed = std::mem::take(&mut state.missed);
            return Poll::Ready(Some(Taken::Missed(missed)));
        }
        if let Some(item) = state.items.pop_front() {
            return Poll::Ready(Some(Taken::Item(item)));
        }
        if state.is_closed {
            return Poll::Ready(None);
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// A reader or a writer that panicked has left the queue whole: each change of it is one step.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next<T>(queue: &Queue<T>) -> Poll<Option<Taken<T>>> {
        queue.poll(&Context::from_waker(Waker::noop()))
    }

    #[test]
    fn the_oldest_items_go_and_are_counted() {
        let queue = Queue::new(2);
        for n in 1..=5 {
            queue.push(n);
        }
        queue.close();
        assert_eq!(next(&queue), Poll::Ready(Some(Taken::Missed(3))));
        assert_eq!(next(&queue), Poll::Ready(Some(Taken::Item(4))));
        assert_eq!(next(&queue), Poll::Ready(Some(Taken::Item(5))));
        assert_eq!(next(&queue), Poll::Ready(None));
    }

    #[test]
    fn an_open_queue_without_items_is_waited_for() {
        let queue = Queue::new(0);
        assert_eq!(next(&queue), Poll::Pending);
        assert!(queue.try_push(1) && !queue.try_push(2), "there is room for one at least");
        assert_eq!((queue.clear(), queue.clear()), (1, 0));
        assert_eq!(next(&queue), Poll::Pending);
    }

    /// Some reader's executor polls it where it is woken.
    #[test]
    fn a_reader_may_read_while_it_is_woken() {
        use std::sync::Arc;
        use std::sync::atomic::{AtomicBool, Ordering};
        use std::task::Wake;

        struct Reads {
            queue: Queue<u8>,
            has_read: AtomicBool,
        }
        impl Wake for Reads {
            fn wake(self: Arc<Self>) {
                let read = next(&self.queue) == Poll::Ready(Some(Taken::Item(7)));
                self.has_read.store(read, Ordering::Relaxed);
            }
        }
        let reads = Arc::new(Reads { queue: Queue::new(1), has_read: AtomicBool::new(false) });
        let waker = Waker::from(Arc::clone(&reads));
        assert!(reads.queue.poll(&Context::from_waker(&waker)).is_pending());
        reads.queue.push(7);
        assert!(reads.has_read.load(Ordering::Relaxed));
    }
}
