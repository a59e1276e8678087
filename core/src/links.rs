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

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use crate::address::AddressRecord;
use crate::context::Context;
use crate::event::{Event, Misbehavior};
use crate::failure::{DialFailure, LinkLoss};
use crate::id::{LinkId, LinkOrigin, NodeId, Role};
use crate::io::{Input, Output};
use crate::timers::Timer;
use crate::wire::{Bye, Hello, Message, Purpose, Refusal, Refuse, Welcome};

/// All links of a node.
#[derive(Clone, Debug, Default)]
pub(crate) struct Links {
    table: BTreeMap<LinkId, Link>,
    /// How many accepted links have not got to the point yet, see [`Links::settle`].
    unsettled: usize,
    /// How many were ever dialed.
    dialed: u64,
}

#[derive(Clone, Debug)]
struct Link {
    addr: SocketAddr,
    state: State,
    /// Its hello timer runs, and it counts against `max_pending` when it was accepted.
    unsettled: bool,
}

#[derive(Clone, Debug)]
enum State {
    /// Dialed, no connection yet.
    Dialing(Dial),
    /// Dialed only to see whether a connection comes to stand.
    Trying,
    /// Dialed and connected, our hello is not answered yet.
    Greeting(Dial),
    /// Accepted, no hello yet.
    Awaiting,
    /// Welcomed, by either side.
    Up(Up),
}

/// What a link was dialed for.
#[derive(Clone, Debug)]
pub(crate) struct Dial {
    pub(crate) purpose: Purpose,
    /// Whom it should reach, when that is known.
    pub(crate) to: Option<NodeId>,
}

/// A link on which both sides know each other.
#[derive(Clone, Debug)]
pub(crate) struct Up {
    pub(crate) purpose: Purpose,
    pub(crate) remote: AddressRecord,
}

/// What an input about a link means for the role.
#[derive(Debug)]
pub(crate) enum Outcome {
    Nothing,
    /// Somebody asks; [`Links::welcome`] or [`Links::refuse`] must follow.
    Asked(Box<Hello>),
    /// A dial has succeeded.
    Welcomed(Dial, Up),
    /// A dial has failed; the link is gone.
    Failed(Dial, Failure),
    /// A connection that was tried stands; it is being closed.
    Connected,
    /// A connection that was tried did not come to stand.
    NotConnected,
    /// A link that was up is gone.
    Ended(Up, Ending),
    /// A message on a link that is up.
    Message(Message),
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
    /// Dials a node. The dial ends in [`Outcome::Welcomed`] or [`Outcome::Failed`], at the latest
    /// after `hello_timeout`.
    pub(crate) fn dial(
        &mut self,
        cx: &mut Context,
        addresses: Arc<[SocketAddr]>,
        purpose: Purpose,
        to: Option<NodeId>,
    ) -> LinkId {
        let state = State::Dialing(Dial { purpose, to });
        let patience = cx.config.links.hello_timeout;
        self.begin(cx, addresses, state, patience)
    }

    /// Sees whether a connection comes to stand, and closes it before any hello. Ends in
    /// [`Outcome::Connected`] or [`Outcome::NotConnected`], at the latest after `patience`.
    pub(crate) fn try_connect(
        &mut self,
        cx: &mut Context,
        addresses: Arc<[SocketAddr]>,
        patience: Duration,
    ) -> LinkId {
        self.begin(cx, addresses, State::Trying, patience)
    }

    fn begin(
        &mut self,
        cx: &mut Context,
        addresses: Arc<[SocketAddr]>,
        state: State,
        patience: Duration,
    ) -> LinkId {
        let link = LinkId::dialed(self.dialed);
        self.dialed += 1;
        cx.stats.dials += 1;
        self.table.insert(link, Link { addr: addresses[0], state, unsettled: true });
        cx.arm(Timer::Hello(link), patience);
        cx.output(Output::Dial { link, addresses });
        link
    }

    /// Grants a hello: from here on the link is up. Unless it is [settled](Links::settle) it ends
    /// after `accept_timeout`.
    pub(crate) fn welcome(&mut self, cx: &mut Context, link: LinkId, hello: &Hello) {
        let Some(entry) = self.table.get_mut(&link) else { return };
        let (purpose, remote) = (hello.purpose, hello.from.clone());
        entry.state = State::Up(Up { purpose, remote });
        cx.send(link, Message::Welcome(Welcome { from: cx.record.clone(), role: cx.role }));
    }

    /// Lets a link stay: it does what it was opened for, and the role bounds how many such links
    /// there are. Links that only ask, probe or report are never settled, so strangers cannot hold
    /// more than `max_pending` of them, nor any for longer than `accept_timeout`.
    pub(crate) fn settle(&mut self, cx: &mut Context, link: LinkId) {
        if let Some(entry) = self.table.get_mut(&link).filter(|entry| entry.unsettled) {
            entry.unsettled = false;
            if link.origin() == LinkOrigin::Accepted {
                self.unsettled -= 1;
            }
            cx.timers.cancel(Timer::Hello(link));
        }
    }

    /// Denies a hello and ends the link.
    pub(crate) fn refuse(
        &mut self,
        cx: &mut Context,
        link: LinkId,
        from: AddressRecord,
        reason: Refusal,
    ) {
        cx.stats.hellos_refused += 1;
        let refuse = Refuse { from: cx.me(), epoch: cx.epoch(), reason };
        cx.send(link, Message::Refuse(refuse));
        self.forget(cx, link);
        cx.emit(Event::HelloRefused { from, reason });
    }

    /// Ends a link on purpose, saying so. Gives up a dial.
    pub(crate) fn close(&mut self, cx: &mut Context, link: LinkId, bye: Bye) {
        let is_connected = |link: &Link| !matches!(link.state, State::Dialing(_) | State::Trying);
        if self.table.get(&link).is_some_and(is_connected) {
            cx.send(link, Message::Bye(bye));
        }
        self.forget(cx, link);
    }

    /// Ends every link on purpose.
    pub(crate) fn close_all(&mut self, cx: &mut Context, bye: Bye) {
        while let Some((&link, _)) = self.table.first_key_value() {
            self.close(cx, link, bye);
        }
    }

    /// Ends every link on purpose but those that carry notices of this node.
    pub(crate) fn close_all_but_notices(&mut self, cx: &mut Context, bye: Bye) {
        let carries_notices = |link: &Link| match &link.state {
            State::Dialing(dial) | State::Greeting(dial) => dial.purpose == Purpose::Notice,
            State::Trying | State::Awaiting | State::Up(_) => false,
        };
        let others: Vec<LinkId> = self
            .table
            .iter()
            .filter(|(_, link)| !carries_notices(link))
            .map(|(id, _)| *id)
            .collect();
        for link in others {
            self.close(cx, link, bye);
        }
    }

    /// Ends a link whose other side broke a rule.
    pub(crate) fn expel(&mut self, cx: &mut Context, link: LinkId, what: Misbehavior) -> Outcome {
        self.accuse(cx, link, what);
        if let Some(Link { state: State::Greeting(_) | State::Awaiting | State::Up(_), .. }) =
            self.table.get(&link)
        {
            cx.send(link, Message::Bye(Bye::Misbehaved));
        }
        match self.forget(cx, link) {
            Some(Link { state: State::Up(up), .. }) => Outcome::Ended(up, Ending::Garbled),
            Some(Link { state: State::Dialing(dial) | State::Greeting(dial), .. }) => {
                Outcome::Failed(dial, Failure::Garbled)
            }
            Some(Link { state: State::Trying, .. }) => Outcome::NotConnected,
            Some(Link { state: State::Awaiting, .. }) | None => Outcome::Nothing,
        }
    }

    /// Counts and tells a broken rule.
    pub(crate) fn accuse(&self, cx: &mut Context, link: LinkId, what: Misbehavior) {
        let Some(entry) = self.table.get(&link) else { return };
        let node = match &entry.state {
            State::Up(up) => Some(up.remote.subject()),
            State::Dialing(_) | State::Trying | State::Greeting(_) | State::Awaiting => None,
        };
        cx.stats.misbehaviors += 1;
        cx.emit(Event::Misbehaved { addr: entry.addr, node, what });
    }

    /// The link, if both sides know each other.
    pub(crate) fn up(&self, link: LinkId) -> Option<&Up> {
        match self.table.get(&link) {
            Some(Link { state: State::Up(up), .. }) => Some(up),
            _ => None,
        }
    }

    /// Takes in what the driver says about a link.
    pub(crate) fn on_input(&mut self, cx: &mut Context, input: Input) -> Outcome {
        match input {
            Input::LinkUp { link, addr } => self.on_up(cx, link, addr),
            Input::LinkDown { link, loss } => {
                self.on_end(cx, link, Ending::Lost(loss), Failure::Lost(loss))
            }
            Input::DialFailed { link, failure } => {
                let lost = Ending::Lost(LinkLoss::Closed);
                self.on_end(cx, link, lost, Failure::Dial(failure))
            }
            Input::Received { link, message } => self.on_message(cx, link, message),
            Input::Garbled { link, error } => self.expel(cx, link, Misbehavior::Garbled(error)),
            Input::Overrun { link } => {
                cx.stats.limits.overruns += 1;
                let outcome = self.on_end(
                    cx,
                    link,
                    Ending::Lost(LinkLoss::Stalled),
                    Failure::Lost(LinkLoss::Stalled),
                );
                cx.output(Output::Close { link });
                outcome
            }
            Input::Wake | Input::Command(_) => Outcome::Nothing,
        }
    }

    /// A link took too long to get to the point.
    pub(crate) fn on_hello_timer(&mut self, cx: &mut Context, link: LinkId) -> Outcome {
        match self.table.get(&link) {
            Some(Link { state: State::Awaiting, .. }) => {
                cx.stats.hellos_missed += 1;
                self.close(cx, link, Bye::Silent);
                Outcome::Nothing
            }
            Some(Link { state: State::Up(up), .. }) => {
                let up = up.clone();
                self.close(cx, link, Bye::Done);
                Outcome::Ended(up, Ending::Bye(Bye::Done))
            }
            Some(_) => {
                let timed_out = Failure::Dial(DialFailure::TimedOut);
                let outcome = self.on_end(cx, link, Ending::Lost(LinkLoss::Stalled), timed_out);
                cx.output(Output::Close { link });
                outcome
            }
            None => Outcome::Nothing,
        }
    }

    fn on_up(&mut self, cx: &mut Context, link: LinkId, addr: SocketAddr) -> Outcome {
        match link.origin() {
            LinkOrigin::Dialed if self.is_trying(link) => {
                self.forget(cx, link);
                return Outcome::Connected;
            }
            LinkOrigin::Dialed => self.greet(cx, link, addr),
            LinkOrigin::Accepted => self.accept(cx, link, addr),
        }
        Outcome::Nothing
    }

    fn is_trying(&self, link: LinkId) -> bool {
        matches!(self.table.get(&link), Some(Link { state: State::Trying, .. }))
    }

    fn greet(&mut self, cx: &mut Context, link: LinkId, addr: SocketAddr) {
        let Some(entry) = self.table.get_mut(&link) else { return };
        let State::Dialing(dial) = &entry.state else { return };
        let hello = Hello {
            network: cx.config.network.clone(),
            to: dial.to,
            from: cx.record.clone(),
            role: cx.role,
            purpose: dial.purpose,
        };
        *entry = Link { addr, state: State::Greeting(dial.clone()), unsettled: true };
        cx.send(link, Message::Hello(Box::new(hello)));
    }

    fn accept(&mut self, cx: &mut Context, link: LinkId, addr: SocketAddr) {
        if self.unsettled >= cx.config.links.max_pending {
            cx.stats.limits.pending += 1;
            cx.output(Output::Close { link });
            return;
        }
        self.unsettled += 1;
        self.table.insert(link, Link { addr, state: State::Awaiting, unsettled: true });
        cx.arm(Timer::Hello(link), cx.config.links.accept_timeout);
    }

    fn on_end(
        &mut self,
        cx: &mut Context,
        link: LinkId,
        ending: Ending,
        failure: Failure,
    ) -> Outcome {
        match self.remove(cx, link) {
            Some(Link { state: State::Up(up), .. }) => Outcome::Ended(up, ending),
            Some(Link { state: State::Dialing(dial) | State::Greeting(dial), .. }) => {
                if !matches!(failure, Failure::Refused(_)) {
                    cx.stats.dials_failed += 1;
                }
                Outcome::Failed(dial, failure)
            }
            Some(Link { state: State::Trying, .. }) => {
                cx.stats.dials_failed += 1;
                Outcome::NotConnected
            }
            Some(Link { state: State::Awaiting, .. }) | None => Outcome::Nothing,
        }
    }

    fn on_message(&mut self, cx: &mut Context, link: LinkId, message: Message) -> Outcome {
        let Some(entry) = self.table.get_mut(&link) else { return Outcome::Nothing };
        cx.stats.messages_received += 1;
        match (&entry.state, message) {
            (State::Awaiting, Message::Hello(hello)) => self.on_hello(cx, link, hello),
            (State::Greeting(dial), Message::Welcome(welcome)) => {
                let dial = dial.clone();
                if !fits(&dial, &welcome, cx.me()) {
                    return self.expel(cx, link, Misbehavior::Unexpected("Welcome"));
                }
                let up = Up { purpose: dial.purpose, remote: welcome.from };
                entry.state = State::Up(up.clone());
                self.settle(cx, link);
                Outcome::Welcomed(dial, up)
            }
            (State::Greeting(_), Message::Refuse(refuse)) => {
                cx.output(Output::Close { link });
                let lost = Ending::Lost(LinkLoss::Closed);
                self.on_end(cx, link, lost, Failure::Refused(refuse))
            }
            (_, Message::Bye(bye)) => {
                cx.output(Output::Close { link });
                self.on_end(cx, link, Ending::Bye(bye), Failure::Lost(LinkLoss::Closed))
            }
            (State::Up(_), message) => Outcome::Message(message),
            (_, message) => self.expel(cx, link, Misbehavior::Unexpected(message.name())),
        }
    }

    /// Refuses what no role would grant; the rest is for the role to decide.
    fn on_hello(&mut self, cx: &mut Context, link: LinkId, hello: Box<Hello>) -> Outcome {
        let reason = if hello.network != cx.config.network {
            Refusal::WrongNetwork
        } else if hello.from.subject() == cx.me() {
            Refusal::Yourself
        } else if hello.to.is_some_and(|to| to != cx.me()) {
            Refusal::WrongNode
        } else if cx.leaving {
            Refusal::Leaving
        } else {
            return Outcome::Asked(hello);
        };
        self.refuse(cx, link, hello.from, reason);
        Outcome::Nothing
    }

    fn forget(&mut self, cx: &mut Context, link: LinkId) -> Option<Link> {
        let entry = self.remove(cx, link)?;
        cx.output(Output::Close { link });
        Some(entry)
    }

    fn remove(&mut self, cx: &mut Context, link: LinkId) -> Option<Link> {
        cx.timers.cancel(Timer::Hello(link));
        let entry = self.table.remove(&link)?;
        if entry.unsettled && link.origin() == LinkOrigin::Accepted {
            self.unsettled -= 1;
        }
        Some(entry)
    }
}

/// Whether a welcome comes from whom the dial was for, in a role that serves its purpose.
fn fits(dial: &Dial, welcome: &Welcome, me: NodeId) -> bool {
    let from = welcome.from.subject();
    let role_fits = match dial.purpose {
        Purpose::Register | Purpose::Notice => welcome.role == Role::SeedNode,
        Purpose::Neighbor { .. } => welcome.role == Role::Peer,
        Purpose::Probe => true,
    };
    role_fits && from != me && dial.to.is_none_or(|to| to == from)
}
