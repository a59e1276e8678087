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
