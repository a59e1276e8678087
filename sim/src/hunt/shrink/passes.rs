//! Simpler scenarios than a given one: what shrinking tries. Bold steps come first. A step need not
//! care whether its result is a valid scenario; only valid ones are run.

use std::time::Duration;

use tidings_core::Config;
use tidings_node::chatter::Chatter;
use tidings_node::settings::{self, SETTINGS};

use crate::host::HostId;
use crate::hunt::draw::needed_calm;
use crate::scenario::{
    Blocks, Direction, Draw, FaultKind, FaultSpec, Limits, Link, PeerAddress, Scenario, Shape,
    Span, Targets, Workload,
};

/// One way to simplify.
pub(super) struct Pass {
    /// Simpler scenarios, the boldest first.
    pub(super) simpler: fn(&Scenario) -> Vec<Scenario>,
    /// The draws of the result are others, so that another seed may fail where this one does not.
    pub(super) tries_other_seeds: bool,
}

/// All ways, in the order in which they are worth most.
pub(super) const PASSES: &[Pass] = &[
    Pass { simpler: fewer_limits, tries_other_seeds: false },
    Pass { simpler: lower_bound, tries_other_seeds: true },
    Pass { simpler: fewer_peers, tries_other_seeds: true },
    Pass { simpler: fewer_seed_nodes, tries_other_seeds: true },
    Pass { simpler: fewer_faults, tries_other_seeds: true },
    Pass { simpler: fewer_victims, tries_other_seeds: false },
    Pass { simpler: shorter, tries_other_seeds: false },
    Pass { simpler: less_said, tries_other_seeds: false },
    Pass { simpler: plainer_links, tries_other_seeds: true },
    Pass { simpler: one_address, tries_other_seeds: true },
    Pass { simpler: early_names, tries_other_seeds: true },
    Pass { simpler: plainer_faults, tries_other_seeds: false },
    Pass { simpler: default_settings, tries_other_seeds: true },
    Pass { simpler: rounder_times, tries_other_seeds: false },
];

const SECOND: Duration = Duration::from_secs(1);

/// Without one of the limits. Those that hold go first of all, so that what gets smaller goes on to fail
/// for its own reason: a single peer keeps no limit. Of several that are broken the one that is complained
/// of first is kept, so the others come first here. Without `false_deaths_max` none are allowed, so it
/// stays.
fn fewer_limits(scenario: &Scenario) -> Vec<Scenario> {
    const FORGET: [fn(&mut Limits); 12] = [
        |limits| limits.quorum_max = None,
        |limits| limits.one_component_max = None,
        |limits| limits.others_coverage_100_max = None,
        |limits| limits.delay_max = None,
        |limits| limits.silent_detection_max = None,
        |limits| limits.reset_detection_max = None,
        |limits| limits.delay_p99_max = None,
        |limits| limits.coverage_100_max = None,
        |limits| limits.coverage_50_max = None,
        |limits| limits.degree_dispersion_min = None,
        |limits| limits.redundancy_max = None,
        |limits| limits.delivery_percent_min = None,
    ];
    let without = |forget: &fn(&mut Limits)| {
        let mut fewer = scenario.clone();
        forget(&mut fewer.limits);
        (fewer.limits != scenario.limits).then_some(fewer)
    };
    FORGET.iter().filter_map(without).collect()
}

/// Without all faults, each half of them, each quarter, and so on.
fn fewer_faults(scenario: &Scenario) -> Vec<Scenario> {
    let faults = &scenario.faults;
    let mut simpler = Vec::new();
    let mut size = faults.len();
    while size > 0 {
        for start in (0..faults.len()).step_by(size) {
            let rest = faults.iter().enumerate();
            let rest = rest.filter(|(place, _)| !(start..start + size).contains(place));
            let faults = rest.map(|(_, fault)| fault.clone()).collect();
            simpler.push(Scenario { faults, ..scenario.clone() });
        }
        size /= 2;
    }
    simpler
}

/// A bound of half the size, if it is not the default, is broken by fewer peers.
fn lower_bound(scenario: &Scenario) -> Vec<Scenario> {
    let known_max = scenario.config.overlay.known_max;
    let mut lower = scenario.clone();
    lower.config.overlay.known_max = known_max / 2;
    let is_lowered = known_max > 3 && known_max < Config::classic().overlay.known_max;
    if is_lowered { vec![lower] } else { Vec::new() }
}

/// Peers announce their own address alone.
fn one_address(scenario: &Scenario) -> Vec<Scenario> {
    let plain = Scenario { peer_addresses: vec![PeerAddress::Own], ..scenario.clone() };
    if plain == *scenario { Vec::new() } else { vec![plain] }
}

/// All seed nodes are found at once.
fn early_names(scenario: &Scenario) -> Vec<Scenario> {
    let early = Scenario { names_found_at: Duration::ZERO, ..scenario.clone() };
    if early == *scenario { Vec::new() } else { vec![early] }
}

fn fewer_peers(scenario: &Scenario) -> Vec<Scenario> {
    fewer_hosts(scenario, scenario.peers, HostId::peer)
}

fn fewer_seed_nodes(scenario: &Scenario) -> Vec<Scenario> {
    fewer_hosts(scenario, scenario.seed_nodes, HostId::seed_node)
}

/// Only the first ones of a role, then all but one. One is always left.
fn fewer_hosts(scenario: &Scenario, count: usize, host: fn(u32) -> HostId) -> Vec<Scenario> {
    let places = 0..u32::try_from(count).unwrap_or(u32::MAX);
    let mut simpler = Vec::new();
    for kept in [1, 2, count / 2, count * 3 / 4] {
        if (1..count).contains(&kept) {
            let gone = places.clone().skip(kept).rev();
            let start = scenario.clone();
            simpler.push(gone.fold(start, |scenario, place| without(scenario, host(place))));
        }
    }
    if count > 1 {
        simpler.extend(places.rev().map(|place| without(scenario.clone(), host(place))));
    }
    simpler
}

/// The scenario without a host. Those with higher numbers move up.
fn without(mut scenario: Scenario, gone: HostId) -> Scenario {
    for fault in &mut scenario.faults {
        if let Targets::Named(names) = &mut fault.targets {
            let renamed = names.iter().filter_map(|name| renamed(HostId::named(name)?, gone));
            *names = renamed.collect();
        }
    }
    scenario.faults.retain(|fault| fault.targets != Targets::Named(Vec::new()));
    if gone.is_peer() {
        scenario.peers -= 1;
    } else {
        scenario.seed_nodes -= 1;
    }
    scenario
}

/// What a host is called when another one is gone.
fn renamed(host: HostId, gone: HostId) -> Option<String> {
    if host == gone {
        return None;
    }
    let moves = host.role() == gone.role() && host > gone;
    let place = if moves { host.place() - 1 } else { host.place() };
    let name = if host.is_peer() { HostId::peer(place) } else { HostId::seed_node(place) };
    Some(name.to_string())
}

/// Cuts that cut off fewer.
fn fewer_victims(scenario: &Scenario) -> Vec<Scenario> {
    with_each_fault(scenario, |fault| {
        let Targets::Named(names) = &fault.targets else { return Vec::new() };
        let without = |place: usize| {
            let mut names = names.clone();
            names.remove(place);
            FaultSpec { targets: Targets::Named(names), ..fault.clone() }
        };
        if names.len() > 1 { (0..names.len()).map(without).collect() } else { Vec::new() }
    })
}

/// The scenario with one fault replaced, by each of what `simpler` gives for it.
fn with_each_fault(
    scenario: &Scenario,
    simpler: impl Fn(&FaultSpec) -> Vec<FaultSpec>,
) -> Vec<Scenario> {
    let mut scenarios = Vec::new();
    for (place, fault) in scenario.faults.iter().enumerate() {
        for fault in simpler(fault) {
            let mut scenario = scenario.clone();
            scenario.faults[place] = fault;
            scenarios.push(scenario);
        }
    }
    scenarios
}

/// When the last fault is over.
fn noise_end(scenario: &Scenario) -> Duration {
    let ends = scenario.faults.iter().map(|fault| fault.when.to + fault.kind.length());
    ends.max().unwrap_or_default().max(scenario.start)
}

/// A run that ends a calm after `noise_end`, with the workload that fits into it.
fn ending(scenario: &Scenario, noise_end: Duration, calm: Duration) -> Scenario {
    let duration = Duration::from_secs((noise_end + calm).as_secs() + 1);
    let fitted = |workload: Workload| {
        let to = workload.between.to.min(duration.saturating_sub(SECOND));
        Workload { between: Span { from: workload.between.from.min(to), to }, ..workload }
    };
    let workload = scenario.workload.map(fitted);
    Scenario { duration, calm, workload, ..scenario.clone() }
}

/// Less calm, less time before the calm, faults earlier and shorter.
fn shorter(scenario: &Scenario) -> Vec<Scenario> {
    let calm = scenario.calm.min(needed_calm(scenario));
    let mut simpler = vec![ending(scenario, noise_end(scenario), calm)];
    simpler.push(Scenario { start: Duration::ZERO, ..scenario.clone() });
    let first = scenario.faults.iter().map(|fault| fault.when.from).min();
    for parts in [1, 2] {
        let gap = first.unwrap_or_default().saturating_sub(scenario.start + SECOND) / parts;
        let mut earlier = scenario.clone();
        for fault in &mut earlier.faults {
            fault.when = Span::at(whole(fault.when.from.saturating_sub(gap)));
        }
        simpler.push(ending(&earlier, noise_end(&earlier), scenario.calm));
    }
    simpler.extend(with_each_fault(scenario, shorter_fault));
    simpler.retain(|simpler| is_less(simpler, scenario));
    simpler
}

fn shorter_fault(fault: &FaultSpec) -> Vec<FaultSpec> {
    let half = |length: Duration| whole(length / 2);
    let kind = match fault.kind {
        FaultKind::Crash { death, restart: Some(restart) } => {
            FaultKind::Crash { death, restart: Some(Span::at(half(restart.from))) }
        }
        FaultKind::Pause { length, blocks } => FaultKind::Pause { length: half(length), blocks },
        FaultKind::Slow { length, every, stall, blocks } => {
            FaultKind::Slow { length: every.max(half(length)), every, stall, blocks }
        }
        FaultKind::Suspend { length } => FaultKind::Suspend { length: half(length) },
        FaultKind::StopReader { length } => FaultKind::StopReader { length: half(length) },
        FaultKind::Partition { mode, direction, length } => {
            FaultKind::Partition { mode, direction, length: half(length) }
        }
        FaultKind::Crash { restart: None, .. }
        | FaultKind::Leave
        | FaultKind::Join
        | FaultKind::Reset { .. } => fault.kind,
    };
    vec![FaultSpec { kind, ..fault.clone() }]
}

/// Whole milliseconds.
fn whole(time: Duration) -> Duration {
    Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

/// Whether any time of a scenario is less by enough to be worth a run.
fn is_less(a: &Scenario, b: &Scenario) -> bool {
    let times = |scenario: &Scenario| {
        let faults = &scenario.faults;
        let starts: Duration = faults.iter().map(|fault| fault.when.from).sum();
        let lengths: Duration = faults.iter().map(|fault| fault.kind.length()).sum();
        scenario.duration + scenario.start + starts + lengths
    };
    times(a) + Duration::from_millis(500) <= times(b)
}

/// No workload, a shorter or rarer one, no chatter.
fn less_said(scenario: &Scenario) -> Vec<Scenario> {
    let mut simpler = Vec::new();
    if scenario.chatter.count > 0 {
        for count in [0, scenario.chatter.count / 2] {
            let chatter = Chatter { count, ..scenario.chatter };
            simpler.push(Scenario { chatter, ..scenario.clone() });
        }
    }
    let Some(workload) = scenario.workload else { return simpler };
    simpler.push(Scenario { workload: None, ..scenario.clone() });
    let Span { from, to } = workload.between;
    let middle = whole((from + to) / 2);
    let mut rarer = vec![Workload { size: 1, ..workload }];
    if to > from + workload.every {
        rarer.push(Workload { between: Span { from, to: middle }, ..workload });
        rarer.push(Workload { between: Span { from: middle, to }, ..workload });
        rarer.push(Workload { every: workload.every * 2, ..workload });
    }
    rarer.retain(|it| *it != workload);
    simpler.extend(rarer.into_iter().map(|it| Scenario { workload: Some(it), ..scenario.clone() }));
    simpler
}

/// Without loss, without a bound, of one latency.
fn plainer_links(scenario: &Scenario) -> Vec<Scenario> {
    let latency = Span { from: Duration::from_millis(20), to: Duration::from_millis(20) };
    let plain = Link { shape: Shape::Uniform, draw: Draw::Packet, loss: 0.0, bandwidth: None };
    let link = &scenario.link;
    let simpler = [
        (latency, plain),
        (scenario.latency, Link { shape: Shape::Uniform, ..link.clone() }),
        (scenario.latency, Link { draw: Draw::Packet, ..link.clone() }),
        (scenario.latency, Link { loss: 0.0, ..link.clone() }),
        (scenario.latency, Link { bandwidth: None, ..link.clone() }),
        (latency, Link { shape: Shape::Uniform, ..link.clone() }),
    ];
    let changed = simpler.into_iter().filter(|it| *it != (scenario.latency, link.clone()));
    changed.map(|(latency, link)| Scenario { latency, link, ..scenario.clone() }).collect()
}

/// A pause instead of many, a crash for good, a cut both ways.
fn plainer_faults(scenario: &Scenario) -> Vec<Scenario> {
    with_each_fault(scenario, |fault| {
        let kind = match fault.kind {
            FaultKind::Slow { stall, blocks, .. } => FaultKind::Pause { length: stall, blocks },
            FaultKind::Suspend { length } => FaultKind::Pause { length, blocks: Blocks::Process },
            FaultKind::Crash { death, restart: Some(_) } => {
                FaultKind::Crash { death, restart: None }
            }
            FaultKind::Partition { mode, direction: Direction::Out | Direction::In, length } => {
                FaultKind::Partition { mode, direction: Direction::Both, length }
            }
            FaultKind::Crash { restart: None, .. }
            | FaultKind::Leave
            | FaultKind::Join
            | FaultKind::Pause { .. }
            | FaultKind::StopReader { .. }
            | FaultKind::Reset { .. }
            | FaultKind::Partition { .. } => return Vec::new(),
        };
        vec![FaultSpec { kind, ..fault.clone() }]
    })
}

/// All settings those of the documented network, then each. The calm grows with them.
fn default_settings(scenario: &Scenario) -> Vec<Scenario> {
    let classic = Config::classic();
    let with = |config: Config| {
        let changed = Scenario { config, ..scenario.clone() };
        let calm = if scenario.calm < needed_calm(scenario) {
            changed.convergence_bound()
        } else {
            needed_calm(&changed)
        };
        ending(&changed, noise_end(&changed), Duration::from_secs(calm.as_secs() + 1))
    };
    let mut configs = vec![classic.clone()];
    for setting in SETTINGS {
        let mut config = scenario.config.clone();
        let value = setting.value(&classic);
        if settings::set(&mut config, setting.name, &value).is_ok() {
            configs.push(config);
        }
    }
    configs.retain(|config| *config != scenario.config);
    let mut simpler: Vec<Scenario> = configs.into_iter().map(with).collect();
    if scenario.chatter.every != Chatter::DOCUMENTED.every {
        let chatter = Chatter { every: Chatter::DOCUMENTED.every, ..scenario.chatter };
        simpler.push(Scenario { chatter, ..scenario.clone() });
    }
    simpler
}

/// Faults at whole seconds.
fn rounder_times(scenario: &Scenario) -> Vec<Scenario> {
    let round = |time: Duration| Duration::from_secs(time.as_secs());
    let mut all = scenario.clone();
    for fault in &mut all.faults {
        fault.when = Span::at(round(fault.when.from));
    }
    let mut simpler = vec![all];
    simpler.extend(with_each_fault(scenario, |fault| {
        vec![FaultSpec { when: Span::at(round(fault.when.from)), ..fault.clone() }]
    }));
    simpler.retain(|simpler| simpler != scenario);
    simpler
}
