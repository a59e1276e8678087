//! What goes into a node and what comes out.
//!
//! ```text
//! driver                          node
//!   handle(now, Input)     ──▶
//!   poll_output() ...      ◀──    Output   until None
//!   poll_timeout()         ◀──    Deadline when to come back at the latest
//! ```

#[cfg(feature = "many-nodes")]
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use crate::address::AddressRecord;
use crate::event::Event;
use crate::failure::{DialFailure, LinkLoss};
use crate::id::LinkId;
use crate::messaging::{Payload, Topic};
use crate::registration::named::NamedSeedNodes;
use crate::rng::RngSeed;
use crate::time::UnixTime;
use crate::wire::{DecodeError, Message};

/// What a driver tells a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The deadline has come, or nothing has and the driver calls anyway.
    Wake,
    /// A connection stands: one that was dialed (the id is from [`Output::Dial`]), or one that was
    /// accepted and began with a good preamble (the driver made the id).
    LinkUp {
        /// The connection.
        link: LinkId,
        /// The other end.
        addr: SocketAddr,
    },
    /// A connection ended, not by [`Output::Close`]. One that was dialed may end before it was told to
    /// be up: somebody accepted it, which is no refusal.
    LinkDown {
        /// The connection.
        link: LinkId,
        /// How.
        loss: LinkLoss,
    },
    /// A dial came to nothing.
    DialFailed {
        /// The connection that will not be.
        link: LinkId,
        /// Why.
        failure: DialFailure,
    },
    /// A message arrived.
    Received {
        /// On this connection.
        link: LinkId,
        /// The message.
        message: Message,
    },
    /// Bytes arrived that are no message.
    Garbled {
        /// On this connection.
        link: LinkId,
        /// What is wrong with them.
        error: DecodeError,
    },
    /// At least [`CONGESTED`](crate::CONGESTED) bytes of gossip wait for a connection. [`Self::LinkReady`]
    /// follows, unless the connection ends.
    LinkCongested {
        /// Which connection.
        link: LinkId,
    },
    /// No more than [`READY`](crate::READY) bytes of gossip wait for a connection that was congested, or of
    /// which [`Output::AwaitReady`] was asked.
    LinkReady {
        /// Which connection.
        link: LinkId,
    },
    /// No gossip waits for a connection of which [`Output::AwaitIdle`] was asked, and all of it was written.
    LinkIdle {
        /// Which connection.
        link: LinkId,
    },
    /// A message could not be queued, because far too much waits.
    Overrun {
        /// On this connection.
        link: LinkId,
    },
    /// The program reads messages more slowly than they come, or has caught up: neighbors are asked to wait,
    /// or to go on.
    Reader {
        /// Whether it is behind.
        is_behind: bool,
    },
    /// The machine slept, or its process was moved to another one, and the time that is given to
    /// [`handle`](crate::Node::handle) does not count that. A clock that counts sleep needs no such input.
    Slept {
        /// For how long.
        time: Duration,
    },
    /// The caller wants something.
    Command(Command),
}

/// What a caller may ask of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Say this to everybody. Peers only.
    Broadcast {
        /// What it is about.
        topic: Topic,
        /// What is said.
        payload: Payload,
    },
    /// Use these seed nodes from now on, 1 to [`MAX_SEED_NODES`](crate::MAX_SEED_NODES) different
    /// ones: a name was looked up again, or a file has changed. A peer keeps its registrations with
    /// those that stay; the others are given up. A seed node asks these for their votes.
    SeedNodes(NamedSeedNodes),
    /// Announce these addresses from now on, 1 to [`MAX_ADDRESSES`](crate::MAX_ADDRESSES): the host has others
    /// than before. Nothing happens where they are the same.
    Addresses(Vec<SocketAddr>),
    /// Tell neighbors and seed nodes, close all links, and be done. Ends with [`Event::Left`].
    Leave,
}

/// What a node wants its driver to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Connect to the first of these addresses that answers; one that does not must not keep the later
    /// ones waiting (RFC 8305). Ends in [`Input::LinkUp`], in [`Input::DialFailed`] with the weakest of
    /// the failures, or in [`Input::LinkDown`], unless closed before.
    Dial {
        /// What the connection will be called.
        link: LinkId,
        /// Addresses of one node, best first.
        addresses: Arc<[SocketAddr]>,
    },
    /// Queue this message.
    Send {
        /// On this connection.
        link: LinkId,
        /// The message.
        message: Message,
    },
    /// Say [`Input::LinkReady`] when no more than [`READY`](crate::READY) bytes of gossip wait for this
    /// connection: at once, if that is so already. There is more to send than should wait.
    AwaitReady {
        /// Which connection.
        link: LinkId,
    },
    /// Say [`Input::LinkIdle`] when no gossip waits for this connection: at once, if that is so already.
    /// What is said meanwhile is gathered.
    AwaitIdle {
        /// Which connection.
        link: LinkId,
    },
    /// Send what is queued and close, or give up the dial. Nothing more is heard of the link.
    Close {
        /// The connection.
        link: LinkId,
    },
    /// Drop what is queued and what was not read, and close at once. Nothing more is heard of the link.
    Reset {
        /// The connection.
        link: LinkId,
    },
    /// Tell whoever watches.
    Event(Event),
}

/// Everything random or absolute that a node gets, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Birth {
    /// Who and where the node is, and in which life.
    pub record: AddressRecord,
    /// Start of its randomness.
    pub rng_seed: RngSeed,
    /// What the calendar says.
    pub unix: UnixTime,
}

/// Room for the outputs of one input, see [`Node::exchange_room`](crate::Node::exchange_room).
#[cfg(feature = "many-nodes")]
#[derive(Clone, Debug, Default)]
pub struct Room(pub(crate) VecDeque<Output>);
