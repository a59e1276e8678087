//! What holds whatever comes in: no panic, every bound kept, nothing delivered twice, the same
//! outputs for the same inputs.

#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of #[test] functions")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use tidings_core::wire::{
    self, Age, BroadcastMessage, Bye, DeathReport, DecodeError, Digest, Gossip, Hello, Leave,
    LinkMessage, Message, NetworkName, OverlayMessage, Ping, Proposal, ProposalKind, Purpose,
    Refusal, Refuse, RegistrationMessage, Route, SwimMessage, Vote, VoteMessage, Welcome,
};
use tidings_core::{
    AddressRecord, Birth, BootEpoch, BroadcastKind, Command, Config, DecisionMode, DetectorKind,
    DialFailure, Event, Hop, Input, Instant, Limits, LinkId, LinkLoss, LinkOrigin, Node, NodeId,
    Output, OverlayKind, Payload, RngSeed, Role, Topic, UnixTime,
};

use crate::{arbitrary, samples};

/// The seed nodes a peer under test is born with.
const SEED_NODES: [u8; 2] = [200, 201];

/// Whose messages are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Profile {
    Classic,
    /// Those of all parts.
    Modern,
}

impl Profile {
    /// What both profiles say, and for each of it about one third of what only the modern one does.
    fn pick<T: std::fmt::Debug + 'static>(
        self,
        both: impl Strategy<Value = T> + 'static,
        modern: impl Strategy<Value = T> + 'static,
    ) -> BoxedStrategy<T> {
        match self {
            Self::Classic => both.boxed(),
            Self::Modern => prop_oneof![3 => both, 1 => modern].boxed(),
        }
    }
}

/// What a node under test is.
#[derive(Clone, Copy, Debug)]
struct Kind {
    role: Role,
    overlay: OverlayKind,
    broadcast: BroadcastKind,
    detector: DetectorKind,
    /// The detector `swim` keeps a table of members.
    has_tables: bool,
    agreement: DecisionMode,
}

/// The documented network's.
const fn classic(role: Role) -> Kind {
    Kind {
        role,
        overlay: OverlayKind::Random,
        broadcast: BroadcastKind::Flood,
        detector: DetectorKind::Strikes,
        has_tables: true,
        agreement: DecisionMode::Local,
    }
}

fn kind(role: Role) -> impl Strategy<Value = Kind> {
    let overlay = prop::sample::select(vec![
        OverlayKind::Random,
        OverlayKind::PowerLaw,
        OverlayKind::HyParView,
        OverlayKind::HyParView,
    ]);
    let broadcast = prop::sample::select(vec![BroadcastKind::Flood, BroadcastKind::Plumtree]);
    let detector = prop::sample::select(vec![
        DetectorKind::Strikes,
        DetectorKind::Connect,
        DetectorKind::Swim,
        DetectorKind::Swim,
    ]);
    let agreement = prop::sample::select(vec![DecisionMode::Local, DecisionMode::Quorum]);
    (overlay, broadcast, detector, any::<bool>(), agreement).prop_map(
        move |(overlay, broadcast, detector, has_tables, agreement)| Kind {
            role,
            overlay,
            broadcast,
            detector,
            has_tables,
            agreement,
        },
    )
}

/// Tight bounds, so that arbitrary inputs hit them.
fn config(kind: Kind) -> Config {
    let mut config = Config::classic();
    config.overlay.kind = kind.overlay;
    config.broadcast.kind = kind.broadcast;
    config.detector.kind = kind.detector;
    config.detector.swim.members_max = if kind.has_tables { 4 } else { 0 };
    config.overlay.hyparview.active = 4;
    config.overlay.hyparview.near_links = 1;
    config.overlay.hyparview.passive = 3;
    config.broadcast.plumtree.trees = 1;
    config.links.max_pending = 3;
    config.overlay.max_peers = 2;
    config.overlay.max_links = 4;
    config.overlay.known_max = 3;
    config.registration.registry_max = 2;
    config.registration.probes_max = 1;
    config.registration.listing = kind.agreement;
    config.registration.removal = kind.agreement;
    config.registration.votes_max = 1;
    config.broadcast.store_count = 6;
    config
}

fn node(kind: Kind) -> Node {
    let birth = Birth {
        record: samples::record(1),
        rng_seed: RngSeed::new([5; 32]),
        unix: UnixTime::from_millis(1_700_000_000_000),
    };
    match kind.role {
        Role::SeedNode => Node::seed_node(config(kind), birth, &SEED_NODES.map(addr)),
        Role::Peer => Node::peer(config(kind), birth, &SEED_NODES.map(addr)),
    }
    .expect("a valid config")
}

fn addr(n: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, n], 5000))
}

fn link() -> impl Strategy<Value = LinkId> {
    (0..12_u64, any::<bool>())
        .prop_map(|(n, dialed)| if dialed { LinkId::dialed(n) } else { LinkId::accepted(n) })
}

/// Node 1 is the node under test.
fn who() -> impl Strategy<Value = u8> {
    prop_oneof![8 => 2..8_u8, 1 => Just(1)]
}

fn record() -> impl Strategy<Value = AddressRecord> {
    (who(), 0..3_u64).prop_map(|(n, life)| {
        AddressRecord::new(samples::node(n), BootEpoch(life), &[addr(n)]).expect("valid")
    })
}

fn purpose(profile: Profile) -> impl Strategy<Value = Purpose> {
    let modern = prop::sample::select(vec![
        Purpose::Join,
        Purpose::Join,
        Purpose::Shuffle,
        Purpose::PingRequest,
        Purpose::Exchange,
        Purpose::Optimize,
    ]);
    let both = prop_oneof![
        Just(Purpose::Register),
        any::<bool>().prop_map(|isolated| Purpose::Neighbor { isolated }),
        Just(Purpose::Probe),
        Just(Purpose::Notice),
        Just(Purpose::Vote),
    ];
    profile.pick(both, modern)
}

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::Peer), Just(Role::SeedNode)]
}

fn hello(profile: Profile) -> impl Strategy<Value = Message> {
    (record(), role(), purpose(profile), proptest::option::of(who())).prop_map(
        |(from, role, purpose, to)| {
            let to = to.map(samples::node);
            let network = NetworkName::default();
            Message::Link(LinkMessage::Hello(Box::new(Hello { network, to, from, role, purpose })))
        },
    )
}

fn gossip() -> impl Strategy<Value = Message> {
    (who(), 0..20_u64, 0..16_384_u16, 0..300_000_u64).prop_map(|(origin, sequence, hop, age)| {
        Message::Broadcast(BroadcastMessage::Gossip(Gossip {
            hop: Hop(hop),
            route: if hop % 2 == 0 { Route::Detour } else { Route::Usual },
            age: Age::new(Duration::from_millis(age)),
            envelope: samples::envelope(origin, sequence),
        }))
    })
}

fn ids() -> impl Strategy<Value = Vec<tidings_core::MessageId>> {
    let id = (who(), 0..20_u64).prop_map(|(origin, n)| samples::envelope(origin, n).id());
    proptest::collection::vec(id, 0..10)
}

fn refusal() -> impl Strategy<Value = Refusal> {
    prop::sample::select(vec![
        Refusal::Busy,
        Refusal::RegistryFull,
        Refusal::WrongNetwork,
        Refusal::WrongNode,
        Refusal::WrongRole,
        Refusal::Yourself,
        Refusal::Duplicate,
        Refusal::StaleEpoch,
        Refusal::Leaving,
    ])
}

fn message(profile: Profile) -> impl Strategy<Value = Message> {
    let ping = any::<u64>().prop_map(|nonce| Ping {
        nonce,
        time: UnixTime::from_millis(nonce),
        addr: addr(9),
    });
    let refuse = (who(), refusal()).prop_map(|(from, reason)| {
        let from = samples::node(from);
        Message::Link(LinkMessage::Refuse(Refuse { from, epoch: BootEpoch(1), reason }))
    });
    let welcome = (record(), role())
        .prop_map(|(from, role)| Message::Link(LinkMessage::Welcome(Welcome { from, role })));
    let report = (record(), who()).prop_map(|(subject, reporter)| {
        let reporter = samples::node(reporter);
        let at = UnixTime::from_millis(0);
        Message::Registration(RegistrationMessage::DeathReport(Box::new(DeathReport {
            subject,
            reporter,
            at,
            signature: None,
        })))
    });
    let leave = (who(), any::<u64>()).prop_map(|(subject, epoch)| {
        let (subject, epoch) = (samples::node(subject), BootEpoch(epoch));
        Message::Registration(RegistrationMessage::Leave(Leave { subject, epoch, signature: None }))
    });
    let kind = prop_oneof![Just(ProposalKind::List), Just(ProposalKind::Remove)];
    let proposal = (0..4_u64, kind, record()).prop_map(|(number, kind, subject)| {
        Message::Vote(VoteMessage::Proposal(Box::new(Proposal { number, kind, subject })))
    });
    let both = prop_oneof![
        4 => hello(profile),
        4 => welcome,
        1 => refuse,
        1 => Just(Message::Link(LinkMessage::Bye(Bye::Surplus))),
        2 => Just(Message::Registration(RegistrationMessage::Register)),
        2 => any::<u32>().prop_map(|lease_ms| Message::Registration(RegistrationMessage::Registered { lease_ms })),
        1 => Just(Message::Registration(RegistrationMessage::Renew)),
        1 => Just(Message::Registration(RegistrationMessage::Unknown)),
        1 => any::<u16>().prop_map(|sample| Message::Registration(RegistrationMessage::ListRequest { sample })),
        2 => proptest::collection::vec(record(), 0..8)
            .prop_map(|peers| Message::Registration(RegistrationMessage::PeerList { peers })),
        4 => report,
        1 => leave,
        1 => ping.clone().prop_map(|ping| Message::Link(LinkMessage::Ping(ping))),
        1 => ping.prop_map(|ping| Message::Link(LinkMessage::Pong(ping))),
        6 => gossip(),
        2 => (ids(), any::<bool>()).prop_map(|(ids, reply)| Message::Broadcast(BroadcastMessage::Digest(Digest { ids, reply }))),
        2 => ids().prop_map(|ids| Message::Broadcast(BroadcastMessage::Pull { ids })),
        1 => proposal,
        1 => (0..4_u64, any::<bool>())
            .prop_map(|(number, agrees)| Message::Vote(VoteMessage::Vote(Vote { number, agrees }))),
    ];
    profile.pick(both, arbitrary::modern(record().boxed()))
}

fn input(profile: Profile) -> impl Strategy<Value = Input> {
    let say = Command::Broadcast {
        topic: Topic::default(),
        payload: Payload::new(b"said".to_vec()).expect("short"),
    };
    let command = prop_oneof![
        2 => Just(say),
        1 => seed_nodes().prop_map(Command::SeedNodes),
    ];
    prop_oneof![
        3 => Just(Input::Wake),
        6 => (link(), 1..9_u8).prop_map(|(link, n)| Input::LinkUp { link, addr: addr(n) }),
        1 => link().prop_map(|link| Input::LinkDown { link, loss: LinkLoss::Reset }),
        1 => link().prop_map(|link| Input::DialFailed { link, failure: DialFailure::Refused }),
        20 => (link(), message(profile)).prop_map(|(link, message)| Input::Received { link, message }),
        1 => link().prop_map(|link| Input::Garbled { link, error: DecodeError::Malformed }),
        1 => link().prop_map(|link| Input::Overrun { link }),
        1 => command.prop_map(Input::Command),
    ]
}

/// A few seed nodes, some of them twice; sometimes none, or too many.
fn seed_nodes() -> impl Strategy<Value = Vec<SocketAddr>> {
    prop_oneof![
        6 => proptest::collection::vec((198..204_u8).prop_map(addr), 0..6),
        1 => Just((0..=64).map(addr).collect()),
    ]
}

/// What happens next. Arbitrary inputs alone seldom get past a hello, so most steps follow what the
/// node does: they answer its dials, open links to it, and say on open links what fits there.
#[derive(Clone, Debug)]
enum Step {
    /// Anything at all.
    Input(Input),
    /// One of its dials gets this far.
    Answer(Index, Answer),
    /// Somebody opens a link.
    Accept(u8, Box<Hello>),
    /// On one of the open links comes a message of the kind that belongs there.
    Say(Index, Box<Message>),
    /// The last ping on one of the open links is answered.
    Echo(Index),
    /// The last proposal on one of the open links is voted on.
    Vote(Index, bool),
}

#[derive(Clone, Debug)]
enum Answer {
    Fail,
    Connect,
    Refuse(Refusal),
    Welcome(u64),
}

fn step(profile: Profile) -> impl Strategy<Value = Step> {
    let answer = prop_oneof![
        1 => Just(Answer::Fail),
        1 => Just(Answer::Connect),
        1 => refusal().prop_map(Answer::Refuse),
        5 => (0..3_u64).prop_map(Answer::Welcome),
    ];
    let fitting_hello = (record(), purpose(profile)).prop_map(|(from, purpose)| {
        let network = NetworkName::default();
        let (from, role) = match purpose {
            Purpose::Vote => (other_seed_node(), Role::SeedNode),
            Purpose::Register
            | Purpose::Neighbor { .. }
            | Purpose::Probe
            | Purpose::Notice
            | Purpose::Join
            | Purpose::Shuffle
            | Purpose::PingRequest
            | Purpose::Optimize
            | Purpose::Exchange => (from, Role::Peer),
        };
        Box::new(Hello { network, to: None, from, role, purpose })
    });
    prop_oneof![
        3 => input(profile).prop_map(Step::Input),
        4 => (any::<Index>(), answer).prop_map(|(which, answer)| Step::Answer(which, answer)),
        4 => (1..9_u8, fitting_hello).prop_map(|(from, hello)| Step::Accept(from, hello)),
        12 => (any::<Index>(), message(profile)).prop_map(|(on, said)| Step::Say(on, Box::new(said))),
        1 => any::<Index>().prop_map(Step::Echo),
        1 => (any::<Index>(), any::<bool>()).prop_map(|(on, agrees)| Step::Vote(on, agrees)),
    ]
}

/// Another seed node that the one under test knows by its address.
fn other_seed_node() -> AddressRecord {
    let n = SEED_NODES[0];
    AddressRecord::new(samples::node(n), BootEpoch(1), &[addr(n)]).expect("valid")
}

fn steps(profile: Profile) -> impl Strategy<Value = Vec<(u64, Step)>> {
    proptest::collection::vec((0..2_000_000_u64, step(profile)), 1..300)
}

/// A node under test and what its driver would know.
struct Play {
    kind: Kind,
    node: Node,
    now: u64,
    accepted: u64,
    /// Dials, with the hello once it was sent.
    dials: BTreeMap<LinkId, Option<Hello>>,
    /// Links that are up, with whom and what for.
    open: BTreeMap<LinkId, (NodeId, Purpose)>,
    pings: BTreeMap<LinkId, Ping>,
    proposals: BTreeMap<LinkId, u64>,
    /// What its settings say now.
    seed_nodes: Vec<SocketAddr>,
    inputs: Vec<(u64, Input)>,
    outputs: Vec<Output>,
}

/// Plays the steps with a node of this kind.
fn play(kind: Kind, steps: &[(u64, Step)]) -> Play {
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
            self.expect_seed_nodes(addresses);
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
                Output::Close { link } => {
                    self.dials.remove(link);
                    self.open.remove(link);
                    self.pings.remove(link);
                    self.proposals.remove(link);
                }
                Output::Send { .. } | Output::Event(_) => {}
            }
            self.outputs.push(output);
        }
    }
}

/// Whether a message of this kind is expected on such a link, which the receiver accepted or dialed.
fn belongs(receiver: Role, (purpose, is_accepted): (Purpose, bool), message: &Message) -> bool {
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
            | BroadcastMessage::Prune(_),
        )
        | Message::Swim(SwimMessage::Neighbors { .. } | SwimMessage::Members { .. }) => {
            matches!(purpose, Purpose::Neighbor { .. } | Purpose::Join)
        }
        Message::Overlay(OverlayMessage::ShuffleReply { .. }) => purpose == Purpose::Shuffle,
        Message::Swim(SwimMessage::PingRequest(_) | SwimMessage::PingRequestAnswer { .. }) => {
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
fn in_the_name_of(who: NodeId, message: Message) -> Message {
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

fn delivered(play: &Play) -> Vec<tidings_core::MessageId> {
    let mut ids = Vec::new();
    for output in &play.outputs {
        if let Output::Event(Event::Delivered { envelope, .. } | Event::Published { envelope }) =
            output
        {
            ids.push(envelope.id());
        }
    }
    ids
}

/// Plays recorded inputs with a fresh node.
fn replay(kind: Kind, inputs: &[(u64, Input)]) -> (Node, Vec<Output>) {
    let mut node = node(kind);
    let mut outputs: Vec<_> = std::iter::from_fn(|| node.poll_output()).collect();
    for (now, input) in inputs {
        node.handle(Instant::from_micros(*now), input.clone());
        outputs.extend(std::iter::from_fn(|| node.poll_output()));
    }
    (node, outputs)
}

proptest! {
    #[test]
    fn bytes_from_a_stranger_never_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(message) = wire::decode(&body) {
            let mut frame = bytes::BytesMut::new();
            wire::encode(&message, &mut frame);
            prop_assert_eq!(wire::decode(&frame[wire::FRAME_HEADER_LEN..]), Ok(message));
        }
    }

    #[test]
    fn damaged_messages_never_panic(
        which in any::<Index>(),
        damage in proptest::collection::vec((any::<Index>(), any::<u8>()), 1..4),
    ) {
        let mut frame = bytes::BytesMut::new();
        wire::encode(which.get(&samples::messages()), &mut frame);
        let body = &mut frame[wire::FRAME_HEADER_LEN..];
        for (place, byte) in damage {
            body[place.index(body.len())] = byte;
        }
        if let Err(error) = wire::decode(body) {
            prop_assert!(matches!(error, DecodeError::Malformed | DecodeError::Trailing(_)));
        }
    }

    #[test]
    fn a_peer_keeps_its_bounds_and_delivers_nothing_twice(
        kind in kind(Role::Peer),
        steps in steps(Profile::Modern),
    ) {
        let delivered = delivered(&play(kind, &steps));
        let distinct: BTreeSet<_> = delivered.iter().collect();
        prop_assert_eq!(distinct.len(), delivered.len());
    }

    #[test]
    fn a_seed_node_keeps_its_bounds_and_carries_no_gossip(
        kind in kind(Role::SeedNode),
        steps in steps(Profile::Modern),
    ) {
        let play = play(kind, &steps);
        prop_assert!(delivered(&play).is_empty());
        let is_gossip = |output: &Output| {
            matches!(output, Output::Send { message: Message::Broadcast(BroadcastMessage::Gossip(_)), .. })
        };
        prop_assert!(!play.outputs.iter().any(is_gossip));
    }

    #[test]
    fn the_same_inputs_give_the_same_outputs(
        kind in prop_oneof![kind(Role::Peer), kind(Role::SeedNode)],
        steps in steps(Profile::Modern),
    ) {
        let play = play(kind, &steps);
        let (node, outputs) = replay(kind, &play.inputs);
        prop_assert_eq!(&play.outputs, &outputs);
        prop_assert_eq!(play.node.snapshot(), node.snapshot());
        prop_assert_eq!(play.node.poll_timeout(), node.poll_timeout());
    }
}

/// The properties say little unless the steps get somewhere: they do.
#[test]
fn steps_reach_what_they_test() {
    let mut reached = BTreeSet::new();
    let mut limits = Limits::default();
    let mut runner = TestRunner::deterministic();
    for _ in 0..1500 {
        let steps = steps(Profile::Classic).new_tree(&mut runner).expect("steps").current();
        let tried = Kind { detector: DetectorKind::Connect, ..classic(Role::Peer) };
        let voting = Kind { agreement: DecisionMode::Quorum, ..classic(Role::SeedNode) };
        for kind in [classic(Role::Peer), classic(Role::SeedNode), tried, voting] {
            let play = play(kind, &steps);
            for output in &play.outputs {
                if let Output::Event(event) = output {
                    let text = format!("{event:?}");
                    reached.extend(text.split([' ', '(']).next().map(str::to_owned));
                    if let Event::Strike { kind, .. } = event {
                        reached.insert(format!("{kind:?}"));
                    } else if let Event::Voted { outcome, .. } = event {
                        reached.insert(format!("Vote {outcome:?}"));
                    } else if let Event::PeerProbing { reason, .. } = event {
                        reached.insert(format!("{reason:?}"));
                    }
                }
            }
            add(&mut limits, &play.node.stats().limits);
        }
    }
    let expected = [
        "NeighborUp",
        "NeighborDown",
        "NeighborRefused",
        "Delivered",
        "Duplicate",
        "TooOld",
        "Strike",
        "Ping",
        "Connect",
        "Redial",
        "DeathReported",
        "Registered",
        "RegistrationLost",
        "ListReceived",
        "PeerRegistered",
        "PeerRemoved",
        "PeerProbing",
        "ReportReceived",
        "FalseReport",
        "HelloRefused",
        "Misbehaved",
        "Voted",
        "Vote Passed",
        "Vote NoQuorum",
        "Vote Void",
        "VoteRequested",
        "SeedNodeLost",
    ];
    for event in expected {
        assert!(reached.contains(event), "{event} was never reached, only {reached:?}");
    }
    let hit =
        [limits.pending, limits.links, limits.known, limits.registry, limits.store, limits.votes];
    assert!(hit.iter().all(|count| *count > 0), "bounds that were never hit: {limits:?}");
}

fn add(total: &mut Limits, more: &Limits) {
    total.pending += more.pending;
    total.links += more.links;
    total.known += more.known;
    total.registry += more.registry;
    total.store += more.store;
    total.votes += more.votes;
}

#[test]
#[should_panic(expected = "poll_output until None")]
fn outputs_must_be_drained_first() {
    let mut node = node(classic(Role::Peer));
    node.handle(Instant::BIRTH, Input::Wake);
}

#[test]
#[should_panic(expected = "time went back")]
fn time_must_not_go_back() {
    let mut node = node(classic(Role::SeedNode));
    node.handle(Instant::from_micros(2), Input::Wake);
    node.handle(Instant::from_micros(1), Input::Wake);
}
