//! How a run is hashed: the encoding `tidings-history-2`.
//!
//! Everything that is hashed is written as a sequence of 64-bit words:
//!
//! | what | words |
//! |---|---|
//! | a number, a time | one: the number; nanoseconds since the run's beginning |
//! | yes or no | one: 1 or 0 |
//! | an id | four: its bytes, little end first |
//! | a text | its length in bytes, then eight bytes to a word, the last one filled up with zeros |
//! | a list | its length, then its items |
//! | something that may be absent | 0; or 1, then the thing |
//! | an alternative | its number in the tables of this module, then its fields, in the order there |
//! | an address | 4, then address and port in one word; or 6, then the address in two, then the port |
//! | a record | id, epoch, list of addresses |
//! | a message | the id of its envelope, which is the hash of its contents, then its number |
//!
//! Names are never hashed, so a rename changes no digest. Whoever changes what is hashed, or how, gives the
//! encoding another name. A number of an alternative that is gone is not used again.

mod event;
mod history;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tidings_core::{AddressRecord, Event, NodeId};

use crate::hash::{hash_finish, hash_step};

/// The name and version of the encoding. It is hashed first.
pub const ENCODING: &str = "tidings-history-2";

/// Takes words, in their order.
pub(crate) trait Words: Sized {
    /// One more word.
    fn word(&mut self, word: u64);

    fn bytes(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..part.len()].copy_from_slice(part);
            self.word(u64::from_le_bytes(word));
        }
    }

    fn text(&mut self, text: &str) {
        self.len(text.len());
        self.bytes(text.as_bytes());
    }

    fn len(&mut self, len: usize) {
        self.word(u64::try_from(len).unwrap_or(u64::MAX));
    }

    fn flag(&mut self, flag: bool) {
        self.word(flag.into());
    }

    fn time(&mut self, time: Duration) {
        self.word(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    fn id(&mut self, id: NodeId) {
        self.bytes(id.as_bytes());
    }

    fn addr(&mut self, addr: SocketAddr) {
        match addr.ip() {
            IpAddr::V4(ip) => {
                self.word(4);
                self.word(u64::from(u32::from(ip)) << 16 | u64::from(addr.port()));
            }
            IpAddr::V6(ip) => {
                self.word(6);
                self.bytes(&ip.octets());
                self.word(addr.port().into());
            }
        }
    }

    fn record(&mut self, record: &AddressRecord) {
        self.id(record.subject());
        self.word(record.epoch().0);
        self.list(record.addresses(), |words, addr| words.addr(*addr));
    }

    fn list<T>(&mut self, items: &[T], mut each: impl FnMut(&mut Self, &T)) {
        self.len(items.len());
        for item in items {
            each(self, item);
        }
    }

    fn option<T>(&mut self, item: Option<T>, each: impl FnOnce(&mut Self, T)) {
        self.flag(item.is_some());
        if let Some(item) = item {
            each(self, item);
        }
    }
}

/// The hash of a log that goes on with this event.
pub(crate) fn extend_log(log: u64, at: Duration, event: &Event) -> u64 {
    let mut hash = LogHash(log);
    hash.time(at);
    event::encode(event, &mut hash);
    hash_finish(hash.0)
}

/// A quick hash: logs have hundreds of millions of events.
struct LogHash(u64);

impl Words for LogHash {
    fn word(&mut self, word: u64) {
        self.0 = hash_step(self.0, word);
    }
}

/// SHA-256 of words, each as eight bytes, little end first.
struct Sha(Sha256);

impl Words for Sha {
    fn word(&mut self, word: u64) {
        self.0.update(word.to_le_bytes());
    }
}

#[cfg(test)]
impl Words for Vec<u64> {
    fn word(&mut self, word: u64) {
        self.push(word);
    }
}
