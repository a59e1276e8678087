//! Room for one more: collections that grow by an eighth instead of doubling, because there may be
//! a million nodes in one process, and what they have room for costs as much as what they hold.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// How much more to make room for when `len` items fill it. Still a share of what is there, so
/// that adding many costs a constant time each.
const fn growth(len: usize) -> usize {
    len / 8 + 2
}

/// Makes room for one more item.
pub(crate) fn make_room<T>(items: &mut Vec<T>) {
    if items.len() == items.capacity() {
        items.reserve_exact(growth(items.len()));
    }
}

/// Makes room for one more item.
pub(crate) fn make_room_behind<T>(items: &mut VecDeque<T>) {
    if items.len() == items.capacity() {
        items.reserve_exact(growth(items.len()));
    }
}

/// Gives the room of an empty list back.
pub(crate) fn release_if_empty<T>(items: &mut Vec<T>) {
    if items.is_empty() {
        *items = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growing_leaves_at_most_an_eighth_free_and_moves_items_seldom() {
        let (mut items, mut moves) = (Vec::new(), 0);
        for n in 0..10_000 {
            let before = items.capacity();
            make_room(&mut items);
            moves += usize::from(items.capacity() != before);
            items.push(n);
            assert!(items.capacity() <= items.len() + items.len() / 8 + 2);
        }
        assert!(moves < 80, "{moves}");
    }
}
