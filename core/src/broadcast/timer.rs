//! What the broadcasts wait for.

use crate::util::part_timer::part_timer;

part_timer! {
    /// Deadlines of the broadcast.
    BroadcastTimer {
        /// Compare what is held with a neighbor.
        Digest = 0,
        /// Compare what is held with a known peer that is no neighbor.
        Exchange = 1,
        /// `plumtree`: send the announcements that were gathered.
        IHave = 2,
        /// `plumtree`: an announced message is overdue.
        Graft = 3,
        /// Nobody will ask any more for the oldest message of a full store, or it is too old to be owed.
        Promise = 4,
        /// What is gathered has waited long enough.
        Gather = 5,
        /// Neighbors may be told again that they, or others, may send more.
        Credit = 6,
        /// Let neighbors hear that this peer is there.
        Quiet = 7,
    }
}
