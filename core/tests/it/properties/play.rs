//! A node that is fed steps, and what its driver would know.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use tidings_core::wire::{
    BroadcastMessage, DeathReport, Hello, Leave, LinkMessage, Message, OverlayMessage, Ping,
    Purpose, Refuse, RegistrationMessage, SwimMessage, Vote, VoteMessage, Welcome,
};
use tidings_core::{
    AddressRecord, BootEpoch, Command, DialFailure, Input, Instant, LinkId, LinkLoss, LinkOrigin,
    Node, NodeId, Output, OverlayKind, Role,
};

use super::draw::{Answer, Step};
use super::kind::{Kind, SEED_NODES, addr, config, node};
use crate::samples;

/// A node under test and what its driver would know.
pub(super) struct Play {
    pub(super) kind: Kind,
    pub(super) node: Node,
    pub(super) now: u64,
    pub(super) accepted: u64,
    /// Dials, with the hello once it was sent.
    pub(super) dials: BTreeMap<LinkId, Option<Hello>>,
    /// Links that are up, with whom and what for.
    pub(super) open: BTreeMap<LinkId, (NodeId, Purpose)>,
    pub(super) pings: BTreeMap<LinkId, Ping>,
    pub(super) proposals: BTreeMap<LinkId, u64>,
    /// What its settings say now.
    pub(super) seed_nodes: Vec<SocketAddr>,
    pub(super) inputs: Vec<(u64, Input)>,
    pub(super) outputs: Vec<Output>,
}

/// Plays the steps with a node of this kind.
pub(super) fn play(kind: Kind, steps: &[(u64, Step)]) -> Play {
    let mut play = Play {
        kind,
        node: node(kind),
        now: 0,
        accepted: 100,
        dials: BTreeMap::new(),
        open: BTreeMap::new(),
        pings: BTreeMap::new(),
        proposals: BTreeMap::new(),
        seed_nodes: if kind.role == Role::Peer {
            SEED_NODES.map(addr).to_vec()
        } else {
            Vec::new()
        },
        inputs: Vec::new(),
        outputs: Vec::new(),
    };
    play.drain();
    for (pause, step) in steps {
        play.now += pause;
        play.step(step.clone());
    }
    play
}

impl Play {
    fn step(&mut self, step: Step) {
        match step {
            Step::Input(input) => self.handle(input),
            Step::Answer(which, answer) if !self.dials.is_empty() => {
                let (&link, _) = self.dials.iter().nth(which.index(self.dials.len())).unwrap();
                self.answer(link, &answer);
            }
            Step::Accept(n, hello) => {
                let link = LinkId::accepted(self.accepted);
                self.accepted += 1;
                self.open.insert(link, (hello.from.subject(), hello.purpose));
                self.handle(Input::LinkUp { link, addr: addr(n) });
                self.handle(Input::Received {
                    link,
                    message: Message::Link(LinkMessage::Hello(hello)),
                });
            }
            Step::Say(which, message) if !self.open.is_empty() => {
                let at = which.index(self.open.len());
                let (&link, &(who, purpose)) = self.open.iter().nth(at).unwrap();
                let is_accepted = link.origin() == LinkOrigin::Accepted;
                if belongs(self.node.role(), (purpose, is_accepted), &message) {
                    let message = in_the_name_of(who, *message);
                    self.handle(Input::Received { link, message });
                }
            }
            Step::Echo(which) if !self.pings.is_empty() => {
                let at = which.index(self.pings.len());
                let (&link, &ping) = self.pings.iter().nth(at).unwrap();
                self.handle(Input::Received {
                    link,
                    message: Message::Link(LinkMessage::Pong(ping)),
                });
            }
            Step::Vote(which, agrees) if !self.proposals.is_empty() => {
                let at = which.index(self.proposals.len());
                let (&link, &number) = self.proposals.iter().nth(at).unwrap();
                let message = Message::Vote(VoteMessage::Vote(Vote { number, agrees }));
                self.handle(Input::Received { link, message });
            }
            Step::Answer(..) | Step::Say(..) | Step::Echo(_) | Step::Vote(..) => {}
        }
    }

    fn answer(&mut self, link: LinkId, answer: &Answer) {
        if self.dials[&link].is_none() {
            if matches!(answer, Answer::Fail) {
                self.handle(Input::DialFailed { link, failure: DialFailure::Refused });
                return;
            }
            self.handle(Input::LinkUp { link, addr: addr(7) });
        }
        let Some(Some(hello)) = self.dials.get(&link).cloned() else { return };
        let to = hello.to.map_or(200, |to| to.as_bytes()[0]);
        let message = match answer {
            Answer::Fail | Answer::Connect => {
                self.handle(Input::LinkDown { link, loss: LinkLoss::Reset });
                return;
            }
            Answer::Refuse(reason) => {
                let (from, reason) = (samples::node(to), *reason);
                Message::Link(LinkMessage::Refuse(Refuse { from, epoch: BootEpoch(1), reason }))
            }
            Answer::Welcome(life) => {
                let from = AddressRecord::new(samples::node(to), BootEpoch(*life), &[addr(to)]);
                let role = match hello.purpose {
                    Purpose::Register | Purpose::Notice | Purpose::Vote => Role::SeedNode,
                    Purpose::Neighbor { .. }
                    | Purpose::Probe
                    | Purpose::Join
                    | Purpose::Shuffle
                    | Purpose::PingRequest
                    | Purpose::Optimize
                    | Purpose::Exchange => Role::Peer,
                };
                self.open.insert(link, (samples::node(to), hello.purpose));
                Message::Link(LinkMessage::Welcome(Welcome { from: from.unwrap(), role }))
            }
        };
        self.dials.remove(&link);
        self.handle(Input::Received { link, message });
    }

    fn handle(&mut self, input: Input) {
        self.inputs.push((self.now, input.clone()));
        if let Input::LinkDown { link, .. } | Input::DialFailed { link, .. } = &input {
            self.dials.remove(link);
            self.open.remove(link);
        }
        if let Input::Command(Command::SeedNodes(addresses)) = &input {
            self.expect_seed_nodes(&addresses.addresses().collect::<Vec<_>>());
        }
        self.node.handle(Instant::from_micros(self.now), input);
        self.node.check_invariants();
        self.drain();
        check_bounds(self.kind, &self.node);
        let seed_nodes: Vec<_> = self.node.snapshot().seed_nodes.iter().map(|it| it.addr).collect();
        assert_eq!(seed_nodes, self.seed_nodes);
    }

    /// A list of 1 to 64 different seed nodes replaces the one before, in a peer.
    fn expect_seed_nodes(&mut self, addresses: &[SocketAddr]) {
        let mut met = BTreeSet::new();
        let distinct: Vec<_> = addresses.iter().copied().filter(|it| met.insert(*it)).collect();
        if self.node.role() == Role::Peer && (1..=64).contains(&distinct.len()) {
            self.seed_nodes = distinct;
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.node.poll_output() {
            match &output {
                Output::Dial { link, .. } => {
                    self.dials.insert(*link, None);
                }
                Output::Send { link, message: Message::Link(LinkMessage::Hello(hello)) } => {
                    self.dials.insert(*link, Some((**hello).clone()));
                }
                Output::Send { link, message: Message::Link(LinkMessage::Ping(ping)) } => {
                    self.pings.insert(*link, *ping);
                }
                Output::Send { link, message: Message::Vote(VoteMessage::Proposal(proposal)) } => {
                    self.proposals.insert(*link, proposal.number);
                }
                Output::Close { link } | Output::Reset { link } => {
                    self.dials.remove(link);
                    self.open.remove(link);
                    self.pings.remove(link);
                    self.proposals.remove(link);
                }
                Output::Send { .. }
                | Output::AwaitReady { .. }
                | Output::AwaitIdle { .. }
                | Output::Event(_) => {}
            }
            self.outputs.push(output);
        }
    }
}

/// Whether a message of this kind is expected on such a link, which the receiver accepted or dialed.
pub(super) fn belongs(
    receiver: Role,
    (purpose, is_accepted): (Purpose, bool),
    message: &Message,
) -> bool {
    match message {
        Message::Registration(
            RegistrationMessage::Registered { .. }
            | RegistrationMessage::Unknown
            | RegistrationMessage::PeerList { .. },
        ) => purpose == Purpose::Register && receiver == Role::Peer,
        Message::Registration(
            RegistrationMessage::Register
            | RegistrationMessage::Renew
            | RegistrationMessage::ListRequest { .. },
        ) => purpose == Purpose::Register && receiver == Role::SeedNode,
        Message::Registration(RegistrationMessage::DeathReport(_)) => receiver == Role::SeedNode,
        Message::Registration(RegistrationMessage::Leave(_)) => true,
        Message::Link(LinkMessage::KnownLife(_)) => {
            matches!(purpose, Purpose::Neighbor { .. } | Purpose::Join)
        }
        Message::Link(LinkMessage::Ping(_) | LinkMessage::Pong(_)) => matches!(
            purpose,
            Purpose::Neighbor { .. } | Purpose::Join | Purpose::Exchange | Purpose::Optimize
        ),
        Message::Overlay(OverlayMessage::Optimization { .. }) => {
            purpose == Purpose::Optimize && is_accepted
        }
        Message::Overlay(OverlayMessage::OptimizationReply { .. }) => {
            purpose == Purpose::Optimize && !is_accepted
        }
        Message::Broadcast(
            BroadcastMessage::Gossip(_)
            | BroadcastMessage::Digest(_)
            | BroadcastMessage::Pull { .. },
        ) => {
            matches!(purpose, Purpose::Neighbor { .. } | Purpose::Join | Purpose::Exchange)
        }
        Message::Overlay(
            OverlayMessage::ForwardJoin(_)
            | OverlayMessage::Shuffle(_)
            | OverlayMessage::Replace { .. },
        )
        | Message::Broadcast(
            BroadcastMessage::IHave { .. }
            | BroadcastMessage::Graft(_)
            | BroadcastMessage::Prune(_)
            | BroadcastMessage::Credit { .. },
        )
        | Message::Swim(SwimMessage::Neighbors { .. } | SwimMessage::Members { .. }) => {
            matches!(purpose, Purpose::Neighbor { .. } | Purpose::Join)
        }
        Message::Overlay(OverlayMessage::ShuffleReply { .. }) => purpose == Purpose::Shuffle,
        Message::Swim(SwimMessage::PingRequest { .. } | SwimMessage::PingRequestAnswer { .. }) => {
            purpose == Purpose::PingRequest
        }
        Message::Swim(SwimMessage::Statement(_)) => {
            matches!(purpose, Purpose::Neighbor { .. } | Purpose::Join | Purpose::PingRequest)
        }
        Message::Vote(VoteMessage::Proposal(_)) => purpose == Purpose::Vote && is_accepted,
        Message::Vote(VoteMessage::Vote(_)) => purpose == Purpose::Vote && !is_accepted,
        Message::Link(
            LinkMessage::Hello(_)
            | LinkMessage::Welcome(_)
            | LinkMessage::Refuse(_)
            | LinkMessage::Bye(_),
        ) => false,
    }
}

/// Reports and leaves are believed only from the node that they name.
pub(super) fn in_the_name_of(who: NodeId, message: Message) -> Message {
    if let Message::Registration(RegistrationMessage::DeathReport(report)) = message {
        Message::Registration(RegistrationMessage::DeathReport(Box::new(DeathReport {
            reporter: who,
            ..*report
        })))
    } else if let Message::Registration(RegistrationMessage::Leave(leave)) = message {
        Message::Registration(RegistrationMessage::Leave(Leave { subject: who, ..leave }))
    } else {
        message
    }
}

fn check_bounds(kind: Kind, node: &Node) {
    let (seen, bounds) = (node.snapshot(), config(kind));
    let (links, known) = match kind.overlay {
        OverlayKind::Random | OverlayKind::PowerLaw => {
            (bounds.overlay.max_links, bounds.overlay.known_max)
        }
        OverlayKind::HyParView => {
            (bounds.overlay.hyparview.active, bounds.overlay.hyparview.passive)
        }
    };
    let neighbors: BTreeSet<_> = seen.neighbors.iter().map(|it| it.record.subject()).collect();
    assert_eq!(neighbors.len(), seen.neighbors.len(), "one link per neighbor");
    assert!(!neighbors.contains(&node.id()), "neighbor of itself");
    assert!(seen.neighbors.len() <= links);
    assert!(seen.known.len() <= known);
    assert!(seen.members.len() <= bounds.detector.swim.members_max);
    assert!(seen.known.iter().all(|known| known.record.subject() != node.id()));
    assert!(seen.stored <= bounds.broadcast.store_count);
    assert!(seen.registered.len() <= bounds.registration.registry_max);
    assert!(seen.false_reports.len() <= bounds.registration.registry_max);
    assert!(seen.registered.iter().all(|entry| entry.record.subject() != node.id()));
}
