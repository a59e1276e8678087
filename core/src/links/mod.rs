//! Connections and their first exchange, the same for both roles.
//!
//! ```text
//! dialer                              acceptor
//!   Hello { to, from, purpose }  ──▶
//!                                ◀──  Welcome { from }          the link is up
//!                                ◀──  Refuse { reason }, close  or it is not
//! ```
//!
//! This part knows which links exist and how far each has come. What a link is for, and whether a
//! hello is granted, the role decides: it gets an [`Outcome`] for every input about a link.

pub(crate) mod message;
pub(crate) mod neighbors;
pub(crate) mod pings;
pub(crate) mod timer;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use crate::address::AddressRecord;
use crate::context::Context;
use crate::event::{Event, Misbehavior};
use crate::failure::{DialFailure, LinkLoss};
use crate::id::{LinkId, LinkOrigin, NodeId, Role};
#[cfg(any(test, feature = "invariants"))]
use crate::invariants::{Broken, holds};
use crate::io::{Input, Output};
use crate::links::pings::Pings;
use crate::links::timer::LinkTimer;
use crate::util::room::{make_room, release_if_empty};
use crate::util::table::Table;
use crate::wire::{
    Bye, Hello, LinkMessage, Message, Purpose, Refusal, Refuse, SwimMessage, Welcome,
};

/// All links of a node.
#[derive(Clone, Debug, Default)]
pub(crate) struct Links {
    table: Table<LinkId, Link>,
    /// How many accepted links have not got to the point yet, see [`Context::keep`].
    handshake_pending: usize,
    /// How many were ever dialed.
    dialed: u64,
    /// Dials under way that shall become links between neighbors, in the order they were begun.
    neighbor_dials: Vec<LinkId>,
    /// What is to be said on dials that were made to say it.
    deliveries: Vec<(LinkId, Delivery, Vec<Message>)>,
    /// Pings without an answer.
    pub(crate) pings: Pings,
}

/// Who dialed a link, and for what. It stays on this side: the other end sees the purpose alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// Registration, with the seed node of this number.
    Registration(u32),
    /// Whoever had something to be said there.
    Delivery(Delivery),
    /// The overlay.
    Overlay(DialReason),
    /// The overlay's search for nearer neighbors.
    Candidate,
    /// The exchange of messages.
    Exchange,
    /// The detector `strikes`: the lost neighbor of this number.
    Redial(u32),
    /// The detector `connect`.
    Connect,
    /// The detector `swim`: the probe of this number.
    Probe(u32),
    /// The detector `swim`: a helper of the probe of this number.
    Helper(u32),
    /// The detector `swim`: a probe that another peer asked for.
    Served,
    /// A seed node's probe of an entry: the case of this number.
    EntryProbe(u32),
    /// A seed node, to be voted for: the other seed node of this number.
    SeedNode(u32),
}

impl Owner {
    /// Whether the two become neighbors if the dial succeeds.
    const fn makes_neighbors(self) -> bool {
        matches!(self, Self::Overlay(_) | Self::Redial(_))
    }

    /// Which probe it was dialed to help with.
    pub(crate) const fn helper_of(self) -> Option<u32> {
        if let Self::Helper(number) = self { Some(number) } else { None }
    }
}

impl DialReason {
    /// Whether a random neighbor goes if no slot is free when the dial is welcomed.
    pub(crate) const fn displaces(self) -> bool {
        match self {
            Self::Join | Self::Repair | Self::Replace => false,
            Self::Walk | Self::Reconnect | Self::SplitHealing => true,
        }
    }
}

/// What is said on a dial that was made to say it. Nobody waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// Notices to the seed node of this number.
    Notice(u32),
    /// A sample of the passive view.
    Reply,
    /// A suspicion.
    Suspicion,
}

/// What a dial for a neighbor is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DialReason {
    /// To join the overlay there.
    Join,
    /// To fill a free slot.
    Repair,
    /// A newcomer's walk ended here.
    Walk,
    /// To see whether a lost neighbor is back.
    Reconnect,
    /// To mix a small overlay.
    SplitHealing,
    /// A neighbor went to a nearer one, and another one lost its link by that.
    Replace,
}

/// One link. With its number it takes 40 bytes: a peer has about ten, a seed node 100,000s.
#[derive(Clone, Debug)]
struct Link {
    stage: Stage,
    /// What it is for; `None` while that is not known, and where it is for nothing.
    purpose: Option<Purpose>,
    /// Who dialed it; `None` if it was accepted.
    owner: Option<Owner>,
    /// Its hello timer runs, and it counts against `max_pending` when it was accepted.
    handshake_pending: bool,
    /// Who is at the other end, or should be.
    remote: Option<AddressRecord>,
    /// The other end's address, unless it is the best one of `remote`.
    addr: Option<Box<SocketAddr>>,
}

/// How far a link has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Dialed, no connection yet.
    Dialing,
    /// Dialed only to see whether a connection comes to stand.
    ConnectOnly,
    /// Dialed and connected, our hello is not answered yet.
    Greeting,
    /// Accepted, no hello yet.
    Awaiting,
    /// Welcomed, by either side.
    Up,
}

/// Whom to dial.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target<'a> {
    /// This node, at any of its addresses.
    Node(&'a AddressRecord),
    /// Whoever is at this address.
    Address(SocketAddr),
}

/// A dial that has failed.
#[derive(Clone, Debug)]
pub(crate) struct Failed {
    pub(crate) owner: Owner,
    /// Whom it should have reached, when that is known.
    pub(crate) to: Option<AddressRecord>,
    pub(crate) addr: SocketAddr,
    pub(crate) failure: Failure,
}

/// A link on which both sides know each other.
#[derive(Clone, Debug)]
pub(crate) struct Up {
    pub(crate) purpose: Purpose,
    pub(crate) owner: Option<Owner>,
    pub(crate) remote: AddressRecord,
}

/// What an input about a link means for the role.
#[derive(Debug)]
pub(crate) enum Outcome {
    Nothing,
    /// Somebody asks; [`Context::welcome`] or [`Context::refuse`] must follow.
    HelloReceived(Box<Hello>),
    /// A dial has succeeded.
    Welcomed(Owner, Up),
    /// A dial has failed; the link is gone.
    Failed(Box<Failed>),
    /// A connection that was tried stands; it is being closed.
    Connected,
    /// A connection that was tried did not come to stand.
    NotConnected,
    /// A link that was up is gone.
    Ended(Up, Ending),
    /// A message on a link that is up, and what the link is for.
    Message(Purpose, Message),
}

/// Why a dial failed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Failure {
    Dial(DialFailure),
    Lost(LinkLoss),
    /// Refused by the node that answers there: a sign of life.
    Refused(Refuse),
    Garbled,
}

/// How a link that was up ended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ending {
    Lost(LinkLoss),
    Bye(Bye),
    Garbled,
}

impl Links {
    /// Who dialed a link that stands, or is to stand.
    pub(crate) fn owner(&self, link: LinkId) -> Option<Owner> {
        self.table.get(link)?.owner
    }

    /// Dials under way that shall become links between neighbors, in the order they were begun: the
    /// link, who dialed it, and whom.
    pub(crate) fn neighbor_dials(
        &self,
    ) -> impl DoubleEndedIterator<Item = (LinkId, Owner, &AddressRecord)> {
        self.neighbor_dials.iter().filter_map(|&link| {
            let entry = self.table.get(link)?;
            Some((link, entry.owner?, entry.remote.as_ref()?))
        })
    }

    /// Dials of the overlay among them.
    pub(crate) fn overlay_dials(
        &self,
    ) -> impl DoubleEndedIterator<Item = (LinkId, DialReason, &AddressRecord)> {
        self.neighbor_dials().filter_map(|(link, owner, to)| {
            let Owner::Overlay(reason) = owner else { return None };
            Some((link, reason, to))
        })
    }

    /// Whether a dial is under way that would make this node and `subject` neighbors.
    pub(crate) fn is_dialing(&self, subject: NodeId) -> bool {
        self.neighbor_dials().any(|(.., to)| to.subject() == subject)
    }

    /// How many dials of this kind wait to say something.
    pub(crate) fn deliveries(&self, is_it: impl Fn(Delivery) -> bool) -> usize {
        self.deliveries.iter().filter(|(_, what, _)| is_it(*what)).count()
    }

    /// What waits to be said there, to be added to.
    pub(crate) fn delivery_mut(&mut self, what: Delivery) -> Option<&mut Vec<Message>> {
        self.deliveries.iter_mut().find(|it| it.1 == what).map(|(.., messages)| messages)
    }

    fn take_delivery(&mut self, link: LinkId) -> Vec<Message> {
        let place = self.deliveries.iter().position(|(of, ..)| *of == link);
        let messages = place.map(|place| self.deliveries.swap_remove(place).2);
        release_if_empty(&mut self.deliveries);
        messages.unwrap_or_default()
    }

    #[cfg(any(test, feature = "invariants"))]
    pub(crate) fn invariants(&self, timers: &crate::timers::Timers) -> Broken {
        let mut pending = 0;
        for (link, entry) in self.table.iter() {
            let is_armed = timers.is_armed(LinkTimer::Hello(link));
            holds(is_armed == entry.handshake_pending, "a handshake without a deadline")?;
            let is_accepted = link.origin() == LinkOrigin::Accepted;
            pending += usize::from(entry.handshake_pending && is_accepted);
            holds(entry.owner.is_none() == is_accepted, "a dial without an owner")?;
            let is_neighbor_dial =
                entry.owner.is_some_and(Owner::makes_neighbors) && entry.stage.is_before_welcome();
            let is_noted = self.neighbor_dials.contains(&link);
            holds(is_neighbor_dial == is_noted, "dials for neighbors are not those noted")?;
        }
        holds(pending == self.handshake_pending, "pending handshakes are counted wrongly")?;
        let has_link = |link| self.table.get(link).is_some();
        let has_links = self.neighbor_dials.iter().all(|link| has_link(*link));
        holds(has_links, "a dial for a neighbor without a link")?;
        let has_links = self.deliveries.iter().all(|(link, ..)| has_link(*link));
        holds(has_links, "a delivery without a link")?;
        holds(self.pings.links().all(has_link), "a ping on no link")
    }

    fn end_neighbor_dial(&mut self, link: LinkId) {
        self.neighbor_dials.retain(|dial| *dial != link);
        release_if_empty(&mut self.neighbor_dials);
    }
}

/// What parts do with links.
impl Context {
    /// Dials a node. The dial ends in [`Outcome::Welcomed`] or [`Outcome::Failed`], at the latest
    /// after `hello_timeout`.
    pub(crate) fn dial(&mut self, to: Target<'_>, purpose: Purpose, owner: Owner) -> LinkId {
        let patience = self.config.links.hello_timeout;
        let link = self.begin(to, Stage::Dialing, Some(purpose), owner, patience);
        if owner.makes_neighbors() {
            make_room(&mut self.links.neighbor_dials);
            self.links.neighbor_dials.push(link);
        }
        link
    }

    /// Dials somebody to say this and close.
    pub(crate) fn deliver(
        &mut self,
        to: Target<'_>,
        purpose: Purpose,
        what: Delivery,
        message: impl Into<Message>,
    ) {
        let link = self.dial(to, purpose, Owner::Delivery(what));
        make_room(&mut self.links.deliveries);
        self.links.deliveries.push((link, what, alloc::vec![message.into()]));
    }

    /// A dial that was made to say something is welcomed.
    pub(crate) fn hand_over(&mut self, link: LinkId) {
        for message in self.links.take_delivery(link) {
            self.stats.statements_sent +=
                u64::from(matches!(message, Message::Swim(SwimMessage::Statement(_))));
            self.send(link, message);
        }
        self.close(link, Bye::Done);
    }

    /// Sees whether a connection comes to stand, and closes it before any hello. Ends in
    /// [`Outcome::Connected`] or [`Outcome::NotConnected`], at the latest after `patience`.
    pub(crate) fn try_connect(&mut self, to: &AddressRecord, patience: Duration) -> LinkId {
        self.begin(Target::Node(to), Stage::ConnectOnly, None, Owner::Connect, patience)
    }

    fn begin(
        &mut self,
        to: Target<'_>,
        stage: Stage,
        purpose: Option<Purpose>,
        owner: Owner,
        patience: Duration,
    ) -> LinkId {
        let link = LinkId::dialed(self.links.dialed);
        self.links.dialed += 1;
        self.stats.dials += 1;
        self.has_changed = true;
        let (remote, addr, addresses) = match to {
            Target::Node(record) => (Some(record.clone()), None, record.addresses().into()),
            Target::Address(addr) => (None, Some(Box::new(addr)), [addr].into()),
        };
        self.links.table.insert(
            link,
            Link { stage, purpose, owner: Some(owner), handshake_pending: true, remote, addr },
        );
        self.arm(LinkTimer::Hello(link), patience);
        self.output(Output::Dial { link, addresses });
        link
    }

    /// Grants a hello: from here on the link is up. Unless it is [settled](Context::keep) it ends
    /// after `accept_timeout`.
    pub(crate) fn welcome(&mut self, link: LinkId, hello: &Hello) {
        let Some(entry) = self.links.table.get_mut(link) else { return };
        entry.rise(hello.purpose, &hello.from);
        self.send(
            link,
            LinkMessage::Welcome(Welcome { from: self.record.clone(), role: self.role }),
        );
    }

    /// Lets a link stay: it does what it was opened for, and the role bounds how many such links
    /// there are. Links that only ask, probe or report are never settled, so strangers cannot hold
    /// more than `max_pending` of them, nor any for longer than `accept_timeout`.
    pub(crate) fn keep(&mut self, link: LinkId) {
        if let Some(entry) = self.links.table.get_mut(link).filter(|entry| entry.handshake_pending)
        {
            entry.handshake_pending = false;
            if link.origin() == LinkOrigin::Accepted {
                self.links.handshake_pending -= 1;
            }
            self.timers.cancel(LinkTimer::Hello(link));
        }
    }

    /// Makes a link that is up, and asked for something else, one between neighbors.
    pub(crate) fn make_neighbors(&mut self, link: LinkId) {
        if let Some(entry) = self.links.table.get_mut(link) {
            entry.purpose = Some(Purpose::Neighbor { isolated: false });
        }
        self.keep(link);
    }

    /// Denies a hello and ends the link.
    pub(crate) fn refuse(&mut self, link: LinkId, from: AddressRecord, reason: Refusal) {
        self.stats.hellos_refused += 1;
        let refuse = Refuse { from: self.me(), epoch: self.epoch(), reason };
        self.send(link, LinkMessage::Refuse(refuse));
        self.forget(link);
        self.emit(Event::HelloRefused { from, reason });
    }

    /// Ends a link on purpose, saying so. Gives up a dial.
    pub(crate) fn close(&mut self, link: LinkId, bye: Bye) {
        if self.links.table.get(link).is_some_and(|link| link.stage.is_connected()) {
            self.send(link, LinkMessage::Bye(bye));
        }
        self.forget(link);
    }

    /// Ends every link on purpose.
    pub(crate) fn close_all(&mut self, bye: Bye) {
        while let Some(link) = self.links.table.first() {
            self.close(link, bye);
        }
    }

    /// Ends every link on purpose but those that carry notices of this node.
    pub(crate) fn close_all_but_notices(&mut self, bye: Bye) {
        let is_other =
            |link: &Link| link.purpose != Some(Purpose::Notice) || !link.stage.is_before_welcome();
        for link in self.links.table.keys_where(is_other) {
            self.close(link, bye);
        }
    }

    /// Ends a link whose other side broke a rule.
    pub(crate) fn expel(&mut self, link: LinkId, kind: Misbehavior) -> Outcome {
        self.accuse(link, kind);
        if self.links.table.get(link).is_some_and(|link| link.stage.is_connected()) {
            self.send(link, LinkMessage::Bye(Bye::Misbehaved));
        }
        self.forget(link).map_or(Outcome::Nothing, |link| match link.stage {
            Stage::Up => {
                link.into_up().map_or(Outcome::Nothing, |up| Outcome::Ended(up, Ending::Garbled))
            }
            Stage::Dialing | Stage::Greeting => link.into_failed(Failure::Garbled),
            Stage::ConnectOnly => Outcome::NotConnected,
            Stage::Awaiting => Outcome::Nothing,
        })
    }

    /// Counts and tells a broken rule.
    pub(crate) fn accuse(&mut self, link: LinkId, kind: Misbehavior) {
        let Some(entry) = self.links.table.get(link) else { return };
        let is_up = entry.stage == Stage::Up;
        let node = entry.remote.as_ref().filter(|_| is_up).map(AddressRecord::subject);
        let addr = entry.addr();
        self.stats.misbehaviors += 1;
        self.emit(Event::Misbehaved { addr, node, kind });
    }

    /// The link, if both sides know each other.
    pub(crate) fn up(&self, link: LinkId) -> Option<Up> {
        let link = self.links.table.get(link).filter(|link| link.stage == Stage::Up)?;
        Some(Up { purpose: link.purpose?, owner: link.owner, remote: link.remote.clone()? })
    }

    /// Takes in what the driver says about a link.
    pub(crate) fn on_link_input(&mut self, input: Input) -> Outcome {
        match input {
            Input::LinkUp { link, addr } => self.on_up(link, addr),
            Input::LinkDown { link, loss } => {
                self.on_end(link, Ending::Lost(loss), Failure::Lost(loss))
            }
            Input::DialFailed { link, failure } => {
                let lost = Ending::Lost(LinkLoss::Closed);
                self.on_end(link, lost, Failure::Dial(failure))
            }
            Input::Received { link, message } => self.on_message(link, message),
            Input::Garbled { link, error } => self.expel(link, Misbehavior::Garbled(error)),
            Input::Overrun { link } => {
                self.stats.limits.overruns += 1;
                let outcome = self.on_end(
                    link,
                    Ending::Lost(LinkLoss::Stalled),
                    Failure::Lost(LinkLoss::Stalled),
                );
                self.output(Output::Close { link });
                outcome
            }
            Input::Wake | Input::Command(_) => Outcome::Nothing,
        }
    }

    /// A link took too long to get to the point.
    pub(crate) fn on_hello_timer(&mut self, link: LinkId) -> Outcome {
        let Some(entry) = self.links.table.get(link) else { return Outcome::Nothing };
        match entry.stage {
            Stage::Awaiting => {
                self.stats.hellos_missed += 1;
                self.close(link, Bye::Silent);
                Outcome::Nothing
            }
            Stage::Up => {
                let up = self.up(link);
                self.close(link, Bye::Done);
                up.map_or(Outcome::Nothing, |up| Outcome::Ended(up, Ending::Bye(Bye::Done)))
            }
            Stage::Dialing | Stage::ConnectOnly | Stage::Greeting => {
                let timed_out = Failure::Dial(DialFailure::TimedOut);
                let outcome = self.on_end(link, Ending::Lost(LinkLoss::Stalled), timed_out);
                self.output(Output::Close { link });
                outcome
            }
        }
    }

    fn on_up(&mut self, link: LinkId, addr: SocketAddr) -> Outcome {
        match link.origin() {
            LinkOrigin::Dialed if self.is_trying(link) => {
                self.forget(link);
                return Outcome::Connected;
            }
            LinkOrigin::Dialed => self.greet(link, addr),
            LinkOrigin::Accepted => self.accept(link, addr),
        }
        Outcome::Nothing
    }

    fn is_trying(&self, link: LinkId) -> bool {
        self.links.table.get(link).is_some_and(|link| link.stage == Stage::ConnectOnly)
    }

    fn greet(&mut self, link: LinkId, addr: SocketAddr) {
        let Some(entry) = self.links.table.get_mut(link) else { return };
        let Some(purpose) = entry.purpose.filter(|_| entry.stage == Stage::Dialing) else { return };
        let hello = Hello {
            network: self.config.network.clone(),
            to: entry.remote.as_ref().map(AddressRecord::subject),
            from: self.record.clone(),
            role: self.role,
            purpose,
        };
        entry.stage = Stage::Greeting;
        entry.handshake_pending = true;
        entry.set_addr(addr);
        self.send(link, LinkMessage::Hello(Box::new(hello)));
    }

    fn accept(&mut self, link: LinkId, addr: SocketAddr) {
        if self.links.table.get(link).is_some() {
            return;
        }
        if self.links.handshake_pending >= self.config.links.max_pending {
            self.stats.limits.pending += 1;
            self.output(Output::Close { link });
            return;
        }
        self.links.handshake_pending += 1;
        self.links.table.insert(link, Link::awaiting(addr));
        self.arm(LinkTimer::Hello(link), self.config.links.accept_timeout);
    }

    fn on_end(&mut self, link: LinkId, ending: Ending, failure: Failure) -> Outcome {
        let Some(entry) = self.remove(link) else { return Outcome::Nothing };
        match entry.stage {
            Stage::Up => entry.into_up().map_or(Outcome::Nothing, |up| Outcome::Ended(up, ending)),
            Stage::Dialing | Stage::Greeting => {
                if !matches!(failure, Failure::Refused(_)) {
                    self.stats.dials_failed += 1;
                }
                entry.into_failed(failure)
            }
            Stage::ConnectOnly => {
                self.stats.dials_failed += 1;
                Outcome::NotConnected
            }
            Stage::Awaiting => Outcome::Nothing,
        }
    }

    fn on_message(&mut self, link: LinkId, message: Message) -> Outcome {
        let Some(entry) = self.links.table.get(link) else { return Outcome::Nothing };
        self.stats.messages_received += 1;
        match (entry.stage, entry.purpose, message) {
            (Stage::Awaiting, _, Message::Link(LinkMessage::Hello(hello))) => {
                self.on_hello(link, hello)
            }
            (Stage::Greeting, _, Message::Link(LinkMessage::Welcome(welcome))) => {
                self.on_welcome(link, &welcome)
            }
            (Stage::Greeting, _, Message::Link(LinkMessage::Refuse(refuse))) => {
                self.output(Output::Close { link });
                let lost = Ending::Lost(LinkLoss::Closed);
                self.on_end(link, lost, Failure::Refused(refuse))
            }
            (_, _, Message::Link(LinkMessage::Bye(bye))) => {
                self.output(Output::Close { link });
                self.on_end(link, Ending::Bye(bye), Failure::Lost(LinkLoss::Closed))
            }
            (Stage::Up, Some(purpose), message) => Outcome::Message(purpose, message),
            (_, _, message) => self.expel(link, Misbehavior::Unexpected(message.name())),
        }
    }

    fn on_welcome(&mut self, link: LinkId, welcome: &Welcome) -> Outcome {
        let me = self.me();
        let Some(entry) = self.links.table.get_mut(link) else { return Outcome::Nothing };
        let (Some(purpose), Some(owner)) = (entry.purpose, entry.owner) else {
            return Outcome::Nothing;
        };
        if !fits(purpose, entry.remote.as_ref(), welcome, me) {
            return self.expel(link, Misbehavior::Unexpected("Welcome"));
        }
        entry.rise(purpose, &welcome.from);
        self.links.end_neighbor_dial(link);
        self.keep(link);
        Outcome::Welcomed(owner, Up { purpose, owner: Some(owner), remote: welcome.from.clone() })
    }

    /// Refuses what no role would grant; the rest is for the role to decide.
    fn on_hello(&mut self, link: LinkId, hello: Box<Hello>) -> Outcome {
        let reason = if hello.network != self.config.network {
            Refusal::WrongNetwork
        } else if hello.from.subject() == self.me() {
            Refusal::Yourself
        } else if hello.to.is_some_and(|to| to != self.me()) {
            Refusal::WrongNode
        } else if self.leaving {
            Refusal::Leaving
        } else {
            return Outcome::HelloReceived(hello);
        };
        self.refuse(link, hello.from, reason);
        Outcome::Nothing
    }

    fn forget(&mut self, link: LinkId) -> Option<Link> {
        let entry = self.remove(link)?;
        self.output(Output::Close { link });
        Some(entry)
    }

    fn remove(&mut self, link: LinkId) -> Option<Link> {
        self.timers.cancel(LinkTimer::Hello(link));
        let entry = self.links.table.remove(link)?;
        self.links.pings.forget(link);
        self.has_changed |= entry.owner.is_some();
        if entry.owner.is_some_and(Owner::makes_neighbors) {
            self.links.end_neighbor_dial(link);
        } else if matches!(entry.owner, Some(Owner::Delivery(_))) {
            self.links.take_delivery(link);
        }
        if entry.handshake_pending && link.origin() == LinkOrigin::Accepted {
            self.links.handshake_pending -= 1;
        }
        Some(entry)
    }
}

impl Stage {
    const fn is_connected(self) -> bool {
        match self {
            Self::Dialing | Self::ConnectOnly => false,
            Self::Greeting | Self::Awaiting | Self::Up => true,
        }
    }

    /// A dial that is to be welcomed.
    const fn is_before_welcome(self) -> bool {
        match self {
            Self::Dialing | Self::Greeting => true,
            Self::ConnectOnly | Self::Awaiting | Self::Up => false,
        }
    }
}

impl Link {
    fn awaiting(addr: SocketAddr) -> Self {
        let addr = Some(Box::new(addr));
        Self {
            stage: Stage::Awaiting,
            purpose: None,
            owner: None,
            handshake_pending: true,
            remote: None,
            addr,
        }
    }

    /// The other end's address.
    fn addr(&self) -> SocketAddr {
        match (&self.addr, &self.remote) {
            (Some(addr), _) => **addr,
            (None, Some(remote)) => remote.primary(),
            (None, None) => unreachable!("a link without a record has an address"),
        }
    }

    fn set_addr(&mut self, addr: SocketAddr) {
        let is_primary = self.remote.as_ref().is_some_and(|remote| remote.primary() == addr);
        self.addr = (!is_primary).then(|| Box::new(addr));
    }

    /// Both sides know each other now.
    fn rise(&mut self, purpose: Purpose, remote: &AddressRecord) {
        let addr = self.addr();
        self.stage = Stage::Up;
        self.purpose = Some(purpose);
        self.remote = Some(remote.clone());
        self.set_addr(addr);
    }

    fn into_failed(self, failure: Failure) -> Outcome {
        let (addr, to) = (self.addr(), self.remote);
        self.owner.map_or(Outcome::Nothing, |owner| {
            Outcome::Failed(Box::new(Failed { owner, to, addr, failure }))
        })
    }

    fn into_up(self) -> Option<Up> {
        Some(Up { purpose: self.purpose?, owner: self.owner, remote: self.remote? })
    }
}

/// Whether a welcome comes from whom the dial was for, in a role that serves its purpose.
fn fits(purpose: Purpose, to: Option<&AddressRecord>, welcome: &Welcome, me: NodeId) -> bool {
    let from = welcome.from.subject();
    let role_fits = match purpose {
        Purpose::Register | Purpose::Notice | Purpose::Vote => welcome.role == Role::SeedNode,
        Purpose::Neighbor { .. }
        | Purpose::Join
        | Purpose::Shuffle
        | Purpose::PingRequest
        | Purpose::Optimize
        | Purpose::Exchange => welcome.role == Role::Peer,
        Purpose::Probe => true,
    };
    role_fits && from != me && to.is_none_or(|to| to.subject() == from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_takes_40_bytes() {
        assert_eq!(size_of::<(LinkId, Link)>(), 40);
    }
}
