//! How much one message may hold.

/// Most bytes of a frame's body (docs/threats.md: 64 KiB).
pub const MAX_FRAME: usize = 64 * 1024;

/// Most records in one peer list: 256 records of four IPv6 addresses and a signature fit a frame.
pub const MAX_SAMPLE: usize = 256;

/// Most ids in one digest or pull: 1,024 of 32 bytes are half a frame.
pub const MAX_IDS: usize = 1024;

/// Most messages in one envelope: each is delivered by itself, and 1,024 of 60 bytes fill a frame.
pub const MAX_PAYLOADS: usize = 1024;

/// Most records in a shuffle or its reply: itself and a few from each view.
pub const MAX_SHUFFLE: usize = 32;

/// Most names in one `IHave`: 512 of 66 bytes are half a frame.
pub const MAX_IHAVES: usize = 512;

/// Most neighbors that a peer names to a neighbor.
pub const MAX_NEIGHBORS: usize = 8;

/// Most statements in one part of a table of members: 96 with four IPv6 addresses, two signatures and
/// all confirmers fit a frame.
pub const MAX_MEMBERS: usize = 96;

/// Most confirmers named in a death.
pub const MAX_CONFIRMERS: usize = 8;
