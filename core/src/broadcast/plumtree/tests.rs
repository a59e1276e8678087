//! What Plumtree costs and gains, on random graphs in which each peer has five neighbors.

extern crate std;

use core::time::Duration;

use crate::broadcast::lab::{Lab, Outcome};
use crate::config::{BroadcastKind, Config};

fn config(kind: BroadcastKind) -> Config {
    let mut config = Config::classic();
    config.broadcast.kind = kind;
    config
}

#[test]
fn zz_explore() {
    let n = 1000;
    for latency in [(10, 10), (10, 50)] {
        for delay in [10_u64, 100, 1000] {
            let mut flood = Lab::with_five_neighbors(&config(BroadcastKind::Flood), n, latency);
            let mut config = config(BroadcastKind::Plumtree);
            config.broadcast.plumtree.ihave_delay = Duration::from_millis(delay);
            let mut lab = Lab::with_five_neighbors(&config, n, latency);
            std::println!("== latency {latency:?} delay {delay}");
            for k in 0..9 {
                let f = flood.broadcast(7);
                let o = lab.broadcast(7);
                show(n, k, "one", o, f);
            }
            for source in [100, 200, 300, 400] {
                for k in 0..10 {
                    let f = flood.broadcast(source);
                    let o = lab.broadcast(source);
                    show(n, k, "several", o, f);
                }
            }
            for k in 0..10 {
                let at = lab.draw(n);
                let f = flood.broadcast(at);
                let o = lab.broadcast(at);
                show(n, k, "anybody", o, f);
            }
            let before = lab.counts();
            for k in 0..100 {
                lab.say([100, 200, 300, 400][k % 4]);
                lab.run(Duration::from_millis(100));
            }
            lab.run(Duration::from_secs(3));
            let c = lab.counts() - before;
            std::println!("fast {c:?} complete {}", lab.complete());
            let doomed = lab.shuffled();
            for &at in &doomed[..300] {
                lab.kill(at);
            }
            for k in 0..5 {
                let f = flood.broadcast(doomed[400]);
                let o = lab.broadcast(doomed[400]);
                std::println!("complete {}", lab.complete());
                show(n, k, "killed", o, f);
            }
            lab.heal();
            lab.run(Duration::from_secs(3));
            for k in 0..5 {
                let f = flood.broadcast(doomed[400]);
                let o = lab.broadcast(doomed[400]);
                std::println!("complete {}", lab.complete());
                show(n, k, "healed", o, f);
            }
        }
    }
}

fn show(n: usize, k: usize, what: &str, o: Outcome, f: Outcome) {
    let c = o.counts;
    std::println!(
        "{what:8} {k:3} delivered {} dup {} names {} control {} grafts {} prunes {} hop {} (flood {}) ms {} (flood {})",
        n as u64 - 1 - c.delivered,
        c.duplicates,
        c.names,
        c.control,
        c.grafts,
        c.prunes,
        o.last_hop,
        f.last_hop,
        o.last.as_millis(),
        f.last.as_millis()
    );
}
