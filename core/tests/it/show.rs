//! The names of the nodes in transcripts.

use tidings_core::NodeId;

/// The id of the node called `name`: its letters, then zeros.
pub(crate) fn node_id(name: &str) -> NodeId {
    let mut bytes = [0; 32];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    NodeId::new(bytes)
}

pub(crate) fn name(id: NodeId) -> String {
    id.as_bytes().iter().take_while(|byte| **byte != 0).map(|byte| char::from(*byte)).collect()
}
