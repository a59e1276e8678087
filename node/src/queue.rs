//! A bounded queue with one reader, which never holds up the writer: what the reader is too slow for is
//! lost to it, and counted.

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
        let mut state = self.lock();
        if state.items.len() == self.capacity {
            state.items.pop_front();
            state.missed += 1;
        }
        state.items.push_back(item);
        state.wake();
    }

    /// Adds an item if there is room for it, and says whether there was.
    pub(crate) fn try_push(&self, item: T) -> bool {
        let mut state = self.lock();
        if state.items.len() == self.capacity {
            return false;
        }
        state.items.push_back(item);
        state.wake();
        true
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
        let mut state = self.lock();
        state.is_closed = true;
        state.wake();
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

impl<T> State<T> {
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
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
}
