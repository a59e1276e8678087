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

/// Draws the messages of a run: each from a random peer that the schedule lets run at that moment.
///
/// # Panics
///
/// When the scenario's payload size is not a payload's, which no scenario that was read has.
pub fn draw(scenario: &Scenario, schedule: &FaultSchedule, run: RngSeed) -> Vec<Saying> {
    let Some(workload) = scenario.workload else { return Vec::new() };
    let mut rng = generator(run, "workload", 0);
    let mut sayings = Vec::new();
    let (mut at, mut running) = (workload.between.from, schedule.running());
    while at <= workload.between.to {
        let peers = running.at(at).iter().filter(|host| host.is_peer());
        if let Some(host) = peers.collect::<Vec<_>>().choose(&mut rng) {
            let mut text = format!("saying {}", sayings.len()).into_bytes();
            text.resize(workload.size, b'.');
            let payload = Payload::new(text).expect("the scenario's size is a payload's");
            sayings.push(Saying { at, host: **host, payload });
        }
        at += workload.every;
    }
    sayings
}
