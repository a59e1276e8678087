//! What must come of a run whatever engine runs it: who holds which message, who is gone, who is on
//! no list. Beside it, how long each death was on a list, which must be about the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::time::Duration;

use crate::history::{History, Life, MessageTrace};
use crate::host::HostId;
use crate::measure::detection;
use crate::scenario::{Death, Scenario};

/// Messages said this short before the end may still be on their way.
const ON_THE_WAY: Duration = Duration::from_secs(15);

/// What a life says this short before its end may come after it in another engine: its timers began
/// with its first link, which took another time to make.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Most differences that are told of two runs.
const MAX_TOLD: usize = 5;

/// A message, named alike in every engine: who said it, and how many that one had said before.
pub type Said = (Life, u32);

/// What came of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Of each message, the peers that have it, among those that lived throughout the run.
    pub delivered: BTreeMap<Said, BTreeSet<HostId>>,
    /// Messages that were said so late that another engine need not do the same with them.
    pub late: BTreeSet<Said>,
    /// Peers whose last life is over.
    pub gone: BTreeSet<HostId>,
    /// Peers that are on no seed node's list.
    pub unlisted: BTreeSet<HostId>,
    /// Lives of peers that crashed: how, and how long they were on a list, if they went from all.
    pub deaths: BTreeMap<Life, (Death, Option<Duration>)>,
}

impl Outcome {
    /// What came of this run. Room and time grow with the deliveries: it is for runs of few hosts.
    pub fn of(scenario: &Scenario, history: &History) -> Self {
        let peers = || scenario.hosts().filter(|host| host.is_peer());
        let survivors: BTreeSet<HostId> = history.survivors().map(|life| life.host).collect();
        let lists = history.last.nodes.values().flat_map(|view| &view.listed);
        let listed: BTreeSet<HostId> = lists.flatten().map(|life| life.host).collect();
        let (delivered, late) = delivered(scenario, history);
        Self {
            delivered,
            late,
            gone: peers().filter(|host| !survivors.contains(host)).collect(),
            unlisted: peers().filter(|host| !listed.contains(host)).collect(),
            deaths: deaths(history),
        }
    }

    /// How long each life was on a list that died so in both runs, here and there.
    pub fn deaths_beside(
        &self,
        other: &Self,
        kind: Death,
    ) -> impl Iterator<Item = (Duration, Duration)> {
        let of_kind = self.deaths.iter().filter(move |(_, (death, _))| *death == kind);
        of_kind.filter_map(|(life, (_, ours))| {
            let (_, theirs) = other.deaths.get(life)?;
            Some(((*ours)?, (*theirs)?))
        })
    }

    /// Where another engine's run of the same seed came out differently, in words.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut words = Vec::new();
        let nobody = BTreeSet::new();
        let messages: BTreeSet<&Said> =
            self.delivered.keys().chain(other.delivered.keys()).collect();
        for said in messages.into_iter().filter(|said| !self.is_late(said, other)) {
            let holders = |outcome: &'_ Self| outcome.delivered.get(said).cloned();
            let (ours, theirs) = (holders(self), holders(other));
            if ours != theirs {
                let (ours, theirs) = (
                    ours.unwrap_or_else(|| nobody.clone()),
                    theirs.unwrap_or_else(|| nobody.clone()),
                );
                let (Life { host, .. }, number) = said;
                words.push(tell(
                    &format!("message {} of {host} is with", number + 1),
                    &ours,
                    &theirs,
                ));
            }
        }
        if self.gone != other.gone {
            words.push(tell("gone are", &self.gone, &other.gone));
        }
        if self.unlisted != other.unlisted {
            words.push(tell("on no list are", &self.unlisted, &other.unlisted));
        }
        let more = words.len().saturating_sub(MAX_TOLD);
        words.truncate(MAX_TOLD);
        if more > 0 {
            words.push(format!("and {more} more"));
        }
        words
    }

    /// Whether a message was late in either run: some milliseconds may decide in which of them.
    fn is_late(&self, said: &Said, other: &Self) -> bool {
        self.late.contains(said) || other.late.contains(said)
    }
}

/// Who has each message, and which were late.
fn delivered(
    scenario: &Scenario,
    history: &History,
) -> (BTreeMap<Said, BTreeSet<HostId>>, BTreeSet<Said>) {
    let lived_throughout = |life: &Life| {
        history.lives.get(life).is_some_and(|it| it.ended.is_none() && it.born <= scenario.start)
    };
    let end = scenario.duration.saturating_sub(ON_THE_WAY);
    let mut said_by: BTreeMap<Life, u32> = BTreeMap::new();
    let (mut delivered, mut late) = (BTreeMap::new(), BTreeSet::new());
    for message_trace in &history.message_traces {
        let MessageTrace { said: Some((origin, at)), .. } = message_trace else { continue };
        let number = said_by.entry(*origin).or_default();
        let said = (*origin, *number);
        *number += 1;
        let life_end = history.lives.get(origin).and_then(|span| span.ended);
        let is_last_word = life_end.is_some_and(|(life_end, _)| {
            let last = life_end.saturating_sub(LAST_WORDS);
            // Nobody may have heard of it where it was cut off.
            let is_alone = history.is_cut_off(origin.host, *at)
                && history.was_isolated(origin.host, last, life_end);
            *at > last || is_alone
        });
        if *at > end || is_last_word {
            late.insert(said);
        }
        let holders = message_trace.holders().into_iter().filter(lived_throughout);
        delivered.insert(said, holders.map(|life| life.host).collect());
    }
    (delivered, late)
}

/// Deaths that a restart cut short were never to be found.
fn deaths(history: &History) -> BTreeMap<Life, (Death, Option<Duration>)> {
    let measured = detection::measure(history).into_iter().filter(|it| !it.is_cut_short());
    measured.map(|it| (it.victim, (it.death, it.all_seed_nodes))).collect()
}

/// What the one has and the other has not.
fn tell(what: &str, ours: &BTreeSet<HostId>, theirs: &BTreeSet<HostId>) -> String {
    let only = |a: &BTreeSet<HostId>, b: &BTreeSet<HostId>| join(a.difference(b));
    format!("{what} {} only here, {} only there", only(ours, theirs), only(theirs, ours))
}

fn join<T: Display>(items: impl Iterator<Item = T>) -> String {
    let items: Vec<String> = items.map(|item| item.to_string()).collect();
    if items.is_empty() { "none".to_owned() } else { items.join(" ") }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::scenario::load;
    use crate::sweep::run_and;

    /// The workload says something every 200 ms from 4 s to 40 s of a run of 45 s, and peers every 200 ms
    /// for 10 s; peer 2 crashes at 9.5 s, and may be cut off since 8 s until `heal` milliseconds.
    fn outcome_after(heal: u64) -> Outcome {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/small.toml");
        let cut = heal.saturating_sub(8_000);
        let faults = format!(
            "fault=[{{kind='partition',mode='held',nodes=['peer-2'],at='8s',for='{cut}ms'}},\
             {{kind='crash',death='reset',nodes=['peer-2'],at='9s 500ms'}}]"
        );
        let changes = ["engine='events'", &faults, "gossip_every='200ms'", "gossip_count=50"];
        let scenario = load(&path, &changes.map(str::to_owned)).expect("a scenario");
        run_and(&scenario, 1, |history| Outcome::of(&scenario, history)).1
    }

    #[test]
    fn last_words_of_lives_and_of_the_run_are_late() {
        // Until so many milliseconds it is cut off, and so many of its words are late: of one second, or
        // all since the cut began if that healed within that second.
        for (heal, its) in [(8_400, 4..=6), (8_600, 7..=9), (9_400, 7..=9)] {
            let outcome = outcome_after(heal);
            let is_of_peer_2 = |said: &&Said| said.0.host == HostId::peer(1);
            let (of_it, of_others): (Vec<&Said>, Vec<&Said>) =
                outcome.late.iter().partition(is_of_peer_2);
            assert_eq!(of_others.len(), 50, "of the workload's after 30 s");
            assert!(its.contains(&of_it.len()), "{heal}: {of_it:?}");
            let most = outcome.delivered.keys().filter(is_of_peer_2).map(|said| said.1).max();
            assert_eq!(of_it.last().map(|said| said.1), most, "its last ones");
        }
    }

    #[test]
    fn what_was_late_in_one_engine_is_not_compared_and_all_else_is() {
        let ours = outcome_after(8_400);
        assert_eq!(ours.differences(&ours.clone()), Vec::<String>::new());
        let said = *ours.delivered.keys().find(|said| !ours.late.contains(said)).expect("most");
        let mut theirs = ours.clone();
        theirs.delivered.remove(&said);
        let differences = ours.differences(&theirs);
        assert!(differences.len() == 1 && differences[0].contains("only here"), "{differences:?}");
        assert_eq!(theirs.differences(&ours).len(), 1, "whoever is asked");
        theirs.late.insert(said);
        assert_eq!(ours.differences(&theirs), Vec::<String>::new());
        assert_eq!(theirs.differences(&ours), Vec::<String>::new());
        theirs.gone.clear();
        assert_eq!(ours.differences(&theirs).len(), 1, "peer 2 is gone");
    }
}
