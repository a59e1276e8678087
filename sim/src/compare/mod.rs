//! Whether two engines agree: on what came of each run ([`outcome`]), which must be the same, and on
//! figures over many runs ([`agree`]), which must be near each other.

pub mod agree;
pub mod outcome;
