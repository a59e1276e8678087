//! Writes a run down while it happens, for whatever engine runs it: what checks, measurements and
//! reports will ask for, and no more. A million nodes say some hundred million things; of gossip
//! only who got what when is kept, and of every life's whole log a hash.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tidings_core::{BootEpoch, Event, MemberState, MessageId, NodeId, Sequence};

use crate::chunked_vec::ChunkedVec;
use crate::digest::extend_log;
use crate::fact::Fact;
use crate::fault::{Fault, FaultSchedule, Stall};
use crate::history::{
    ActivityWhilePaused, Crossing, End, Entry, History, Life, LifeSpan, MessageTrace, Receipt,
    Sample,
};
use crate::host::HostId;
use crate::scenario::{Direction, Scenario};

/// A life, by the order of births in this run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LifeNumber(u32);

/// A message: its envelope, and its number.
type Message = (MessageId, Sequence);

/// What is known of a run so far.
#[derive(Debug)]
pub struct Recorder {
    ids: Arc<BTreeMap<NodeId, HostId>>,
    lives: Vec<(Life, LifeSpan)>,
    epochs: BTreeMap<HostId, BootEpoch>,
    message_traces: Vec<MessageTrace>,
    /// Places in `message_traces`.
    places: BTreeMap<Message, usize>,
    entries: ChunkedVec<Entry>,
    cuts: Vec<Cut>,
    stalls: BTreeMap<HostId, Vec<(Duration, Duration)>>,
    suspects: Vec<Suspect>,
    activity_while_paused: Vec<ActivityWhilePaused>,
    dead_verdicts: BTreeMap<Life, Vec<(Life, Duration)>>,
    first_suspected: BTreeMap<Life, Duration>,
}

/// A message that came across a cut. It may have left before the cut: a resent packet, one that
/// waited for an uplink, or one that a stopped process read late.
#[derive(Debug)]
struct Suspect {
    crossing: Crossing,
    message: Message,
    /// Since when nothing gets across.
    since: Duration,
}

/// A cut, from when all that was on its way has arrived until it heals.
#[derive(Debug)]
struct Cut {
    from: Duration,
    until: Duration,
    inside: BTreeSet<HostId>,
    direction: Direction,
}

impl Recorder {
    /// A recorder for a run of a scenario. `ids` are all its hosts.
    pub fn new(
        scenario: &Scenario,
        schedule: &FaultSchedule,
        ids: Arc<BTreeMap<NodeId, HostId>>,
    ) -> Self {
        Self {
            cuts: cuts(scenario, schedule),
            stalls: stalls(scenario, schedule),
            ids,
            lives: Vec::new(),
            epochs: BTreeMap::new(),
            message_traces: Vec::new(),
            places: BTreeMap::new(),
            entries: ChunkedVec::default(),
            suspects: Vec::new(),
            activity_while_paused: Vec::new(),
            dead_verdicts: BTreeMap::new(),
            first_suspected: BTreeMap::new(),
        }
    }

    /// The hosts by their ids.
    pub fn ids(&self) -> &Arc<BTreeMap<NodeId, HostId>> {
        &self.ids
    }

    /// Begins the next life of a host.
    ///
    /// # Panics
    ///
    /// When there have been 2^32 lives.
    pub fn begin_life(&mut self, host: HostId, born: Duration) -> LifeNumber {
        let epoch = self.epochs.entry(host).or_default();
        epoch.0 += 1;
        let life = Life { host, epoch: *epoch };
        let number = LifeNumber(u32::try_from(self.lives.len()).expect("fewer than 2^32 lives"));
        self.lives.push((life, LifeSpan { born, joined: None, ended: None, log: 0 }));
        number
    }

    /// Ends a life, unless it has ended.
    pub fn end_life(&mut self, number: LifeNumber, at: Duration, end: End) {
        self.span(number).ended.get_or_insert((at, end));
    }

    /// Which life this is.
    pub fn life(&self, number: LifeNumber) -> Life {
        self.lives[place(number)].0
    }

    /// Takes down what a node says.
    #[expect(clippy::wildcard_enum_match_arm, reason = "a fact knows what it is made of")]
    pub fn note(&mut self, number: LifeNumber, at: Duration, event: &Event) {
        // A hint for people, of which nothing follows: histories of before stay comparable.
        if matches!(event, Event::NobodyReached { .. }) {
            return;
        }
        let (life, span) = &mut self.lives[place(number)];
        let life = *life;
        span.log = extend_log(span.log, at, event);
        if let Some(stalls) = self.stalls.get(&life.host)
            && stalls.iter().any(|(from, until)| (*from..*until).contains(&at))
        {
            self.activity_while_paused.push(ActivityWhilePaused { at, host: life.host });
        }
        match event {
            Event::Published { envelope, waited } => {
                let message_trace = self.message_trace((envelope.id(), envelope.sequence()));
                let said = (life, at.saturating_sub(*waited));
                message_trace.said.get_or_insert(said);
            }
            Event::Delivered { envelope, from, hop, .. } => {
                let message = (envelope.id(), envelope.sequence());
                self.watch_cuts(at, life, *from, message);
                let host = self.ids.get(&envelope.origin());
                let origin = host.map(|&host| Life { host, epoch: envelope.epoch() });
                let message_trace = self.message_trace(message);
                message_trace.receipts.push(Receipt { life, at, hop: *hop });
                if !message_trace.claimed.contains(&origin) {
                    message_trace.claimed.push(origin);
                }
            }
            Event::Duplicate { id, sequence, from } => {
                self.watch_cuts(at, life, *from, (*id, *sequence));
                self.message_trace((*id, *sequence)).duplicates += 1;
            }
            Event::NeighborUp { .. } => {
                self.span(number).joined.get_or_insert(at);
                self.keep(at, life, event);
            }
            Event::Member { subject, state, .. } => {
                if let Some(&host) = self.ids.get(&subject.subject()) {
                    let member = Life { host, epoch: subject.epoch() };
                    self.note_member(member, *state, (life, at));
                }
            }
            _ => self.keep(at, life, event),
        }
    }

    /// One record of what two recorders took down of different hosts in the same run. Numbers of
    /// lives mean nothing any more.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.lives.extend(other.lives);
        self.entries.append(other.entries);
        self.suspects.extend(other.suspects);
        self.activity_while_paused.extend(other.activity_while_paused);
        for (dead, heard) in other.dead_verdicts {
            self.dead_verdicts.entry(dead).or_default().extend(heard);
        }
        for (suspect, at) in other.first_suspected {
            self.note_suspicion(suspect, at);
        }
        for theirs in other.message_traces {
            let message_trace = self.message_trace((theirs.id, theirs.sequence));
            message_trace.said = message_trace.said.or(theirs.said);
            message_trace.claimed.extend(theirs.claimed);
            message_trace.receipts.extend(theirs.receipts);
            message_trace.duplicates += theirs.duplicates;
        }
        self
    }

    /// The whole run, with this rng seed.
    pub fn finish(
        mut self,
        seed: u64,
        schedule: FaultSchedule,
        mut samples: Vec<Sample>,
        failure: Option<String>,
    ) -> History {
        let last = samples.pop().unwrap_or_default();
        let mut crossings = self.crossings();
        crossings.sort_unstable();
        for message_trace in &mut self.message_traces {
            message_trace.receipts.sort_unstable_by_key(|receipt| (receipt.at, receipt.life));
            message_trace.claimed.sort_unstable();
            message_trace.claimed.dedup();
        }
        let said = |message_trace: &MessageTrace| message_trace.said.map(|(life, at)| (at, life));
        self.message_traces.sort_by_key(|message_trace| {
            let MessageTrace { id, sequence, .. } = *message_trace;
            (message_trace.said.is_none(), said(message_trace), id, sequence)
        });
        let mut entries = Vec::new();
        self.entries.move_into(&mut entries);
        entries.sort_by_key(|entry| (entry.at, entry.life));
        self.activity_while_paused.sort_unstable();
        for heard in self.dead_verdicts.values_mut() {
            heard.sort_unstable_by_key(|(life, at)| (*at, *life));
        }
        History {
            seed,
            schedule,
            lives: self.lives.into_iter().collect(),
            ids: self.ids,
            message_traces: self.message_traces,
            entries,
            crossings,
            activity_while_paused: self.activity_while_paused,
            dead_verdicts: self.dead_verdicts,
            first_suspected: self.first_suspected,
            traffic: Vec::new(),
            samples,
            last,
            failure,
        }
    }

    fn span(&mut self, number: LifeNumber) -> &mut LifeSpan {
        &mut self.lives[place(number)].1
    }

    fn keep(&mut self, at: Duration, life: Life, event: &Event) {
        self.entries.extend(Fact::of(event).map(|fact| Entry { at, life, fact }));
    }

    fn note_member(&mut self, member: Life, state: MemberState, told: (Life, Duration)) {
        match state {
            MemberState::Dead => self.dead_verdicts.entry(member).or_default().push(told),
            MemberState::Suspect => self.note_suspicion(member, told.1),
            MemberState::Alive | MemberState::Left => {}
        }
    }

    fn note_suspicion(&mut self, suspect: Life, at: Duration) {
        let first = self.first_suspected.entry(suspect).or_insert(at);
        *first = at.min(*first);
    }

    fn message_trace(&mut self, (id, sequence): Message) -> &mut MessageTrace {
        let Self { message_traces, places, .. } = self;
        let place = *places.entry((id, sequence)).or_insert_with(|| {
            let claimed = Vec::new();
            message_traces.push(MessageTrace {
                id,
                sequence,
                said: None,
                claimed,
                receipts: Vec::new(),
                duplicates: 0,
            });
            message_traces.len() - 1
        });
        &mut message_traces[place]
    }

    /// Of what came across cuts, that which did so while they lasted: it was said only then, or by
    /// nobody.
    fn crossings(&self) -> Vec<Crossing> {
        let said = |it: &Message| self.message_traces[*self.places.get(it)?].said.map(|(_, at)| at);
        let is_one = |it: &&Suspect| said(&it.message).is_none_or(|said| said >= it.since);
        self.suspects.iter().filter(is_one).map(|it| it.crossing).collect()
    }

    fn watch_cuts(&mut self, at: Duration, receiver: Life, sender: NodeId, message: Message) {
        let mut in_force = self.cuts.iter().filter(|cut| (cut.from..cut.until).contains(&at));
        let Some(cut) = in_force.next() else { return };
        let Some(&from) = self.ids.get(&sender) else { return };
        let to = receiver.host;
        let (is_from_inside, is_to_inside) = (cut.inside.contains(&from), cut.inside.contains(&to));
        let is_cut = match cut.direction {
            Direction::Both => is_from_inside != is_to_inside,
            Direction::Out => is_from_inside && !is_to_inside,
            Direction::In => !is_from_inside && is_to_inside,
        };
        if is_cut {
            let crossing = Crossing { at, from, to };
            self.suspects.push(Suspect { crossing, message, since: cut.from });
        }
    }
}

/// Two ticks: how late a process may be at the most with what happens to it.
const LATE: u32 = 2;

fn place(number: LifeNumber) -> usize {
    usize::try_from(number.0).expect("an index in memory")
}

/// The cuts of a schedule. What was on its way when one began may still arrive.
fn cuts(scenario: &Scenario, schedule: &FaultSchedule) -> Vec<Cut> {
    let faults = &schedule.faults;
    let cut = |(place, at): (usize, Duration)| {
        let Fault::Cut(inside, _, direction) = &faults[place].fault else { return None };
        let heal = faults[place..].iter().find(|it| it.fault == Fault::Heal);
        Some(Cut {
            from: at + scenario.latency.to + scenario.tick * LATE,
            until: heal.map_or(scenario.duration, |heal| heal.at),
            inside: inside.clone(),
            direction: *direction,
        })
    };
    faults.iter().map(|it| it.at).enumerate().filter_map(cut).collect()
}

/// When the schedule lets processes stand still. A tick or two may pass until they do.
fn stalls(
    scenario: &Scenario,
    schedule: &FaultSchedule,
) -> BTreeMap<HostId, Vec<(Duration, Duration)>> {
    let mut stalls: BTreeMap<HostId, Vec<(Duration, Duration)>> = BTreeMap::new();
    for Stall { host, begin, end } in schedule.stalls() {
        // What waits in a blocked network was said before.
        if !matches!(begin.fault, Fault::Block(_)) {
            let until = end.unwrap_or(scenario.duration);
            stalls.entry(host).or_default().push((begin.at + scenario.tick * LATE, until));
        }
    }
    stalls
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use tidings_core::{Envelope, GossipMessage, Payload, Topic, UnixTime};

    use super::*;
    use crate::fault::Scheduled;
    use crate::host::run_seed;
    use crate::scenario::{CutMode, load};

    const FIRST: HostId = HostId::peer(0);
    const SECOND: HostId = HostId::peer(1);

    fn seconds(at: u64) -> Duration {
        Duration::from_secs(at)
    }

    /// A recorder of a run in which `fault` happens after ten seconds and `end` after twenty, and the
    /// lives of two peers in it.
    fn recorder(fault: Fault, end: Fault) -> (Recorder, LifeNumber, LifeNumber) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/small.toml");
        let scenario = load(&path, &[]).expect("the small scenario");
        let faults = [(10, fault), (20, end)];
        let faults = faults.map(|(at, fault)| Scheduled { at: seconds(at), fault }).into();
        let run = run_seed(1);
        let ids = scenario.hosts().map(|host| (host.node_id(run), host)).collect();
        let mut recorder = Recorder::new(&scenario, &FaultSchedule { faults }, Arc::new(ids));
        let first = recorder.begin_life(FIRST, Duration::ZERO);
        let second = recorder.begin_life(SECOND, Duration::ZERO);
        (recorder, first, second)
    }

    fn close(recorder: Recorder) -> History {
        recorder.finish(1, FaultSchedule::default(), Vec::new(), None)
    }

    fn copy_from(host: HostId) -> Event {
        let (id, sequence) = (MessageId::new([7; 32]), Sequence(1));
        Event::Duplicate { id, sequence, from: host.node_id(run_seed(1)) }
    }

    #[test]
    fn what_crosses_a_cut_is_noted_while_it_lasts_and_in_its_direction() {
        let found = |direction, moments: &[u64]| {
            let cut = Fault::Cut([FIRST].into(), CutMode::Silent, direction);
            let (mut recorder, first, second) = recorder(cut, Fault::Heal);
            for at in moments {
                recorder.note(first, seconds(*at), &copy_from(SECOND));
                recorder.note(second, seconds(*at), &copy_from(FIRST));
            }
            let crossings = close(recorder).crossings;
            crossings.into_iter().map(|it| (it.at.as_secs(), it.to)).collect::<Vec<_>>()
        };
        // In the order of the senders.
        let both = [(15, SECOND), (15, FIRST)];
        assert_eq!(found(Direction::Both, &[9, 10, 15, 20]), both);
        assert_eq!(found(Direction::In, &[15]), [(15, FIRST)]);
        assert_eq!(found(Direction::Out, &[15]), [(15, SECOND)]);
    }

    /// It left before the cut: it was sent again, or waited for an uplink.
    #[test]
    fn what_was_said_before_a_cut_does_not_cross_it() {
        let payload = Payload::new(b"early".to_vec()).expect("a payload");
        let origin = (FIRST.node_id(run_seed(1)), BootEpoch(1));
        let (sent, topic) = (UnixTime::from_millis(0), Topic::default());
        let envelope = Arc::new(Envelope::new(origin, Sequence(1), sent, topic, payload));
        // Said while a link was busy: it was sealed later.
        for (sealed, waited, crossings) in [(9, 0, 0), (11, 0, 1), (11, 2, 0)] {
            let cut = Fault::Cut([FIRST].into(), CutMode::Silent, Direction::Both);
            let (mut recorder, first, second) = recorder(cut, Fault::Heal);
            let message = GossipMessage::all(&envelope).next().expect("one");
            let (id, sequence) = (message.id(), message.sequence());
            let published = Event::Published { envelope: message, waited: seconds(waited) };
            recorder.note(first, seconds(sealed), &published);
            let copy = Event::Duplicate { id, sequence, from: origin.0 };
            recorder.note(second, seconds(15), &copy);
            assert_eq!(close(recorder).crossings.len(), crossings);
        }
    }

    #[test]
    fn a_process_that_speaks_while_it_stands_still_is_noted() {
        let (mut recorder, first, second) = recorder(Fault::Pause(FIRST), Fault::Resume(FIRST));
        for at in [9, 10, 15, 20] {
            recorder.note(first, seconds(at), &Event::Left);
            recorder.note(second, seconds(at), &Event::Left);
        }
        let activity_while_paused = close(recorder).activity_while_paused;
        assert_eq!(activity_while_paused, [ActivityWhilePaused { at: seconds(15), host: FIRST }]);
    }

    #[test]
    fn logs_tell_apart_what_when_and_in_which_order() {
        let logs = |events: &[(u64, Event)]| {
            let (mut recorder, first, _) = recorder(Fault::Start(FIRST), Fault::Start(SECOND));
            for (at, event) in events {
                recorder.note(first, seconds(*at), event);
            }
            recorder.span(first).log
        };
        let (a, b) = (copy_from(FIRST), copy_from(SECOND));
        let different = [
            logs(&[]),
            logs(&[(1, a.clone())]),
            logs(&[(2, a.clone())]),
            logs(&[(1, b.clone())]),
            logs(&[(1, a.clone()), (1, b.clone())]),
            logs(&[(1, b), (1, a)]),
        ];
        let distinct: BTreeSet<u64> = different.into_iter().collect();
        assert_eq!(distinct.len(), different.len());
    }
}
