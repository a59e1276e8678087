//! The seed node's own look at entries in doubt, before it believes anybody (R17, R20).
//!
//! ```text
//! seed node                       accused
//!   Hello { to, Probe }      ──▶
//!                            ◀──  Welcome                alive; Bye, close
//!                            ◀──  Refuse                 alive, if it is from the accused
//!                                 nothing in time        a strike
//! ```
//!
//! A connection alone proves nothing: the kernel of a stopped process accepts it. Only the answered
//! hello counts. An entry whose own link was lost is given as many strikes as a neighbor gets; a
//! report or a lapsed lease has three strikes behind it already, so one failed probe decides.

use alloc::collections::BTreeMap;
use core::time::Duration;

use crate::address::AddressRecord;
use crate::context::Context;
use crate::event::{Doubt, Event};
use crate::id::{LinkId, NodeId};
use crate::links::{Failure, Links};
use crate::timers::Timer;
use crate::wire::{Bye, Purpose, Refusal};

/// How soon a probe that had to wait asks again for its turn.
const TURN: Duration = Duration::from_secs(1);

/// Entries in doubt.
#[derive(Clone, Debug, Default)]
pub(crate) struct Probes {
    cases: BTreeMap<NodeId, Case>,
    /// Cases with a dial under way.
    dialing: usize,
}

#[derive(Clone, Debug)]
struct Case {
    record: AddressRecord,
    doubt: Doubt,
    strikes: u8,
    link: Option<LinkId>,
}

/// What a probe showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It answered.
    Alive(NodeId, Doubt),
    /// It did not.
    Dead(NodeId),
    /// A newer life of it answered, or another node.
    Superseded(NodeId),
    /// Not decided yet.
    Open,
}

impl Probes {
    /// Starts a case, unless one is open.
    pub(crate) fn doubt(&mut self, cx: &mut Context, record: &AddressRecord, doubt: Doubt) {
        let subject = record.subject();
        if self.cases.contains_key(&subject) {
            return;
        }
        self.cases.insert(subject, Case { record: record.clone(), doubt, strikes: 0, link: None });
        let pause = match doubt {
            Doubt::LinkLost => cx.rng.jitter(cx.config.detector.redial_after),
            Doubt::LeaseExpired | Doubt::Reported => Duration::ZERO,
        };
        cx.arm(Timer::Probe(subject), pause);
        cx.emit(Event::PeerDoubted { peer: record.clone(), why: doubt });
    }

    /// Drops the case: the entry gave a sign of life, or is gone.
    pub(crate) fn dismiss(&mut self, cx: &mut Context, links: &mut Links, subject: NodeId) {
        cx.timers.cancel(Timer::Probe(subject));
        if let Some(Case { link: Some(link), .. }) = self.cases.remove(&subject) {
            self.dialing -= 1;
            links.close(cx, link, Bye::Done);
        }
    }

    pub(crate) fn on_probe_timer(&mut self, cx: &mut Context, links: &mut Links, subject: NodeId) {
        let Some(case) = self.cases.get_mut(&subject) else { return };
        if self.dialing >= cx.config.registration.probes_max {
            cx.stats.limits.probes += 1;
            cx.arm(Timer::Probe(subject), TURN);
            return;
        }
        self.dialing += 1;
        let addresses = case.record.addresses().into();
        case.link = Some(links.dial(cx, addresses, Purpose::Probe, Some(subject)));
    }

    /// The accused said welcome.
    pub(crate) fn on_welcomed(
        &mut self,
        cx: &mut Context,
        links: &mut Links,
        link: LinkId,
        answered: &AddressRecord,
    ) -> Verdict {
        links.close(cx, link, Bye::Done);
        match self.take(link) {
            Some((subject, case)) if answered.supersedes(&case.record) => {
                Verdict::Superseded(subject)
            }
            Some((subject, case)) => Verdict::Alive(subject, case.doubt),
            None => Verdict::Open,
        }
    }

    pub(crate) fn on_failed(
        &mut self,
        cx: &mut Context,
        link: LinkId,
        failure: &Failure,
    ) -> Verdict {
        let Some((subject, mut case)) = self.take(link) else { return Verdict::Open };
        match failure {
            Failure::Refused(refuse) if refuse.reason == Refusal::WrongNode => {
                Verdict::Superseded(subject)
            }
            Failure::Refused(refuse) if refuse.from == subject => {
                Verdict::Alive(subject, case.doubt)
            }
            Failure::Refused(_) | Failure::Dial(_) | Failure::Lost(_) | Failure::Garbled => {
                case.strikes += 1;
                if case.strikes >= needed(cx, case.doubt) {
                    return Verdict::Dead(subject);
                }
                let pause = cx.config.detector.pause_before(case.strikes);
                let pause = cx.rng.jitter(pause);
                self.cases.insert(subject, case);
                cx.arm(Timer::Probe(subject), pause);
                Verdict::Open
            }
        }
    }

    fn take(&mut self, link: LinkId) -> Option<(NodeId, Case)> {
        let (&subject, _) = self.cases.iter().find(|(_, case)| case.link == Some(link))?;
        let mut case = self.cases.remove(&subject)?;
        case.link = None;
        self.dialing -= 1;
        Some((subject, case))
    }
}

/// Failed probes that make an entry dead.
fn needed(cx: &Context, doubt: Doubt) -> u8 {
    match doubt {
        Doubt::LinkLost => cx.config.detector.misses,
        Doubt::LeaseExpired | Doubt::Reported => 1,
    }
}
