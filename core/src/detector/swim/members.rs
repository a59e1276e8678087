//! The table of members: who there is, and in which state (SWIM §4.2).
//!
//! Statements have an order, and the greatest one that was heard is held, so that peers agree
//! whatever the order they hear them in: first the life, then whether it left, then the
//! incarnation, then alive < suspect < dead.
//!
//! Departure: SWIM's dead must come back as a new member. Here who is alive and held dead refutes
//! by a higher incarnation, because the halves of a healed partition hold each other dead.

use alloc::vec::Vec;
use core::time::Duration;

use crate::address::AddressRecord;
use crate::context::Context;
use crate::event::MemberState;
use crate::id::{BootEpoch, Incarnation, NodeId};
use crate::rng::Stream;
use crate::snapshot::MemberSnapshot;
use crate::time::Instant;
use crate::util::room::make_room;
use crate::wire::{Claim, Statement};

/// How long the dead and those that left are remembered. *Guess: longer than a partition lasts, so
/// that those who come back learn that they were held dead.*
const REMEMBERED: Duration = Duration::from_hours(1);

/// Members by identity.
#[derive(Clone, Debug, Default)]
pub(crate) struct Members {
    table: Vec<Member>,
    /// No member outlives its suspicion or its memory before this; `None` when all are alive.
    next_sweep: Option<Instant>,
}

/// What is held of a member, in 24 bytes.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) record: AddressRecord,
    /// Since when it is in this state.
    pub(crate) since: Instant,
    pub(crate) incarnation: Incarnation,
    pub(crate) state: MemberState,
}

/// What a statement changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MergeResult {
    /// Nothing: what is held is as great.
    Old,
    /// Only the incarnation.
    Noted,
    /// The state, or the life.
    News,
    /// There is no room for it, or no table.
    Unnoted,
}

/// What [`Members::sweep`] found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overdue {
    /// Suspected for so long that their accusers must have gone too.
    pub(crate) suspects: Vec<(AddressRecord, Incarnation)>,
}

impl Member {
    fn order(&self) -> Order {
        order(&self.record, self.incarnation, self.state)
    }

    /// It left or is dead.
    pub(crate) const fn is_gone(&self) -> bool {
        matches!(self.state, MemberState::Dead | MemberState::Left)
    }
}

/// The order of statements about one node: life, whether it left, incarnation, state.
type Order = (BootEpoch, bool, Incarnation, MemberState);

fn order(of: &AddressRecord, incarnation: Incarnation, state: MemberState) -> Order {
    (of.epoch(), state == MemberState::Left, incarnation, state)
}

impl MemberState {
    /// What a claim makes of its subject.
    pub(crate) const fn of(claim: &Claim) -> Self {
        match claim {
            Claim::Alive => Self::Alive,
            Claim::Suspect(_) => Self::Suspect,
            Claim::Dead { .. } => Self::Dead,
            Claim::Left => Self::Left,
        }
    }
}

impl Members {
    pub(crate) fn get(&self, id: NodeId) -> Option<&Member> {
        self.place(id).ok().map(|place| &self.table[place])
    }

    /// What is held of this life.
    pub(crate) fn life(&self, of: &AddressRecord) -> Option<&Member> {
        self.get(of.subject()).filter(|member| member.record.epoch() == of.epoch())
    }

    pub(crate) fn iter(&self) -> core::slice::Iter<'_, Member> {
        self.table.iter()
    }

    /// Those that live, as far as is known, and this peer.
    pub(crate) fn living(&self) -> usize {
        1 + self.table.iter().filter(|member| !member.is_gone()).count()
    }

    /// Takes a statement in if it is greater than what is held. `is_near`: of a neighbor, or of one
    /// that this peer accuses; those are noted even without a table.
    pub(crate) fn merge(
        &mut self,
        cx: &mut Context,
        said: &Statement,
        is_near: bool,
    ) -> MergeResult {
        let state = MemberState::of(&said.claim);
        let id = said.subject.subject();
        let merged = match self.place(id) {
            Ok(place) => self.table[place].merge(cx, said, state),
            Err(_) if !self.make_place(cx, state, is_near) => MergeResult::Unnoted,
            Err(_) => {
                let place = self.place(id).unwrap_or_else(|place| place);
                let (record, incarnation) = (said.subject.clone(), said.incarnation);
                make_room(&mut self.table);
                self.table.insert(place, Member { record, since: cx.now, incarnation, state });
                MergeResult::News
            }
        };
        if merged == MergeResult::News && state != MemberState::Alive {
            self.sweep_at(cx.now + lifetime(cx, state, self.table.len()));
        }
        merged
    }

    /// Forgets who went long ago, and returns suspects that nobody declared dead.
    pub(crate) fn sweep(&mut self, cx: &Context) -> Overdue {
        let mut overdue = Overdue::default();
        if self.next_sweep.is_none_or(|at| at > cx.now) {
            return overdue;
        }
        self.next_sweep = None;
        let len = self.table.len();
        let mut next: Option<Instant> = None;
        self.table.retain(|member| {
            if member.state == MemberState::Alive {
                return true;
            }
            let end = member.since + lifetime(cx, member.state, len);
            if end > cx.now {
                next = Some(next.map_or(end, |next| next.min(end)));
                return true;
            }
            if member.state == MemberState::Suspect {
                overdue.suspects.push((member.record.clone(), member.incarnation));
            }
            member.state == MemberState::Suspect
        });
        self.next_sweep = next;
        overdue
    }

    pub(crate) fn snapshot(&self, now: Instant) -> Vec<MemberSnapshot> {
        let view = |member: &Member| MemberSnapshot {
            record: member.record.clone(),
            incarnation: member.incarnation,
            state: member.state,
            since: now.since(member.since),
        };
        self.table.iter().map(view).collect()
    }

    /// Sees that there is room for one more: a member that is gone goes for it; for a near one any
    /// other.
    fn make_place(&mut self, cx: &mut Context, state: MemberState, is_near: bool) -> bool {
        let config = &cx.config.detector.swim;
        let most = match config.members_max {
            0 if !is_near => return false,
            0 => 2 * cx.config.overlay.max_links,
            most => most,
        };
        if self.table.len() < most {
            return true;
        }
        cx.stats.limits.members += 1;
        let is_worth = is_near || !matches!(state, MemberState::Dead | MemberState::Left);
        let gone = self.table.iter().position(Member::is_gone).filter(|_| is_worth);
        let drawn = if is_near { cx.rng.index(Stream::Probe, self.table.len()) } else { None };
        gone.or(drawn).map(|place| self.table.remove(place)).is_some()
    }

    fn place(&self, id: NodeId) -> Result<usize, usize> {
        self.table.binary_search_by_key(&id, |member| member.record.subject())
    }

    fn sweep_at(&mut self, at: Instant) {
        self.next_sweep = Some(self.next_sweep.map_or(at, |next| next.min(at)));
    }
}

impl Member {
    fn merge(&mut self, cx: &Context, said: &Statement, state: MemberState) -> MergeResult {
        let is_same_life = said.subject.is_same_life(&self.record);
        if is_same_life && said.subject.replaces(&self.record) {
            self.record = said.subject.clone();
        }
        if order(&said.subject, said.incarnation, state) <= self.order() {
            return MergeResult::Old;
        }
        let is_new_life = said.subject.supersedes(&self.record);
        let is_news = is_new_life || state != self.state;
        if is_new_life {
            self.record = said.subject.clone();
        }
        if is_news {
            self.since = cx.now;
        }
        (self.incarnation, self.state) = (said.incarnation, state);
        if is_news { MergeResult::News } else { MergeResult::Noted }
    }
}

/// How long a member stays in this state if nothing is heard of it. A suspect's accusers declare it
/// dead after the longest time of suspicion at most; twice that, and they must have gone too.
fn lifetime(cx: &Context, state: MemberState, members: usize) -> Duration {
    match state {
        MemberState::Alive => Duration::MAX,
        MemberState::Suspect => super::suspicion::Span::of(cx, members).longest.saturating_mul(2),
        MemberState::Dead | MemberState::Left => REMEMBERED,
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::config::Config;
    use crate::testing::context;
    use crate::wire::Evidence;

    fn said(n: u8, epoch: u64, incarnation: u32, claim: Claim) -> Statement {
        let addr = core::net::SocketAddr::from(([10, 0, 0, n], 7000));
        let by = NodeId::new([n; 32]);
        let subject = AddressRecord::new(by, BootEpoch(epoch), &[addr]).expect("valid");
        let incarnation = Incarnation(incarnation);
        Statement { subject, incarnation, claim, by, signature: None }
    }

    fn suspect() -> Claim {
        Claim::Suspect(Evidence::LinkLost)
    }

    fn dead() -> Claim {
        Claim::Dead { evidence: Evidence::LinkLost, confirmers: Vec::new() }
    }

    /// Whether `new` beats `old`.
    fn beats(new: (u64, u32, Claim), old: (u64, u32, Claim)) -> bool {
        let mut cx = context(Config::modern());
        let mut members = Members::default();
        members.merge(&mut cx, &said(7, old.0, old.1, old.2), false);
        members.merge(&mut cx, &said(7, new.0, new.1, new.2), false) != MergeResult::Old
    }

    /// SWIM §4.2, with lives before it and the departure after it.
    #[test]
    fn statements_beat_each_other_by_the_rules_of_the_paper() {
        use Claim::{Alive, Left};
        assert!(beats((1, 1, Alive), (1, 0, suspect())) && beats((1, 1, Alive), (1, 0, Alive)));
        assert!(!beats((1, 0, Alive), (1, 0, suspect())));
        assert!(beats((1, 0, suspect()), (1, 0, Alive)));
        assert!(beats((1, 1, suspect()), (1, 0, suspect())));
        assert!(!beats((1, 0, suspect()), (1, 0, suspect())));
        assert!(!beats((1, 0, suspect()), (1, 1, Alive)));
        assert!(beats((1, 0, dead()), (1, 0, suspect())) && beats((1, 0, dead()), (1, 0, Alive)));
        assert!(!beats((1, 9, suspect()), (1, 9, dead())));
        assert!(beats((1, 1, Alive), (1, 0, dead())), "departure: the dead may refute");
        assert!(!beats((1, 0, dead()), (1, 1, Alive)), "departure: and stay so");
        assert!(beats((1, 0, Left), (1, 5, dead())) && !beats((1, 9, Alive), (1, 0, Left)));
        assert!(beats((2, 0, Alive), (1, 9, Left)) && !beats((1, 9, dead()), (2, 0, Alive)));
    }

    fn claim() -> impl Strategy<Value = Claim> {
        prop_oneof![Just(Claim::Alive), Just(suspect()), Just(dead()), Just(Claim::Left)]
    }

    proptest! {
        #[test]
        fn the_order_of_hearing_does_not_matter(
            heard in vec((1..5_u8, 0..3_u64, 0..3_u32, claim()), 0..30),
        ) {
            let mut cx = context(Config::modern());
            let (mut there, mut back) = (Members::default(), Members::default());
            let said = |it: &(u8, u64, u32, Claim)| said(it.0, it.1, it.2, it.3.clone());
            for it in &heard {
                there.merge(&mut cx, &said(it), false);
            }
            for it in heard.iter().rev() {
                back.merge(&mut cx, &said(it), false);
            }
            let view = |it: &Member| (it.record.clone(), it.incarnation, it.state);
            prop_assert!(there.iter().map(view).eq(back.iter().map(view)));
        }
    }

    #[test]
    fn a_full_table_drops_the_gone_first_and_else_notes_nobody() {
        let mut config = Config::modern();
        config.detector.swim.members_max = 2;
        let mut cx = context(config);
        let mut members = Members::default();
        for n in [1, 2, 3] {
            members.merge(&mut cx, &said(n, 1, 0, Claim::Alive), false);
        }
        assert!(members.get(NodeId::new([3; 32])).is_none());
        members.merge(&mut cx, &said(1, 1, 0, dead()), false);
        assert_eq!(members.merge(&mut cx, &said(4, 1, 0, dead()), false), MergeResult::Unnoted);
        assert_eq!(members.merge(&mut cx, &said(3, 1, 0, Claim::Alive), false), MergeResult::News);
        assert_eq!(members.merge(&mut cx, &said(5, 1, 0, Claim::Alive), true), MergeResult::News);
        assert_eq!((members.table.len(), cx.stats.limits.members), (2, 4));
    }

    #[test]
    fn without_a_table_only_near_ones_are_noted() {
        let mut config = Config::modern();
        config.detector.swim.members_max = 0;
        let mut cx = context(config);
        let mut members = Members::default();
        assert_eq!(
            members.merge(&mut cx, &said(3, 1, 0, Claim::Alive), false),
            MergeResult::Unnoted
        );
        for n in 0..=u8::MAX {
            members.merge(&mut cx, &said(n, 1, 0, Claim::Alive), true);
        }
        assert_eq!(members.table.len(), 2 * cx.config.overlay.max_links);
    }

    #[test]
    fn the_gone_are_forgotten_and_forsaken_suspects_told() {
        let mut cx = context(Config::modern());
        let mut members = Members::default();
        members.merge(&mut cx, &said(1, 1, 0, suspect()), false);
        members.merge(&mut cx, &said(2, 1, 0, dead()), false);
        members.merge(&mut cx, &said(3, 1, 0, Claim::Alive), false);
        cx.now = cx.now + Duration::from_secs(25);
        let overdue = members.sweep(&cx).suspects;
        assert_eq!(overdue.len(), 1, "2 x 12 s for a few members");
        cx.now = cx.now + REMEMBERED;
        members.sweep(&cx);
        assert!(members.get(NodeId::new([2; 32])).is_none());
        assert!(members.get(NodeId::new([3; 32])).is_some());
    }

    #[test]
    fn a_member_takes_24_bytes() {
        assert_eq!(size_of::<Member>(), 24);
    }
}
