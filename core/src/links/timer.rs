//! What links wait for.

use crate::id::LinkId;
use crate::util::part_timer::part_timer;

part_timer! {
    /// Deadlines of links.
    LinkTimer {
        /// A dial or an accepted link must have got its hello by now.
        Hello(LinkId) = 0,
    }
}
