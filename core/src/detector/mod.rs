//! Who is alive: the detector `strikes`.

pub(crate) mod strikes;
