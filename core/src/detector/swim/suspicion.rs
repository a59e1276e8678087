//! Suspicions of this peer's own, and how long they last (Lifeguard §IV-B): the more others agree,
//! the sooner the suspect is held dead.

use alloc::vec::Vec;
use core::time::Duration;

use crate::address::AddressRecord;
use crate::context::Context;
use crate::detector::swim::timer::SwimTimer;
use crate::id::{Incarnation, NodeId};
use crate::rng::Stream;
use crate::time::Instant;
#[cfg(any(test, feature = "invariants"))]
use crate::util::invariant::{Broken, holds};
use crate::util::room::{make_room, release_if_empty};
use crate::wire::{Evidence, MAX_CONFIRMERS, Statement};

/// What this peer suspects, at most `max_links` at once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Suspicions {
    open: Vec<Suspicion>,
    /// How many there ever were.
    begun: u32,
}

/// One suspicion that this peer has told.
#[derive(Clone, Debug)]
pub(crate) struct Suspicion {
    /// What [`SwimTimer::Suspicion`] calls it.
    number: u32,
    pub(crate) subject: AddressRecord,
    pub(crate) incarnation: Incarnation,
    pub(crate) evidence: Evidence,
    /// Others that suspect the same, at most [`MAX_CONFIRMERS`].
    pub(crate) confirmers: Vec<NodeId>,
    since: Instant,
    /// Its beginning, or when its subject was last found to have been heard: what it says after that
    /// counts.
    pub(crate) probed_epoch: Instant,
    /// This peer was stopped: it reads what came meanwhile until then.
    catches_up_until: Instant,
    /// When its timer fires.
    pub(crate) due: Instant,
    span: Span,
    /// Confirmations that bring it down to the least time.
    enough: usize,
}

/// The bounds of a suspicion's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) least: Duration,
    pub(crate) longest: Duration,
}

/// How long a suspicion lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) span: Span,
    /// Confirmations that bring it down to the least time.
    pub(crate) enough: usize,
}

impl Span {
    /// min = α max(1, log10 n) T' and max = β min (Lifeguard §IV-B), for so many members.
    pub(crate) fn of(cx: &Context, members: usize) -> Self {
        let config = &cx.config.detector.swim;
        let scale = log10_milli(u32::try_from(members).unwrap_or(u32::MAX)).max(1000);
        let least = config.probe_every.saturating_mul(config.suspicion_min);
        let least = least.saturating_mul(scale) / 1000;
        Self { least, longest: least.saturating_mul(config.suspicion_max) }
    }

    /// max(min, max - (max - min) ln(C + 1) / ln(K + 1)) (Lifeguard §IV-B). With nobody to confirm
    /// it is the least time.
    fn after(self, confirmers: usize, enough: usize) -> Duration {
        if confirmers >= enough {
            return self.least;
        }
        let gap = self.longest.saturating_sub(self.least);
        let gone = gap.saturating_mul(ln_milli(confirmers)) / ln_milli(enough).max(1);
        self.longest.saturating_sub(gone).max(self.least)
    }
}

impl Suspicions {
    /// Whether this peer has told this suspicion.
    pub(crate) fn is_told(&self, subject: &AddressRecord, incarnation: Incarnation) -> bool {
        self.open.iter().any(|open| open.is_of(subject, incarnation))
    }

    /// Whether this peer accuses somebody, in whichever life.
    pub(crate) fn accuses(&self, subject: NodeId) -> bool {
        self.open.iter().any(|open| open.subject.subject() == subject)
    }

    /// Begins a suspicion. False when there are too many.
    pub(crate) fn begin(
        &mut self,
        cx: &mut Context,
        said: &Statement,
        evidence: Evidence,
        confirmers: Vec<NodeId>,
        limits: Limits,
    ) -> bool {
        let (subject, incarnation) = (said.subject.clone(), said.incarnation);
        let Limits { span, enough } = limits;
        self.end(cx, subject.subject());
        if self.open.len() >= cx.config.overlay.max_links {
            cx.stats.limits.lost += 1;
            return false;
        }
        let number = self.begun;
        self.begun = number.wrapping_add(1);
        let (since, probed_epoch, due) = (cx.now, cx.now, cx.now);
        make_room(&mut self.open);
        self.open.push(Suspicion {
            number,
            subject,
            incarnation,
            evidence,
            confirmers,
            since,
            probed_epoch,
            catches_up_until: since,
            due,
            span,
            enough,
        });
        if let Some(open) = self.open.last_mut() {
            open.arm(cx);
        }
        true
    }

    /// Somebody else suspects the same: it ends earlier (Lifeguard §IV-B).
    pub(crate) fn confirm(
        &mut self,
        cx: &mut Context,
        subject: &AddressRecord,
        incarnation: Incarnation,
        by: NodeId,
    ) {
        let found = self.open.iter_mut().find(|open| open.is_of(subject, incarnation));
        let Some(open) = found else { return };
        if open.confirmers.len() < MAX_CONFIRMERS && !open.confirmers.contains(&by) {
            open.confirmers.push(by);
            open.arm(cx);
        }
    }

    #[cfg(any(test, feature = "invariants"))]
    pub(crate) fn invariants(&self, cx: &Context) -> Broken {
        let is_armed = |open: &Suspicion| cx.timers.is_armed(SwimTimer::Suspicion(open.number));
        holds(self.open.iter().all(is_armed), "a suspicion without an end")
    }

    /// An open one; `None` when it has ended.
    pub(crate) fn get(&self, number: u32) -> Option<&Suspicion> {
        self.open.iter().find(|open| open.number == number)
    }

    /// Its subject was heard: it lasts for the least time once more, whoever confirms it.
    pub(crate) fn prolong(&mut self, cx: &mut Context, number: u32) {
        if let Some(open) = self.open.iter_mut().find(|open| open.number == number) {
            open.probed_epoch = cx.now;
            open.arm(cx);
        }
    }

    /// Its time is over. `None` when it has ended before.
    pub(crate) fn take(&mut self, number: u32) -> Option<Suspicion> {
        let place = self.open.iter().position(|open| open.number == number)?;
        let taken = self.open.swap_remove(place);
        release_if_empty(&mut self.open);
        Some(taken)
    }

    /// Whether the timer fires much later than it was armed for: this peer was stopped, and a
    /// refutation may wait to be read. The suspicion then lasts a little longer.
    pub(crate) fn is_late(&mut self, cx: &mut Context, number: u32, patience: Duration) -> bool {
        let Some(open) = self.open.iter_mut().find(|open| open.number == number) else {
            return false;
        };
        if cx.now.since(open.due) <= patience {
            return false;
        }
        open.catches_up_until = cx.now + patience;
        open.due = open.catches_up_until;
        cx.arm(SwimTimer::Suspicion(number), patience);
        true
    }

    /// The subject refuted, left, or was found dead by others.
    pub(crate) fn end(&mut self, cx: &mut Context, subject: NodeId) {
        let place = self.open.iter().position(|open| open.subject.subject() == subject);
        if let Some(place) = place {
            let ended = self.open.swap_remove(place);
            release_if_empty(&mut self.open);
            cx.timers.cancel(SwimTimer::Suspicion(ended.number));
        }
    }
}

impl Suspicion {
    fn is_of(&self, subject: &AddressRecord, incarnation: Incarnation) -> bool {
        self.incarnation == incarnation && self.subject.is_same_life(subject)
    }

    /// Departure: up to a tenth of the least time later, because accusers that saw the same at once
    /// would all say the death at once.
    fn arm(&mut self, cx: &mut Context) {
        let whole = self.span.after(self.confirmers.len(), self.enough);
        let tenth = usize::try_from(self.span.least.as_millis() / 10).unwrap_or(usize::MAX - 1);
        let later = cx.rng.index(Stream::Jitter, tenth + 1).and_then(|ms| u64::try_from(ms).ok());
        let earliest = (self.since + whole).max(self.probed_epoch + self.span.least);
        let due = earliest + Duration::from_millis(later.unwrap_or(0));
        self.due = due.max(self.catches_up_until).max(cx.now);
        cx.arm(SwimTimer::Suspicion(self.number), self.due.since(cx.now));
    }
}

/// 1000 ln(n + 1), for n up to 8; the same on every machine.
fn ln_milli(n: usize) -> u32 {
    const MILLI: [u32; 9] = [0, 693, 1099, 1386, 1609, 1792, 1946, 2079, 2197];
    MILLI.get(n).copied().unwrap_or(2197)
}

/// 1000 log10(n), rounded: squares give the binary logarithm bit by bit.
fn log10_milli(n: u32) -> u32 {
    let Some(whole) = n.checked_ilog2() else { return 0 };
    // n / 2^whole, in units of 2^-32, is at least 1 and below 2.
    let mut mantissa = (u64::from(n) << 32) >> whole;
    let mut log2 = u64::from(whole);
    for _ in 0..16 {
        let square = (u128::from(mantissa) * u128::from(mantissa)) >> 32;
        let is_two = square >> 33 > 0;
        log2 = (log2 << 1) | u64::from(is_two);
        mantissa = u64::try_from(square >> u32::from(is_two)).unwrap_or(u64::MAX);
    }
    // log10(2) = 0.30103
    u32::try_from((log2 * 30_103 / 100 + (1 << 15)) >> 16).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::testing::context;
    use crate::wire::Claim;

    fn span(members: usize) -> Span {
        Span::of(&context(Config::modern()), members)
    }

    #[test]
    fn suspicion_lasts_by_the_formulas_of_the_paper() {
        assert_eq!(span(1), Span { least: secs(2), longest: secs(12) });
        assert_eq!(span(10).least, secs(2));
        assert_eq!(span(1000), Span { least: secs(6), longest: secs(36) });
        let least = span(128).least.as_millis();
        assert!((4210..=4214).contains(&least), "2 log10 128 = 4.214, got {least}");
        let after: Vec<_> = (0..5).map(|c| span(10).after(c, 3).as_millis()).collect();
        assert_eq!(after, [12_000, 7_000, 4_070, 2_000, 2_000]);
        assert_eq!(span(10).after(0, 0), secs(2), "nobody can confirm");
    }

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn logarithms_are_right_to_a_thousandth() {
        for (n, milli) in [(1, 0), (2, 301), (10, 1000), (33, 1519), (50_000, 4699)] {
            assert_eq!(log10_milli(n), milli, "{n}");
        }
        assert_eq!((log10_milli(0), log10_milli(u32::MAX) / 10), (0, 963));
    }

    #[test]
    fn confirmers_count_once_and_bring_the_end_nearer() {
        let mut cx = context(Config::modern());
        let (mut suspicions, subject) = (Suspicions::default(), cx.record.clone());
        let said = suspicion_of(&subject, Incarnation(1));
        let limits = Limits { span: span(10), enough: 3 };
        assert!(suspicions.begin(&mut cx, &said, Evidence::LinkLost, Vec::new(), limits));
        let due = |cx: &Context| cx.timers.next().expect("armed").at.since(cx.now);
        assert!((secs(12)..=secs(12) + secs(2) / 10).contains(&due(&cx)), "{:?}", due(&cx));
        for by in [7, 7, 7, 8] {
            suspicions.confirm(&mut cx, &subject, Incarnation(1), NodeId::new([by; 32]));
            suspicions.confirm(&mut cx, &subject, Incarnation(0), NodeId::new([by + 2; 32]));
        }
        assert!((4_070..=4_270).contains(&due(&cx).as_millis()), "{:?}", due(&cx));
        for by in 0..100 {
            suspicions.confirm(&mut cx, &subject, Incarnation(1), NodeId::new([by; 32]));
        }
        assert_eq!(suspicions.take(0).expect("open").confirmers.len(), MAX_CONFIRMERS);
    }

    fn suspicion_of(subject: &AddressRecord, incarnation: Incarnation) -> Statement {
        let (subject, claim) = (subject.clone(), Claim::Suspect(Evidence::LinkLost));
        Statement { subject, incarnation, claim, by: NodeId::new([1; 32]), signature: None }
    }

    /// A suspicion that one other can confirm.
    fn begun(cx: &mut Context) -> Suspicions {
        let (mut suspicions, subject) = (Suspicions::default(), cx.record.clone());
        let said = suspicion_of(&subject, Incarnation(0));
        suspicions.begin(
            cx,
            &said,
            Evidence::LinkLost,
            Vec::new(),
            Limits { span: span(10), enough: 1 },
        );
        suspicions
    }

    /// Somebody confirms it. Returns when it ends then.
    fn confirmed(cx: &mut Context, suspicions: &mut Suspicions) -> Duration {
        let subject = cx.record.clone();
        suspicions.confirm(cx, &subject, Incarnation(0), NodeId::new([7; 32]));
        cx.timers.next().expect("armed").at.since(cx.now)
    }

    #[test]
    fn a_suspect_that_was_heard_has_the_least_time_whoever_confirms() {
        let mut cx = context(Config::modern());
        let mut suspicions = begun(&mut cx);
        cx.now = suspicions.get(0).expect("open").due;
        suspicions.prolong(&mut cx, 0);
        let due = confirmed(&mut cx, &mut suspicions);
        assert!((secs(2)..=secs(2) + secs(2) / 10).contains(&due), "{due:?}");
    }

    #[test]
    fn who_was_stopped_reads_the_refutation_before_it_believes_those_who_confirm() {
        let mut cx = context(Config::modern());
        let mut suspicions = begun(&mut cx);
        cx.now = cx.now + secs(60);
        assert!(suspicions.is_late(&mut cx, 0, secs(1)));
        assert_eq!(confirmed(&mut cx, &mut suspicions), secs(1));
    }

    #[test]
    fn suspicions_are_bounded() {
        let mut cx = context(Config::modern());
        let mut suspicions = Suspicions::default();
        let most = cx.config.overlay.max_links;
        for n in 0..=u8::try_from(most).expect("64") {
            let addresses = cx.record.addresses().to_vec();
            let epoch = cx.epoch();
            let of = AddressRecord::new(NodeId::new([n; 32]), epoch, &addresses).expect("valid");
            let said = suspicion_of(&of, Incarnation(0));
            let begun = suspicions.begin(
                &mut cx,
                &said,
                Evidence::Refused,
                Vec::new(),
                Limits { span: span(1), enough: 3 },
            );
            assert_eq!(begun, usize::from(n) < most);
        }
        assert_eq!(cx.stats.limits.lost, 1);
    }

    #[test]
    fn a_timer_that_fires_late_waits_for_what_may_still_be_read() {
        let mut cx = context(Config::modern());
        let (mut suspicions, subject) = (Suspicions::default(), cx.record.clone());
        let said = suspicion_of(&subject, Incarnation(0));
        suspicions.begin(
            &mut cx,
            &said,
            Evidence::Refused,
            Vec::new(),
            Limits { span: span(1), enough: 0 },
        );
        cx.now = cx.now + secs(60);
        assert!(suspicions.is_late(&mut cx, 0, secs(1)));
        assert!(!suspicions.is_late(&mut cx, 0, secs(1)), "only once");
    }
}
