//! What the overlays wait for.

use crate::util::part_timer::part_timer;

part_timer! {
    /// Deadlines of the overlay.
    OverlayTimer {
        /// Take a fresh sample and replace a link.
        Refresh = 0,
        /// Try to get a first link.
        Isolated = 1,
        /// `hyparview`: exchange a part of the views.
        Shuffle = 2,
        /// `hyparview`: see whether somebody is nearer than a neighbor; only where near ones are wanted.
        Optimize = 3,
    }
}
