//! What people or programs say.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::borrow::Borrow;
use core::fmt;
use core::ops::Deref;

use bytes::Bytes;

use crate::messaging::TooLong;

/// What people or programs say: at most [`Payload::MAX`] bytes. Shared, so that clones are cheap, and made
/// from whatever [`Bytes`] are made from without a copy.
///
/// ```
/// use tidings_core::Payload;
///
/// let payload = Payload::try_from("hello")?;
/// assert_eq!((&payload[..], payload.len()), (&b"hello"[..], 5));
/// # Ok::<(), tidings_core::TooLong>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Payload(Bytes);

impl Payload {
    /// Most bytes of a payload: 60 KiB, so that any message fits one frame.
    pub const MAX: usize = 60 * 1024;

    /// These bytes, unless they are too many.
    pub fn new(bytes: impl Into<Bytes>) -> Result<Self, TooLong> {
        let bytes = bytes.into();
        TooLong::check("payload", bytes.len(), Self::MAX)?;
        Ok(Self(bytes))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, shared with all clones of this payload.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

impl Deref for Payload {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Payload {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Borrow<[u8]> for Payload {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl From<Payload> for Bytes {
    fn from(payload: Payload) -> Self {
        payload.0
    }
}

macro_rules! payload_from {
    ($($type:ty),*) => {$(
        impl TryFrom<$type> for Payload {
            type Error = TooLong;

            fn try_from(bytes: $type) -> Result<Self, TooLong> {
                Self::new(bytes)
            }
        }
    )*};
}

payload_from!(Bytes, Vec<u8>, Box<[u8]>, String, &'static [u8], &'static str);

macro_rules! compared {
    ($type:ty: $($other:ty),*) => {$(
        impl PartialEq<$other> for $type {
            fn eq(&self, other: &$other) -> bool {
                self.0.as_ref() == AsRef::<[u8]>::as_ref(other)
            }
        }
    )*};
}

compared!(Payload: [u8], &[u8], str, &str, Bytes);

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match core::str::from_utf8(&self.0) {
            Ok(text) if text.len() <= 64 => write!(f, "{text:?}"),
            _ => write!(f, "[{} bytes]", self.0.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_long_a_payload_names_the_limit() {
        let error = Payload::new(alloc::vec![0; Payload::MAX + 1]).expect_err("too long");
        assert_eq!((error.what, error.max), ("payload", Payload::MAX));
    }

    #[test]
    fn a_payload_shares_the_bytes_that_it_is_made_of() {
        let bytes = Bytes::from(alloc::vec![7; 1000]);
        let place = bytes.as_ptr();
        let payload = Payload::new(bytes).expect("short");
        assert_eq!(payload.clone().into_bytes().as_ptr(), place);
        assert_eq!(Bytes::from(payload).as_ptr(), place);
        let vector = alloc::vec![7; 1000];
        let place = vector.as_ptr();
        assert_eq!(Payload::try_from(vector).expect("short").as_ptr(), place);
    }

    /// Maps keyed by payloads are asked with bytes, so both must hash and compare alike.
    #[test]
    fn a_payload_is_like_its_bytes() {
        let payload = Payload::try_from("12 EUR").expect("short");
        assert!(payload == "12 EUR" && payload == b"12 EUR"[..] && payload != "13 EUR");
        let map = alloc::collections::BTreeMap::from([(payload, 1)]);
        assert_eq!(map.get(&b"12 EUR"[..]), Some(&1));
    }
}
