//! What a peer holds of the members of its network, and why: the answers to `members` and `why`.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tidings_core::wire::Evidence;
use tidings_core::{MemberSnapshot, MemberState, NodeSnapshot, SuspicionSnapshot};

use super::format::{age, id_of, millis, who};
use crate::output::table;

/// All members that a peer knows by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MembersView {
    members: Vec<MemberLine>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct MemberLine {
    id: String,
    addr: String,
    state: String,
    since_ms: u64,
    incarnation: u32,
}

/// Suspicions that a peer heard of, of one member or of all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WhyView {
    /// Whom it was asked about; nobody for all.
    about: String,
    cases: Vec<CaseLine>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct CaseLine {
    id: String,
    addr: String,
    incarnation: u32,
    /// `suspect` while it is open; `alive` when it was refuted.
    outcome: String,
    accusations: Vec<AccusationLine>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct AccusationLine {
    by: String,
    ago_ms: u64,
    evidence: String,
}

pub(super) fn members_view(node: &NodeSnapshot) -> MembersView {
    let line = |member: &MemberSnapshot| MemberLine {
        id: id_of(&member.record),
        addr: member.record.primary().to_string(),
        state: member.state.to_string(),
        since_ms: millis(member.since),
        incarnation: member.incarnation.0,
    };
    MembersView { members: node.members.iter().map(line).collect() }
}

/// The cases of those whose address is `about`, or whose identity begins with it.
pub(super) fn why_view(node: &NodeSnapshot, about: &str) -> WhyView {
    let about = about.to_lowercase();
    let is_meant = |case: &&SuspicionSnapshot| {
        let addr = case.subject.primary().to_string();
        about.is_empty() || addr == about || id_of(&case.subject).starts_with(&about)
    };
    let line = |case: &SuspicionSnapshot| CaseLine {
        id: id_of(&case.subject),
        addr: case.subject.primary().to_string(),
        incarnation: case.incarnation.0,
        outcome: case.outcome.to_string(),
        accusations: case
            .accusations
            .iter()
            .map(|accusation| AccusationLine {
                by: format!("{:#}", accusation.by),
                ago_ms: millis(accusation.since),
                evidence: evidence(accusation),
            })
            .collect(),
    };
    WhyView { cases: node.cases.iter().filter(is_meant).map(line).collect(), about }
}

/// What the accuser saw, with the time in which the suspect used to answer.
fn evidence(accusation: &tidings_core::AccusationSnapshot) -> String {
    let saw = accusation.evidence.to_string();
    let Evidence::Silent { round_trip_us: usual @ 1.., .. } = accusation.evidence else {
        return saw;
    };
    let usual = humantime::format_duration(Duration::from_micros(usual.into()));
    format!("{saw}; it last answered in {usual}")
}

impl fmt::Display for MembersView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.members.is_empty() {
            return f.write_str(
                "no members are known by name: that takes the detector swim and members_max above 0",
            );
        }
        let row = |it: &MemberLine| {
            let refuted =
                if it.incarnation == 0 { String::new() } else { it.incarnation.to_string() };
            [who(&it.id, &it.addr), it.state.clone(), age(it.since_ms), refuted]
        };
        f.write_str(&table(["member", "state", "for", "refuted"], self.members.iter().map(row)))
    }
}

impl fmt::Display for WhyView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.cases.is_empty() {
            let whom = if self.about.is_empty() { "anybody" } else { &self.about };
            return write!(f, "no suspicion of {whom} is remembered");
        }
        let suspect = MemberState::Suspect.to_string();
        for (place, case) in self.cases.iter().enumerate() {
            let gap = if place == 0 { "" } else { "\n\n" };
            let outcome = match case.outcome.as_str() {
                "alive" => "refuted: it lives",
                open if open == suspect => "still suspected",
                other => other,
            };
            writeln!(f, "{gap}{}: {outcome}", who(&case.id, &case.addr))?;
            let row = |it: &AccusationLine| {
                let by = it.by.get(..8).unwrap_or(&it.by).to_owned();
                [by, format!("{} ago", age(it.ago_ms)), it.evidence.clone()]
            };
            f.write_str(&table(["accuser", "when", "saw"], case.accusations.iter().map(row)))?;
        }
        Ok(())
    }
}
