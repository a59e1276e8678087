//! What the detector `strikes` waits for.

use crate::id::LinkId;
use crate::util::part_timer::part_timer;

part_timer! {
    /// Deadlines of the detector `strikes`.
    StrikesTimer {
        /// Ping this neighbor, or connect to it.
        Ping(LinkId) = 0,
        /// This neighbor's pong is overdue.
        Answer(LinkId) = 1,
        /// Redial the lost neighbor of this number.
        Redial(u32) = 2,
    }
}
