//! One node of either role, behind the three verbs of the contract.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::net::SocketAddr;
use core::time::Duration;

use crate::address::AddressRecord;
use crate::config::{Config, ConfigError};
use crate::context::Context;
use crate::event::Event;
use crate::id::{BootEpoch, NodeId, Role};
use crate::io::{Birth, Input, Output};
use crate::peer::Peer;
use crate::registration::named::NamedSeedNodes;
use crate::seed_node::SeedNode;
use crate::snapshot::{NodeSnapshot, Said};
use crate::stats::Stats;
use crate::time::Instant;
use crate::timers::Deadline;

/// A node of the network: a seed node or a peer. See the crate's documentation for the contract.
#[derive(Clone, Debug)]
pub struct Node {
    role: RoleState,
}

#[derive(Clone, Debug)]
enum RoleState {
    SeedNode(Box<SeedNode>),
    Peer(Box<Peer>),
}

impl Node {
    /// A seed node, born now, among these seed nodes, which it asks for their votes where its config
    /// says [`Quorum`](crate::DecisionMode::Quorum): up to [`MAX_SEED_NODES`](crate::MAX_SEED_NODES), itself
    /// among them or not; none if it is the only one. Nodes may share their config.
    pub fn seed_node(
        config: impl Into<Arc<Config>>,
        birth: Birth,
        seed_nodes: &[SocketAddr],
    ) -> Result<Self, ConfigError> {
        Self::seed_node_among(config, birth, &seed_nodes.into())
    }

    /// The same with seed nodes as settings name them. Names that were not found yet count.
    pub fn seed_node_among(
        config: impl Into<Arc<Config>>,
        birth: Birth,
        seed_nodes: &NamedSeedNodes,
    ) -> Result<Self, ConfigError> {
        let config = config.into();
        config.check()?;
        seed_nodes.check(0)?;
        let cx = Context::new(Role::SeedNode, config, birth);
        Ok(Self { role: RoleState::SeedNode(Box::new(SeedNode::new(cx, seed_nodes))) })
    }

    /// A peer, born now, that joins through these seed nodes: 1 to
    /// [`MAX_SEED_NODES`](crate::MAX_SEED_NODES), each given once. Nodes may share their config.
    pub fn peer(
        config: impl Into<Arc<Config>>,
        birth: Birth,
        seed_nodes: &[SocketAddr],
    ) -> Result<Self, ConfigError> {
        Self::peer_among(config, birth, &seed_nodes.into())
    }

    /// The same with seed nodes as settings name them. None of them need be found yet.
    pub fn peer_among(
        config: impl Into<Arc<Config>>,
        birth: Birth,
        seed_nodes: &NamedSeedNodes,
    ) -> Result<Self, ConfigError> {
        let config = config.into();
        config.check()?;
        seed_nodes.check(1)?;
        let cx = Context::new(Role::Peer, config, birth);
        Ok(Self { role: RoleState::Peer(Box::new(Peer::new(cx, seed_nodes))) })
    }

    /// Lets the node begin a life above one that others know of it, however far ahead of the calendar that
    /// is. Without this at most a day.
    pub fn force_epoch(&mut self) {
        if let RoleState::Peer(peer) = &mut self.role {
            peer.force_epoch();
        }
    }

    /// Takes one input. Never panics because of what a remote node sent.
    ///
    /// # Panics
    ///
    /// When the driver breaks the contract: outputs of the last input are not drained, or `now`
    /// goes back.
    pub fn handle(&mut self, now: Instant, input: Input) {
        let cx = self.cx_mut();
        assert!(cx.is_drained(), "poll_output until None before the next handle");
        assert!(now >= cx.now, "time went back from {} to {now}", cx.now);
        cx.now = now;
        let late = cx.timers.next().map_or(Duration::ZERO, |due| now.since(due.at));
        if late > cx.longest_silence() {
            self.on_stood_still(late);
        }
        self.fire_timers(now);
        self.apply(input);
        if let RoleState::Peer(peer) = &mut self.role {
            peer.top_up();
            peer.tell_credit();
        }
    }

    /// The next thing to do, in order; `None` when that was all.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.cx_mut().poll_output()
    }

    /// Exchanges the room for outputs for another one, which must be empty as its own is between two
    /// inputs. A driver of many nodes lends one room to each in turn; a driver of one need not care.
    ///
    /// # Panics
    ///
    /// When either is not empty.
    #[cfg(feature = "many-nodes")]
    pub fn exchange_room(&mut self, room: &mut crate::io::Room) {
        self.cx_mut().exchange_room(&mut room.0);
    }

    /// Reads a part of what the next input will need, and does nothing with it. A driver of many
    /// nodes may call this for some of them in a row before it turns to each: the machine fetches
    /// their memory at once then, and need not wait for it once per node.
    #[cfg(feature = "many-nodes")]
    pub fn touch(&self) {
        self.cx().touch();
    }

    /// When to call [`handle`](Self::handle) with [`Input::Wake`] at the latest. Valid until the
    /// next `handle`; `None` when the node waits for nothing.
    #[inline]
    pub fn poll_timeout(&self) -> Option<Deadline> {
        self.cx().timers.next()
    }

    /// Checks what must be true of each part between two inputs: every neighbor has a link and a slot,
    /// nobody is in its own book, every dial has an owner that waits for it, no tree has a lazy neighbor
    /// that is gone, and so on.
    ///
    /// # Panics
    ///
    /// When something is not as it must be, with what, and on which node.
    #[cfg(any(test, feature = "invariants"))]
    pub fn check_invariants(&self) {
        let result = match &self.role {
            RoleState::Peer(peer) => peer.invariants(),
            RoleState::SeedNode(seed_node) => seed_node.invariants(),
        };
        if let Err(broken) = result {
            panic!("node {}: {broken}", self.id());
        }
    }

    /// Whether a [`Command::Broadcast`](crate::Command::Broadcast) is welcome now. It is not while much of
    /// what was said is still owed to somebody, here or near: a driver that gives one nevertheless may make
    /// them miss the oldest. May change with each input.
    pub fn takes_broadcasts(&self) -> bool {
        self.cx().flow.is_free()
    }

    /// Who this is.
    pub fn id(&self) -> NodeId {
        self.cx().me()
    }

    /// Its role.
    pub fn role(&self) -> Role {
        self.cx().role
    }

    /// In which life.
    pub fn epoch(&self) -> BootEpoch {
        self.cx().epoch()
    }

    /// The last message that it was given to broadcast. A seed node is given none.
    pub fn last_said(&self) -> Said {
        match &self.role {
            RoleState::SeedNode(_) => Said::default(),
            RoleState::Peer(peer) => peer.last_said(),
        }
    }

    /// Its settings.
    pub fn config(&self) -> &Config {
        &self.cx().config
    }

    /// What it has counted.
    pub fn stats(&self) -> &Stats {
        &self.cx().stats
    }

    /// The neighbor that missed a message last because it left the store, see
    /// [`Limits::owed`](crate::Limits::owed).
    pub fn late_neighbor(&self) -> Option<&AddressRecord> {
        self.cx().late_neighbor.as_ref()
    }

    /// A copy of everything that can be seen from outside.
    pub fn snapshot(&self) -> NodeSnapshot {
        match &self.role {
            RoleState::SeedNode(seed_node) => seed_node.snapshot(),
            RoleState::Peer(peer) => peer.snapshot(),
        }
    }

    fn fire_timers(&mut self, now: Instant) {
        let before = self.cx().timers.order();
        while let Some(timer) = self.cx_mut().timers.pop_due(now, before) {
            match &mut self.role {
                RoleState::SeedNode(seed_node) => seed_node.on_timer(timer),
                RoleState::Peer(peer) => peer.on_timer(timer),
            }
        }
    }

    fn on_stood_still(&mut self, time: Duration) {
        match &mut self.role {
            RoleState::SeedNode(seed_node) => seed_node.cx.emit(Event::StoodStill { time }),
            RoleState::Peer(peer) => peer.on_stood_still(time),
        }
    }

    fn apply(&mut self, input: Input) {
        let link = match &input {
            Input::Wake => return,
            Input::Command(_) | Input::Reader { .. } | Input::Slept { .. } => None,
            Input::LinkUp { link, .. }
            | Input::LinkDown { link, .. }
            | Input::DialFailed { link, .. }
            | Input::Received { link, .. }
            | Input::Garbled { link, .. }
            | Input::LinkCongested { link }
            | Input::LinkReady { link }
            | Input::LinkIdle { link }
            | Input::Overrun { link } => Some(*link),
        };
        match (&mut self.role, link, input) {
            (RoleState::SeedNode(node), Some(link), input) => node.on_link_input(link, input),
            (RoleState::Peer(node), Some(link), input) => node.on_link_input(link, input),
            (RoleState::SeedNode(node), _, Input::Command(command)) => node.on_command(&command),
            (RoleState::Peer(node), _, Input::Command(command)) => node.on_command(command),
            (RoleState::Peer(node), _, Input::Reader { is_behind }) => node.on_reader(is_behind),
            (RoleState::Peer(node), _, Input::Slept { time }) => node.on_slept(time),
            // A seed node keeps no messages that grow old.
            (RoleState::SeedNode(node), _, Input::Slept { time }) => {
                if time > node.cx.longest_silence() {
                    node.cx.emit(Event::StoodStill { time });
                }
            }
            // A seed node has nothing to read.
            (RoleState::SeedNode(_), _, Input::Reader { .. }) => {}
            (_, None, _) => unreachable!("all else concerns a link"),
        }
    }

    #[inline]
    fn cx(&self) -> &Context {
        match &self.role {
            RoleState::SeedNode(seed_node) => &seed_node.cx,
            RoleState::Peer(peer) => &peer.cx,
        }
    }

    fn cx_mut(&mut self) -> &mut Context {
        match &mut self.role {
            RoleState::SeedNode(seed_node) => &mut seed_node.cx,
            RoleState::Peer(peer) => &mut peer.cx,
        }
    }
}
