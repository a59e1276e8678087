//! The flood of today's protocol, on the event engine: do its redundancy and its hops mean what the
//! papers' do? RMR and LDH are those of Plumtree (Leitão, Pereira and Rodrigues, SRDS 2007, §2). The
//! graphs of the published values are random attachments of 4 links per peer, without a protocol.

use super::Setup;
use super::benchmark::{Benchmark, Claim, Tolerance};
use super::models::{mean, number};
use crate::history::History;
use crate::measure::Measures;
use crate::sweep::Seeds;

const SEEDS: Seeds = Seeds { first: 1, last: 3 };

/// What a run gives.
struct Seen {
    degree: f64,
    redundancy: f64,
    last_hop: f64,
}

pub(super) fn flood(setup: &Setup<'_>) -> anyhow::Result<Vec<Benchmark>> {
    let (peers, last_hop) = setup.effort.pick((100, 3.8), (1_000, 4.9));
    let prepared = setup.prepare("baseline", &[format!("network.peers={peers}")])?;
    let seen = prepared.run(SEEDS, see)?;
    let ours = |of: fn(&Seen) -> f64| mean(seen.iter().map(of));
    let claim = |source| Claim {
        id: "baseline",
        experiment: format!("flood of the protocol classic, {peers} peers, event engine"),
        source,
    };
    let case = &format!("N={peers}");
    let (graph, metric) = (claim("random attachment"), claim("Plumtree, SRDS 2007, §2"));
    let degree = ours(|it| it.degree);
    // Every link carries the payload both ways, but for those on which it came first.
    let redundancy = degree * number(peers) / number(peers - 1) - 2.0;
    Ok(vec![
        graph.benchmark((case, "links per peer"), 8.0, Tolerance::Within(0.5), degree),
        metric.benchmark(
            (case, "RMR, for so many links"),
            redundancy,
            Tolerance::Within(0.1),
            ours(|it| it.redundancy),
        ),
        graph.benchmark(
            (case, "last delivery hop"),
            last_hop,
            Tolerance::Within(0.5),
            ours(|it| it.last_hop),
        ),
    ])
}

fn see(measures: &Measures, _: &History) -> Seen {
    let degrees = measures.overlay.last().map_or(&[][..], |point| &point.degrees);
    Seen {
        degree: mean(degrees.iter().map(|degree| number(*degree))),
        redundancy: measures.totals.redundancy(),
        last_hop: mean(measures.messages.iter().map(|it| f64::from(it.last_hop))),
    }
}
