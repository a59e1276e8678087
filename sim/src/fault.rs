//! Faults as data: the whole schedule of a run is drawn before it begins, and saved with it.

use std::collections::BTreeSet;
use std::time::Duration;

use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tidings_core::RngSeed;

use crate::host::HostId;
use crate::scenario::{
    Blocks, CutMode, Death, Direction, FaultKind, FaultSpec, Scenario, Span, Targets,
};

/// One disturbance, fully decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The host's process is started, for the first time or again.
    Start(HostId),
    /// The host's process ends without a word.
    Crash(HostId, Death),
    /// The node is told to leave.
    Leave(HostId),
    /// The process stops.
    Pause(HostId),
    /// It goes on.
    Resume(HostId),
    /// Its machine falls asleep.
    Suspend(HostId),
    /// It wakes.
    Wake(HostId),
    /// All its connections are reset.
    Reset(HostId),
    /// These hosts are cut off from all others.
    Cut(BTreeSet<HostId>, CutMode, Direction),
    /// The cut is over.
    Heal,
    /// The process runs, but what it sends and receives waits.
    Block(HostId),
    /// All that waited goes out and comes in.
    Unblock(HostId),
    /// The program reads none of the messages that its node delivers; the node goes on.
    StopReader(HostId),
    /// It reads again, what waits first.
    ResumeReader(HostId),
}

impl Fault {
    /// Its name in tables.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Start(_) => "start",
            Self::Crash(_, Death::Reset) => "crash (reset)",
            Self::Crash(_, Death::Silent) => "crash (silent)",
            Self::Leave(_) => "leave",
            Self::Pause(_) => "pause",
            Self::Resume(_) => "resume",
            Self::Suspend(_) => "suspend",
            Self::Wake(_) => "wake",
            Self::Reset(_) => "reset",
            Self::Cut(_, CutMode::Held, _) => "cut (held)",
            Self::Cut(_, CutMode::Silent, _) => "cut (silent)",
            Self::Cut(_, CutMode::Reset, _) => "cut (reset)",
            Self::Heal => "heal",
            Self::Block(_) => "block",
            Self::Unblock(_) => "unblock",
            Self::StopReader(_) => "stop-reader",
            Self::ResumeReader(_) => "resume-reader",
        }
    }

    /// Whom it hits.
    pub fn hosts(&self) -> Vec<HostId> {
        match self {
            Self::Start(host)
            | Self::Crash(host, _)
            | Self::Leave(host)
            | Self::Pause(host)
            | Self::Resume(host)
            | Self::Suspend(host)
            | Self::Wake(host)
            | Self::Block(host)
            | Self::Unblock(host)
            | Self::StopReader(host)
            | Self::ResumeReader(host)
            | Self::Reset(host) => vec![*host],
            Self::Cut(hosts, ..) => hosts.iter().copied().collect(),
            Self::Heal => Vec::new(),
        }
    }

    /// The host that nobody hears of from now on, as its process or its network stands still.
    pub(crate) const fn stall_start(&self) -> Option<HostId> {
        if let Self::Pause(host) | Self::Block(host) | Self::Suspend(host) = self {
            Some(*host)
        } else {
            None
        }
    }

    /// The host whose program stops reading. Its node goes on, so nobody has a reason to miss it.
    pub(crate) const fn stopped_reader(&self) -> Option<HostId> {
        if let Self::StopReader(host) = self { Some(*host) } else { None }
    }

    /// The host for which a stall ends.
    pub(crate) const fn stall_end(&self) -> Option<HostId> {
        if let Self::Resume(host) | Self::Unblock(host) | Self::Wake(host) = self {
            Some(*host)
        } else {
            None
        }
    }
}

/// A fault and its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scheduled {
    /// Simulated time since the run's beginning.
    pub at: Duration,
    /// What happens.
    pub fault: Fault,
}

/// Everything that happens to the hosts of one run, in the order of time: their starts too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultSchedule {
    /// The list.
    pub faults: Vec<Scheduled>,
}

/// A time in which a host is heard by nobody, as its process or its network stands still.
#[derive(Clone, Copy, Debug)]
pub struct Stall<'a> {
    /// Who.
    pub host: HostId,
    /// How it begins.
    pub begin: &'a Scheduled,
    /// When it ends; `None` if it does not.
    pub end: Option<Duration>,
}

impl Stall<'_> {
    /// How long it lasts.
    pub fn length(&self) -> Duration {
        self.end.map_or(Duration::MAX, |end| end.saturating_sub(self.begin.at))
    }
}

impl FaultSchedule {
    /// Who stands still, in the order of their beginnings.
    pub fn stalls(&self) -> impl Iterator<Item = Stall<'_>> {
        self.faults.iter().enumerate().filter_map(|(place, begin)| {
            let host = begin.fault.stall_start()?;
            let mut later = self.faults[place..].iter();
            let end = later.find(|it| it.fault.stall_end() == Some(host)).map(|it| it.at);
            Some(Stall { host, begin, end })
        })
    }

    /// Draws the schedule of a scenario for a run. Each fault of the scenario has a stream of its
    /// own, so that changing one does not move the times of the others.
    pub fn draw(scenario: &Scenario, run: RngSeed) -> Self {
        let mut plan = Plan { scenario, run, faults: Vec::new() };
        let decided = decide(scenario, run);
        for spec in &decided {
            plan.faults_of(spec);
        }
        let is_join = |spec: &&FaultSpec| spec.kind == FaultKind::Join;
        let joiners = decided.iter().filter(is_join).flat_map(|spec| named(scenario, spec));
        plan.starts(&joiners.collect());
        // Stable: what is drawn for the same moment happens in the scenario's order.
        plan.faults.sort_by_key(|scheduled| scheduled.at);
        Self { faults: plan.faults }
    }

    /// Hosts whose process, network or program stands still at some time: messages reach them late.
    pub fn stalled_hosts(&self) -> BTreeSet<HostId> {
        let stalled = |fault: &Fault| fault.stall_start().or_else(|| fault.stopped_reader());
        self.faults.iter().filter_map(|scheduled| stalled(&scheduled.fault)).collect()
    }

    /// Hosts whose program stops reading at some time.
    pub(crate) fn stopped_readers(&self) -> BTreeSet<HostId> {
        self.faults.iter().filter_map(|scheduled| scheduled.fault.stopped_reader()).collect()
    }

    /// Who runs as time goes on.
    pub fn running(&self) -> Running<'_> {
        Running { to_come: &self.faults, hosts: BTreeSet::new() }
    }
}

/// Hosts whose process runs, as far as a schedule says, at rising moments.
#[derive(Debug)]
pub struct Running<'a> {
    to_come: &'a [Scheduled],
    hosts: BTreeSet<HostId>,
}

impl Running<'_> {
    /// Those at `at`, which is not before the moment asked for last.
    pub fn at(&mut self, at: Duration) -> &BTreeSet<HostId> {
        while let Some((first, rest)) = self.to_come.split_first().filter(|(it, _)| it.at <= at) {
            self.to_come = rest;
            match &first.fault {
                Fault::Start(host) | Fault::Resume(host) | Fault::Wake(host) => {
                    self.hosts.insert(*host);
                }
                Fault::Crash(host, _)
                | Fault::Leave(host)
                | Fault::Pause(host)
                | Fault::Suspend(host) => {
                    self.hosts.remove(host);
                }
                Fault::Reset(_)
                | Fault::Cut(..)
                | Fault::Heal
                | Fault::Block(_)
                | Fault::Unblock(_)
                | Fault::StopReader(_)
                | Fault::ResumeReader(_) => {}
            }
        }
        &self.hosts
    }
}

/// What a scenario leaves open, decided for a run: the same faults, each of named hosts at one moment.
/// A scenario with these faults in place of its own has the same schedule.
pub fn decide(scenario: &Scenario, run: RngSeed) -> Vec<FaultSpec> {
    let is_named: BTreeSet<HostId> =
        scenario.faults.iter().flat_map(|spec| named(scenario, spec)).collect();
    let mut pool: Vec<HostId> =
        scenario.hosts().filter(|host| host.is_peer() && !is_named.contains(host)).collect();
    pool.shuffle(&mut generator(run, "victims", 0));
    let mut decided = Vec::new();
    for (place, spec) in (0..).zip(&scenario.faults) {
        let mut rng = generator(run, "fault", place);
        let hosts = targets(scenario, spec, &mut pool, &mut rng);
        if matches!(spec.kind, FaultKind::Partition { .. }) {
            let when = Span::at(moment(spec.when, &mut rng));
            decided.push(FaultSpec { kind: spec.kind, targets: names(&hosts), when });
            continue;
        }
        for host in hosts {
            for turn in turns(spec) {
                let when = Span::at(moment(turn, &mut rng));
                let kind = decide_kind(spec.kind, &mut rng);
                decided.push(FaultSpec { kind, targets: names(&[host]), when });
            }
        }
    }
    decided
}

/// One turn of a fault, with all that its kind leaves open.
fn decide_kind(kind: FaultKind, rng: &mut ChaCha8Rng) -> FaultKind {
    match kind {
        FaultKind::Crash { death, restart } => {
            FaultKind::Crash { death, restart: restart.map(|span| Span::at(moment(span, rng))) }
        }
        FaultKind::Reset { .. } => FaultKind::Reset { times: 1 },
        FaultKind::Leave
        | FaultKind::Join
        | FaultKind::Pause { .. }
        | FaultKind::Suspend { .. }
        | FaultKind::Slow { .. }
        | FaultKind::StopReader { .. }
        | FaultKind::Partition { .. } => kind,
    }
}

fn names(hosts: &[HostId]) -> Targets {
    Targets::Named(hosts.iter().map(HostId::to_string).collect())
}

/// Whom a fault hits. Peers that are drawn are taken from the pool.
fn targets(
    scenario: &Scenario,
    spec: &FaultSpec,
    pool: &mut Vec<HostId>,
    rng: &mut ChaCha8Rng,
) -> Vec<HostId> {
    match &spec.targets {
        Targets::Named(_) => named(scenario, spec),
        Targets::RandomPeers(count) => {
            let left = pool.len().saturating_sub(*count);
            pool.split_off(left)
        }
        Targets::Share(percent) => {
            let part = |hosts: Vec<HostId>, rng: &mut ChaCha8Rng| -> Vec<HostId> {
                let count = hosts.len() * usize::from(*percent) / 100;
                hosts.sample(rng, count).copied().collect()
            };
            let (peers, seed_nodes): (Vec<_>, Vec<_>) =
                scenario.hosts().partition(|host| host.is_peer());
            let mut cut_off = part(peers, rng);
            cut_off.extend(part(seed_nodes, rng));
            cut_off
        }
    }
}

/// The hosts that a fault names.
fn named(scenario: &Scenario, spec: &FaultSpec) -> Vec<HostId> {
    match &spec.targets {
        Targets::Named(names) => {
            names.iter().filter_map(|name| scenario.host_named(name)).collect()
        }
        Targets::RandomPeers(_) | Targets::Share(_) => Vec::new(),
    }
}

/// A schedule in the making.
struct Plan<'a> {
    scenario: &'a Scenario,
    run: RngSeed,
    faults: Vec<Scheduled>,
}

impl Plan<'_> {
    fn push(&mut self, at: Duration, fault: Fault) {
        self.faults.push(Scheduled { at, fault });
    }

    /// All that a fault does, which is decided.
    fn faults_of(&mut self, spec: &FaultSpec) {
        let (at, hosts) = (spec.when.from, named(self.scenario, spec));
        if let FaultKind::Partition { mode, direction, length } = spec.kind {
            self.push(at, Fault::Cut(hosts.into_iter().collect(), mode, direction));
            self.push(at + length, Fault::Heal);
            return;
        }
        for host in hosts {
            self.hit(host, at, spec.kind);
        }
    }

    fn hit(&mut self, host: HostId, at: Duration, kind: FaultKind) {
        match kind {
            FaultKind::Crash { death, restart } => {
                self.push(at, Fault::Crash(host, death));
                if let Some(restart) = restart {
                    self.push(at + restart.from, Fault::Start(host));
                }
            }
            FaultKind::Leave => self.push(at, Fault::Leave(host)),
            FaultKind::Join => self.push(at, Fault::Start(host)),
            FaultKind::Pause { length, blocks } => self.still(host, at, length, blocks),
            FaultKind::Suspend { length } => {
                self.push(at, Fault::Suspend(host));
                self.push(at + length, Fault::Wake(host));
            }
            FaultKind::Slow { length, every, stall, blocks } => {
                let mut begin = at;
                while begin + every <= at + length {
                    self.still(host, begin, stall, blocks);
                    begin += every;
                }
            }
            FaultKind::StopReader { length } => {
                self.push(at, Fault::StopReader(host));
                self.push(at + length, Fault::ResumeReader(host));
            }
            FaultKind::Reset { .. } => self.push(at, Fault::Reset(host)),
            FaultKind::Partition { .. } => unreachable!("a partition hits all its hosts at once"),
        }
    }

    fn still(&mut self, host: HostId, at: Duration, length: Duration, blocks: Blocks) {
        let (begin, end) = match blocks {
            Blocks::Process => (Fault::Pause(host), Fault::Resume(host)),
            Blocks::Network => (Fault::Block(host), Fault::Unblock(host)),
        };
        self.push(at, begin);
        self.push(at + length, end);
    }

    /// Seed nodes start at once, peers within the start time, joiners when they join.
    fn starts(&mut self, joiners: &BTreeSet<HostId>) {
        let mut rng = generator(self.run, "start", 0);
        let span = Span { from: Duration::ZERO, to: self.scenario.start };
        for host in self.scenario.hosts() {
            let drawn = moment(span, &mut rng);
            if !joiners.contains(&host) {
                let at = if host.is_peer() { drawn } else { Duration::ZERO };
                self.push(at, Fault::Start(host));
            }
        }
    }
}

/// The spans in which a fault hits each of its hosts, one moment in each. Several resets get equal
/// parts of the span, of which they use the first half, so that the host's links can come back.
fn turns(spec: &FaultSpec) -> Vec<Span> {
    let FaultKind::Reset { times: times @ 2.. } = spec.kind else { return vec![spec.when] };
    let part = spec.when.to.saturating_sub(spec.when.from) / times;
    let begin = |turn| spec.when.from + part * turn;
    (0..times).map(|turn| Span { from: begin(turn), to: begin(turn) + part / 2 }).collect()
}

/// The generator of one purpose.
pub(crate) fn generator(run: RngSeed, label: &str, index: u64) -> ChaCha8Rng {
    ChaCha8Rng::from_seed(*run.derive(label, index).as_bytes())
}

/// A moment of the span, in whole milliseconds.
pub(crate) fn moment(span: Span, rng: &mut ChaCha8Rng) -> Duration {
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(rng.random_range(millis(span.from)..=millis(span.to)))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::host::run_seed;
    use crate::scenario::load;

    fn small(changes: &[&str]) -> Scenario {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/small.toml");
        let changes: Vec<String> = changes.iter().map(|&change| change.to_owned()).collect();
        load(&path, &changes).expect("the small scenario")
    }

    #[test]
    fn what_is_decided_has_the_same_schedule() {
        for seed in 1..=50 {
            let drawn = small(&["fault.6.times=1"]);
            let decided = Scenario { faults: decide(&drawn, run_seed(seed)), ..drawn.clone() };
            let (drawn, again) = (
                FaultSchedule::draw(&drawn, run_seed(seed)),
                FaultSchedule::draw(&decided, run_seed(seed)),
            );
            assert_eq!(drawn, again);
        }
    }

    fn times(schedule: &FaultSchedule, wanted: fn(&Fault) -> bool) -> Vec<u128> {
        let faults = schedule.faults.iter().filter(|it| wanted(&it.fault));
        faults.map(|it| it.at.as_millis()).collect()
    }

    #[test]
    fn a_slow_process_is_paused_once_in_every_whole_period() {
        let slow = "fault.5={kind='slow',for='3500ms',every='1s',stall='900ms',count=1,at='6s'}";
        let schedule = FaultSchedule::draw(&small(&[slow]), run_seed(1));
        let pauses = times(&schedule, |fault| matches!(fault, Fault::Pause(_)));
        let resumes = times(&schedule, |fault| matches!(fault, Fault::Resume(_)));
        assert_eq!(pauses, [6000, 7000, 8000]);
        assert_eq!(resumes, [6900, 7900, 8900]);
        assert_eq!(schedule.stalled_hosts().len(), 1);
        assert!(schedule.stalls().all(|stall| stall.length() == Duration::from_millis(900)));
        assert_eq!(schedule.stalls().count(), 3);
    }

    #[test]
    fn a_machine_sleeps_until_it_wakes_or_the_run_ends() {
        let sleep = "fault.5={kind='suspend',for='3s',nodes=['peer-2'],at='6s'}";
        let mut schedule = FaultSchedule::draw(&small(&[sleep]), run_seed(1));
        let found = |schedule: &FaultSchedule| {
            let of_peer = |it: &Stall<'_>| it.host == HostId::peer(1);
            schedule.stalls().filter(of_peer).map(|it| (it.begin.at, it.end)).collect::<Vec<_>>()
        };
        let seconds = Duration::from_secs;
        assert_eq!(found(&schedule), [(seconds(6), Some(seconds(9)))]);
        schedule.faults.retain(|it| !matches!(it.fault, Fault::Wake(_)));
        assert_eq!(found(&schedule), [(seconds(6), None)]);
    }

    #[test]
    fn repeated_resets_leave_time_for_links_to_come_back() {
        let resets = "fault.6={kind='reset',times=3,nodes=['peer-1'],between='4s..34s'}";
        for seed in 1..=50 {
            let longer = &["duration='80s'", "calm='40s'", resets];
            let schedule = FaultSchedule::draw(&small(longer), run_seed(seed));
            let times = times(&schedule, |fault| matches!(fault, Fault::Reset(_)));
            assert_eq!(times.len(), 3);
            assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= 5000), "{times:?}");
        }
    }
}
