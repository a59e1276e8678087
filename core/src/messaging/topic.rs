//! What a message is about.

use alloc::boxed::Box;
use alloc::string::String;
use core::borrow::Borrow;
use core::fmt;
use core::ops::Deref;
use core::str::FromStr;

use crate::messaging::TooLong;

/// What a message is about: at most [`Topic::MAX`] bytes of text, empty for none. Text of others is as it
/// came: escape it before a terminal sees it.
///
/// ```
/// use tidings_core::Topic;
///
/// let topic: Topic = "prices".parse()?;
/// assert!(topic == "prices" && topic.starts_with("pri"));
/// assert_eq!(topic.to_string(), "prices");
/// # Ok::<(), tidings_core::TooLong>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic(Box<str>);

impl Topic {
    /// Most bytes of a topic's text.
    pub const MAX: usize = 64;

    /// This text, unless it is too long.
    pub fn new(text: impl Into<Box<str>>) -> Result<Self, TooLong> {
        let text = text.into();
        TooLong::check("topic", text.len(), Self::MAX)?;
        Ok(Self(text))
    }

    /// The topic of statements about members, which are the network's own affair.
    pub fn members() -> Self {
        Self("tidings.members".into())
    }

    /// Whether people and programs may not use it.
    pub fn is_reserved(&self) -> bool {
        self.0.starts_with("tidings.")
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, as its own.
    pub fn into_string(self) -> String {
        self.0.into_string()
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Deref for Topic {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Topic {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl AsRef<[u8]> for Topic {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl Borrow<str> for Topic {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl FromStr for Topic {
    type Err = TooLong;

    fn from_str(text: &str) -> Result<Self, TooLong> {
        Self::new(text)
    }
}

impl TryFrom<&str> for Topic {
    type Error = TooLong;

    fn try_from(text: &str) -> Result<Self, TooLong> {
        Self::new(text)
    }
}

impl TryFrom<String> for Topic {
    type Error = TooLong;

    fn try_from(text: String) -> Result<Self, TooLong> {
        Self::new(text)
    }
}

impl From<Topic> for String {
    fn from(topic: Topic) -> Self {
        topic.into_string()
    }
}

impl PartialEq<str> for Topic {
    fn eq(&self, other: &str) -> bool {
        *self.0 == *other
    }
}

impl PartialEq<&str> for Topic {
    fn eq(&self, other: &&str) -> bool {
        *self.0 == **other
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;

    use super::*;

    /// Maps keyed by topics are asked with texts, so both must hash and compare alike.
    #[test]
    fn a_topic_is_like_its_text() {
        let topic: Topic = "prices".parse().expect("short");
        assert!(topic == *"prices" && topic == "prices" && topic != "price");
        assert_eq!(BTreeMap::from([(topic.clone(), 1)]).get("prices"), Some(&1));
        assert_eq!((String::from(topic.clone()), topic.len()), (String::from("prices"), 6));
        let long = "x".repeat(Topic::MAX + 1);
        assert_eq!(long.parse::<Topic>().expect_err("too long").what, "topic");
        assert!(Topic::try_from(long).is_err());
    }
}
