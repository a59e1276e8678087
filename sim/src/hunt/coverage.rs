//! What the faults of a hunt did: a kind that never happened, or never left a trace, proves nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;
use tidings_core::{AddressRecord, LinkLoss, NeighborLoss, RegistrationLoss, Removal};

use crate::fact::Fact;
use crate::fault::decide;
use crate::history::{Entry, History, Life, LifeSpan};
use crate::host::{HostId, run_seed};
use crate::scenario::{CutMode, Death, Direction, FaultKind, FaultSpec, Scenario, Shape, Targets};

/// A kind of fault, as hunts count them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The machine closed its connections.
    CrashReset,
    /// The machine was gone.
    CrashSilent,
    /// A crashed node was started again.
    Restart,
    /// The node was told to leave.
    Leave,
    /// The node was started late.
    Join,
    /// The process stood still once.
    Pause,
    /// The machine slept.
    Suspend,
    /// The process stood still again and again.
    Slow,
    /// The program read nothing for a while.
    StopReader,
    /// All connections were reset.
    Reset,
    /// What crossed the cut waited.
    CutHeld,
    /// What crossed the cut was lost.
    CutSilent,
    /// What crossed the cut in one direction was lost.
    CutOneWay,
    /// Connections across the cut were reset.
    CutReset,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 14] = [
        Self::CrashReset,
        Self::CrashSilent,
        Self::Restart,
        Self::Leave,
        Self::Join,
        Self::Pause,
        Self::Suspend,
        Self::Slow,
        Self::StopReader,
        Self::Reset,
        Self::CutHeld,
        Self::CutSilent,
        Self::CutOneWay,
        Self::CutReset,
    ];

    /// Its name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CrashReset => "crash (reset)",
            Self::CrashSilent => "crash (silent)",
            Self::Restart => "restart",
            Self::Leave => "leave",
            Self::Join => "join",
            Self::Pause => "pause",
            Self::Suspend => "suspend",
            Self::Slow => "slow",
            Self::StopReader => "stop-reader",
            Self::Reset => "reset",
            Self::CutHeld => "cut (held)",
            Self::CutSilent => "cut (silent)",
            Self::CutOneWay => "cut (one way)",
            Self::CutReset => "cut (reset)",
        }
    }

    /// What must be seen for a fault of this kind to have mattered.
    pub const fn trace(self) -> &'static str {
        match self {
            Self::CrashReset | Self::CrashSilent => "somebody found the node gone",
            Self::Restart => "the new life got a neighbor, or registered somebody",
            Self::Leave => "another node heard that it left",
            Self::Join => "it got a message that was said before it was born",
            Self::Pause | Self::Suspend | Self::Slow => {
                "a message reached it late, or somebody gave it up"
            }
            Self::StopReader => "a message reached it late",
            Self::Reset => "it lost a link",
            Self::CutHeld | Self::CutSilent | Self::CutOneWay | Self::CutReset => {
                "a message crossed late, or a link across was lost"
            }
        }
    }

    /// The kinds that a fault is counted as.
    fn of(fault: FaultKind) -> Vec<Self> {
        match fault {
            FaultKind::Crash { death, restart } => {
                let crash = match death {
                    Death::Reset => Self::CrashReset,
                    Death::Silent => Self::CrashSilent,
                };
                std::iter::once(crash).chain(restart.map(|_| Self::Restart)).collect()
            }
            FaultKind::Leave => vec![Self::Leave],
            FaultKind::Join => vec![Self::Join],
            FaultKind::Pause { .. } => vec![Self::Pause],
            FaultKind::Suspend { .. } => vec![Self::Suspend],
            FaultKind::Slow { .. } => vec![Self::Slow],
            FaultKind::StopReader { .. } => vec![Self::StopReader],
            FaultKind::Reset { .. } => vec![Self::Reset],
            FaultKind::Partition { direction: Direction::Out | Direction::In, .. } => {
                vec![Self::CutOneWay]
            }
            FaultKind::Partition { mode: CutMode::Held, .. } => vec![Self::CutHeld],
            FaultKind::Partition { mode: CutMode::Silent, .. } => vec![Self::CutSilent],
            FaultKind::Partition { mode: CutMode::Reset, .. } => vec![Self::CutReset],
        }
    }
}

/// Counts of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Runs in which it happened.
    pub runs: u64,
    /// How often it happened.
    pub happened: u64,
    /// How often it left its trace.
    pub mattered: u64,
}

/// Counts of some runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// Faults.
    pub faults: BTreeMap<Kind, Count>,
    /// Models of links, and the runs that had them.
    pub links: BTreeMap<&'static str, u64>,
}

impl Coverage {
    /// Counts what the faults of one run did.
    pub fn of(scenario: &Scenario, history: &History) -> Self {
        let mut coverage = Self::default();
        for fault in decide(scenario, run_seed(history.seed)) {
            let hosts = hosts_of(scenario, &fault);
            for kind in Kind::of(fault.kind) {
                let count = coverage.faults.entry(kind).or_default();
                count.runs = 1;
                count.happened += 1;
                let scene = Scene { scenario, history, fault: &fault, hosts: &hosts };
                count.mattered += u64::from(scene.has_trace(kind));
            }
        }
        coverage.links = links_of(scenario).into_iter().map(|model| (model, 1)).collect();
        coverage
    }

    /// Adds the counts of other runs.
    pub fn add(&mut self, other: &Self) {
        for (kind, more) in &other.faults {
            let count = self.faults.entry(*kind).or_default();
            count.runs += more.runs;
            count.happened += more.happened;
            count.mattered += more.mattered;
        }
        for (model, runs) in &other.links {
            *self.links.entry(model).or_default() += runs;
        }
    }

    /// The counts of a kind.
    pub fn count(&self, kind: Kind) -> Count {
        self.faults.get(&kind).copied().unwrap_or_default()
    }

    /// Kinds that left no trace in any run.
    pub fn without_trace(&self) -> Vec<Kind> {
        Kind::ALL.into_iter().filter(|kind| self.count(*kind).mattered == 0).collect()
    }
}

/// The models that a scenario's links follow.
fn links_of(scenario: &Scenario) -> Vec<&'static str> {
    let mut models = vec![match scenario.link.shape {
        Shape::Exponential => "exponential latency",
        Shape::Uniform => "uniform latency",
        Shape::Lognormal { .. } => "lognormal latency",
        Shape::Regions(_) => "regions",
    }];
    if scenario.link.loss > 0.0 {
        models.push("loss");
    }
    if scenario.link.bandwidth.is_some() {
        models.push("bandwidth");
    }
    models
}

fn hosts_of(scenario: &Scenario, fault: &FaultSpec) -> BTreeSet<HostId> {
    match &fault.targets {
        Targets::Named(names) => {
            names.iter().filter_map(|name| scenario.host_named(name)).collect()
        }
        Targets::RandomPeers(_) | Targets::Share(_) => BTreeSet::new(),
    }
}

/// One fault, and the run in which traces of it are looked for.
struct Scene<'a> {
    scenario: &'a Scenario,
    history: &'a History,
    fault: &'a FaultSpec,
    hosts: &'a BTreeSet<HostId>,
}

impl Scene<'_> {
    fn has_trace(&self, kind: Kind) -> bool {
        match kind {
            Kind::CrashReset | Kind::CrashSilent => self.is_found_gone(),
            Kind::Restart => self.lives().any(|(life, span)| self.takes_part(*life, *span)),
            Kind::Leave => self.after().any(|entry| self.tells_of_leave(entry)),
            Kind::Join => self.lives().any(|(life, span)| self.caught_up(*life, *span)),
            Kind::Pause | Kind::Suspend | Kind::Slow => {
                self.is_late(|_| true) || self.is_given_up()
            }
            Kind::StopReader => self.is_late(|_| true),
            Kind::Reset => self.after().any(|entry| self.loses_link_now(entry)),
            Kind::CutHeld | Kind::CutSilent | Kind::CutOneWay | Kind::CutReset => {
                self.is_late(|from| !self.hosts.contains(&from)) || self.is_link_across_lost()
            }
        }
    }

    fn from(&self) -> Duration {
        self.fault.when.from
    }

    fn until(&self) -> Duration {
        self.from() + self.fault.kind.length()
    }

    /// What was said from the fault on.
    fn after(&self) -> impl Iterator<Item = &Entry> {
        let first = self.history.entries.partition_point(|entry| entry.at < self.from());
        self.history.entries[first..].iter()
    }

    fn is_hit(&self, record: &AddressRecord) -> bool {
        self.history.host_of(record.subject()).is_some_and(|host| self.hosts.contains(&host))
    }

    /// Lives of the hosts that began with the fault or after it.
    fn lives(&self) -> impl Iterator<Item = (&Life, &LifeSpan)> {
        let lives = self.history.lives.iter();
        lives.filter(|(life, span)| self.hosts.contains(&life.host) && span.born >= self.from())
    }

    fn is_found_gone(&self) -> bool {
        self.after().any(|entry| self.gives_up_one(entry) || self.takes_one_off(entry))
    }

    fn gives_up_one(&self, entry: &Entry) -> bool {
        matches!(&entry.fact, Fact::NeighborDown { peer, .. } if self.is_hit(peer))
            || matches!(&entry.fact, Fact::RegistrationLost { .. })
                && self.hosts.iter().all(|host| !host.is_peer())
    }

    fn takes_one_off(&self, entry: &Entry) -> bool {
        matches!(&entry.fact, Fact::PeerRemoved { peer, .. } | Fact::PeerProbing { peer, .. }
            if self.is_hit(peer))
    }

    fn takes_part(&self, life: Life, span: LifeSpan) -> bool {
        let registers =
            |entry: &Entry| entry.life == life && matches!(entry.fact, Fact::PeerRegistered { .. });
        span.joined.is_some() || self.after().any(registers)
    }

    fn tells_of_leave(&self, entry: &Entry) -> bool {
        matches!(&entry.fact, Fact::NeighborDown { peer, reason: NeighborLoss::Left }
            | Fact::PeerRemoved { peer, reason: Removal::Left } if self.is_hit(peer))
    }

    fn caught_up(&self, life: Life, span: LifeSpan) -> bool {
        self.history.message_traces.iter().any(|message_trace| {
            message_trace.said.is_some_and(|(_, said)| said < span.born)
                && message_trace.receipts.iter().any(|receipt| receipt.life == life)
        })
    }

    /// Whether a message that was said meanwhile got from such a host to one that was hit, or the
    /// other way, only afterwards.
    fn is_late(&self, is_other_side: impl Fn(HostId) -> bool) -> bool {
        self.history.message_traces.iter().any(|message_trace| {
            let Some((origin, said)) = message_trace.said else { return false };
            if !(self.from()..self.until()).contains(&said) {
                return false;
            }
            message_trace.receipts.iter().any(|receipt| {
                let (from, to) = (origin.host, receipt.life.host);
                let goes_in = self.hosts.contains(&to) && is_other_side(from);
                let goes_out = self.hosts.contains(&from) && is_other_side(to);
                (goes_in || goes_out) && receipt.at >= self.until()
            })
        })
    }

    /// Whether somebody ended a link with a hit host while the fault lasted, or soon after.
    fn is_given_up(&self) -> bool {
        let soon = self.until() + self.scenario.convergence_bound();
        self.after().take_while(|entry| entry.at <= soon).any(|entry| self.gives_up_one(entry))
    }

    fn loses_link_now(&self, entry: &Entry) -> bool {
        const RESET: LinkLoss = LinkLoss::Reset;
        let is_reset = matches!(
            entry.fact,
            Fact::NeighborDown { reason: NeighborLoss::LinkLost(RESET), .. }
                | Fact::RegistrationLost { reason: RegistrationLoss::LinkLost(RESET), .. }
                | Fact::PeerProbing { .. }
        );
        let soon = self.from() + self.scenario.tick * 2;
        is_reset && entry.at <= soon && self.hosts.contains(&entry.life.host)
    }

    fn is_link_across_lost(&self) -> bool {
        let soon = self.until() + self.scenario.convergence_bound();
        let is_across = |entry: &Entry| {
            let is_inside = self.hosts.contains(&entry.life.host);
            if let Fact::NeighborDown { peer, .. } | Fact::PeerProbing { peer, .. } = &entry.fact {
                return self.is_hit(peer) != is_inside;
            }
            is_inside && matches!(entry.fact, Fact::RegistrationLost { .. })
        };
        self.after().take_while(|entry| entry.at <= soon).any(is_across)
    }
}
