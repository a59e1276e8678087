//! Address records: who, where, which life. Registrations are such records and peer lists are made
//! of them; a bare address comes only from a person or a file.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::bounded::bounded;
use crate::id::{BootEpoch, NodeId};

/// Most addresses one record may hold: two families, a private and a public one of each.
pub const MAX_ADDRESSES: usize = 4;

/// An Ed25519 signature, carried in the slots of records, messages, reports and leaves. Nodes leave
/// their slots empty and pass others' on untouched until signing is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Signature {
    /// The encoded point R.
    pub r: [u8; 32],
    /// The encoded scalar s.
    pub s: [u8; 32],
}

/// Where a node can be reached, in one of its lives.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "RawRecord")]
pub struct AddressRecord {
    subject: NodeId,
    epoch: BootEpoch,
    addresses: Arc<[SocketAddr]>,
    signature: Option<Box<Signature>>,
}

/// A record that nobody could dial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// No address, or more than [`MAX_ADDRESSES`].
    #[error("{0} addresses, allowed are 1 to {max}", max = MAX_ADDRESSES)]
    Count(usize),
    /// Port 0, a multicast address or an unspecified one (`0.0.0.0`, `::`).
    #[error("{0} cannot be dialed: it needs a host address and a port other than 0")]
    Unreachable(SocketAddr),
}

impl AddressRecord {
    /// The record of `subject`'s life `epoch`, to be dialed at `addresses`, best first.
    pub fn new(
        subject: NodeId,
        epoch: BootEpoch,
        addresses: &[SocketAddr],
    ) -> Result<Self, RecordError> {
        if addresses.is_empty() || addresses.len() > MAX_ADDRESSES {
            return Err(RecordError::Count(addresses.len()));
        }
        let dialable = |addr: &&SocketAddr| {
            addr.port() != 0 && !addr.ip().is_unspecified() && !addr.ip().is_multicast()
        };
        match addresses.iter().find(|addr| !dialable(addr)) {
            Some(addr) => Err(RecordError::Unreachable(*addr)),
            None => Ok(Self { subject, epoch, addresses: addresses.into(), signature: None }),
        }
    }

    /// Whose record it is.
    pub const fn subject(&self) -> NodeId {
        self.subject
    }

    /// Which life of the subject it speaks of.
    pub const fn epoch(&self) -> BootEpoch {
        self.epoch
    }

    /// Where to dial, best first; at least one.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The same addresses, shared.
    pub(crate) fn share_addresses(&self) -> Arc<[SocketAddr]> {
        Arc::clone(&self.addresses)
    }

    /// Whether this record speaks of a newer life than `other` does.
    pub(crate) fn supersedes(&self, other: &Self) -> bool {
        self.epoch > other.epoch
    }

    /// The best address.
    pub fn primary(&self) -> SocketAddr {
        self.addresses[0]
    }
}

/// What arrives, before it is believed to be a record.
#[derive(Deserialize)]
struct RawRecord {
    subject: NodeId,
    epoch: BootEpoch,
    #[serde(deserialize_with = "bounded::<_, _, MAX_ADDRESSES>")]
    addresses: Vec<SocketAddr>,
    signature: Option<Box<Signature>>,
}

impl TryFrom<RawRecord> for AddressRecord {
    type Error = RecordError;

    fn try_from(raw: RawRecord) -> Result<Self, RecordError> {
        let record = Self::new(raw.subject, raw.epoch, &raw.addresses)?;
        Ok(Self { signature: raw.signature, ..record })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(addresses: &[&str]) -> Result<AddressRecord, RecordError> {
        let addresses: Vec<_> = addresses.iter().map(|a| a.parse().expect("an address")).collect();
        AddressRecord::new(NodeId::new([1; 32]), BootEpoch(1), &addresses)
    }

    #[test]
    fn a_record_holds_one_to_four_addresses_that_can_be_dialed() {
        assert!(record(&["127.0.0.1:1", "[::1]:1"]).is_ok());
        assert_eq!(record(&[]), Err(RecordError::Count(0)));
        assert_eq!(record(&["127.0.0.1:1"; 5]), Err(RecordError::Count(5)));
        for bad in ["127.0.0.1:0", "0.0.0.0:1", "[::]:1", "224.0.0.1:1"] {
            assert!(matches!(record(&[bad]), Err(RecordError::Unreachable(_))), "{bad}");
        }
    }
}
