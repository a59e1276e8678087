//! What the detector `swim` waits for.

use crate::util::part_timer::part_timer;

part_timer! {
    /// Deadlines of the detector `swim`.
    SwimTimer {
        /// Probe the next one.
        Round = 0,
        /// The probe of this number is overdue, or its helpers are.
        Overdue(u32) = 1,
        /// The request of this number to probe somebody must be answered.
        Request(u32) = 2,
        /// The suspicion of this number was not refuted.
        Suspicion(u32) = 3,
    }
}
