//! Bugs of seed nodes. All that a seed node dials is a probe.

use std::collections::{BTreeMap, BTreeSet};

use tidings_core::wire::{LinkMessage, Message, RegistrationMessage, Welcome};
use tidings_core::{
    AddressRecord, BootEpoch, DialFailure, Event, Input, LinkId, NodeId, Output, Role,
};

use crate::event_world::{Mutant, Mutated};

/// Plays the part of everybody who is probed.
#[derive(Debug, Default)]
pub(super) struct EasilyContent {
    listed: BTreeMap<NodeId, AddressRecord>,
    probes: BTreeSet<LinkId>,
}

impl Mutant for EasilyContent {
    fn output(&mut self, output: Output) -> Mutated {
        match output {
            Output::Dial { link, addresses } => {
                self.probes.insert(link);
                Mutated::nothing().and_tell(Input::LinkUp { link, addr: addresses[0] })
            }
            Output::Send { link, message } if self.probes.contains(&link) => {
                let answer = self.welcome(&message);
                let answer = answer.map(|message| Input::Received { link, message });
                answer.map_or_else(Mutated::nothing, |answer| Mutated::nothing().and_tell(answer))
            }
            Output::Close { link } if self.probes.remove(&link) => Mutated::nothing(),
            Output::Event(Event::PeerRegistered { peer }) => {
                self.listed.insert(peer.subject(), peer.clone());
                Output::Event(Event::PeerRegistered { peer }).into()
            }
            Output::Send { .. }
            | Output::AwaitReady { .. }
            | Output::AwaitIdle { .. }
            | Output::Reset { .. }
            | Output::Close { .. }
            | Output::Event(_) => output.into(),
        }
    }
}

impl EasilyContent {
    /// The answer to a hello.
    fn welcome(&self, message: &Message) -> Option<Message> {
        let Message::Link(LinkMessage::Hello(hello)) = message else { return None };
        let from = self.listed.get(&hello.to?)?.clone();
        Some(Message::Link(LinkMessage::Welcome(Welcome { from, role: Role::Peer })))
    }
}

#[derive(Debug, Default)]
pub(super) struct StaleList {
    /// Links of peers that lived before.
    second_lives: BTreeSet<LinkId>,
}

impl Mutant for StaleList {
    fn input(&mut self, input: Input) -> Option<Input> {
        if let Input::Received { link, message } = &input {
            if let Message::Link(LinkMessage::Hello(hello)) = message
                && hello.from.epoch() > BootEpoch(1)
            {
                self.second_lives.insert(*link);
            }
            if *message == Message::Registration(RegistrationMessage::Register)
                && self.second_lives.contains(link)
            {
                return None;
            }
        }
        Some(input)
    }

    fn output(&mut self, output: Output) -> Mutated {
        output.into()
    }
}

#[derive(Debug)]
pub(super) struct Hasty;

impl Mutant for Hasty {
    fn output(&mut self, output: Output) -> Mutated {
        match output {
            Output::Dial { link, .. } => {
                let failure = DialFailure::Refused;
                Mutated::nothing().and_tell(Input::DialFailed { link, failure })
            }
            Output::Send { .. }
            | Output::AwaitReady { .. }
            | Output::AwaitIdle { .. }
            | Output::Reset { .. }
            | Output::Close { .. }
            | Output::Event(_) => output.into(),
        }
    }
}
