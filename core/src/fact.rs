//! What a part found that concerns others, too. Parts do not know each other: each says such a fact
//! once, and the role carries all of them out in one loop, in the order in which they were said.

use alloc::boxed::Box;
use alloc::sync::Arc;

use crate::address::AddressRecord;
use crate::detector::swim::message::Statement;
use crate::event::Misbehavior;
use crate::id::LinkId;
use crate::messaging::Envelope;
use crate::seed_node::quorum::decision::Decision;
use crate::seed_node::verdict::Verdict;
use crate::wire::KnownLife;

/// Something for the role to carry out.
#[derive(Clone, Debug)]
pub(crate) enum Fact {
    /// The other side of this link broke a rule that ends the link.
    RuleBroken(LinkId, Misbehavior),
    /// This neighbor is one too many.
    Surplus(LinkId),
    /// Nothing comes through on this neighbor's link: the link is lost, which accuses nobody.
    Stalled(LinkId),
    /// Some neighbor may be dead: see whether each of them lives.
    NeighborsUnverified,
    /// Fresh lists of the seed nodes are wanted.
    ListsWanted,
    /// This one is dead: end its link, forget it, and report it to the seed nodes if `is_own` (this
    /// peer found out itself).
    Dead { subject: AddressRecord, is_own: bool },
    /// This one left: end its link, if there is still one, and forget it.
    Left(AddressRecord),
    /// Tell everybody, or all neighbors where there is no table of members.
    Say(Statement),
    /// A new message under a reserved topic came on this link.
    Reserved(LinkId, Arc<Envelope>),
    /// A seed node's probe of an entry came to this.
    Probed(Verdict),
    /// Somebody knows a newer life of this node.
    KnownLife(Box<KnownLife>),
    /// A proposal of this seed node is decided.
    Decided(Decision),
}
