//! Address records: who, where, which life. Registrations are such records and peer lists are made
//! of them; a bare address comes only from a person or a file.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::hash::{Hash, Hasher};
use core::net::SocketAddr;
use core::{fmt, slice};

use serde::de::Error as _;
use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::id::{BootEpoch, NodeId};
use crate::util::bounded::bounded;

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
///
/// One pointer: clones share the contents, because one record stands in the lists, books and links
/// of many.
#[derive(Clone, PartialEq, Eq)]
pub struct AddressRecord(Arc<Contents>);

#[derive(PartialEq, Eq)]
struct Contents {
    subject: NodeId,
    epoch: BootEpoch,
    addresses: Addresses,
    /// Which record of that life it is, from 0.
    number: u32,
    signature: Option<Box<Signature>>,
}

/// One or more addresses. Nearly all nodes have one, and it needs no room elsewhere.
#[derive(PartialEq, Eq)]
enum Addresses {
    One(SocketAddr),
    Several(Box<[SocketAddr]>),
}

/// A record that nobody could dial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// No address, or more than [`MAX_ADDRESSES`].
    #[error("{0} addresses, allowed are 1 to {max}", max = MAX_ADDRESSES)]
    Count(usize),
    /// Port 0, a multicast address or an unspecified one (`0.0.0.0`, `::`).
    #[error("{0} cannot be dialed: it needs a host address and a port other than 0")]
    Unreachable(SocketAddr),
}

/// Equal records name one life of one node, so that is enough.
impl Hash for AddressRecord {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.subject().hash(state);
        self.epoch().hash(state);
    }
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
        if let Some(addr) = addresses.iter().find(|addr| !dialable(addr)) {
            return Err(RecordError::Unreachable(*addr));
        }
        let addresses = Addresses::of(addresses);
        Ok(Self(Arc::new(Contents { subject, epoch, addresses, number: 0, signature: None })))
    }

    /// The next record of the same life, at these addresses.
    pub fn moved_to(&self, addresses: &[SocketAddr]) -> Result<Self, RecordError> {
        let mut record = Self::new(self.subject(), self.epoch(), addresses)?;
        if let Some(contents) = Arc::get_mut(&mut record.0) {
            contents.number = self.number().saturating_add(1);
        }
        Ok(record)
    }

    /// Which record of its life this is, from 0: it grows each time that the node has other addresses.
    pub fn number(&self) -> u32 {
        self.0.number
    }

    /// Whose record it is.
    pub fn subject(&self) -> NodeId {
        self.0.subject
    }

    /// Which life of the subject it speaks of.
    pub fn epoch(&self) -> BootEpoch {
        self.0.epoch
    }

    /// Where to dial, best first; at least one.
    pub fn addresses(&self) -> &[SocketAddr] {
        self.0.addresses.as_slice()
    }

    /// Whether this record speaks of a newer life than `other` does.
    pub(crate) fn supersedes(&self, other: &Self) -> bool {
        self.epoch() > other.epoch()
    }

    /// Whether this record is a newer one than `other`, of a newer life or of the same.
    pub(crate) fn replaces(&self, other: &Self) -> bool {
        (self.epoch(), self.number()) > (other.epoch(), other.number())
    }

    /// Whether both speak of the same life of the same node.
    pub(crate) fn is_same_life(&self, other: &Self) -> bool {
        self.epoch() == other.epoch() && self.subject() == other.subject()
    }

    /// Whether both name one address at least.
    pub(crate) fn shares_address(&self, other: &Self) -> bool {
        self.addresses().iter().any(|addr| other.addresses().contains(addr))
    }

    /// The best address.
    pub fn primary(&self) -> SocketAddr {
        self.addresses()[0]
    }
}

impl Addresses {
    fn of(addresses: &[SocketAddr]) -> Self {
        match addresses {
            [one] => Self::One(*one),
            several => Self::Several(several.into()),
        }
    }

    const fn as_slice(&self) -> &[SocketAddr] {
        match self {
            Self::One(one) => slice::from_ref(one),
            Self::Several(several) => several,
        }
    }
}

/// `1a2b3c4d@192.0.2.7:5000`: the beginning of the identity and the best address, as in logs; with the
/// alternate flag (`{:#}`) the whole identity.
impl fmt::Display for AddressRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.subject(), f)?;
        write!(f, "@{}", self.primary())
    }
}

impl fmt::Debug for AddressRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AddressRecord")
            .field("subject", &self.0.subject)
            .field("epoch", &self.0.epoch)
            .field("addresses", &self.addresses())
            .field("signature", &self.0.signature)
            .finish()
    }
}

/// What stands on the wire, in this order. The number shares a byte with the presence of a signature, so that
/// the records of nodes that never moved take none for it.
impl Serialize for AddressRecord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let is_for_people = serializer.is_human_readable();
        let fields = if is_for_people { 5 } else { 4 };
        let mut record = serializer.serialize_struct("AddressRecord", fields)?;
        record.serialize_field("subject", &self.0.subject)?;
        record.serialize_field("epoch", &self.0.epoch)?;
        record.serialize_field("addresses", self.addresses())?;
        if is_for_people {
            record.serialize_field("signature", &self.0.signature)?;
            record.serialize_field("number", &self.0.number)?;
        } else {
            record.serialize_field("end", &End::of(self))?;
        }
        record.end()
    }
}

/// The last field of a record on the wire.
#[derive(Serialize, Deserialize)]
enum End {
    First,
    FirstSigned(Box<Signature>),
    Later(u32),
    LaterSigned(u32, Box<Signature>),
}

impl End {
    fn of(record: &AddressRecord) -> Self {
        match (record.number(), record.0.signature.clone()) {
            (0, None) => Self::First,
            (0, Some(signature)) => Self::FirstSigned(signature),
            (number, None) => Self::Later(number),
            (number, Some(signature)) => Self::LaterSigned(number, signature),
        }
    }

    fn open(self) -> (u32, Option<Box<Signature>>) {
        match self {
            Self::First => (0, None),
            Self::FirstSigned(signature) => (0, Some(signature)),
            Self::Later(number) => (number, None),
            Self::LaterSigned(number, signature) => (number, Some(signature)),
        }
    }
}

impl<'de> Deserialize<'de> for AddressRecord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return ReadableRecord::deserialize(deserializer)?.check().map_err(D::Error::custom);
        }
        let RawRecord { subject, epoch, addresses, end } = RawRecord::deserialize(deserializer)?;
        let (number, signature) = end.open();
        let record = ReadableRecord { subject, epoch, addresses, signature, number };
        record.check().map_err(D::Error::custom)
    }
}

/// What arrives, before it is believed to be a record.
#[derive(Deserialize)]
struct RawRecord {
    subject: NodeId,
    epoch: BootEpoch,
    #[serde(deserialize_with = "bounded::<_, _, MAX_ADDRESSES>")]
    addresses: Vec<SocketAddr>,
    end: End,
}

/// The same as it is written for people.
#[derive(Deserialize)]
struct ReadableRecord {
    subject: NodeId,
    epoch: BootEpoch,
    #[serde(deserialize_with = "bounded::<_, _, MAX_ADDRESSES>")]
    addresses: Vec<SocketAddr>,
    signature: Option<Box<Signature>>,
    #[serde(default)]
    number: u32,
}

impl ReadableRecord {
    fn check(self) -> Result<AddressRecord, RecordError> {
        let mut record = AddressRecord::new(self.subject, self.epoch, &self.addresses)?;
        if let Some(contents) = Arc::get_mut(&mut record.0) {
            contents.number = self.number;
            contents.signature = self.signature;
        }
        Ok(record)
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
    fn a_record_takes_one_pointer_and_one_allocation_of_104_bytes() {
        assert_eq!(size_of::<AddressRecord>(), size_of::<usize>());
        // The Arc's two counters come on top.
        assert_eq!(size_of::<Contents>() + 2 * size_of::<usize>(), 104);
    }

    #[test]
    fn a_record_reads_like_its_fields() {
        let text = std::format!("{:?}", record(&["127.0.0.1:1"]).expect("valid"));
        let fields = "subject: 01010101, epoch: BootEpoch(1), addresses: [127.0.0.1:1]";
        assert_eq!(text, std::format!("AddressRecord {{ {fields}, signature: None }}"));
    }

    #[test]
    fn a_record_of_new_addresses_replaces_the_one_before_and_is_read_as_it_was_written() {
        let first = record(&["127.0.0.1:1"]).expect("valid");
        let moved = first.moved_to(&["[::1]:1".parse().expect("an address")]).expect("valid");
        assert!(moved.replaces(&first) && !first.replaces(&moved) && !moved.replaces(&moved));
        assert!(moved.is_same_life(&first) && !moved.supersedes(&first));
        for (record, len) in [(&first, 41), (&moved, 54)] {
            let bytes = postcard::to_allocvec(record).expect("written");
            assert_eq!(bytes.len(), len, "{record:?}");
            assert_eq!(postcard::from_bytes::<AddressRecord>(&bytes).as_ref(), Ok(record));
        }
    }

    #[test]
    fn a_record_prints_as_in_logs() {
        let record = record(&["192.0.2.7:5000", "[::1]:1"]).expect("valid");
        assert_eq!(std::format!("{record}"), "01010101@192.0.2.7:5000");
        let whole = std::format!("{}@192.0.2.7:5000", "01".repeat(32));
        assert_eq!(std::format!("{record:#}"), whole);
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
