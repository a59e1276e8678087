//! How a part declares what it waits for.

use crate::id::LinkId;

/// A part's own timers. Each has a kind below 16 and a key that tells those of one kind apart.
pub(crate) trait PartTimer: Copy {
    fn name(self) -> (u8, u64);

    /// The timer of this name.
    fn named(kind: u8, key: u64) -> Self;
}

/// What tells timers of one kind apart.
pub(crate) trait Key {
    fn pack(self) -> u64;

    fn unpack(packed: u64) -> Self;
}

/// Declares a part's timers, with their kinds.
macro_rules! part_timer {
    (
        $(#[$doc:meta])*
        $part:ident { $($(#[$timer_doc:meta])* $timer:ident $(($key:ident))? = $kind:literal,)* }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $part {
            $($(#[$timer_doc])* $timer $(($key))?,)*
        }

        impl $crate::util::part_timer::PartTimer for $part {
            #[inline]
            fn name(self) -> (u8, u64) {
                match self {
                    $(Self::$timer $((part_timer!(@same $key key)))? => {
                        ($kind, 0 $(| $crate::util::part_timer::Key::pack(part_timer!(@same $key key)))?)
                    })*
                }
            }

            #[inline]
            fn named(kind: u8, _key: u64) -> Self {
                match kind {
                    $($kind => Self::$timer $((<$key as $crate::util::part_timer::Key>::unpack(_key)))?,)*
                    _ => unreachable!("a name comes from a timer"),
                }
            }
        }
    };
    (@same $key:ident $bound:ident) => { $bound };
}
pub(crate) use part_timer;

impl Key for u32 {
    fn pack(self) -> u64 {
        self.into()
    }

    fn unpack(packed: u64) -> Self {
        Self::try_from(packed).unwrap_or(Self::MAX)
    }
}

impl Key for u64 {
    fn pack(self) -> u64 {
        self
    }

    fn unpack(packed: u64) -> Self {
        packed
    }
}

impl Key for LinkId {
    fn pack(self) -> u64 {
        self.to_bits()
    }

    fn unpack(packed: u64) -> Self {
        Self::from_bits(packed)
    }
}
