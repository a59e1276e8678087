//! What a hunt runs: scenarios of which every option is drawn from a seed. Each run has some
//! kinds of faults and not the others (swarm testing), because kinds hide each other's effects.

mod flow;
mod modern;
mod sleep;

use std::ops::RangeInclusive;
use std::time::Duration;

use rand::RngExt as _;
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand_chacha::ChaCha8Rng;
use tidings_core::{Config, DetectorKind, OverlayKind};
use tidings_node::chatter::Chatter;
use tidings_node::settings::Profile;

use crate::fault::generator;
use crate::host::run_seed;
use crate::scenario::{
    Blocks, CutMode, Death, Direction, Draw, Engine, FaultKind, FaultSpec, Limits, Link,
    PeerAddress, Scenario, Shape, Span, Targets, Workload, named_peers,
};

/// Time from the last start until the first fault: nodes have found each other by then.
const SETTLING: Duration = Duration::from_secs(8);

/// Bytes of a message beside its payload, about.
const OVERHEAD: usize = 200;

/// Bytes per second of a node, at least. *Measured: with 28 kB/s a cut of 2.5 s left suspicions for minutes
/// among 9 peers that flood 5 small messages a second, and some resets did among 19 of the modern
/// profile that only chatter. With 21 kB/s one of 18 that floods lost all its links at once, its digests
/// to 17 neighbors took longer than `hello_timeout`, and it was removed (1 of 40 seeds; none with 30).*
const MIN_BANDWIDTH: u64 = 100_000;

const SECOND: Duration = Duration::from_secs(1);

/// Draws the scenario of one run, of the documented network or of the modern profile: it is the same
/// for the same seed.
pub fn draw(seed: u64, profile: Profile) -> Scenario {
    let mut dice = Dice(generator(run_seed(seed), "hunt", 0));
    let start = dice.millis(0..=5_000);
    let (seed_nodes, peers) = (dice.number(1..=4), dice.peers());
    let (mut config, chatter) = dice.config();
    if profile == Profile::Modern {
        modern::draw(&mut Dice(generator(run_seed(seed), "hunt, modern", 0)), &mut config);
    }
    let (latency, link) = dice.link();
    let noise = start + SETTLING..start + SETTLING + dice.millis(20_000..=60_000);
    let mut scenario = Scenario {
        name: format!("hunt-{seed}"),
        engine: Engine::Events,
        question: format!("Does all hold in the run that was drawn from {seed}?"),
        runs: 1,
        duration: Duration::ZERO,
        calm: Duration::ZERO,
        seed_nodes,
        peers,
        peer_addresses: peer_addresses(&mut Dice(generator(run_seed(seed), "hunt, addresses", 0))),
        names_found_at: Duration::ZERO,
        start,
        latency,
        tick: Duration::from_millis(1),
        link,
        config,
        chatter,
        workload: None,
        faults: Vec::new(),
        limits: Limits::default(),
        vary: Vec::new(),
    };
    scenario.limits.false_deaths_max = unlucky_deaths(&scenario.link);
    scenario.calm = needed_calm(&scenario);
    scenario.duration = noise.end + scenario.calm;
    scenario.workload = dice.workload(noise.start, scenario.duration);
    relieve(&mut scenario);
    let is_silent_noticed = scenario.config.detector.kind != DetectorKind::Connect;
    let mut faults = Faults { dice, noise, is_silent_noticed, list: Vec::new() };
    faults.of_seed_nodes(seed_nodes);
    faults.of_peers(peers - 1);
    faults.partitions(seed_nodes, peers);
    faults.fit(peers - named_peers(&scenario, &faults.list));
    scenario.faults = faults.list;
    flow::draw(&mut Dice(generator(run_seed(seed), "hunt, flow", 0)), &mut scenario);
    sleep::draw(&mut Dice(generator(run_seed(seed), "hunt, sleep", 0)), &mut scenario);
    names(&mut Dice(generator(run_seed(seed), "hunt, names", 0)), &mut scenario);
    scenario
}

/// One address of each peer, or two of which one is of no use. Drawn apart from all else, so that the
/// other runs stay as they are.
fn peer_addresses(dice: &mut Dice) -> Vec<PeerAddress> {
    let other = dice.pick(&[PeerAddress::Silent, PeerAddress::Silent, PeerAddress::Refusing]);
    let is_first = dice.chance(50);
    match dice.chance(20) {
        false => vec![PeerAddress::Own],
        true if is_first => vec![other, PeerAddress::Own],
        true => vec![PeerAddress::Own, other],
    }
}

/// Names of seed nodes are found late in some of the runs, before the calm. Drawn last and apart from all else, so
/// that the other runs stay as they are.
fn names(dice: &mut Dice, scenario: &mut Scenario) {
    if scenario.seed_nodes > 1 && dice.chance(20) {
        let latest = u64::try_from(scenario.calm_from().as_millis()).unwrap_or(u64::MAX);
        scenario.names_found_at = dice.millis(1..=latest.min(30_000));
    }
}

/// How many peers the faults hit, drawn or named.
fn hit_peers(scenario: &Scenario) -> usize {
    let drawn = scenario.faults.iter().map(|fault| match &fault.targets {
        Targets::RandomPeers(count) => *count,
        Targets::Named(_) | Targets::Share(_) => 0,
    });
    drawn.sum::<usize>() + named_peers(scenario, &scenario.faults)
}

/// How many of the living may be removed as dead; none where nothing is lost. *Four losses in a row delay
/// an answer by 3 s, which is `hello_timeout`, and where a lease has lapsed one probe decides: one of
/// 16,705 runs of the profile modern, and one of 2,001 seeds of the scenario that was drawn for it.*
fn unlucky_deaths(link: &Link) -> Option<u64> {
    (link.loss > 0.0).then_some(1)
}

/// Sees that nodes have room to catch up: a digest of two minutes is as long as hundreds of messages, and
/// goes to each new neighbor. Where that takes longer than a detector waits for an answer, nobody can
/// tell a busy node from a dead one, and nothing can be demanded.
fn relieve(scenario: &mut Scenario) {
    let Some(bandwidth) = &mut scenario.link.bandwidth else { return };
    let copies = u128::try_from(scenario.config.overlay.max_links.min(scenario.peers)).unwrap_or(1);
    let load = scenario.workload.as_ref().map_or(0, |workload| {
        let bytes = u128::try_from(workload.size + OVERHEAD).unwrap_or(u128::MAX);
        bytes.saturating_mul(copies) * 1_000 / workload.every.as_millis().max(1)
    });
    let needed = u64::try_from(load * 4).unwrap_or(u64::MAX).max(MIN_BANDWIDTH);
    *bandwidth = needed.max(*bandwidth);
}

/// How long the calm of a hunted run is at least. Longer than the bound that every scenario has: with
/// quick detectors the bound is short, and a lease or a pause between two dials may last longer.
pub(crate) fn needed_calm(scenario: &Scenario) -> Duration {
    let Config { registration, overlay, .. } = &scenario.config;
    let slow = registration.lease + registration.retry_max + overlay.cooldown;
    let needed = scenario.convergence_bound() + slow;
    Duration::from_secs(needed.as_secs() + 1)
}

/// Draws one option after the other.
struct Dice(ChaCha8Rng);

impl Dice {
    fn chance(&mut self, percent: u32) -> bool {
        self.0.random_range(0..100) < percent
    }

    fn number(&mut self, within: RangeInclusive<usize>) -> usize {
        self.0.random_range(within)
    }

    fn millis(&mut self, within: RangeInclusive<u64>) -> Duration {
        Duration::from_millis(self.0.random_range(within))
    }

    fn seconds(&mut self, within: RangeInclusive<u64>) -> Duration {
        Duration::from_secs(self.0.random_range(within))
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        *of.choose(&mut self.0).expect("something to pick from")
    }

    /// Small networks more often than larger ones: they are quick, and fail with less around it.
    fn peers(&mut self) -> usize {
        let most = self.pick(&[3, 6, 12, 24]);
        self.number(2..=most)
    }

    /// Settings of a quick network, each left alone in half of the runs.
    fn config(&mut self) -> (Config, Chatter) {
        let (mut config, mut chatter) = (Config::classic(), Chatter::DOCUMENTED);
        self.timers(&mut config);
        let overlay = &mut config.overlay;
        if self.chance(25) {
            overlay.kind = OverlayKind::PowerLaw;
        }
        if self.chance(50) {
            overlay.max_peers = self.number(3..=6);
            overlay.max_links = self.number(4 * overlay.max_peers..=64);
        }
        if self.chance(30) {
            overlay.known_max = self.number(3..=12);
        }
        if self.chance(25) {
            config.detector.kind = DetectorKind::Connect;
        }
        if self.chance(25) {
            config.detector.misses = self.pick(&[2, 4]);
        }
        if self.chance(25) {
            config.registration.confirmations = 2;
        }
        if self.chance(50) {
            chatter.every = self.millis(500..=5_000);
            chatter.count = self.pick(&[0, 3, 10, 30]);
        }
        (config, chatter)
    }

    fn timers(&mut self, config: &mut Config) {
        if self.chance(75) {
            config.detector.liveness_every = self.seconds(1..=13);
            let most = config.detector.liveness_every.min(3 * SECOND).as_secs() * 1_000;
            config.detector.answer_timeout = self.millis(1_000..=most);
        }
        if self.chance(50) {
            config.detector.redial_after = self.millis(200..=1_000);
        }
        if self.chance(50) {
            config.links.hello_timeout = self.millis(1_500..=3_000);
        }
        if self.chance(75) {
            config.registration.lease = self.seconds(3..=30);
            config.registration.retry_min = self.millis(200..=1_000);
            config.registration.retry_max = self.seconds(1..=30);
        }
        if self.chance(75) {
            config.overlay.refresh = self.seconds(3..=30);
            config.overlay.cooldown = self.seconds(1..=10);
            config.overlay.isolated_retry = self.millis(500..=2_000);
        }
        if self.chance(75) {
            config.broadcast.digest_every = self.millis(500..=5_000);
            config.broadcast.pull_timeout = self.millis(1_000..=3_000);
        }
    }

    /// Latencies short enough for the shortest timeouts that are drawn.
    fn link(&mut self) -> (Span, Link) {
        let from = self.number(5..=40);
        let to = if self.chance(20) { from } else { self.number(from..=300) };
        let millis = |number: usize| Duration::from_millis(u64::try_from(number).unwrap_or(0));
        let mut latency = Span { from: millis(from), to: millis(to) };
        let shape = match self.number(0..=3) {
            0 => Shape::Exponential,
            1 => Shape::Uniform,
            2 => Shape::Lognormal {
                median: millis(self.number(from..=to)),
                sigma: self.pick(&[0.1, 0.5, 1.0]),
            },
            _ => {
                let (rows, spans) = self.regions();
                latency = spans;
                Shape::Regions(rows)
            }
        };
        let draw = if self.chance(25) { Draw::Pair } else { Draw::Packet };
        let loss = if self.chance(25) { self.pick(&[0.001, 0.01, 0.03]) } else { 0.0 };
        let bandwidth = self.chance(20).then(|| self.0.random_range(20_000..=1_000_000));
        (latency, Link { shape, draw, loss, bandwidth })
    }

    /// Two or three regions, and the bounds of all their latencies.
    fn regions(&mut self) -> (Vec<Vec<Span>>, Span) {
        let count = self.number(2..=3);
        let mut rows = Vec::new();
        for row in 0..count {
            let mut spans = Vec::new();
            for column in 0..count {
                let from = if row == column { 5 } else { self.pick(&[20, 60, 120]) };
                let to = from + self.pick(&[0, 10, 100]);
                let millis = Duration::from_millis;
                spans.push(Span { from: millis(from), to: millis(to) });
            }
            rows.push(spans);
        }
        let all: Vec<Span> = rows.concat();
        let from = all.iter().map(|span| span.from).min().unwrap_or_default();
        let to = all.iter().map(|span| span.to).max().unwrap_or_default();
        (rows, Span { from, to })
    }

    fn workload(&mut self, from: Duration, end: Duration) -> Option<Workload> {
        self.chance(75).then(|| Workload {
            every: self.millis(100..=2_000),
            between: Span { from, to: end.saturating_sub(5 * SECOND) },
            size: self.pick(&[1, 32, 64, 256, 2_000]),
            sources: None,
        })
    }
}

/// The faults of a run in the making.
struct Faults {
    dice: Dice,
    /// When there are faults.
    noise: std::ops::Range<Duration>,
    /// A link that stays silent is given up. The detector `connect` does not: the machine at its
    /// other end accepts connections, and that is all it asks.
    is_silent_noticed: bool,
    list: Vec<FaultSpec>,
}

impl Faults {
    fn push(&mut self, kind: FaultKind, targets: Targets) {
        let last = self.noise.end.saturating_sub(kind.length()).max(self.noise.start);
        let when = Span { from: self.noise.start, to: last };
        self.list.push(FaultSpec { kind, targets, when });
    }

    /// A seed node that dies comes back: without any, nobody could join.
    fn of_seed_nodes(&mut self, seed_nodes: usize) {
        for place in 1..=seed_nodes {
            if !self.dice.chance(25) {
                continue;
            }
            let kind = match self.dice.number(0..=2) {
                0 => self.crash(true),
                1 => self.pause(),
                _ => FaultKind::Reset { times: 1 },
            };
            self.push(kind, Targets::Named(vec![format!("seed-{place}")]));
        }
    }

    /// Some kinds of faults, each of one to three peers, of `most` peers together.
    fn of_peers(&mut self, most: usize) {
        let mut makers: [fn(&mut Self) -> FaultKind; 8] = [
            |it| it.crash(false),
            |it| it.crash(true),
            |_| FaultKind::Leave,
            |_| FaultKind::Join,
            Self::pause,
            Self::slow,
            |_| FaultKind::Reset { times: 1 },
            |_| FaultKind::Reset { times: 2 },
        ];
        makers.shuffle(&mut self.dice.0);
        let mut left = most;
        for maker in makers {
            if left == 0 || !self.dice.chance(50) {
                continue;
            }
            let count = self.dice.number(1..=left.min(3));
            let kind = maker(self);
            self.push(kind, Targets::RandomPeers(count));
            left -= count;
        }
    }

    /// Up to two, one after the other.
    fn partitions(&mut self, seed_nodes: usize, peers: usize) {
        let all = self.noise.clone();
        let middle = (all.start + all.end) / 2;
        for half in [all.start..middle, middle + SECOND..all.end] {
            if !self.dice.chance(40) {
                continue;
            }
            let modes = [CutMode::Held, CutMode::Reset, CutMode::Silent];
            let modes = if self.is_silent_noticed { &modes[..] } else { &modes[..2] };
            let mode = self.dice.pick(modes);
            let direction = if mode == CutMode::Silent {
                self.dice.pick(&[Direction::Both, Direction::Both, Direction::Out, Direction::In])
            } else {
                Direction::Both
            };
            let most =
                u64::try_from(half.end.saturating_sub(half.start).as_millis()).unwrap_or(u64::MAX);
            let length = self.dice.millis(1_000..=most.min(20_000));
            let targets = match self.dice.number(0..=3) {
                0 => Targets::Named(vec![format!("seed-{}", self.dice.number(1..=seed_nodes))]),
                1 => Targets::Named(vec![format!("peer-{}", self.dice.number(1..=peers))]),
                _ => Targets::Share(self.dice.pick(&[30, 50, 60])),
            };
            self.noise = half;
            self.push(FaultKind::Partition { mode, direction, length }, targets);
        }
        self.noise = all;
    }

    /// Peers that partitions name are not drawn: where too few are left, fewer are hit.
    fn fit(&mut self, mut left: usize) {
        for fault in &mut self.list {
            if let Targets::RandomPeers(count) = &mut fault.targets {
                *count = left.min(*count);
                left -= *count;
            }
        }
        self.list.retain(|fault| fault.targets != Targets::RandomPeers(0));
    }

    fn crash(&mut self, comes_back: bool) -> FaultKind {
        let death = self.dice.pick(&[Death::Reset, Death::Silent]);
        let from = self.dice.millis(200..=10_000);
        let to = from + self.dice.millis(0..=5_000);
        FaultKind::Crash { death, restart: comes_back.then_some(Span { from, to }) }
    }

    fn pause(&mut self) -> FaultKind {
        FaultKind::Pause { length: self.dice.millis(500..=15_000), blocks: Blocks::Process }
    }

    fn slow(&mut self) -> FaultKind {
        let every = self.dice.millis(1_000..=4_000);
        let stall = every * self.dice.pick(&[3, 6, 9]) / 10;
        let length = every * self.dice.pick(&[2, 4]);
        FaultKind::Slow { length, every, stall, blocks: Blocks::Process }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::parse;

    /// So what a hunt finds can be written down and run again.
    #[test]
    fn what_is_drawn_is_a_scenario_and_can_be_written() {
        let profiles = [Profile::Classic, Profile::Modern];
        for (seed, profile) in (1..=1_500).flat_map(|seed| profiles.map(|it| (seed, it))) {
            let drawn = draw(seed, profile);
            let text = drawn.to_toml(&[]);
            assert_eq!(parse(&drawn.name, "drawn", &text), Ok(drawn.clone()), "{text}");
            assert_eq!(draw(seed, profile), drawn);
        }
    }

    #[test]
    fn nodes_have_room_for_their_messages() {
        let profiles = [Profile::Classic, Profile::Modern];
        let drawn = (1..=1_500).flat_map(|seed| profiles.map(|it| draw(seed, it)));
        let mut bounded = 0;
        for scenario in drawn {
            let Some(bandwidth) = scenario.link.bandwidth else { continue };
            if flow::is_drawn(&scenario) {
                continue;
            }
            let links = scenario.config.overlay.max_links.min(scenario.peers);
            let per_second = |it: &Workload| {
                let said = it.size * 1_000 / usize::try_from(it.every.as_millis()).unwrap();
                u64::try_from(said * links).unwrap()
            };
            let said = scenario.workload.as_ref().map_or(0, per_second);
            assert!(bandwidth >= 4 * said.max(25_000), "{}", scenario.name);
            bounded += 1;
        }
        assert!(bounded > 50, "{bounded}");
    }

    #[test]
    fn bad_luck_is_allowed_for_only_where_something_is_lost() {
        let drawn: Vec<_> = (1..=200).map(|seed| draw(seed, Profile::Modern)).collect();
        let is_allowed = |it: &Scenario| it.limits.false_deaths_max.is_some();
        assert!(drawn.iter().all(|it| is_allowed(it) == (it.link.loss > 0.0)));
        assert!(drawn.iter().any(is_allowed) && !drawn.iter().all(is_allowed));
    }

    /// Swarm testing: each kind is in some runs and not in others, with few others or many.
    #[test]
    fn every_kind_of_fault_is_left_out_of_some_runs() {
        let kinds = |seed| {
            let faults = draw(seed, Profile::Classic).faults;
            faults.iter().map(|fault| std::mem::discriminant(&fault.kind)).collect::<Vec<_>>()
        };
        let runs: Vec<Vec<_>> = (1..=200).map(kinds).collect();
        let longest = runs.iter().max_by_key(|kinds| kinds.len()).expect("runs");
        assert!(longest.len() > 6 && runs.iter().any(|kinds| kinds.len() < 2));
        for kind in runs.iter().flatten() {
            let with_it = runs.iter().filter(|kinds| kinds.contains(kind)).count();
            assert!((20..180).contains(&with_it), "{kind:?} is in {with_it} of 200 runs");
        }
    }
}
