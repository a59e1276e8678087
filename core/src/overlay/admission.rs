//! Whether somebody who asks to be a neighbor is let in: the same for all overlays.

use crate::address::AddressRecord;
use crate::context::Context;
use crate::id::{LinkId, LinkOrigin};
use crate::rng::Stream;
use crate::wire::{Bye, Refusal};

/// What to do about a hello that asks to be neighbors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    Admit,
    /// Admit it after ending this link: the same node's older one, or a surplus one.
    Instead(LinkId, Bye),
    Refuse(Refusal),
    /// Refuse it as a duplicate, but see at once whether the link that it duplicates still lives.
    Challenge(LinkId),
}

/// Who asks to be a neighbor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Requester<'a> {
    pub(crate) from: &'a AddressRecord,
    /// It is without any neighbor, or joins: it is never told "busy".
    pub(crate) must: bool,
    /// This peer has a dial to it under way.
    pub(crate) is_dialing: bool,
}

/// Decides about a hello that asks to be neighbors, of a peer that may have `most` of them.
///
/// When two peers dial each other at once, both must keep the same connection: the one that
/// the smaller identity dialed. A node never dials a node it believes to be its neighbor, so a
/// hello from a neighbor means that it lost the link that we still hold, unless the two hellos
/// may have crossed.
pub(crate) fn admit(cx: &mut Context, most: usize, requester: Requester<'_>) -> Admission {
    let Requester { from, must, is_dialing } = requester;
    let ours_wins = cx.me() < from.subject();
    if let Some(held) = cx.neighbors.by_id(from.subject()) {
        return if held.record.supersedes(from) {
            Admission::Refuse(Refusal::StaleEpoch)
        } else if from.supersedes(&held.record)
            || held.link.origin() == LinkOrigin::Accepted
            || !ours_wins
        {
            Admission::Instead(held.link, Bye::Replaced)
        } else {
            Admission::Challenge(held.link)
        };
    }
    if is_dialing && ours_wins {
        return Admission::Refuse(Refusal::Duplicate);
    }
    if cx.neighbors.len() < most {
        return Admission::Admit;
    }
    if !must {
        cx.stats.limits.links += 1;
        return Admission::Refuse(Refusal::Busy);
    }
    let drawn = cx.rng.index(Stream::Overlay, cx.neighbors.len());
    let surplus = drawn.and_then(|drawn| cx.neighbors.iter().nth(drawn));
    surplus.map_or(Admission::Admit, |it| Admission::Instead(it.link, Bye::Surplus))
}
