//! Bugs of peers.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

use tidings_core::wire::{BroadcastMessage, Bye, LinkMessage, Message, Ping};
use tidings_core::{
    AddressRecord, Command, DialFailure, Envelope, Event, GossipMessage, Input, LinkLoss,
    LinkOrigin, MessageId, NeighborLoss, Output, Payload, Sequence,
};

use crate::event_world::{Mutant, Mutated};

#[derive(Debug)]
pub(super) struct LostForward;

impl Mutant for LostForward {
    fn output(&mut self, output: Output) -> Mutated {
        if let Output::Send {
            link,
            message: Message::Broadcast(BroadcastMessage::Gossip(_) | BroadcastMessage::Digest(_)),
        } = &output
            && link.origin() == LinkOrigin::Accepted
        {
            return Mutated::nothing();
        }
        output.into()
    }
}

#[derive(Debug)]
pub(super) struct NoCatchUp;

impl Mutant for NoCatchUp {
    fn output(&mut self, output: Output) -> Mutated {
        let is_catch_up = matches!(
            output,
            Output::Send {
                message: Message::Broadcast(
                    BroadcastMessage::Digest(_) | BroadcastMessage::Pull { .. }
                ),
                ..
            }
        );
        if is_catch_up { Mutated::nothing() } else { output.into() }
    }
}

#[derive(Debug)]
pub(super) struct UnnoticedSleep;

impl Mutant for UnnoticedSleep {
    fn input(&mut self, input: Input) -> Option<Input> {
        (!matches!(input, Input::Slept { .. })).then_some(input)
    }

    fn output(&mut self, output: Output) -> Mutated {
        output.into()
    }
}

#[derive(Debug)]
pub(super) struct FirstAddress;

impl Mutant for FirstAddress {
    fn output(&mut self, output: Output) -> Mutated {
        let Output::Dial { link, addresses } = output else { return output.into() };
        Output::Dial { link, addresses: addresses.iter().take(1).copied().collect() }.into()
    }
}

#[derive(Debug)]
pub(super) struct LateNameUnheard;

impl Mutant for LateNameUnheard {
    fn input(&mut self, input: Input) -> Option<Input> {
        (!matches!(input, Input::Command(Command::SeedNodes(_)))).then_some(input)
    }

    fn output(&mut self, output: Output) -> Mutated {
        output.into()
    }
}

#[derive(Debug)]
pub(super) struct LostCredit;

impl Mutant for LostCredit {
    fn output(&mut self, output: Output) -> Mutated {
        const GO_ON: BroadcastMessage = BroadcastMessage::Credit { payloads: true, pressure: 0 };
        let is_go_on = matches!(
            &output,
            Output::Send { message: Message::Broadcast(message), .. } if *message == GO_ON
        );
        if is_go_on { Mutated::nothing() } else { output.into() }
    }
}

#[derive(Debug)]
pub(super) struct NameNeverPulled;

impl Mutant for NameNeverPulled {
    fn output(&mut self, output: Output) -> Mutated {
        let asks = matches!(
            output,
            Output::Send {
                message: Message::Broadcast(
                    BroadcastMessage::Graft(_) | BroadcastMessage::Pull { .. }
                ),
                ..
            }
        );
        if asks { Mutated::nothing() } else { output.into() }
    }
}

/// A message: its envelope, and its number.
type Which = (MessageId, Sequence);

/// Takes a message for a new one that is not among the last ones.
#[derive(Debug)]
pub(super) struct ShortMemory {
    remembered: usize,
    last: VecDeque<Which>,
    delivered: BTreeMap<Which, Event>,
}

impl ShortMemory {
    pub(super) fn of(remembered: usize) -> Self {
        Self { remembered, last: VecDeque::new(), delivered: BTreeMap::new() }
    }

    fn remember(&mut self, message: Which) {
        self.last.push_back(message);
        if self.last.len() > self.remembered {
            self.last.pop_front();
        }
    }
}

impl Mutant for ShortMemory {
    fn output(&mut self, output: Output) -> Mutated {
        if let Output::Event(event) = &output {
            if let Event::Delivered { envelope, .. } = event {
                let message = (envelope.id(), envelope.sequence());
                self.delivered.insert(message, event.clone());
                self.remember(message);
            } else if let Event::Duplicate { id, sequence, .. } = event
                && let message = (*id, *sequence)
                && !self.last.contains(&message)
                && let Some(again) = self.delivered.get(&message).cloned()
            {
                self.remember(message);
                return Output::Event(again).into();
            }
        }
        output.into()
    }
}

#[derive(Debug, Default)]
pub(super) struct ChangedWords {
    delivered: u32,
}

impl Mutant for ChangedWords {
    fn output(&mut self, mut output: Output) -> Mutated {
        if let Output::Event(Event::Delivered { envelope, .. }) = &mut output {
            self.delivered += 1;
            if self.delivered.is_multiple_of(10) {
                *envelope = changed(envelope);
            }
        }
        output.into()
    }
}

fn changed(message: &GossipMessage) -> GossipMessage {
    let whose = (message.origin(), message.epoch());
    let (sequence, topic) = (message.sequence(), message.topic().clone());
    let payload = Payload::new("changed".as_bytes().to_vec()).expect("a few bytes");
    let envelope = Envelope::new(whose, sequence, message.sent(), topic, payload);
    GossipMessage::all(&Arc::new(envelope)).next().expect("one")
}

#[derive(Debug)]
pub(super) struct EndlessSuspicion;

impl Mutant for EndlessSuspicion {
    fn input(&mut self, input: Input) -> Option<Input> {
        let is_answer =
            matches!(input, Input::Received { message: Message::Link(LinkMessage::Pong(_)), .. });
        (!is_answer).then_some(input)
    }

    fn output(&mut self, output: Output) -> Mutated {
        let answer = match &output {
            Output::Send { link, message: Message::Link(LinkMessage::Ping(ping)) } => {
                Some(Input::Received {
                    link: *link,
                    message: Message::Link(LinkMessage::Pong(*ping)),
                })
            }
            Output::Send { .. }
            | Output::Dial { .. }
            | Output::AwaitReady { .. }
            | Output::AwaitIdle { .. }
            | Output::Reset { .. }
            | Output::Close { .. }
            | Output::Event(_) => None,
        };
        let mutated = Mutated::from(output);
        match answer {
            Some(answer) => mutated.and_tell(answer),
            None => mutated,
        }
    }
}

#[derive(Debug)]
pub(super) struct SelfNeighbor(pub(super) AddressRecord);

impl Mutant for SelfNeighbor {
    fn output(&mut self, output: Output) -> Mutated {
        const RESET: NeighborLoss = NeighborLoss::LinkLost(LinkLoss::Reset);
        let is_reset = matches!(output, Output::Event(Event::NeighborDown { reason: RESET, .. }));
        let mut mutated = Mutated::from(output);
        if is_reset {
            let (peer, origin) = (self.0.clone(), LinkOrigin::Dialed);
            mutated.outputs.push(Output::Event(Event::NeighborUp { peer, origin }));
        }
        mutated
    }
}

#[derive(Debug, Default)]
pub(super) struct NeverAgain {
    lost: BTreeSet<SocketAddr>,
}

impl Mutant for NeverAgain {
    fn output(&mut self, output: Output) -> Mutated {
        if let Output::Event(Event::NeighborDown { peer, reason }) = &output
            && matches!(reason, NeighborLoss::LinkLost(_) | NeighborLoss::Dropped(Bye::Silent))
        {
            self.lost.insert(peer.primary());
        }
        if let Output::Dial { link, addresses } = &output
            && self.lost.contains(&addresses[0])
        {
            let (link, failure) = (*link, DialFailure::Refused);
            return Mutated::nothing().and_tell(Input::DialFailed { link, failure });
        }
        output.into()
    }
}

#[derive(Debug)]
pub(super) struct EndlessLeave;

impl Mutant for EndlessLeave {
    fn output(&mut self, output: Output) -> Mutated {
        if output == Output::Event(Event::Left) { Mutated::nothing() } else { output.into() }
    }
}

#[derive(Debug)]
pub(super) struct UnnoticedReset;

impl Mutant for UnnoticedReset {
    fn input(&mut self, input: Input) -> Option<Input> {
        let is_reset = matches!(input, Input::LinkDown { loss: LinkLoss::Reset, .. });
        (!is_reset).then_some(input)
    }

    fn output(&mut self, output: Output) -> Mutated {
        output.into()
    }
}

#[derive(Debug)]
pub(super) struct WrongEcho;

impl Mutant for WrongEcho {
    fn output(&mut self, mut output: Output) -> Mutated {
        if let Output::Send { message: Message::Link(LinkMessage::Pong(pong)), .. } = &mut output {
            *pong = Ping { nonce: pong.nonce ^ 1, ..*pong };
        }
        output.into()
    }
}

#[derive(Debug)]
pub(super) struct PanicAtDeath;

impl Mutant for PanicAtDeath {
    fn output(&mut self, output: Output) -> Mutated {
        let is_report = matches!(output, Output::Event(Event::DeathReported { .. }));
        assert!(!is_report, "planted: no death is expected");
        output.into()
    }
}
