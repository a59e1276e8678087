//! The names of seed nodes, of which some may be found later: the name service, or the host itself, starts
//! after the nodes that look for it.

use std::net::SocketAddr;
use std::time::Duration;

use tidings_core::NamedSeedNodes;

/// What a node that looks at `now` finds: the first seed node at once, and the others from `found_at` on.
pub(crate) fn found(all: &[SocketAddr], found_at: Duration, now: Duration) -> NamedSeedNodes {
    let is_found = |place: usize| place == 0 || now >= found_at;
    NamedSeedNodes::new(
        all.iter().enumerate().map(
            |(place, addr)| {
                if is_found(place) { vec![*addr] } else { Vec::new() }
            },
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_not_found_count() {
        let all: Vec<SocketAddr> = (1..=3).map(|last| ([10, 0, 0, last], 1).into()).collect();
        let (early, late) = (Duration::from_secs(9), Duration::from_secs(10));
        let before = found(&all, late, early);
        assert_eq!(before.addresses().collect::<Vec<_>>(), all[..1]);
        assert_eq!((before.not_found(), before.len()), (2, 3));
        assert_eq!(found(&all, late, late), NamedSeedNodes::from(&all[..]));
    }
}
