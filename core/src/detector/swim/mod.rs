//! The detector `swim`: SWIM (Das, Gupta, Motivala, DSN 2002) with Lifeguard (Dadgar, Phillips, Currey,
//! DSN-W 2018), on the links that there are.

pub(crate) mod members;

use alloc::vec::Vec;
use core::time::Duration;

use crate::address::AddressRecord;
use crate::context::Context;
use crate::event::NeighborLoss;
use crate::id::{LinkId, NodeId};
use crate::links::{Failure, Links};
use crate::neighbors::{Neighbor, Neighbors};
use crate::wire::{Ping, Statement};

/// A peer's probes, suspicions and members.
#[derive(Clone, Debug)]
pub(crate) struct Swim {}

/// What the peer must do because of what `swim` found.
#[derive(Clone, Debug)]
pub(crate) enum Finding {
    /// Tell everybody.
    Say(Statement),
    /// This one is dead: end its link, forget it, and report it to the seed nodes if `is_own` (this
    /// peer found out itself).
    Dead { subject: AddressRecord, is_own: bool },
    /// This one left.
    Left(NodeId),
}

impl Swim {
    pub(crate) fn new(_cx: &mut Context) -> Self {
        Self {}
    }

    /// The next thing that the peer must do; `None` when that was all.
    pub(crate) fn next_finding(&mut self) -> Option<Finding> {
        None
    }

    /// Time to probe the next one.
    pub(crate) fn on_round_timer(&mut self, _cx: &mut Context, _: &mut Links, _: &Neighbors) {}

    pub(crate) fn on_overdue_timer(
        &mut self,
        _cx: &mut Context,
        _links: &mut Links,
        _neighbors: &Neighbors,
        _number: u32,
    ) {
    }

    /// A request to probe somebody must be answered.
    pub(crate) fn on_request_timer(&mut self, _cx: &mut Context, _links: &mut Links, _number: u32) {
    }

    pub(crate) fn on_suspicion_timer(&mut self, _cx: &mut Context, _number: u32) {}

    pub(crate) fn on_neighbor_up(&mut self, _cx: &mut Context, _: &Neighbors, _up: &Neighbor) {}

    pub(crate) fn on_neighbor_down(
        &mut self,
        _cx: &mut Context,
        _links: &mut Links,
        _down: &Neighbor,
        _why: NeighborLoss,
    ) {
    }

    pub(crate) fn challenge(&mut self, _cx: &mut Context, _link: LinkId) {}

    pub(crate) fn on_pong(&mut self, _cx: &mut Context, _link: LinkId, _pong: &Ping) -> bool {
        true
    }

    /// A dial to probe somebody, or to have somebody probed, was welcomed.
    pub(crate) fn on_welcomed(&mut self, _cx: &mut Context, _links: &mut Links, _link: LinkId) {}

    /// Such a dial failed.
    pub(crate) fn on_failed(
        &mut self,
        _cx: &mut Context,
        _links: &mut Links,
        _neighbors: &Neighbors,
        _link: LinkId,
        _failure: &Failure,
    ) {
    }

    /// Such a link ended after it was welcomed, or one on which somebody asked for a probe.
    pub(crate) fn on_ended(&mut self, _cx: &mut Context, _link: LinkId) {}

    /// Somebody asks for a probe, on a link of its own.
    pub(crate) fn on_ping_request(
        &mut self,
        _cx: &mut Context,
        _links: &mut Links,
        _neighbors: &Neighbors,
        _link: LinkId,
        _subject: AddressRecord,
    ) {
    }

    pub(crate) fn on_ping_request_answer(
        &mut self,
        _cx: &mut Context,
        _links: &mut Links,
        _link: LinkId,
        _subject: NodeId,
        _is_heard: bool,
    ) {
    }

    /// A neighbor names its other neighbors.
    pub(crate) fn on_neighbors(&mut self, _from: &Neighbor, _records: Vec<AddressRecord>) {}

    /// A statement came by broadcast. False when only a liar can have made it.
    pub(crate) fn on_statement(
        &mut self,
        _cx: &mut Context,
        _links: &mut Links,
        _neighbors: &Neighbors,
        _origin: NodeId,
        _statement: &Statement,
    ) -> bool {
        true
    }

    /// A neighbor gives a part of its table.
    pub(crate) fn on_members(
        &mut self,
        _cx: &mut Context,
        _links: &mut Links,
        _neighbors: &Neighbors,
        _from: &Neighbor,
        _members: &[Statement],
    ) {
    }

    /// What to say when this peer leaves.
    pub(crate) fn farewell(&self, _cx: &Context) -> Option<Statement> {
        None
    }

    /// Whether this peer is suspected or held dead, in this life.
    pub(crate) fn is_doubted(&self, _record: &AddressRecord) -> bool {
        false
    }

    pub(crate) fn round_trip(&self, _link: LinkId) -> Option<Duration> {
        None
    }
}
