//! Who is alive: the detectors `strikes` and `connect`.

pub(crate) mod connect;
pub(crate) mod strikes;
