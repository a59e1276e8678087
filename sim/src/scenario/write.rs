//! From a [`Scenario`] to the text of a file that reads back as the same.

use std::fmt::Write as _;
use std::time::Duration;

use humantime::format_duration;
use tidings_node::chatter::Chatter;
use tidings_node::settings::{Profile, SETTINGS};
use toml::Value;

use super::link::{Draw, Engine, Shape};
use super::parse::PROFILE;
use super::range::Span;
use super::{
    Blocks, CutMode, Death, Direction, FaultKind, FaultSpec, Limits, PeerAddress, Scenario, Targets,
};

/// A file in the making.
#[derive(Debug, Default)]
struct Page(String);

impl Scenario {
    /// The scenario as a file: its question in the first line, then `story` as comments. The name is
    /// the file's and not in it, and what a comparison varies is left out.
    pub fn to_toml(&self, story: &[String]) -> String {
        let mut page = Page::default();
        page.field("question", &text(&self.question));
        for line in story {
            page.line(format!("# {line}").trim_end());
        }
        page.field("version", "1");
        if self.engine != Engine::default() {
            page.field("engine", &text(self.engine.name()));
        }
        page.field("runs", &self.runs.to_string());
        page.time("duration", self.duration);
        page.time("calm", self.calm);
        page.table("[network]");
        page.field("seed_nodes", &self.seed_nodes.to_string());
        page.field("peers", &self.peers.to_string());
        page.time("start", self.start);
        if self.peer_addresses != [PeerAddress::Own] {
            let names: Vec<String> = self.peer_addresses.iter().map(|it| text(it.name())).collect();
            page.field("peer_addresses", &format!("[{}]", names.join(", ")));
        }
        if !self.names_found_at.is_zero() {
            page.time("names_found_at", self.names_found_at);
        }
        self.write_link(&mut page);
        self.write_settings(&mut page);
        self.write_workload(&mut page);
        for fault in &self.faults {
            page.table("[[fault]]");
            page.fault(fault);
        }
        if self.limits != Limits::default() {
            page.table("[limits]");
            page.limits(&self.limits);
        }
        page.0
    }

    fn write_link(&self, page: &mut Page) {
        page.table("[link]");
        if let Shape::Regions(rows) = &self.link.shape {
            let row = |row: &Vec<Span>| {
                let spans: Vec<String> = row.iter().map(|span| text(&span.to_string())).collect();
                format!("[{}]", spans.join(", "))
            };
            let rows: Vec<String> = rows.iter().map(row).collect();
            page.field("regions", &format!("[{}]", rows.join(", ")));
        } else {
            page.span("latency", self.latency);
        }
        page.time("tick", self.tick);
        match &self.link.shape {
            Shape::Exponential | Shape::Regions(_) => {}
            Shape::Uniform => page.field("distribution", &text("uniform")),
            Shape::Lognormal { median, sigma } => {
                page.field("distribution", &text("lognormal"));
                page.time("median", *median);
                page.number("sigma", *sigma);
            }
        }
        if self.link.draw == Draw::Pair {
            page.field("draw", &text("pair"));
        }
        if self.link.loss > 0.0 {
            page.number("loss", self.link.loss);
        }
        if let Some(bandwidth) = self.link.bandwidth {
            page.field("bandwidth", &bandwidth.to_string());
        }
    }

    fn write_workload(&self, page: &mut Page) {
        let usual = Chatter::of(Profile::nearest(&self.config));
        if self.workload.is_none() && self.chatter == usual {
            return;
        }
        page.table("[workload]");
        if let Some(workload) = self.workload {
            page.time("every", workload.every);
            page.span("between", workload.between);
            page.field("size", &workload.size.to_string());
            if let Some(sources) = workload.sources {
                page.field("sources", &sources.to_string());
            }
        }
        if self.chatter.every != usual.every {
            page.time("gossip_every", self.chatter.every);
        }
        if self.chatter.count != usual.count {
            page.field("gossip_count", &self.chatter.count.to_string());
        }
    }

    /// The nearest profile, and the settings that are not its own.
    fn write_settings(&self, page: &mut Page) {
        let profile = Profile::nearest(&self.config);
        let base = profile.config();
        let is_changed = |setting: &&tidings_node::settings::Setting| {
            setting.value(&self.config) != setting.value(&base)
        };
        let mut changed = SETTINGS.iter().filter(is_changed).peekable();
        if profile == Profile::default() && changed.peek().is_none() {
            return;
        }
        page.table("[protocol]");
        if profile != Profile::default() {
            page.field(PROFILE, &text(&profile.to_string()));
        }
        for setting in changed {
            let value = setting.value(&self.config);
            let is_number = value.parse::<i64>().is_ok();
            page.field(setting.name, &if is_number { value } else { text(&value) });
        }
    }
}

impl Page {
    fn line(&mut self, line: &str) {
        writeln!(self.0, "{line}").expect("a string takes it all");
    }

    fn table(&mut self, name: &str) {
        self.line(&format!("\n{name}"));
    }

    fn field(&mut self, name: &str, value: &str) {
        self.line(&format!("{name} = {value}"));
    }

    fn time(&mut self, name: &str, time: Duration) {
        self.field(name, &text(&format_duration(time).to_string()));
    }

    fn span(&mut self, name: &str, span: Span) {
        self.field(name, &text(&span.to_string()));
    }

    /// Always with a point or an exponent, or it would be an integer.
    fn number(&mut self, name: &str, value: f64) {
        self.field(name, &format!("{value:?}"));
    }

    fn fault(&mut self, fault: &FaultSpec) {
        let word = match fault.kind {
            FaultKind::Crash { .. } => "crash",
            FaultKind::Leave => "leave",
            FaultKind::Join => "join",
            FaultKind::Pause { .. } => "pause",
            FaultKind::Suspend { .. } => "suspend",
            FaultKind::Slow { .. } => "slow",
            FaultKind::StopReader { .. } => "stop-reader",
            FaultKind::Reset { .. } => "reset",
            FaultKind::Partition { .. } => "partition",
        };
        self.field("kind", &text(word));
        match fault.kind {
            FaultKind::Crash { death, restart } => {
                let word = if death == Death::Reset { "reset" } else { "silent" };
                self.field("death", &text(word));
                if let Some(restart) = restart {
                    self.span("restart", restart);
                }
            }
            FaultKind::Leave | FaultKind::Join => {}
            FaultKind::Pause { length, blocks } => {
                self.time("for", length);
                self.blocks(blocks);
            }
            FaultKind::Slow { length, every, stall, blocks } => {
                self.time("for", length);
                self.time("every", every);
                self.time("stall", stall);
                self.blocks(blocks);
            }
            FaultKind::Suspend { length } | FaultKind::StopReader { length } => {
                self.time("for", length);
            }
            FaultKind::Reset { times } => {
                if times > 1 {
                    self.field("times", &times.to_string());
                }
            }
            FaultKind::Partition { mode, direction, length } => {
                self.cut(mode, direction);
                self.time("for", length);
            }
        }
        self.whom_and_when(fault);
    }

    fn blocks(&mut self, blocks: Blocks) {
        if blocks == Blocks::Network {
            self.field("blocks", &text("network"));
        }
    }

    fn cut(&mut self, mode: CutMode, direction: Direction) {
        let mode = match mode {
            CutMode::Held => "held",
            CutMode::Silent => "silent",
            CutMode::Reset => "reset",
        };
        self.field("mode", &text(mode));
        match direction {
            Direction::Both => {}
            Direction::Out => self.field("direction", &text("out")),
            Direction::In => self.field("direction", &text("in")),
        }
    }

    fn whom_and_when(&mut self, fault: &FaultSpec) {
        match &fault.targets {
            Targets::RandomPeers(count) => self.field("count", &count.to_string()),
            Targets::Named(names) => {
                let names: Vec<String> = names.iter().map(|name| text(name)).collect();
                self.field("nodes", &format!("[{}]", names.join(", ")));
            }
            Targets::Share(percent) => self.field("share", &percent.to_string()),
        }
        if fault.when.from == fault.when.to {
            self.time("at", fault.when.from);
        } else {
            self.span("between", fault.when);
        }
    }

    fn limits(&mut self, limits: &Limits) {
        let numbers = [
            ("delivery_percent_min", limits.delivery_percent_min),
            ("degree_dispersion_min", limits.degree_dispersion_min),
            ("redundancy_max", limits.redundancy_max),
        ];
        for (name, number) in numbers {
            if let Some(number) = number {
                self.number(name, number);
            }
        }
        let times = [
            ("coverage_50_max", limits.coverage_50_max),
            ("coverage_100_max", limits.coverage_100_max),
            ("delay_p99_max", limits.delay_p99_max),
            ("delay_max", limits.delay_max),
            ("reset_detection_max", limits.reset_detection_max),
            ("silent_detection_max", limits.silent_detection_max),
            ("others_coverage_100_max", limits.others_coverage_100_max),
            ("one_component_max", limits.one_component_max),
            ("quorum_max", limits.quorum_max),
        ];
        for (name, time) in times {
            if let Some(time) = time {
                self.time(name, time);
            }
        }
        if let Some(most) = limits.false_deaths_max {
            self.field("false_deaths_max", &most.to_string());
        }
    }
}

/// A string of TOML.
fn text(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{load, parse};
    use super::*;

    /// What is written reads back as the same: every shipped scenario, and the small one with what
    /// none of them has. What a hunt draws is tested there.
    #[test]
    fn scenarios_read_back_as_they_were_written() {
        let sim = Path::new(env!("CARGO_MANIFEST_DIR"));
        let shipped = std::fs::read_dir(sim.join("../scenarios")).expect("the scenarios");
        let mut files: Vec<_> = shipped.map(|file| file.expect("a file").path()).collect();
        files.retain(|file| file.extension().is_some_and(|it| it == "toml"));
        assert!(files.len() >= 10);
        for file in files {
            let shipped = load(&file, &[]).expect("a scenario");
            reads_back(&Scenario { vary: Vec::new(), ..shipped });
        }
        let small = sim.join("tests/scenarios/small.toml");
        let regions =
            "link={tick='4ms',regions=[['20ms..30ms','50ms..60ms'],['40ms..50ms','20ms..30ms']]}";
        for changes in [
            &["engine=events", "distribution=lognormal", "median='30ms'", "sigma=1", "loss=0.01"][..],
            &["engine=events", "draw=pair", "bandwidth=100000", "distribution=uniform"],
            &["engine=events", regions],
            &["fault.7.mode=silent", "fault.7.direction=in", "limits.redundancy_max=3"],
            &["limits.delay_p99_max='20ms'", "limits.delay_max='1s'"],
            &["fault.5={kind='stop-reader',for='3s',share=30,between='6s..20s'}"],
            &[
                "question=\"Is \\\"this\\\" quoted?\"",
                "limits.quorum_max='9s'",
                "overlay=power-law",
            ],
        ] {
            let changes: Vec<String> = changes.iter().map(|&change| change.to_owned()).collect();
            reads_back(&load(&small, &changes).expect("a scenario"));
        }
    }

    fn reads_back(scenario: &Scenario) {
        let written = scenario.to_toml(&["A story,".to_owned(), "of two lines.".to_owned()]);
        assert!(written.starts_with("question = "), "{written}");
        let read = parse(&scenario.name, "test", &written);
        assert_eq!(read.as_ref(), Ok(scenario), "{written}");
    }
}
