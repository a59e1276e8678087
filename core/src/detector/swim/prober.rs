//! Whom to probe next, and the probes under way (SWIM §3.1, §4.3).

use alloc::vec::Vec;
use core::time::Duration;

use rand::seq::SliceRandom as _;

use crate::address::AddressRecord;
use crate::config::Monitor;
use crate::context::Context;
use crate::detector::swim::members::{Member, Members};
use crate::detector::swim::timer::SwimTimer;
use crate::event::MemberState;
use crate::id::{LinkId, NodeId};
use crate::rng::Stream;
use crate::time::Instant;
#[cfg(any(test, feature = "invariants"))]
use crate::util::invariant::{Broken, holds};
use crate::util::room::{make_room, release_if_empty};
use crate::wire::Bye;

/// Whose turn it is, and the probes under way, at most `max_links`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prober {
    /// The rest of this round, in the order drawn; the last one is next.
    round: Vec<AddressRecord>,
    /// How many newcomers this round still takes: where links come and go all the time it would else
    /// never end, and whoever has had its turn would have no other.
    newcomers: usize,
    probes: Vec<Probe>,
    /// How many there ever were.
    begun: u32,
}

/// A probe under way.
#[derive(Clone, Debug)]
pub(crate) struct Probe {
    /// What [`SwimTimer::Overdue`] calls it.
    pub(crate) number: u32,
    pub(crate) subject: AddressRecord,
    pub(crate) cause: Cause,
    /// The neighbor's link, or a dial.
    pub(crate) link: LinkId,
    pub(crate) is_dialed: bool,
    /// Helpers that have not said anything yet, by their links.
    pub(crate) silent: Vec<LinkId>,
    /// Helpers that heard nothing either.
    pub(crate) nacked: Vec<LinkId>,
    /// How many helpers were asked; 0 while the probe is direct.
    pub(crate) asked: u8,
    /// How many of them this machine could not dial, which says nothing about anybody.
    pub(crate) untried: u8,
    /// This machine could not dial the subject either: it is dialed again when the timer fires.
    pub(crate) is_untried: bool,
    /// The last round-trip time to the subject, 0 if there was none.
    pub(crate) round_trip_us: u32,
    /// Whom the subject named as its neighbors before its link was lost.
    pub(crate) named: Vec<AddressRecord>,
    /// When the ping or the dial went out.
    pub(crate) sent: Instant,
    /// How long it waits for what comes next, and when its timer fires.
    pub(crate) patience: Duration,
    due: Instant,
}

/// Why somebody is probed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// It is its turn.
    Turn,
    /// Its link was lost without a word.
    Lost,
    /// Its link may be gone although it lives: one miss and the link ends.
    Challenge,
    /// Others suspect it.
    Suspected,
}

impl Prober {
    /// The next one to probe. Each is probed once in a round, in an order drawn anew for each round,
    /// so that a crash is found after two rounds at most (SWIM §4.3). A round has at most twice the
    /// turns that it began with; a neighbor whose link comes back after its turn may get another.
    pub(crate) fn next(&mut self, cx: &mut Context, members: &Members) -> Option<AddressRecord> {
        if self.round.is_empty() {
            self.round = candidates(cx, members);
            self.newcomers = self.round.len();
            self.round.shuffle(&mut cx.rng.draw(Stream::Probe));
        }
        let is_there = |record: &AddressRecord| {
            cx.neighbors.by_id(record.subject()).is_some()
                || probes_members(cx)
                    && members.life(record).is_some_and(|member| !member.is_gone())
        };
        while let Some(record) = self.round.pop() {
            if is_there(&record) {
                return Some(record);
            }
        }
        None
    }

    /// A new one gets a random place in the round that is under way (SWIM §4.3), unless the round has
    /// taken as many as it began with; a new life of somebody in it gets the place of the old one.
    pub(crate) fn insert(&mut self, cx: &mut Context, record: &AddressRecord) {
        if let Some(old) = self.round.iter_mut().find(|it| it.subject() == record.subject()) {
            old.clone_from(record);
        } else if !self.round.is_empty() && self.newcomers > 0 {
            self.newcomers -= 1;
            let place = cx.rng.index(Stream::Probe, self.round.len() + 1).unwrap_or(0);
            make_room(&mut self.round);
            self.round.insert(place, record.clone());
        }
    }

    /// Whether one more probe may begin.
    pub(crate) fn has_room(&self, cx: &mut Context) -> bool {
        let has_room = self.probes.len() < cx.config.overlay.max_links;
        cx.stats.limits.probes += u64::from(!has_room);
        has_room
    }

    /// What the next probe will be called.
    pub(crate) const fn next_number(&self) -> u32 {
        self.begun
    }

    /// Notes a probe that went out on `link`. How long it is waited for the caller says.
    pub(crate) fn begin(
        &mut self,
        cx: &Context,
        subject: AddressRecord,
        link: LinkId,
        is_dialed: bool,
        cause: Cause,
    ) -> &mut Probe {
        let number = self.begun;
        self.begun = number.wrapping_add(1);
        make_room(&mut self.probes);
        self.probes.push(Probe {
            number,
            subject,
            cause,
            link,
            is_dialed,
            silent: Vec::new(),
            nacked: Vec::new(),
            asked: 0,
            untried: 0,
            is_untried: false,
            round_trip_us: 0,
            named: Vec::new(),
            sent: cx.now,
            patience: Duration::ZERO,
            due: cx.now,
        });
        self.probes.last_mut().expect("it was pushed just now")
    }

    #[cfg(any(test, feature = "invariants"))]
    pub(crate) fn invariants(&self, cx: &Context) -> Broken {
        for (place, probe) in self.probes.iter().enumerate() {
            let is_armed = cx.timers.is_armed(SwimTimer::Overdue(probe.number));
            holds(is_armed, "a probe without an end")?;
            let subject = probe.subject.subject();
            let is_alone = self.probes[..place].iter().all(|it| it.subject.subject() != subject);
            holds(is_alone, "two probes of one peer")?;
            let is_on_link = probe.is_dialed || cx.neighbors.by_link(probe.link).is_some();
            holds(is_on_link, "a ping on a link that is gone")?;
        }
        Ok(())
    }

    pub(crate) fn of(&mut self, subject: NodeId) -> Option<&mut Probe> {
        self.probes.iter_mut().find(|probe| probe.subject.subject() == subject)
    }

    pub(crate) fn by_number(&mut self, number: u32) -> Option<&mut Probe> {
        self.probes.iter_mut().find(|probe| probe.number == number)
    }

    /// The probe that went out on this link.
    pub(crate) fn by_link(&mut self, link: LinkId) -> Option<&mut Probe> {
        self.probes.iter_mut().find(|probe| probe.link == link)
    }

    /// Whether the link of somebody who is no neighbor any more is being looked after.
    pub(crate) fn is_lost(&self, subject: NodeId) -> bool {
        let is_it =
            |probe: &Probe| probe.subject.subject() == subject && probe.cause == Cause::Lost;
        self.probes.iter().any(is_it)
    }

    /// Ends a probe and closes what was opened for it.
    pub(crate) fn end(&mut self, cx: &mut Context, number: u32) -> Option<Probe> {
        let place = self.probes.iter().position(|probe| probe.number == number)?;
        let probe = self.probes.swap_remove(place);
        release_if_empty(&mut self.probes);
        cx.timers.cancel(SwimTimer::Overdue(number));
        for &link in probe.silent.iter().chain(&probe.nacked) {
            cx.close(link, Bye::Done);
        }
        if probe.is_dialed {
            cx.close(probe.link, Bye::Done);
        }
        Some(probe)
    }
}

impl Probe {
    /// Waits so long for what comes next.
    pub(crate) fn wait(&mut self, cx: &mut Context, patience: Duration) {
        self.patience = patience;
        self.due = cx.now + patience;
        cx.arm(SwimTimer::Overdue(self.number), patience);
    }

    /// Waits for the answer to its ping until so long after the ping, unless it waits longer anyway.
    pub(crate) fn wait_longer(&mut self, cx: &mut Context, patience: Duration) {
        let rest = patience.saturating_sub(cx.now.since(self.sent));
        if self.asked == 0 && rest > self.rest(cx) {
            self.wait(cx, rest);
        }
    }

    /// Nobody was asked anything: after the same wait it begins anew, if there is a dial to repeat.
    pub(crate) fn try_again_later(&mut self, cx: &mut Context) {
        (self.asked, self.untried, self.is_untried) = (0, 0, true);
        let patience = self.patience;
        self.wait(cx, patience);
    }

    /// How much of that is left.
    pub(crate) fn rest(&self, cx: &Context) -> Duration {
        self.due.since(cx.now)
    }

    /// Whether its timer fires much later than it was armed for: this peer was stopped, and the
    /// answer may wait to be read.
    pub(crate) fn is_late(&self, cx: &Context) -> bool {
        cx.now.since(self.due) > self.patience
    }
}

/// Without a table there are only neighbors to probe.
pub(crate) fn probes_members(cx: &Context) -> bool {
    let config = &cx.config.detector.swim;
    config.monitor == Monitor::Members && config.has_table()
}

fn candidates(cx: &Context, members: &Members) -> Vec<AddressRecord> {
    if probes_members(cx) {
        let living = members.iter().filter(|member| !member.is_gone());
        return living.map(|member| member.record.clone()).collect();
    }
    cx.neighbors.iter().map(|neighbor| neighbor.record.clone()).collect()
}

/// Whom to ask to probe `subject`: at most K of those that it named, else neighbors of this peer,
/// else members (SWIM §3.1 draws them from all members; a neighbor of the subject has a link with
/// it, which saves it a dial).
pub(crate) fn helpers(
    cx: &mut Context,
    subject: NodeId,
    named: &[AddressRecord],
    members: &Members,
) -> Vec<AddressRecord> {
    let most = cx.config.detector.swim.helpers;
    let is_fit = |record: &AddressRecord| {
        let is_other = record.subject() != subject && record.subject() != cx.me();
        is_other && members.life(record).is_none_or(|it| it.state == MemberState::Alive)
    };
    let mut named: Vec<_> = named.iter().filter(|it| is_fit(it)).cloned().collect();
    let own = cx.neighbors.iter().map(|neighbor| &neighbor.record);
    let mut own: Vec<_> = own.filter(|it| is_fit(it)).cloned().collect();
    let alive = |member: &&Member| is_fit(&member.record);
    let mut others: Vec<_> = Vec::new();
    if named.len() + own.len() < most {
        others = members.iter().filter(alive).map(|member| member.record.clone()).collect();
    }
    let mut chosen: Vec<AddressRecord> = Vec::new();
    for group in [&mut named, &mut own, &mut others] {
        group.shuffle(&mut cx.rng.draw(Stream::Probe));
        for record in group.drain(..) {
            let is_new = chosen.iter().all(|other| other.subject() != record.subject());
            if is_new && chosen.len() < most {
                chosen.push(record);
            }
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::id::BootEpoch;
    use crate::testing::{context, record};

    fn link(cx: &mut Context, of: core::ops::Range<u8>) {
        for n in of {
            cx.neighbors.insert(LinkId::dialed(n.into()), record(n), cx.now);
        }
    }

    #[test]
    fn each_neighbor_has_one_turn_in_a_round_and_orders_differ() {
        let mut cx = context(Config::modern());
        let (mut prober, members) = (Prober::default(), Members::default());
        link(&mut cx, 2..10);
        let mut rounds = [(); 4].map(|()| {
            let mut turn = || prober.next(&mut cx, &members).expect("somebody");
            (0..8).map(|_| turn().subject()).collect::<Vec<_>>()
        });
        assert!(rounds[0] != rounds[1] || rounds[1] != rounds[2]);
        for round in &mut rounds {
            round.sort();
            assert!(round.iter().copied().eq((2..10).map(|n| NodeId::new([n; 32]))));
        }
    }

    #[test]
    fn a_round_ends_however_many_links_come_and_go() {
        let mut cx = context(Config::modern());
        let (mut prober, members) = (Prober::default(), Members::default());
        link(&mut cx, 2..7);
        let mut turns = Vec::new();
        for n in 0..30_u8 {
            turns.extend(prober.next(&mut cx, &members));
            prober.insert(&mut cx, &record(3 + n % 4));
        }
        let at = |it: &AddressRecord| it.subject() == NodeId::new([2; 32]);
        let found: Vec<usize> =
            turns.iter().enumerate().filter(|(_, it)| at(it)).map(|(place, _)| place).collect();
        assert!(found.len() >= 3 && found.windows(2).all(|it| it[1] - it[0] <= 20), "{found:?}");
    }

    /// A timer that fires after more than twice its wait says that this peer stood still.
    #[test]
    fn a_probe_is_late_when_its_timer_fires_after_twice_its_wait() {
        const WAIT: Duration = Duration::from_millis(100);
        let mut cx = context(Config::modern());
        let mut prober = Prober::default();
        let probe = prober.begin(&cx, record(2), LinkId::dialed(2), false, Cause::Turn);
        probe.wait(&mut cx, WAIT);
        for (waits, is_late) in [(1, false), (2, false), (3, true)] {
            cx.now = probe.sent + WAIT * waits;
            assert_eq!(probe.is_late(&cx), is_late, "after {waits} waits");
        }
    }

    #[test]
    fn a_new_life_takes_the_place_of_the_old_one() {
        let mut cx = context(Config::modern());
        let (mut prober, members) = (Prober::default(), Members::default());
        link(&mut cx, 2..4);
        let first = prober.next(&mut cx, &members).expect("somebody");
        let old = record(if first == record(2) { 3 } else { 2 });
        let new = AddressRecord::new(old.subject(), BootEpoch(2), &[old.primary()]);
        let new = new.expect("valid");
        let link = cx.neighbors.by_id(old.subject()).expect("a neighbor").link;
        cx.neighbors.remove(link);
        cx.neighbors.insert(LinkId::dialed(9), new.clone(), cx.now);
        prober.insert(&mut cx, &new);
        assert_eq!(prober.next(&mut cx, &members), Some(new));
        assert!(prober.round.is_empty(), "one turn");
    }

    #[test]
    fn helpers_are_named_ones_first_then_own_neighbors_and_never_the_subject() {
        let mut cx = context(Config::modern());
        link(&mut cx, 2..5);
        let members = Members::default();
        let named = [1, 2, 7, 8].map(record);
        let ids = |chosen: Vec<AddressRecord>| -> Vec<u8> {
            let mut ids: Vec<_> = chosen.iter().map(|it| it.subject().as_bytes()[0]).collect();
            ids.sort_unstable();
            ids
        };
        let of = NodeId::new([2; 32]);
        let chosen = ids(helpers(&mut cx, of, &named, &members));
        assert!(chosen == [3, 7, 8] || chosen == [4, 7, 8], "{chosen:?}");
        assert_eq!(ids(helpers(&mut cx, of, &[], &members)), [3, 4]);
    }

    #[test]
    fn probes_are_bounded() {
        let mut cx = context(Config::modern());
        let mut prober = Prober::default();
        for n in 0..100_u8 {
            if prober.has_room(&mut cx) {
                let (to, link) = (record(n + 2), LinkId::dialed(n.into()));
                prober.begin(&cx, to, link, true, Cause::Turn);
            }
        }
        assert_eq!(prober.probes.len(), cx.config.overlay.max_links);
        assert_eq!(cx.stats.limits.probes, 36);
    }
}
