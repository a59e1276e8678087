//! The words of a whole run. The numbers here are those of `tidings-history-2`.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};
use tidings_core::Role;

use super::{ENCODING, Sha, Words};
use crate::fault::{Fault, Scheduled};
use crate::history::{End, History, Life, LifeSpan, NodeView, Sample, hex};
use crate::host::HostId;
use crate::scenario::{CutMode, Death, Direction};

impl History {
    /// SHA-256 over the rng seed, the schedule, the lives with the hashes of their logs, the last state
    /// and the failure, in the encoding [`ENCODING`]: equal digests mean that the same happened.
    pub fn digest(&self) -> String {
        let mut sha = Sha(Sha256::new());
        encode(self, &mut sha);
        hex(&sha.0.finalize())
    }
}

fn encode<W: Words>(history: &History, to: &mut W) {
    let History { seed, schedule, lives, last, failure, .. } = history;
    to.text(ENCODING);
    to.word(*seed);
    to.list(&schedule.faults, scheduled);
    to.len(lives.len());
    for (life, span) in lives {
        self::life(to, *life);
        life_span(to, span);
    }
    sample(to, last);
    to.option(failure.as_deref(), Words::text);
}

fn host<W: Words>(to: &mut W, host: HostId) {
    to.word(match host.role() {
        Role::SeedNode => 1,
        Role::Peer => 2,
    });
    to.word(host.place().into());
}

fn life<W: Words>(to: &mut W, life: Life) {
    host(to, life.host);
    to.word(life.epoch.0);
}

fn life_span<W: Words>(to: &mut W, span: &LifeSpan) {
    let LifeSpan { born, joined, ended, log } = *span;
    to.time(born);
    to.option(joined, Words::time);
    to.option(ended, |to, (at, end)| {
        to.time(at);
        match end {
            End::Crashed(death) => {
                to.word(1);
                self::death(to, death);
            }
            End::Left => to.word(2),
        }
    });
    to.word(log);
}

fn scheduled<W: Words>(to: &mut W, scheduled: &Scheduled) {
    to.time(scheduled.at);
    match &scheduled.fault {
        Fault::Start(host) => of_host(to, 1, *host),
        Fault::Crash(host, death) => {
            of_host(to, 2, *host);
            self::death(to, *death);
        }
        Fault::Leave(host) => of_host(to, 3, *host),
        Fault::Pause(host) => of_host(to, 4, *host),
        Fault::Resume(host) => of_host(to, 5, *host),
        Fault::Reset(host) => of_host(to, 6, *host),
        Fault::Cut(inside, mode, direction) => {
            to.word(7);
            cut(to, inside, *mode, *direction);
        }
        Fault::Heal => to.word(8),
        Fault::Block(host) => of_host(to, 9, *host),
        Fault::Unblock(host) => of_host(to, 10, *host),
        Fault::StopReader(host) => of_host(to, 11, *host),
        Fault::ResumeReader(host) => of_host(to, 12, *host),
        Fault::Suspend(host) => of_host(to, 13, *host),
        Fault::Wake(host) => of_host(to, 14, *host),
    }
}

fn of_host<W: Words>(to: &mut W, number: u64, of: HostId) {
    to.word(number);
    host(to, of);
}

fn death<W: Words>(to: &mut W, death: Death) {
    to.word(match death {
        Death::Reset => 1,
        Death::Silent => 2,
    });
}

fn cut<W: Words>(to: &mut W, inside: &BTreeSet<HostId>, mode: CutMode, direction: Direction) {
    to.len(inside.len());
    for one in inside {
        host(to, *one);
    }
    to.word(match mode {
        CutMode::Held => 1,
        CutMode::Silent => 2,
        CutMode::Reset => 3,
    });
    to.word(match direction {
        Direction::Both => 1,
        Direction::Out => 2,
        Direction::In => 3,
    });
}

fn sample<W: Words>(to: &mut W, sample: &Sample) {
    to.time(sample.at);
    to.len(sample.nodes.len());
    for (life, view) in &sample.nodes {
        self::life(to, *life);
        node_view(to, view);
    }
}

fn node_view<W: Words>(to: &mut W, view: &NodeView) {
    let NodeView { neighbors, listed, known, stored, seen, reporters, bytes_sent } = view;
    for lives in [neighbors, listed] {
        to.list(lives, |to, life| to.option(*life, self::life));
    }
    for count in [known, stored, seen, reporters] {
        to.len(*count);
    }
    to.word(*bytes_sent);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use std::time::Duration;

    use tidings_core::BootEpoch;

    use super::*;
    use crate::fault::FaultSchedule;

    const FIRST: Life = Life { host: HostId::peer(0), epoch: BootEpoch(1) };

    fn history() -> History {
        let (at, born, peer) = (Duration::from_secs(9), Duration::from_secs(1), HostId::peer(0));
        let inside = BTreeSet::from([HostId::seed_node(0), peer]);
        let faults = vec![
            Fault::Start(peer),
            Fault::Crash(peer, Death::Silent),
            Fault::Crash(peer, Death::Reset),
            Fault::Leave(peer),
            Fault::Pause(peer),
            Fault::Resume(peer),
            Fault::Reset(peer),
            Fault::Block(peer),
            Fault::Unblock(peer),
            Fault::StopReader(peer),
            Fault::ResumeReader(peer),
            Fault::Suspend(peer),
            Fault::Wake(peer),
            Fault::Cut(inside.clone(), CutMode::Held, Direction::Both),
            Fault::Cut(inside.clone(), CutMode::Silent, Direction::In),
            Fault::Cut(inside, CutMode::Reset, Direction::Out),
            Fault::Heal,
        ];
        let faults = faults.into_iter().map(|fault| Scheduled { at, fault }).collect();
        let span = LifeSpan { born, joined: Some(at), ended: None, log: 5 };
        let view = NodeView { neighbors: vec![None, Some(FIRST)], known: 2, ..NodeView::default() };
        History {
            seed: 1,
            schedule: FaultSchedule { faults },
            lives: BTreeMap::from([(FIRST, span)]),
            ids: Arc::default(),
            message_traces: Vec::new(),
            entries: Vec::new(),
            crossings: Vec::new(),
            activity_while_paused: Vec::new(),
            dead_verdicts: BTreeMap::new(),
            first_suspected: BTreeMap::new(),
            traffic: Vec::new(),
            samples: Vec::new(),
            last: Sample { at, nodes: BTreeMap::from([(FIRST, view)]) },
            failure: None,
        }
    }

    /// Whoever changes this digest gives the encoding another name.
    #[test]
    fn a_history_is_written_as_the_encoding_says() {
        insta::assert_snapshot!(history().digest(), @"f1e5be6f75ec2c559b3ae233f1332ac32b841f3df448c4b705614b7366012ab8");
    }

    #[test]
    fn whatever_is_hashed_changes_the_digest() {
        let span = |change: fn(&mut LifeSpan)| {
            let mut history = history();
            change(history.lives.get_mut(&FIRST).expect("it is there"));
            history.digest()
        };
        let view = |change: fn(&mut NodeView)| {
            let mut history = history();
            change(history.last.nodes.get_mut(&FIRST).expect("it is there"));
            history.digest()
        };
        let whole = |change: fn(&mut History)| {
            let mut history = history();
            change(&mut history);
            history.digest()
        };
        let digests = [
            history().digest(),
            whole(|it| it.seed = 2),
            whole(|it| it.failure = Some("panic".to_owned())),
            whole(|it| it.schedule.faults[3].at = Duration::ZERO),
            whole(|it| it.schedule.faults[3].fault = Fault::Leave(HostId::seed_node(0))),
            whole(|it| it.last.at = Duration::ZERO),
            whole(|it| it.last.nodes.clear()),
            span(|it| it.born = Duration::ZERO),
            span(|it| it.joined = None),
            span(|it| it.ended = Some((Duration::ZERO, End::Left))),
            span(|it| it.ended = Some((Duration::ZERO, End::Crashed(Death::Reset)))),
            span(|it| it.log = 6),
            view(|it| it.neighbors[0] = Some(FIRST)),
            view(|it| it.listed.push(None)),
            view(|it| it.known = 3),
            view(|it| it.stored = 1),
            view(|it| it.seen = 1),
            view(|it| it.reporters = 1),
            view(|it| it.bytes_sent = 1),
        ];
        assert_eq!(BTreeSet::from(digests.clone()).len(), digests.len());
        for at in 0..history().schedule.faults.len() {
            let mut shorter = history();
            shorter.schedule.faults.remove(at);
            assert!(!digests.contains(&shorter.digest()), "fault {at}");
        }
    }
}
