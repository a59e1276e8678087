//! From a scenario file to a [`Scenario`], or to an error that shows the place and says what is
//! allowed there.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use humantime::format_duration;
use tidings_core::{Config, MAX_SEED_NODES, Payload};
use tidings_node::chatter::Chatter;
use tidings_node::settings::{self, Profile};
use toml::Spanned;

use super::override_keys::apply_overrides;
use super::page::{Checked, Complaint, Page, ScenarioError};
use super::range::{Span, Time};
use super::raw::{
    DeathWord, DirectionWord, Kind, ModeWord, RawFault, RawLimits, RawNetwork, RawProtocol,
    RawScenario, RawWorkload,
};
use super::vary::Vary;
use super::{
    Blocks, CutMode, Death, Direction, FaultKind, FaultSpec, Limits, MAX_HOSTS,
    MAX_HOSTS_OF_EVENTS, Scenario, Targets, Workload,
};

/// The key of the profile that the settings start from.
pub(super) const PROFILE: &str = "profile";

/// Version of the file format that this program reads.
const VERSION: u32 = 1;

/// Several resets of one host have at least this much of the span each: reset links must have come
/// back, or there is nothing to reset. The last half of each part is left alone, which is 5 s.
const MIN_RESET_PART: Duration = Duration::from_secs(10);

/// Reads the scenario of `path`, with these `key=value` changes made to its text first.
pub fn load(path: &Path, overrides: &[String]) -> Result<Scenario, ScenarioError> {
    let File { name, source, text } = read(path, overrides)?;
    parse(&name, &source, &text).map_err(ScenarioError::Text)
}

/// The same for the event engine, whichever the scenario or a change names.
///
/// # Errors
///
/// As there.
pub fn load_for_events(path: &Path, overrides: &[String]) -> Result<Scenario, ScenarioError> {
    let events = format!("engine={}", super::Engine::Events.name());
    load(path, &[overrides, &[events]].concat())
}

/// What the scenario of `path` varies, with these changes made to its text first. Nothing else of
/// the changed text is judged: what is varied may be what makes it right.
pub(super) fn load_vary(path: &Path, overrides: &[String]) -> Result<Vec<Vary>, ScenarioError> {
    let File { name: _, source, text } = read(path, overrides)?;
    let page = Page { source: &source, text: &text };
    let raw = page.read().map_err(ScenarioError::Text)?;
    page.varied(&raw).map_err(ScenarioError::Text)
}

/// A scenario file, as it was read and changed.
struct File {
    /// The scenario's name.
    name: String,
    /// What complaints call the text.
    source: String,
    text: String,
}

/// Reads a file and changes its text.
fn read(path: &Path, overrides: &[String]) -> Result<File, ScenarioError> {
    let read = std::fs::read_to_string(path);
    let text = read.map_err(|error| ScenarioError::Io { path: path.to_owned(), error })?;
    let mut source = path.display().to_string();
    let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let name = name.unwrap_or_else(|| source.clone());
    if overrides.is_empty() {
        return Ok(File { name, source, text });
    }
    // The file itself must be right before it is changed, so that complaints show its own lines.
    parse(&name, &source, &text).map_err(ScenarioError::Text)?;
    let text = apply_overrides(&text, overrides)?;
    source.push_str(" (changed by --set)");
    Ok(File { name, source, text })
}

/// Reads a scenario's text, which is right, after these changes.
pub(crate) fn parse_changed(
    name: &str,
    text: &str,
    overrides: &[String],
) -> Result<Scenario, ScenarioError> {
    let source = format!("{name} (changed by --set)");
    parse(name, &source, &apply_overrides(text, overrides)?).map_err(ScenarioError::Text)
}

/// Reads a scenario's text. `source` is what complaints call it.
pub(crate) fn parse(name: &str, source: &str, text: &str) -> Result<Scenario, Complaint> {
    let page = Page { source, text };
    let raw = page.read()?;
    page.scenario(name, raw)
}

impl Page<'_> {
    /// The fields, none of which is believed yet.
    fn read(&self) -> Checked<RawScenario> {
        toml::from_str(self.text).map_err(|error| {
            let span = error.span().unwrap_or(0..0);
            self.complain(span, error.message())
        })
    }

    fn scenario(&self, name: &str, raw: RawScenario) -> Checked<Scenario> {
        if *raw.version.get_ref() != VERSION {
            let message = format!("version: this program reads version {VERSION}");
            return Err(self.complain(raw.version.span(), message));
        }
        let day = Duration::from_hours(24);
        let duration = Span { from: Duration::from_secs(1), to: day };
        let duration = self.time_within(&raw.duration, duration, "duration")?;
        let engine = raw.engine.unwrap_or_default();
        let (tick, latency, link) = self.link(engine, &raw.link)?;
        let most = engine.max_hosts();
        let seed_nodes = &raw.network.seed_nodes;
        let seed_nodes = self.within(seed_nodes, 1..most.min(MAX_SEED_NODES + 1), "seed_nodes")?;
        let peers = self.peers(&raw.network.peers, seed_nodes, most)?;
        let start = Span { from: Duration::ZERO, to: duration };
        let calm = Span { from: Duration::ZERO, to: duration };
        let vary = self.varied(&raw)?;
        let chatter = self.chatter(&raw)?;
        let scenario = Scenario {
            name: name.to_owned(),
            engine,
            question: raw.question,
            runs: self.within(&raw.runs, 1..1_000_001, "runs")?,
            duration,
            calm: self.time_within(&raw.calm, calm, "calm")?,
            seed_nodes,
            peers,
            peer_addresses: self.peer_addresses(raw.network.peer_addresses.as_ref())?,
            names_found_at: self.names_found_at(&raw.network, duration)?,
            start: self.time_within(&raw.network.start, start, "start")?,
            latency,
            tick,
            link,
            config: self.config(&raw.protocol)?,
            chatter,
            workload: self.workload(raw.workload.as_ref(), duration)?,
            faults: Vec::new(),
            limits: self.limits(&raw.limits)?,
            vary,
        };
        let bound = scenario.convergence_bound();
        if scenario.calm < bound {
            let message = format!(
                "calm is too short: this configuration may take up to {} to converge",
                format_duration(bound)
            );
            return Err(self.complain(raw.calm.span(), message));
        }
        if let Some(found_at) = &raw.network.names_found_at
            && scenario.names_found_at > scenario.calm_from()
        {
            let message = format!(
                "names_found_at: at most {}, when the calm begins",
                format_duration(scenario.calm_from())
            );
            return Err(self.complain(found_at.span(), message));
        }
        self.refuse_limits_of_nothing(&scenario, &raw.limits)?;
        let faults = self.faults(&scenario, &raw.faults)?;
        Ok(Scenario { faults, ..scenario })
    }

    fn names_found_at(&self, raw: &RawNetwork, duration: Duration) -> Checked<Duration> {
        let Some(found_at) = &raw.names_found_at else { return Ok(Duration::ZERO) };
        self.time_within(found_at, Span { from: Duration::ZERO, to: duration }, "names_found_at")
    }

    /// The `[vary]` table, in the order of the file.
    fn varied(&self, raw: &RawScenario) -> Checked<Vec<Vary>> {
        let mut fields: Vec<_> = raw.vary.iter().collect();
        fields.sort_by_key(|(key, _)| key.span().start);
        fields.into_iter().map(|(key, values)| self.vary(key, values)).collect()
    }

    fn peers(&self, peers: &Spanned<usize>, seed_nodes: usize, most: usize) -> Checked<usize> {
        let count = self.within(peers, 1..usize::MAX, "peers")?;
        if seed_nodes.saturating_add(count) > most {
            let reason = if most == MAX_HOSTS {
                "; the turmoil engine's cost grows with their square, engine = \"events\" takes \
                 more"
            } else {
                ""
            };
            let message = format!(
                "peers: {count} peers and {seed_nodes} seed nodes are more than {most} hosts{reason}"
            );
            return Err(self.complain(peers.span(), message));
        }
        Ok(count)
    }

    fn config(&self, protocol: &RawProtocol) -> Checked<Config> {
        let mut config = self.profile(protocol)?.config();
        for (name, value) in protocol.iter().filter(|(name, _)| name.get_ref() != PROFILE) {
            if settings::CHATTER.iter().any(|setting| setting.name == name.get_ref()) {
                let message = format!("{} is a field of [workload]", name.get_ref());
                return Err(self.complain(name.span(), message));
            }
            settings::set(&mut config, name.get_ref(), &text(value))
                .map_err(|error| self.complain(name.span(), error.to_string()))?;
        }
        config.check().map_err(|error| {
            let named = protocol.keys().find(|name| name.get_ref() == error.field);
            self.complain(named.map_or(0..0, Spanned::span), error.to_string())
        })?;
        Ok(config)
    }

    fn profile(&self, protocol: &RawProtocol) -> Checked<Profile> {
        let given = protocol.iter().find(|(name, _)| name.get_ref() == PROFILE);
        let Some((name, value)) = given else { return Ok(Profile::default()) };
        let profile = text(value).parse::<Profile>();
        profile.map_err(|error| self.complain(name.span(), format!("{PROFILE}: {error}")))
    }

    /// What peers say of themselves: what the workload says, on top of what goes with the profile.
    fn chatter(&self, raw: &RawScenario) -> Checked<Chatter> {
        let mut chatter = Chatter::of(self.profile(&raw.protocol)?);
        let Some(workload) = raw.workload.as_ref().map(Spanned::get_ref) else {
            return Ok(chatter);
        };
        let fields =
            [("gossip_every", &workload.gossip_every), ("gossip_count", &workload.gossip_count)];
        for (name, value) in fields {
            let Some(value) = value else { continue };
            settings::set_chatter(&mut chatter, name, &text(value))
                .unwrap_or(Ok(()))
                .map_err(|error| self.complain(value.span(), error.to_string()))?;
        }
        Ok(chatter)
    }

    fn workload(
        &self,
        raw: Option<&Spanned<RawWorkload>>,
        duration: Duration,
    ) -> Checked<Option<Workload>> {
        let Some(spanned) = raw else { return Ok(None) };
        let raw = spanned.get_ref();
        let (every, between, size) = match (&raw.every, &raw.between, &raw.size) {
            (Some(every), Some(between), Some(size)) => (every, between, size),
            (None, None, None) if raw.sources.is_none() => return Ok(None),
            _ => {
                let message =
                    "a workload needs the fields every, between and size, or none of them";
                return Err(self.complain(spanned.span(), message));
            }
        };
        if between.get_ref().to > duration {
            let message = "between: the workload goes on after the run's end";
            return Err(self.complain(between.span(), message));
        }
        let pause = Span { from: Duration::from_millis(10), to: duration };
        let sources = raw.sources.as_ref();
        Ok(Some(Workload {
            every: self.time_within(every, pause, "every")?,
            between: *between.get_ref(),
            size: self.within(size, 1..Payload::MAX + 1, "size")?,
            sources: sources
                .map(|sources| self.within(sources, 1..MAX_HOSTS_OF_EVENTS, "sources"))
                .transpose()?,
        }))
    }

    fn limits(&self, raw: &RawLimits) -> Checked<Limits> {
        if let Some(percent) = &raw.delivery_percent_min {
            self.within(percent, 0.0..100.000_001, "delivery_percent_min")?;
        }
        let time = |time: Option<Time>| time.map(|time| time.0);
        let delay = |time: &Option<Spanned<Time>>| time.as_ref().map(|it| it.get_ref().0);
        Ok(Limits {
            delivery_percent_min: raw.delivery_percent_min.as_ref().map(|it| *it.get_ref()),
            coverage_50_max: time(raw.coverage_50_max),
            coverage_100_max: time(raw.coverage_100_max),
            delay_p99_max: delay(&raw.delay_p99_max),
            delay_max: delay(&raw.delay_max),
            degree_dispersion_min: raw.degree_dispersion_min,
            redundancy_max: raw.redundancy_max,
            reset_detection_max: time(raw.reset_detection_max),
            silent_detection_max: time(raw.silent_detection_max),
            others_coverage_100_max: time(raw.others_coverage_100_max),
            one_component_max: time(raw.one_component_max),
            quorum_max: time(raw.quorum_max),
            false_deaths_max: raw.false_deaths_max,
        })
    }

    /// Limits of delays where nothing is delivered, and those that no delivery can keep.
    fn refuse_limits_of_nothing(&self, scenario: &Scenario, raw: &RawLimits) -> Checked<()> {
        let is_silent = scenario.workload.is_none() && scenario.chatter.count == 0;
        let least = scenario.latency.from;
        for (field, limit) in [("delay_p99_max", &raw.delay_p99_max), ("delay_max", &raw.delay_max)]
        {
            let Some(limit) = limit else { continue };
            let reason = if is_silent {
                "there are no deliveries without a workload or gossip_count".to_owned()
            } else if limit.get_ref().0 < least {
                format!(
                    "{} is less than {}, the least latency: no delivery is so quick",
                    format_duration(limit.get_ref().0),
                    format_duration(least)
                )
            } else {
                continue;
            };
            return Err(self.complain(limit.span(), format!("{field}: {reason}")));
        }
        Ok(())
    }

    fn faults(&self, scenario: &Scenario, raw: &[Spanned<RawFault>]) -> Checked<Vec<FaultSpec>> {
        let mut faults: Vec<FaultSpec> = Vec::new();
        for fault in raw {
            let spec = self.fault(scenario, fault)?;
            if let Some(earlier) = faults.iter().find(|earlier| both_partition(earlier, &spec)) {
                let message = format!(
                    "this partition may overlap the one at {}; one at a time",
                    earlier.when
                );
                return Err(self.complain(fault.span(), message));
            }
            faults.push(spec);
        }
        self.refuse_too_many(scenario, raw, &faults)?;
        Ok(faults)
    }

    /// Random peers are different ones, and none of those that any fault names, so that there may
    /// be too few.
    fn refuse_too_many(
        &self,
        scenario: &Scenario,
        raw: &[Spanned<RawFault>],
        faults: &[FaultSpec],
    ) -> Checked<()> {
        let (peers, named) = (scenario.peers, named_peers(scenario, faults));
        let mut drawn = 0;
        for (fault, spec) in raw.iter().zip(faults) {
            let Targets::RandomPeers(count) = &spec.targets else { continue };
            drawn += count;
            if drawn >= peers {
                let message = format!(
                    "the faults so far take {drawn} different peers; at least one of the {peers} \
                     must be left alone"
                );
                return Err(self.complain(fault.span(), message));
            }
            if drawn + named > peers {
                let message = format!(
                    "the faults so far take {drawn} different peers that no fault names; of the \
                     {peers} peers only {} are not named",
                    peers - named
                );
                return Err(self.complain(fault.span(), message));
            }
        }
        Ok(())
    }

    fn fault(&self, scenario: &Scenario, fault: &Spanned<RawFault>) -> Checked<FaultSpec> {
        let raw = fault.get_ref();
        self.refuse_strangers(raw)?;
        let when = self.when(fault)?;
        let kind = self.fault_kind(scenario, fault, when)?;
        let targets = self.targets(scenario, fault)?;
        let end = when.to + kind.length();
        if end > scenario.calm_from() {
            let message = format!(
                "the fault may last until {}, the calm begins at {}",
                format_duration(end),
                format_duration(scenario.calm_from())
            );
            return Err(self.complain(fault.span(), message));
        }
        Ok(FaultSpec { kind, targets, when })
    }

    /// Fields that mean nothing for this kind of fault.
    fn refuse_strangers(&self, raw: &RawFault) -> Checked<()> {
        let present = [
            ("death", raw.death.as_ref().map(Spanned::span)),
            ("restart", raw.restart.as_ref().map(Spanned::span)),
            ("for", raw.length.as_ref().map(Spanned::span)),
            ("every", raw.every.as_ref().map(Spanned::span)),
            ("stall", raw.stall.as_ref().map(Spanned::span)),
            ("blocks", raw.blocks.as_ref().map(Spanned::span)),
            ("times", raw.times.as_ref().map(Spanned::span)),
            ("mode", raw.mode.as_ref().map(Spanned::span)),
            ("direction", raw.direction.as_ref().map(Spanned::span)),
        ];
        let own = raw.kind.own_fields();
        for (field, span) in present {
            if let Some(span) = span.filter(|_| !own.contains(&field)) {
                let message = format!(
                    "{field}: a {} has no such field; it has at or between, count, nodes or \
                     share{}{}",
                    raw.kind.word(),
                    if own.is_empty() { "" } else { ", " },
                    own.join(", ")
                );
                return Err(self.complain(span, message));
            }
        }
        Ok(())
    }

    fn fault_kind(
        &self,
        scenario: &Scenario,
        fault: &Spanned<RawFault>,
        when: Span,
    ) -> Checked<FaultKind> {
        let raw = fault.get_ref();
        let missing = |field: &str| {
            let message = format!("a {} needs the field {field}", raw.kind.word());
            self.complain(fault.span(), message)
        };
        let length = || raw.length.as_ref().map(|it| it.get_ref().0).ok_or_else(|| missing("for"));
        Ok(match raw.kind {
            Kind::Crash => FaultKind::Crash {
                death: match raw.death.as_ref().ok_or_else(|| missing("death"))?.get_ref() {
                    DeathWord::Reset => Death::Reset,
                    DeathWord::Silent => Death::Silent,
                },
                restart: raw.restart.as_ref().map(|it| *it.get_ref()),
            },
            Kind::Leave => FaultKind::Leave,
            Kind::Join => FaultKind::Join,
            Kind::Pause => FaultKind::Pause { length: length()?, blocks: raw.blocks() },
            Kind::Suspend => FaultKind::Suspend { length: length()? },
            Kind::Slow => self.slow(scenario, fault)?,
            Kind::StopReader => self.stop_reader(scenario, fault)?,
            Kind::Reset => FaultKind::Reset { times: self.times(raw, when)? },
            Kind::Partition => {
                let mode = raw.mode.as_ref().ok_or_else(|| missing("mode"))?;
                let direction = raw.direction.as_ref().map(|it| *it.get_ref());
                let direction = direction.unwrap_or(DirectionWord::Both);
                if direction != DirectionWord::Both && *mode.get_ref() != ModeWord::Silent {
                    let message = "mode: a one-way cut is always silent";
                    return Err(self.complain(mode.span(), message));
                }
                FaultKind::Partition {
                    mode: match mode.get_ref() {
                        ModeWord::Held => CutMode::Held,
                        ModeWord::Silent => CutMode::Silent,
                        ModeWord::Reset => CutMode::Reset,
                    },
                    direction: match direction {
                        DirectionWord::Both => Direction::Both,
                        DirectionWord::Out => Direction::Out,
                        DirectionWord::In => Direction::In,
                    },
                    length: length()?,
                }
            }
        })
    }

    /// A duty cycle. The process must stand still and run for at least a tick of each period, or the
    /// engine would not notice.
    fn slow(&self, scenario: &Scenario, fault: &Spanned<RawFault>) -> Checked<FaultKind> {
        let raw = fault.get_ref();
        let RawFault { length: Some(length), every: Some(every), stall: Some(stall), .. } = raw
        else {
            return Err(self.complain(fault.span(), "a slow needs the fields for, every and stall"));
        };
        let whole = Span { from: Duration::from_millis(100), to: scenario.duration };
        let length = self.time_within(length, whole, "for")?;
        let every = self.time_within(every, Span { to: length, ..whole }, "every")?;
        let part = Span { from: scenario.tick, to: every.saturating_sub(scenario.tick) };
        let stall = self.time_within(stall, part, "stall")?;
        Ok(FaultKind::Slow { length, every, stall, blocks: raw.blocks() })
    }

    /// A stop of the reader alone. Seed nodes deliver nothing that it could leave unread.
    fn stop_reader(&self, scenario: &Scenario, fault: &Spanned<RawFault>) -> Checked<FaultKind> {
        let raw = fault.get_ref();
        let Some(length) = &raw.length else {
            return Err(self.complain(fault.span(), "a stop-reader needs the field for"));
        };
        let whole = Span { from: scenario.tick, to: scenario.duration };
        let length = self.time_within(length, whole, "for")?;
        if let Some(nodes) = &raw.nodes {
            let is_seed_node =
                |name: &&String| scenario.host_named(name).is_some_and(|host| !host.is_peer());
            if let Some(name) = nodes.get_ref().iter().find(is_seed_node) {
                let message =
                    format!("nodes: {name} delivers no messages; only a peer's program reads any");
                return Err(self.complain(nodes.span(), message));
            }
        }
        Ok(FaultKind::StopReader { length })
    }

    fn times(&self, raw: &RawFault, when: Span) -> Checked<u32> {
        let Some(times) = &raw.times else { return Ok(1) };
        let count = self.within(times, 1..101, "times")?;
        let needed = MIN_RESET_PART * count;
        if count > 1 && when.to.saturating_sub(when.from) < needed {
            let message = format!(
                "times: {count} resets need a span of at least {}, so that there is something to \
                 reset again",
                format_duration(needed)
            );
            return Err(self.complain(times.span(), message));
        }
        Ok(count)
    }

    fn when(&self, fault: &Spanned<RawFault>) -> Checked<Span> {
        match (&fault.get_ref().at, &fault.get_ref().between) {
            (Some(at), None) => Ok(Span::at(at.get_ref().0)),
            (None, Some(between)) => Ok(*between.get_ref()),
            _ => Err(self.complain(fault.span(), "a fault has either at or between")),
        }
    }

    fn targets(&self, scenario: &Scenario, fault: &Spanned<RawFault>) -> Checked<Targets> {
        let raw = fault.get_ref();
        match (&raw.count, &raw.nodes, &raw.share) {
            (Some(count), None, None) => {
                let count = self.within(count, 1..scenario.peers.max(2), "count")?;
                Ok(Targets::RandomPeers(count))
            }
            (None, Some(nodes), None) => {
                for name in nodes.get_ref() {
                    if scenario.host_named(name).is_none() {
                        let message = format!(
                            "nodes: there is no {name:?}; there are seed-1 to seed-{} and peer-1 \
                             to peer-{}",
                            scenario.seed_nodes, scenario.peers
                        );
                        return Err(self.complain(nodes.span(), message));
                    }
                }
                Ok(Targets::Named(nodes.get_ref().clone()))
            }
            (None, None, Some(share)) => {
                let percent = self.within(share, 1..100, "share")?;
                Ok(if raw.kind == Kind::Partition {
                    Targets::Share(percent)
                } else {
                    let peers = scenario.peers * usize::from(percent) / 100;
                    Targets::RandomPeers(peers.max(1))
                })
            }
            _ => {
                let message = "a fault has one of count, nodes or share";
                Err(self.complain(fault.span(), message))
            }
        }
    }
}

impl RawFault {
    fn blocks(&self) -> Blocks {
        self.blocks.as_ref().map(|it| *it.get_ref()).unwrap_or_default()
    }
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::Leave => "leave",
            Self::Join => "join",
            Self::Pause => "pause",
            Self::Suspend => "suspend",
            Self::Slow => "slow",
            Self::StopReader => "stop-reader",
            Self::Reset => "reset",
            Self::Partition => "partition",
        }
    }

    /// Fields beside when and whom.
    const fn own_fields(self) -> &'static [&'static str] {
        match self {
            Self::Crash => &["death", "restart"],
            Self::Leave | Self::Join => &[],
            Self::Pause => &["for", "blocks"],
            Self::Slow => &["for", "every", "stall", "blocks"],
            Self::Suspend | Self::StopReader => &["for"],
            Self::Reset => &["times"],
            Self::Partition => &["mode", "direction", "for"],
        }
    }
}

impl FaultKind {
    /// How long after its beginning the fault is over.
    pub(crate) fn length(self) -> Duration {
        match self {
            Self::Crash { restart: Some(restart), .. } => restart.to,
            Self::Pause { length, .. }
            | Self::Suspend { length }
            | Self::Slow { length, .. }
            | Self::StopReader { length }
            | Self::Partition { length, .. } => length,
            Self::Crash { restart: None, .. } | Self::Leave | Self::Join | Self::Reset { .. } => {
                Duration::ZERO
            }
        }
    }
}

/// How many peers the faults name. None of them is drawn.
pub(crate) fn named_peers(scenario: &Scenario, faults: &[FaultSpec]) -> usize {
    let names = faults.iter().filter_map(|fault| match &fault.targets {
        Targets::Named(names) => Some(names),
        Targets::RandomPeers(_) | Targets::Share(_) => None,
    });
    let hosts = names.flatten().filter_map(|name| scenario.host_named(name));
    hosts.filter(|host| host.is_peer()).collect::<BTreeSet<_>>().len()
}

/// Whether both are partitions and may be in force at the same time.
fn both_partition(a: &FaultSpec, b: &FaultSpec) -> bool {
    let reach = |fault: &FaultSpec| (fault.when.from, fault.when.to + fault.kind.length());
    let is_partition = |fault: &FaultSpec| matches!(fault.kind, FaultKind::Partition { .. });
    let ((a_from, a_to), (b_from, b_to)) = (reach(a), reach(b));
    is_partition(a) && is_partition(b) && a_from <= b_to && b_from <= a_to
}

/// A value of a setting, as text.
fn text(value: &Spanned<toml::Value>) -> String {
    let value = value.get_ref();
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
