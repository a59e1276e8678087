//! Bugs on purpose. The engine drives the protocol's node unchanged; a planted bug sits between the
//! two, where it changes what the node is told and what it says. Hunts prove with them that they
//! would find such a bug.

use std::fmt;

use tidings_core::{AddressRecord, Config, Input, Output, Role};

/// A kind of bug, and which lives have it.
pub trait MutantFactory: fmt::Debug + Sync {
    /// Changes the settings that a node of this role is born with.
    fn settings(&self, role: Role, config: &mut Config);

    /// The bug of one life; `None` if that life has none. `own` is the life's record.
    fn mutant(&self, role: Role, own: &AddressRecord) -> Option<Box<dyn Mutant>>;
}

/// The bug of one life, with its memory.
pub trait Mutant: fmt::Debug + Send {
    /// What the node is told instead of this; `None` for nothing. A [`Input::Wake`] must be told.
    fn input(&mut self, input: Input) -> Option<Input> {
        Some(input)
    }

    /// What is done instead of this.
    fn output(&mut self, output: Output) -> Mutated;
}

/// What an [`Mutant`] makes of an output.
#[derive(Debug, Default)]
pub struct Mutated {
    /// What is done instead.
    pub outputs: Vec<Output>,
    /// What the node is told afterwards, in this order.
    pub inputs: Vec<Input>,
}

impl Mutated {
    /// Nothing happens.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// The node is told this.
    #[must_use]
    pub fn and_tell(mut self, input: Input) -> Self {
        self.inputs.push(input);
        self
    }
}

impl From<Output> for Mutated {
    fn from(output: Output) -> Self {
        Self { outputs: vec![output], inputs: Vec::new() }
    }
}
