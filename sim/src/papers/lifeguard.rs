//! Lifeguard (Dadgar, Phillips and Currey, DSN-W 2018, §V) on the event engine, by `core` itself: live
//! members that are held dead because members are slow, and what finding the dead takes.
//!
//! The published sums are over 100,000s of such events on a grid of anomalies that was not published in
//! full, so what is held against ours is the share that is left of SWIM's. A verdict is counted at every
//! member that comes to hold it.

use std::time::Duration;

use super::Setup;
use super::benchmark::{Benchmark, Claim, Target, Tolerance};
use super::models::mean;
use super::prepared::ONE_RUN;
use crate::history::{End, History};
use crate::measure::Measures;

const SCENARIO: &str = "lifeguard";

/// All suspicions of the last anomaly or crash, at 160 s, are decided by then.
const END: Duration = Duration::from_mins(4);

/// No local health, no confirmations: SWIM with suspicion.
const SWIM: [&str; 2] = ["health_max=0", "suspicion_confirmations=0"];

/// What a run gives.
struct Seen {
    /// Members that were never slow and are held dead, counted at each member that held one so (FP).
    all: f64,
    /// The same at members that were not slow themselves (FP-).
    healthy: f64,
    /// Messages sent.
    messages: f64,
    /// Seconds until everybody held a crashed member dead.
    full: Vec<f64>,
}

fn see(measures: &Measures, history: &History) -> Seen {
    let slow = history.schedule.stalled_hosts();
    let (mut all, mut healthy) = (0.0, 0.0);
    for (subject, heard) in &history.dead_verdicts {
        let ended = history.lives.get(subject).and_then(|span| span.ended);
        if slow.contains(&subject.host) || matches!(ended, Some((_, End::Crashed(_)))) {
            continue;
        }
        for (holder, _) in heard {
            all += 1.0;
            healthy += if slow.contains(&holder.host) { 0.0 } else { 1.0 };
        }
    }
    let messages = history.traffic.last().map_or(0, |it| it.messages);
    let dead = measures.dead_verdicts.iter().filter(|it| it.died.is_some());
    Seen {
        all,
        healthy,
        messages: u32::try_from(messages).map_or(f64::NAN, f64::from),
        full: dead.filter_map(|it| it.all).map(|time| time.as_secs_f64()).collect(),
    }
}

/// Sums over a grid of anomalies.
#[derive(Default)]
struct Sums {
    all: f64,
    healthy: f64,
    messages: f64,
}

fn grid(setup: &Setup<'_>, changes: &[&str]) -> anyhow::Result<Sums> {
    let counts: &[u8] = setup.effort.pick(&[8], &[1, 4, 8, 16, 32]);
    let stalls: &[(u8, u8)] = setup.effort.pick(&[(17, 16)], &[(3, 2), (9, 8), (17, 16), (33, 32)]);
    let mut sums = Sums::default();
    for count in counts {
        for (every, stall) in stalls {
            let mut changes: Vec<String> = changes.iter().map(|&it| it.to_owned()).collect();
            changes.push(format!("fault.0.count={count}"));
            changes.push(format!("fault.0.every={every}s"));
            changes.push(format!("fault.0.stall={stall}s"));
            let prepared = setup.prepare(SCENARIO, &changes)?.until(END);
            for seen in prepared.run(ONE_RUN, see)? {
                sums.all += seen.all;
                sums.healthy += seen.healthy;
                sums.messages += seen.messages;
            }
        }
    }
    Ok(sums)
}

/// False verdicts (B16) and what they cost (B18).
pub(super) fn false_positives(setup: &Setup<'_>) -> anyhow::Result<Vec<Benchmark>> {
    let (swim, lifeguard) = (grid(setup, &SWIM)?, grid(setup, &[])?);
    let claim = |id, source| Claim {
        id,
        experiment: "slow members among 128, alpha 5, beta 6, event engine".to_owned(),
        source,
    };
    let (verdicts, cost) =
        (claim("B16", "Lifeguard, DSN-W 2018, Table IV"), claim("B18", "Lifeguard, Table VI"));
    let percent = |part: f64, whole: f64| 100.0 * part / whole;
    Ok(vec![
        verdicts
            .benchmark(
                ("all", "false verdicts, % of SWIM's"),
                1.53,
                Tolerance::AtMost(3.0),
                percent(lifeguard.all, swim.all),
            )
            .with_target(Target::AtMost(1.0)),
        verdicts
            .benchmark(
                ("of healthy members", "false verdicts, % of SWIM's"),
                1.89,
                Tolerance::AtMost(3.0),
                percent(lifeguard.healthy, swim.healthy),
            )
            .with_target(Target::AtMost(1.0)),
        cost.benchmark(
            ("", "messages, % of SWIM's"),
            110.6,
            Tolerance::AtMost(115.6),
            percent(lifeguard.messages, swim.messages),
        )
        .with_target(Target::AtMost(100.0)),
    ])
}

/// How soon everybody knows of a crash (B17).
pub(super) fn latency(setup: &Setup<'_>) -> anyhow::Result<Vec<Benchmark>> {
    let claim = Claim {
        id: "B17",
        experiment: "silent crashes among 128 members, nobody slow, event engine".to_owned(),
        source: "Lifeguard, DSN-W 2018, Fig. 3",
    };
    let full = |changes: &[&str]| -> anyhow::Result<f64> {
        let seen = setup.prepare("crashes", changes)?.until(END).run(ONE_RUN, see)?;
        Ok(mean(seen.iter().flat_map(|it| &it.full).copied()))
    };
    let swim = full(&SWIM)?;
    // alpha x log10 of the members x the time between two probes.
    let suspicion = |alpha: i32| f64::from(alpha) * libm::log10(128.0);
    let share = |alpha, beside, beside_swim| {
        100.0 * (suspicion(alpha) + beside) / (suspicion(5) + beside_swim)
    };
    let mut benchmarks = Vec::new();
    for (alpha, published) in [(5, 100.1), (4, 84.5), (2, 56.8)] {
        let time = full(&[&format!("suspicion_min={alpha}")])?;
        let reason = format!(
            "the suspicion lasts as long as published; beside it, until the first probe fails and \
             until all have heard, {:.1} s pass here and {:.1} s with SWIM, by the published shares \
             4.1 s with either",
            time - suspicion(alpha),
            swim - suspicion(5),
        );
        let benchmark = claim.benchmark(
            (&format!("alpha {alpha}"), "time until all know, % of SWIM's"),
            published,
            Tolerance::Within(4.0),
            100.0 * time / swim,
        );
        let benchmark = benchmark.with_difference((share(alpha, 2.0, 3.0), published), reason);
        benchmarks.push(if alpha == 2 {
            benchmark.with_target(Target::AtMost(57.0))
        } else {
            benchmark
        });
    }
    Ok(benchmarks)
}
