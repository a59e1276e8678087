//! What parts do with links, and what the driver says about them.

use alloc::boxed::Box;
use core::net::SocketAddr;
use core::time::Duration;

use crate::address::AddressRecord;
use crate::context::Context;
use crate::event::{Event, LifeNews, Misbehavior};
use crate::fact::Fact;
use crate::failure::{DialFailure, LinkLoss};
use crate::id::{LinkId, LinkOrigin, NodeId, Role};
use crate::io::{Input, Output};
use crate::links::state::{
    Delivery, Ending, Failure, Link, NeighborDial, Outcome, Owner, Stage, Target, Up,
};
use crate::links::timer::LinkTimer;
use crate::util::room::make_room;
use crate::wire::{
    Bye, Hello, KnownLife, LinkMessage, Message, Parts, Purpose, Refusal, Refuse, SwimMessage,
    Welcome,
};

/// What parts do with links.
impl Context {
    /// Dials a node. The dial ends in [`Outcome::Welcomed`] or [`Outcome::Failed`], at the latest
    /// after `hello_timeout`.
    pub(crate) fn dial(&mut self, to: Target<'_>, purpose: Purpose, owner: Owner) -> LinkId {
        let patience = self.config.links.hello_timeout;
        let link = self.begin(to, Stage::Dialing, Some(purpose), owner, patience);
        if owner.makes_neighbors() {
            make_room(&mut self.links.neighbor_dials);
            let prefix = to.prefix();
            self.links.neighbor_dials.push(NeighborDial { link, prefix });
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
    /// [`Outcome::Connected`], [`Outcome::NotConnected`] or [`Outcome::NotTried`], at the latest after
    /// `patience`.
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

    /// Grants a hello: from here on the link is up. Unless it is [kept](Context::keep) it ends
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
    /// there are. Links that only ask, probe or report are never kept, so strangers cannot hold
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

    /// Shows a node that came in an older life the newer one that is known here. A link still stands.
    pub(crate) fn show_life(
        &mut self,
        link: LinkId,
        from: &AddressRecord,
        known: &AddressRecord,
        is_linked: bool,
    ) {
        let (record, news) = (known.clone(), LifeNews::Shown(from.clone()));
        self.send(link, LinkMessage::KnownLife(Box::new(KnownLife { record, is_linked })));
        self.emit(Event::OtherLife { known: known.clone(), news });
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
        while let Some((link, _)) = self.links.table.first() {
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
    pub(super) fn accuse(&mut self, link: LinkId, kind: Misbehavior) {
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
            // What waits to be sent concerns the broadcast alone.
            Input::LinkCongested { .. }
            | Input::LinkReady { .. }
            | Input::LinkIdle { .. }
            | Input::Wake
            | Input::Slept { .. }
            | Input::Command(_)
            | Input::Reader { .. } => Outcome::Nothing,
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
            parts: (self.role == Role::Peer).then(|| Parts::of(&self.config)),
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

    pub(super) fn on_end(&mut self, link: LinkId, ending: Ending, failure: Failure) -> Outcome {
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
                if failure.is_own() { Outcome::NotTried } else { Outcome::NotConnected }
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
            (Stage::Greeting, _, Message::Link(LinkMessage::KnownLife(known))) => {
                self.tell(Fact::KnownLife(known));
                Outcome::Nothing
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
        } else if let Some((has, asks)) = self.misfit(&hello) {
            Refusal::OtherParts { has, asks }
        } else {
            return Outcome::HelloReceived(hello);
        };
        self.refuse(link, hello.from, reason);
        Outcome::Nothing
    }

    /// The parts of this peer and of the one that asks, where they do not fit. Probes ask for a sign of life
    /// alone.
    fn misfit(&self, hello: &Hello) -> Option<(Parts, Parts)> {
        let asks = hello.parts.filter(|_| hello.purpose != Purpose::Probe)?;
        let has = Parts::of(&self.config);
        (self.role == Role::Peer && !has.fits(asks)).then_some((has, asks))
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
        self.links.faults.remove(&link);
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
