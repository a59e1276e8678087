//! Messages of the broadcast `plumtree` (SRDS 2007, §3).

use serde::{Deserialize, Serialize};

use crate::id::{Hop, MessageId, NodeId};

/// How a copy of a message travels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Route {
    /// As its broadcast has it: to all neighbors, or along the tree of its origin.
    #[default]
    Usual,
    /// To all neighbors: the tree of its origin begins, or grows anew.
    Renewal,
    /// Along the tree of another source.
    Along(Foreign),
    /// It left the tree of another source on its way, as `flood_hops` has it.
    Detour(Foreign),
}

/// What a copy says of the tree of another source, in which it travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Foreign {
    /// That source.
    pub tree: NodeId,
    /// Links between that source and the sender; `None` where nobody feeds the sender in this tree.
    pub depth: Option<Hop>,
}

impl Route {
    /// The source in whose tree it travels, if that is not its origin.
    pub const fn tree(self) -> Option<NodeId> {
        match self {
            Self::Usual | Self::Renewal => None,
            Self::Along(it) | Self::Detour(it) => Some(it.tree),
        }
    }
}

/// "I have this message": its name, instead of the message itself (§3.3, Algorithm 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IHave {
    /// The message.
    pub id: MessageId,
    /// Links it would have travelled on arrival.
    pub hop: Hop,
    /// The tree that it travels in: the one to be repaired.
    pub source: NodeId,
}

/// "Send me messages, and this one at once": makes the link a branch of a tree (§3.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Graft {
    /// The tree of this source.
    pub source: NodeId,
    /// The message that is missing; `None` when the tree is only made shorter (§3.8).
    pub id: Option<MessageId>,
}

/// "Send me names only": the link is no branch of this tree (§3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prune {
    /// The tree of this source.
    pub source: NodeId,
}
