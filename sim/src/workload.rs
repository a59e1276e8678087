//! Who says what when: drawn before the run, like the faults.

use std::time::Duration;

use rand::seq::IndexedRandom as _;
use tidings_core::{Payload, RngSeed};

use crate::fault::{FaultSchedule, generator};
use crate::host::HostId;
use crate::scenario::Scenario;

/// A message that a peer is to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saying {
    /// Simulated time since the run's beginning.
    pub at: Duration,
    /// Who.
    pub host: HostId,
    /// What: its number, filled up to the size asked for.
    pub payload: Payload,
}

/// Draws the messages of a run: each from a random peer that the schedule lets run at that moment, or
/// from a few of them in turn, where one that stops running is replaced.
///
/// # Panics
///
/// When the scenario's payload size is not a payload's, which no scenario that was read has.
pub fn draw(scenario: &Scenario, schedule: &FaultSchedule, run: RngSeed) -> Vec<Saying> {
    let Some(workload) = scenario.workload else { return Vec::new() };
    let mut rng = generator(run, "workload", 0);
    let mut sayings = Vec::new();
    let (mut at, mut running) = (workload.between.from, schedule.running());
    let mut sources: Vec<HostId> = Vec::new();
    while at <= workload.between.to {
        let peers: Vec<HostId> =
            running.at(at).iter().copied().filter(|host| host.is_peer()).collect();
        let chosen = match workload.sources {
            None => peers.choose(&mut rng).copied(),
            Some(count) => {
                sources.retain(|host| peers.binary_search(host).is_ok());
                while sources.len() < count.min(peers.len()) {
                    sources.extend(peers.choose(&mut rng).filter(|it| !sources.contains(it)));
                }
                sources.get(sayings.len() % sources.len().max(1)).copied()
            }
        };
        if let Some(host) = chosen {
            let mut text = format!("saying {}", sayings.len()).into_bytes();
            text.resize(workload.size, b'.');
            let payload = Payload::new(text).expect("the scenario's size is a payload's");
            sayings.push(Saying { at, host, payload });
        }
        at += workload.every;
    }
    sayings
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;
    use crate::host::run_seed;
    use crate::scenario::load;

    fn sayings(changes: &[&str]) -> Vec<Saying> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/small.toml");
        let changes: Vec<String> = changes.iter().map(|&it| it.to_owned()).collect();
        let scenario = load(&path, &changes).expect("the small scenario");
        let run = run_seed(1);
        draw(&scenario, &FaultSchedule::draw(&scenario, run), run)
    }

    #[test]
    fn sources_speak_in_turn_and_one_that_stops_is_replaced() {
        let hosts = |changes: &[&str]| -> Vec<HostId> {
            sayings(changes).iter().map(|saying| saying.host).collect()
        };
        let calm = hosts(&["fault=[]", "sources=3"]);
        let first: BTreeSet<_> = calm[..3].iter().collect();
        assert_eq!(first.len(), 3);
        assert!(calm.iter().zip(&calm[3..]).all(|(host, again)| host == again));
        let everybody: BTreeSet<_> = hosts(&["fault=[]"]).into_iter().collect();
        assert_eq!(everybody.len(), 9, "without the field all speak");
        let crash =
            format!("fault=[{{kind='crash',death='reset',nodes=['{}'],at='10s'}}]", calm[0]);
        let crashed = hosts(&[&crash, "sources=3"]);
        // The workload begins at 4 s, with five messages a second.
        let (before, after) = crashed.split_at(31);
        assert!(before.contains(&calm[0]) && !after.contains(&calm[0]));
        assert_eq!(after.iter().collect::<BTreeSet<_>>().len(), 3);
    }
}
