//! The hash of a message's id.

use crate::id::MessageId;

/// The product of the id's beginning and the salt, folded: every bit of the id moves many.
///
/// The salt is the node's own randomness: ids are made by others, and somebody who knew the hash could
/// search for ids that share one.
pub(crate) fn hash(salt: u64, id: &MessageId) -> u64 {
    let head = id.as_bytes().first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    let head = head ^ salt.rotate_left(32);
    let product = u128::from(head) * u128::from(salt | 1);
    let [low, high] = [product, product >> 64].map(|half| half & u128::from(u64::MAX));
    u64::try_from(low ^ high).unwrap_or(0)
}
