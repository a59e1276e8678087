//! The seed node's own probes of entries, before it believes anybody (R17, R20).
//!
//! ```text
//! seed node                       accused
//!   Hello { to, Probe }      ──▶
//!                            ◀──  Welcome                alive; Bye, close
//!                            ◀──  Refuse                 alive, if it is from the accused
//!                                 nothing in time        a strike
//!                                 the link breaks        again, once; then a strike
//!                                 not to be tried        again, as often as that is so: no evidence
//! ```
//!
//! A connection alone proves nothing: the kernel of a stopped process accepts it. Only the answered
//! hello counts. An entry whose own link was lost is given as many strikes as a neighbor gets; a
//! report or a lapsed lease has three strikes behind it already, so one failed probe decides. Such a
//! reason may come while the entry is being probed for a weaker one: then the probe under way decides,
//! or one that begins at once. A link that broke before the answer is no evidence yet: somebody accepted
//! it a moment ago, and what reset it may have reset all links of a live node.

use alloc::collections::BTreeMap;
use core::time::Duration;

use crate::address::AddressRecord;
use crate::context::Context;
use crate::event::{Event, ProbeReason};
use crate::fact::Fact;
use crate::failure::{DialFailure, LinkLoss};
use crate::id::{BootEpoch, LinkId, NodeId};
use crate::links::{Failure, Owner, Target};
use crate::seed_node::timer::SeedNodeTimer;
use crate::seed_node::verdict::{Reasons, Verdict};
#[cfg(any(test, feature = "invariants"))]
use crate::util::invariant::{Broken, holds};
use crate::wire::{Bye, Purpose, Refusal};

/// How soon a probe that had to wait asks again for its turn.
const TURN: Duration = Duration::from_secs(1);

/// Entries that are being probed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Probes {
    /// By number, which is what [`SeedNodeTimer::Probe`] calls them.
    cases: BTreeMap<u32, Case>,
    /// The number of each subject's case.
    numbers: BTreeMap<NodeId, u32>,
    /// How many cases have a dial under way.
    dials: usize,
    /// How many cases there ever were.
    opened: u32,
}

#[derive(Clone, Debug)]
struct Case {
    record: AddressRecord,
    reasons: Reasons,
    strikes: u8,
    /// A probe was made again because its link broke.
    is_repeated: bool,
    link: Option<LinkId>,
}

impl Probes {
    /// Starts a case, or gives the open one a further reason.
    pub(crate) fn begin(&mut self, cx: &mut Context, record: &AddressRecord, reason: ProbeReason) {
        let subject = record.subject();
        if let Some(&number) = self.numbers.get(&subject) {
            self.strengthen(cx, number, reason);
            return;
        }
        let number = self.opened;
        self.opened = number.wrapping_add(1);
        self.numbers.insert(subject, number);
        let (mut reasons, record) = (Reasons::default(), record.clone());
        reasons.add(reason);
        let case =
            Case { record: record.clone(), reasons, strikes: 0, is_repeated: false, link: None };
        self.cases.insert(number, case);
        let pause = match reason {
            ProbeReason::LinkLost => cx.rng.jitter(cx.config.detector.redial_after),
            ProbeReason::LeaseExpired | ProbeReason::Reported | ProbeReason::VoteRequested => {
                Duration::ZERO
            }
        };
        cx.arm(SeedNodeTimer::Probe(number), pause);
        cx.emit(Event::PeerProbing { peer: record, reason });
    }

    /// A further reason. If it is the first by which one failed probe decides, that probe is the one
    /// under way, or begins now.
    fn strengthen(&mut self, cx: &mut Context, number: u32, reason: ProbeReason) {
        let Some(case) = self.cases.get_mut(&number) else { return };
        let was_weak = case.reasons.is_weak();
        case.reasons.add(reason);
        if !was_weak || case.reasons.is_weak() {
            return;
        }
        let peer = case.record.clone();
        if case.link.is_none() {
            cx.arm(SeedNodeTimer::Probe(number), Duration::ZERO);
        }
        cx.emit(Event::PeerProbing { peer, reason });
    }

    /// The life that the subject's open case is about.
    pub(crate) fn probed_epoch(&self, subject: NodeId) -> Option<BootEpoch> {
        let case = self.cases.get(self.numbers.get(&subject)?)?;
        Some(case.record.epoch())
    }

    /// Drops the case: the entry gave a sign of life, or is gone.
    pub(crate) fn dismiss(&mut self, cx: &mut Context, subject: NodeId) {
        let Some(number) = self.numbers.remove(&subject) else { return };
        cx.timers.cancel(SeedNodeTimer::Probe(number));
        if let Some(Case { link: Some(link), .. }) = self.cases.remove(&number) {
            self.dials -= 1;
            cx.close(link, Bye::Done);
        }
    }

    pub(crate) fn on_probe_timer(&mut self, cx: &mut Context, number: u32) {
        let Some(case) = self.cases.get_mut(&number) else { return };
        if self.dials >= cx.config.registration.probes_max {
            cx.stats.limits.probes += 1;
            cx.arm(SeedNodeTimer::Probe(number), TURN);
            return;
        }
        let owner = Owner::EntryProbe(number);
        let link = cx.dial(Target::Node(&case.record), Purpose::Probe, owner);
        self.dials += 1;
        case.link = Some(link);
    }

    /// The accused said welcome.
    pub(crate) fn on_welcomed(
        &mut self,
        cx: &mut Context,
        number: u32,
        link: LinkId,
        answered: &AddressRecord,
    ) {
        cx.close(link, Bye::Done);
        let Some(case) = self.end_dial(number) else { return };
        let (subject, reasons) = (case.record.subject(), case.reasons);
        let verdict = if answered.supersedes(&case.record) {
            Verdict::Superseded(subject)
        } else {
            Verdict::Alive(subject, reasons)
        };
        self.end(cx, number, verdict);
    }

    pub(crate) fn on_failed(&mut self, cx: &mut Context, number: u32, failure: &Failure) {
        let Some(case) = self.end_dial(number) else { return };
        let subject = case.record.subject();
        let verdict = match failure {
            Failure::Refused(refuse) if refuse.reason == Refusal::WrongNode => {
                Verdict::Superseded(subject)
            }
            Failure::Refused(refuse) if refuse.from == subject => {
                Verdict::Alive(subject, case.reasons)
            }
            Failure::Lost(LinkLoss::Reset | LinkLoss::Closed) if !case.is_repeated => {
                case.is_repeated = true;
                let pause = cx.rng.jitter(cx.config.detector.redial_after);
                cx.arm(SeedNodeTimer::Probe(number), pause);
                return;
            }
            // Nothing was asked, so nothing was missed.
            Failure::Dial(DialFailure::NotTried) => {
                let pause = cx.rng.jitter(TURN);
                cx.arm(SeedNodeTimer::Probe(number), pause);
                return;
            }
            Failure::Refused(_) | Failure::Dial(_) | Failure::Lost(_) | Failure::Garbled => {
                case.strikes += 1;
                if case.strikes < strikes_needed(cx, case.reasons) {
                    let pause = cx.config.detector.pause_before(case.strikes);
                    let pause = cx.rng.jitter(pause);
                    cx.arm(SeedNodeTimer::Probe(number), pause);
                    return;
                }
                Verdict::Dead(subject)
            }
        };
        self.end(cx, number, verdict);
    }

    #[cfg(any(test, feature = "invariants"))]
    pub(crate) fn invariants(&self, cx: &Context) -> Broken {
        let dials = self.cases.values().filter(|case| case.link.is_some()).count();
        holds(dials == self.dials, "probes are counted wrongly")?;
        holds(self.cases.len() == self.numbers.len(), "two cases of one entry")?;
        for (number, case) in &self.cases {
            let is_its = self.numbers.get(&case.record.subject()) == Some(number);
            holds(is_its, "a case that its entry does not find")?;
            let is_armed = cx.timers.is_armed(SeedNodeTimer::Probe(*number));
            holds(is_armed != case.link.is_some(), "a case that nobody probes")?;
        }
        Ok(())
    }

    /// A dial has ended. Returns whose it was.
    fn end_dial(&mut self, number: u32) -> Option<&mut Case> {
        let case = self.cases.get_mut(&number)?;
        case.link.take()?;
        self.dials -= 1;
        Some(case)
    }

    /// The case is decided.
    fn end(&mut self, cx: &mut Context, number: u32, verdict: Verdict) {
        if let Some(case) = self.cases.remove(&number) {
            self.numbers.remove(&case.record.subject());
        }
        cx.tell(Fact::Probed(verdict));
    }
}

/// Failed probes that make an entry dead.
fn strikes_needed(cx: &Context, reasons: Reasons) -> u8 {
    if reasons.is_weak() { cx.config.detector.misses } else { 1 }
}
