//! What a seed node waits for.

use crate::util::part_timer::part_timer;

part_timer! {
    /// Deadlines of a seed node.
    SeedNodeTimer {
        /// The next lease runs out.
        Lease = 0,
        /// Probe the entry whose case has this number.
        Probe(u32) = 1,
        /// Dial the other seed node of this number again.
        Redial(u32) = 2,
        /// The proposal of this number should have its votes by now.
        Proposal(u64) = 3,
    }
}
