//! The seed node: introduces peers, never carries gossip (R1, R4, R17, R24).
//!
//! It owns the list, probes entries itself, asks the other seed nodes where the settings
//! want that, and routes what comes to the three. Its list is right when it holds no dead peer; it
//! forgets nobody on hearsay.

#[cfg(any(test, feature = "invariants"))]
mod invariants;
pub(crate) mod list;
pub(crate) mod message;
pub(crate) mod probes;
pub(crate) mod quorum;
pub(crate) mod timer;
pub(crate) mod verdict;
mod voting;
pub(crate) mod weights;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::address::AddressRecord;
use crate::context::Context;
use crate::event::{Event, Misbehavior, ProbeReason, Rejection, Removal, ReportOutcome};
use crate::fact::Fact;
use crate::id::{LinkId, LinkOrigin, NodeId, Role};
use crate::io::{Command, Input};
use crate::links::timer::LinkTimer;
use crate::links::{Ending, Failed, Outcome, Owner, Up};
use crate::registration::named::NamedSeedNodes;
use crate::seed_node::list::List;
use crate::seed_node::probes::Probes;
use crate::seed_node::quorum::Quorum;
use crate::seed_node::timer::SeedNodeTimer;
use crate::seed_node::verdict::Verdict;
use crate::snapshot::{NodeSnapshot, RegisteredSnapshot};
use crate::time::saturating_millis;
use crate::timers::Timer;
use crate::wire::{
    Bye, DeathReport, Hello, Leave, MAX_SAMPLE, Message, Purpose, Refusal, RegistrationMessage,
    VoteMessage,
};

/// A node in the role of the registry.
#[derive(Clone, Debug)]
pub(crate) struct SeedNode {
    pub(crate) cx: Context,
    list: List,
    probes: Probes,
    quorum: Quorum,
    /// How often each reporter accused somebody who then answered (R20).
    false_reports: BTreeMap<NodeId, u64>,
}

impl SeedNode {
    pub(crate) fn new(mut cx: Context, seed_nodes: &NamedSeedNodes) -> Self {
        let mut quorum = Quorum::default();
        quorum.replace(&mut cx, seed_nodes);
        Self {
            cx,
            list: List::default(),
            probes: Probes::default(),
            quorum,
            false_reports: BTreeMap::new(),
        }
    }

    pub(crate) fn on_timer(&mut self, timer: Timer) {
        match timer {
            Timer::Link(LinkTimer::Hello(link)) => {
                let outcome = self.cx.on_hello_timer(link);
                self.on_outcome(link, outcome);
            }
            Timer::SeedNode(timer) => self.on_own_timer(timer),
            Timer::Registration(_)
            | Timer::Overlay(_)
            | Timer::Broadcast(_)
            | Timer::Strikes(_)
            | Timer::Swim(_)
            | Timer::Peer(_) => unreachable!("a seed node never arms {timer:?}"),
        }
        self.carry_out_facts();
    }

    fn on_own_timer(&mut self, timer: SeedNodeTimer) {
        let Self { cx, probes, quorum, .. } = self;
        match timer {
            SeedNodeTimer::Lease => self.on_lease_timer(),
            SeedNodeTimer::Probe(number) => probes.on_probe_timer(cx, number),
            SeedNodeTimer::Redial(number) => quorum.on_redial_timer(cx, number),
            SeedNodeTimer::Proposal(number) => quorum.on_proposal_timer(cx, number),
        }
    }

    /// Carries out what the parts found.
    fn carry_out_facts(&mut self) {
        while let Some(fact) = self.cx.next_fact() {
            match fact {
                Fact::RuleBroken(link, kind) => {
                    let outcome = self.cx.expel(link, kind);
                    self.on_outcome(link, outcome);
                }
                // Nobody remembers lives of seed nodes.
                Fact::KnownLife(_) => {}
                Fact::Probed(verdict) => self.on_verdict(verdict),
                Fact::Decided(decision) => self.on_decision(decision),
                Fact::Surplus(_)
                | Fact::Stalled(_)
                | Fact::NeighborsUnverified
                | Fact::ListsWanted
                | Fact::Dead { .. }
                | Fact::Left(_)
                | Fact::Say(_)
                | Fact::Reserved(..) => unreachable!("no part of a seed node says {fact:?}"),
            }
        }
    }

    pub(crate) fn on_link_input(&mut self, link: LinkId, input: Input) {
        let outcome = self.cx.on_link_input(input);
        self.on_outcome(link, outcome);
        self.carry_out_facts();
    }

    pub(crate) fn on_command(&mut self, command: &Command) {
        match command {
            Command::Broadcast { .. } => {
                self.cx.emit(Event::Rejected(Rejection::NotAPeer));
            }
            Command::SeedNodes(_) | Command::Addresses(_) | Command::Leave if self.cx.leaving => {
                self.cx.emit(Event::Rejected(Rejection::Leaving));
            }
            Command::SeedNodes(seed_nodes) => self.replace_seed_nodes(seed_nodes),
            // Peers know it by their settings; other seed nodes hear of it when they are dialed.
            Command::Addresses(addresses) => {
                self.cx.move_to(addresses);
            }
            Command::Leave => {
                self.cx.leaving = true;
                self.cx.close_all(Bye::Leaving);
                self.cx.timers.clear();
                self.cx.emit(Event::Left);
            }
        }
    }

    fn replace_seed_nodes(&mut self, seed_nodes: &NamedSeedNodes) {
        if seed_nodes.check(1).is_ok() {
            self.quorum.replace(&mut self.cx, seed_nodes);
            self.carry_out_facts();
        } else {
            self.cx.emit(Event::Rejected(Rejection::SeedNodeCount(seed_nodes.len())));
        }
    }

    fn on_outcome(&mut self, link: LinkId, outcome: Outcome) {
        match outcome {
            Outcome::Nothing => {}
            Outcome::HelloReceived(hello) => self.on_hello(link, &hello),
            Outcome::Welcomed(Owner::SeedNode(number), up) => {
                self.quorum.on_welcomed(&mut self.cx, number, link, up.remote.subject());
            }
            Outcome::Welcomed(Owner::EntryProbe(number), up) => {
                self.probes.on_welcomed(&mut self.cx, number, link, &up.remote);
            }
            Outcome::Failed(failed) => self.on_failed(&failed),
            Outcome::Welcomed(owner, _) => unreachable!("no dial of a seed node: {owner:?}"),
            Outcome::Connected | Outcome::NotConnected | Outcome::NotTried => {
                unreachable!("a seed node tries no connections");
            }
            Outcome::Ended(up, ending) => self.on_ended(link, &up, ending),
            Outcome::Message(_, message) => self.on_message(link, message),
        }
    }

    fn on_failed(&mut self, failed: &Failed) {
        let Failed { owner, failure, .. } = failed;
        if let Owner::SeedNode(number) = owner {
            self.quorum.on_failed(&mut self.cx, *number, failure);
        } else if let Owner::EntryProbe(number) = owner {
            self.probes.on_failed(&mut self.cx, *number, failure);
        }
    }

    fn on_hello(&mut self, link: LinkId, hello: &Hello) {
        let from = &hello.from;
        self.cx.emit(Event::ConnectionRequested { from: from.clone(), purpose: hello.purpose });
        let listed = self.list.get(from.subject());
        let is_full =
            listed.is_none() && self.list.len() >= self.cx.config.registration.registry_max;
        let reason = match hello.purpose {
            Purpose::Probe => None,
            Purpose::Neighbor { .. }
            | Purpose::Join
            | Purpose::Shuffle
            | Purpose::PingRequest
            | Purpose::Optimize
            | Purpose::Exchange => Some(Refusal::WrongRole),
            Purpose::Vote if hello.role != Role::SeedNode => Some(Refusal::WrongRole),
            Purpose::Vote => {
                (!self.quorum.is_seed_node(from, self.cx.me())).then_some(Refusal::NotNamed)
            }
            _ if hello.role != Role::Peer => Some(Refusal::WrongRole),
            _ if listed.is_some_and(|entry| is_other_life(entry, from)) => {
                Some(Refusal::StaleEpoch)
            }
            Purpose::Register if is_full => {
                self.cx.stats.limits.registry += 1;
                Some(Refusal::RegistryFull)
            }
            Purpose::Register | Purpose::Notice => None,
        };
        match reason {
            None => {
                self.cx.welcome(link, hello);
                if hello.purpose == Purpose::Vote {
                    self.quorum.on_accepted(&mut self.cx, link, from);
                }
            }
            Some(reason) => {
                if let Some(entry) = listed.filter(|_| reason == Refusal::StaleEpoch) {
                    self.cx.show_life(link, from, &entry.record, entry.link.is_some());
                }
                self.cx.refuse(link, from.clone(), reason);
            }
        }
    }

    fn on_message(&mut self, link: LinkId, message: Message) {
        let Some(up) = self.cx.up(link) else { return };
        match (up.purpose, message) {
            (Purpose::Register, Message::Registration(message)) => {
                self.on_registration_message(link, &up, message);
            }
            (Purpose::Notice, Message::Registration(RegistrationMessage::DeathReport(report))) => {
                self.on_death_report(link, &up, *report);
            }
            (Purpose::Notice, Message::Registration(RegistrationMessage::Leave(leave))) => {
                self.on_leave(link, &up, &leave);
            }
            (Purpose::Vote, Message::Vote(VoteMessage::Proposal(proposal)))
                if link.origin() == LinkOrigin::Accepted =>
            {
                self.on_proposal(link, &proposal);
            }
            (Purpose::Vote, Message::Vote(VoteMessage::Vote(vote)))
                if link.origin() == LinkOrigin::Dialed =>
            {
                self.quorum.on_vote(&mut self.cx, link, vote);
            }
            (_, message) => self.cx.tell_unexpected(link, message.name()),
        }
    }

    fn on_registration_message(&mut self, link: LinkId, up: &Up, message: RegistrationMessage) {
        match message {
            RegistrationMessage::Register => self.on_register(link, up),
            RegistrationMessage::Renew => self.on_renew(link, up),
            RegistrationMessage::ListRequest { sample } => {
                let count = usize::from(sample).min(MAX_SAMPLE);
                let peers = self.list.sample(&mut self.cx, count, up.remote.subject());
                self.cx.send(link, RegistrationMessage::PeerList { peers });
            }
            RegistrationMessage::DeathReport(report) => self.on_death_report(link, up, *report),
            RegistrationMessage::Leave(leave) => self.on_leave(link, up, &leave),
            RegistrationMessage::Registered { .. }
            | RegistrationMessage::Unknown
            | RegistrationMessage::PeerList { .. } => {
                self.cx.tell_unexpected(link, message.name());
            }
        }
    }

    /// Lists whoever registered on this link.
    fn enter(&mut self, link: LinkId, record: &AddressRecord) {
        let Ok((old_link, is_new)) = self.list.insert(&mut self.cx, record.clone(), link) else {
            self.cx.close(link, Bye::Removed);
            return;
        };
        self.cx.keep(link);
        if let Some(old_link) = old_link {
            self.cx.close(old_link, Bye::Replaced);
        }
        self.on_sign_of_life(record);
        self.grant(link);
        if is_new {
            self.cx.emit(Event::PeerRegistered { peer: record.clone() });
        }
    }

    /// A peer is alive: nobody needs to look at it, and a proposal to remove it is void.
    fn on_sign_of_life(&mut self, record: &AddressRecord) {
        let subject = record.subject();
        self.probes.dismiss(&mut self.cx, subject);
        self.quorum.vote(&mut self.cx, subject, false);
        self.void_up_to(subject, record.epoch());
    }

    fn on_renew(&mut self, link: LinkId, up: &Up) {
        let subject = up.remote.subject();
        let is_its_entry = self.list.get(subject).is_some_and(|entry| entry.link == Some(link));
        if is_its_entry && self.list.renew(&mut self.cx, subject) {
            self.on_sign_of_life(&up.remote);
            self.grant(link);
        } else {
            self.cx.send(link, RegistrationMessage::Unknown);
        }
    }

    fn grant(&mut self, link: LinkId) {
        let lease_ms = saturating_millis(self.cx.config.registration.lease);
        self.cx.send(link, RegistrationMessage::Registered { lease_ms });
    }

    fn on_death_report(&mut self, link: LinkId, up: &Up, report: DeathReport) {
        if report.reporter != up.remote.subject() {
            self.cx.tell(Fact::RuleBroken(link, Misbehavior::Forged("DeathReport")));
            return;
        }
        self.cx.stats.death_reports += 1;
        let reporter = report.reporter;
        let accused = report.subject.subject();
        let listed = self.list.get(accused).map(|entry| entry.record.clone());
        let outcome = match listed {
            Some(record) if !record.supersedes(&report.subject) && accused != reporter => {
                let needed = self.cx.config.registration.confirmations;
                if self.list.accuse(accused, reporter, needed) >= needed {
                    self.probe(&record, ProbeReason::Reported);
                    ReportOutcome::Probing
                } else {
                    ReportOutcome::Noted
                }
            }
            _ => ReportOutcome::Ignored,
        };
        self.cx.emit(Event::ReportReceived { subject: report.subject, reporter, outcome });
    }

    fn on_leave(&mut self, link: LinkId, up: &Up, leave: &Leave) {
        if leave.subject != up.remote.subject() {
            self.cx.tell(Fact::RuleBroken(link, Misbehavior::Forged("Leave")));
            return;
        }
        let is_that_life = |epoch| epoch <= leave.epoch;
        if self.list.get(leave.subject).is_some_and(|entry| is_that_life(entry.record.epoch())) {
            self.remove_entry(leave.subject, Removal::Left);
        }
        self.void_up_to(leave.subject, leave.epoch);
    }

    /// A link is gone. If it carried a registration, the peer is looked for (R17).
    fn on_ended(&mut self, link: LinkId, up: &Up, _ending: Ending) {
        if up.purpose == Purpose::Vote {
            self.quorum.on_ended(&mut self.cx, link, up.owner);
            return;
        }
        let subject = up.remote.subject();
        if self.quorum.waits_on(subject, link) {
            self.quorum.void(&mut self.cx, subject);
        }
        if self.list.unlink(subject, link) && !self.cx.leaving {
            self.probe(&up.remote, ProbeReason::LinkLost);
        }
    }

    /// Looks at an entry, unless the others have been asked about it already.
    fn probe(&mut self, record: &AddressRecord, reason: ProbeReason) {
        if !self.quorum.holds_dead(record.subject(), record.epoch()) {
            self.probes.begin(&mut self.cx, record, reason);
        }
    }

    fn on_lease_timer(&mut self) {
        for subject in self.list.expired(self.cx.now) {
            let Some(record) = self.list.get(subject).map(|entry| entry.record.clone()) else {
                continue;
            };
            let probe_time = self.cx.config.links.hello_timeout * 2;
            self.list.defer(&mut self.cx, subject, probe_time);
            self.probe(&record, ProbeReason::LeaseExpired);
        }
    }

    fn on_verdict(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Dead(subject) => {
                self.quorum.vote(&mut self.cx, subject, true);
                self.start_removal(subject, Removal::Dead);
            }
            Verdict::Superseded(subject) => {
                self.quorum.vote(&mut self.cx, subject, true);
                self.start_removal(subject, Removal::Superseded);
            }
            Verdict::Alive(subject, reasons) => {
                self.quorum.vote(&mut self.cx, subject, false);
                let accusers = self.list.take_accusers(subject);
                if reasons.is_reported {
                    self.count_false_reports(subject, accusers);
                }
                let is_linked = self.list.get(subject).is_some_and(|entry| entry.link.is_some());
                if reasons.is_lease_expired && !is_linked {
                    self.remove_entry(subject, Removal::LeaseExpired);
                } else {
                    self.list.renew(&mut self.cx, subject);
                }
            }
        }
    }

    /// Counts a report about a live peer against everybody who made it.
    fn count_false_reports(&mut self, subject: NodeId, reporters: Vec<NodeId>) {
        for reporter in reporters {
            self.make_room_for(reporter);
            let count = self.false_reports.entry(reporter).or_default();
            *count += 1;
            let count = *count;
            self.cx.stats.false_reports += 1;
            self.cx.emit(Event::FalseReport { subject, reporter, count });
        }
    }

    /// Forgets the reporter with the fewest false reports, when there are too many to remember.
    fn make_room_for(&mut self, reporter: NodeId) {
        let is_full = self.false_reports.len() >= self.cx.config.registration.registry_max;
        if is_full && !self.false_reports.contains_key(&reporter) {
            let least = self.false_reports.iter().min_by_key(|(_, count)| **count);
            if let Some((&least, _)) = least {
                self.false_reports.remove(&least);
                self.cx.stats.limits.reporters += 1;
            }
        }
    }

    fn remove_entry(&mut self, subject: NodeId, reason: Removal) {
        self.probes.dismiss(&mut self.cx, subject);
        self.quorum.vote(&mut self.cx, subject, true);
        let Some(entry) = self.list.remove(&mut self.cx, subject) else { return };
        self.void_up_to(subject, entry.record.epoch());
        if let Some(link) = entry.link {
            self.cx.close(link, Bye::Removed);
        }
        self.cx.emit(Event::PeerRemoved { peer: entry.record, reason });
    }

    pub(crate) fn snapshot(&self) -> NodeSnapshot {
        let now = self.cx.now;
        let registered = self.list.iter().map(|entry| RegisteredSnapshot {
            record: entry.record.clone(),
            since: now.since(entry.since),
            linked: entry.link.is_some(),
        });
        NodeSnapshot {
            registered: registered.collect(),
            false_reports: self.false_reports.iter().map(|(id, count)| (*id, *count)).collect(),
            ..NodeSnapshot::of(&self.cx)
        }
    }
}

/// Whether an entry is of a newer life than the one that asks; or of the same one, which stands on a link and is
/// elsewhere: two copies of a data folder may begin the same life.
fn is_other_life(entry: &list::Entry, from: &AddressRecord) -> bool {
    let is_same_life = entry.link.is_some() && entry.record.is_same_life(from);
    entry.record.supersedes(from) || is_same_life && !from.shares_address(&entry.record)
}
