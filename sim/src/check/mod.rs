//! What must hold: always (safety), after the calm (liveness), and what the scenario itself asks
//! (limits). Every check has a test in which it fires.

mod limits;
mod liveness;
mod safety;

use std::fmt;
use std::time::Duration;

use crate::history::History;
use crate::host::HostId;
use crate::measure::Measures;
use crate::scenario::Scenario;

/// Something that must hold in every run.
#[derive(Clone, Copy)]
pub struct Check {
    /// Its name in tables and messages.
    pub name: &'static str,
    /// What it demands, in one sentence.
    pub demand: &'static str,
    find: fn(&Evidence<'_>) -> Vec<Violation>,
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// What a check looks at.
#[derive(Debug)]
pub struct Evidence<'a> {
    /// What was to be run.
    pub scenario: &'a Scenario,
    /// What happened.
    pub history: &'a History,
    /// What was measured of it.
    pub measures: &'a Measures,
}

/// A check that failed in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which check.
    pub check: &'static str,
    /// When, if at one moment.
    pub at: Option<Duration>,
    /// Where, if at one host.
    pub host: Option<HostId>,
    /// What was found.
    pub what: String,
}

/// Most violations that one check reports of one run.
const MAX_REPORTED: usize = 20;

impl Violation {
    fn everywhere(what: impl Into<String>) -> Self {
        Self { check: "", at: None, host: None, what: what.into() }
    }

    fn at(host: HostId, at: Duration, what: impl Into<String>) -> Self {
        Self { check: "", at: Some(at), host: Some(host), what: what.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.check)?;
        if let (Some(host), Some(at)) = (self.host, self.at) {
            write!(f, "{host} at {:.3} s: ", at.as_secs_f64())?;
        }
        f.write_str(&self.what)
    }
}

/// Runs all checks on a run. A run that the engine could not finish is only that: what should hold
/// after it is not asked.
pub fn check_all(evidence: &Evidence<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for check in CHECKS {
        let mut found = (check.find)(evidence);
        found.truncate(MAX_REPORTED);
        let named = found.into_iter().map(|found| Violation { check: check.name, ..found });
        violations.extend(named);
        if check.name == safety::FINISHES && !violations.is_empty() {
            break;
        }
    }
    violations
}

/// Every check there is.
pub const CHECKS: &[Check] = &[
    Check {
        name: safety::FINISHES,
        demand: "the run ends without a panic or an error of a node",
        find: safety::finishes,
    },
    Check {
        name: "delivered-once",
        demand: "no node delivers a message twice in one life, or its own",
        find: safety::delivered_once,
    },
    Check {
        name: "said-by-somebody",
        demand: "nothing is delivered that its origin did not say before",
        find: safety::said_by_somebody,
    },
    Check {
        name: "no-self-neighbor",
        demand: "no node is its own neighbor",
        find: safety::no_self_neighbor,
    },
    Check {
        name: "bounds-hold",
        demand: "every list, cache and store keeps its bound",
        find: safety::bounds_hold,
    },
    Check {
        name: "nobody-misbehaves",
        demand: "no node accuses another of breaking the protocol",
        find: safety::nobody_misbehaves,
    },
    Check {
        name: "schedule-performed",
        demand: "every scheduled fault happened, and nothing crossed a cut",
        find: safety::schedule_performed,
    },
    Check {
        name: "one-component",
        demand: "after the calm all live peers are in one component",
        find: liveness::one_component,
    },
    Check {
        name: "messages-held",
        demand: "after the calm every message is with every peer that had joined when it was sent, \
                 or joined while it could still be had",
        find: liveness::messages_held,
    },
    Check {
        name: "all-said",
        demand: "after the calm every live peer has said all that the workload gave it to say",
        find: liveness::all_said,
    },
    Check {
        name: "lists-right",
        demand: "after the calm no list holds a dead peer, and every live peer is on floor(n/2)+1 \
                 live seed nodes' lists",
        find: liveness::lists_right,
    },
    Check {
        name: "neighbors-live",
        demand: "after the calm no peer has a neighbor whose life is over",
        find: liveness::neighbors_live,
    },
    Check { name: "limits", demand: "the scenario's own limits are kept", find: limits::limits },
];
