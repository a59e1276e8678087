//! What a peer itself waits for.

use crate::util::part_timer::part_timer;

part_timer! {
    /// Deadlines of the peer.
    PeerTimer {
        /// Leaving takes too long: go now.
        LeaveTimeout = 0,
    }
}
