//! Each law at a reduced size, and a model with a planted error that does not keep it.

use rand_chacha::ChaCha8Rng;

use super::infect_and_die::fixed_point;
use super::infection::infection_times;
use super::probe::Probe;
use super::probing::{Choice, first_probe};
use super::rumor::{Interest, News, Spread, pull, push};
use super::{anti_entropy, mean, number, repeat};

fn means(runs: &[Spread]) -> (f64, f64) {
    (mean(runs.iter().map(|it| it.residue)), mean(runs.iter().map(|it| it.traffic)))
}

fn pushed(interest: Interest, news: News) -> (f64, f64) {
    means(&repeat("push", 200, |rng| push(1000, interest, news, rng)))
}

fn is_near(ours: f64, law: f64, share: f64) -> bool {
    (ours - law).abs() <= share * law
}

/// Demers 1987, Table 1, k = 2; its other rule has the law of §1.4.
#[test]
fn pushes_without_the_reset_or_without_the_snapshot_leave_too_many() {
    let counter = |resets| Interest::Counter { limit: 2, resets };
    let (residue, traffic) = pushed(counter(true), News::AtStart);
    assert!(is_near(residue, 0.037, 0.15) && is_near(traffic, 3.3, 0.15), "{residue} {traffic}");
    let (no_reset, _) = pushed(counter(false), News::AtStart);
    assert!(!is_near(no_reset, 0.037, 0.15), "{no_reset}");
    let (no_snapshot, _) = pushed(counter(true), News::AtOnce);
    assert!(!is_near(no_snapshot, 0.037, 0.15), "{no_snapshot}");
    let (neither, _) = pushed(counter(false), News::AtOnce);
    assert!(is_near(neither, 1.0 - fixed_point(3.0), 0.05), "{neither}");
}

/// Demers 1987, §1.4: whatever makes sites lose interest, pushes fall on sites at random.
#[test]
fn what_pushes_leave_is_what_random_contacts_miss() {
    let counter = Interest::Counter { limit: 1, resets: true };
    for (interest, news) in [(counter, News::AtStart), (Interest::Coin(3), News::AtOnce)] {
        let (residue, traffic) = pushed(interest, news);
        assert!(is_near(residue, libm::exp(-traffic), 0.05), "{interest:?}: {residue} {traffic}");
    }
}

/// Demers 1987, Table 2, k = 3.
#[test]
fn a_coin_is_not_a_counter() {
    let (residue, _) = pushed(Interest::Coin(3), News::AtStart);
    assert!(is_near(residue, 0.060, 0.15), "{residue}");
    let (planted, _) = pushed(Interest::Counter { limit: 3, resets: true }, News::AtStart);
    assert!(!is_near(planted, 0.060, 0.15), "{planted}");
}

/// Demers 1987, Table 3, k = 2.
#[test]
fn pulls_whose_counter_is_not_set_back_leave_too_many() {
    let pulled =
        |resets| means(&repeat("pull", 1000, |rng: &mut ChaCha8Rng| pull(1000, (2, resets), rng)));
    let ((right, traffic), (planted, _)) = (pulled(true), pulled(false));
    assert!(is_near(right, 5.8e-4, 0.15) && is_near(traffic, 4.5, 0.15), "{right} {traffic}");
    assert!(!is_near(planted, 5.8e-4, 0.15), "{planted}");
}

/// Demers 1987, Tables 4 and 5, uniform.
#[test]
fn a_connection_limit_takes_three_rounds_more() {
    let last = |limit| {
        let runs = repeat("pairs", 100, |rng| anti_entropy::anti_entropy(300, limit, rng));
        mean(runs.iter().map(|it| it.last))
    };
    assert!((last(None) - 7.8).abs() < 0.3 && (last(Some(1)) - 11.0).abs() < 0.3);
    assert!((last(Some(2)) - 11.0).abs() > 0.3, "a limit of two is another one");
}

/// SWIM §3.1: members that crashed before do not probe.
#[test]
fn fewer_probers_find_a_crash_later() {
    let periods = |live, choice| {
        let runs = repeat("probe", 3000, |rng| first_probe(100, live, choice, rng));
        (mean(runs.iter().copied().map(f64::from)), runs.into_iter().max().unwrap_or_default())
    };
    for choice in [Choice::Uniform, Choice::RoundRobin] {
        let (all, _) = periods(99, choice);
        assert!((all - 1.582).abs() < 0.08, "{choice:?}: {all}");
        let (half, _) = periods(50, choice);
        assert!((half - 1.582).abs() > 0.5, "{choice:?}: {half}");
    }
    // §4.3: only a list bounds the time of one prober.
    assert!(periods(1, Choice::RoundRobin).1 <= 199);
    assert!(periods(1, Choice::Uniform).1 > 199);
}

/// SWIM §3.1, PM(T).
#[test]
fn a_helper_less_fails_more() {
    let failing = |helpers| {
        let probe = Probe { arrives: 0.9, helpers };
        let failed = repeat("probe", 100_000, |rng| probe.fails(rng));
        number(failed.iter().filter(|failed| **failed).count()) / 100_000.0
    };
    let law = Probe { arrives: 0.9, helpers: 1 }.false_positives() * (1.0 - libm::exp(-1.0));
    assert!(is_near(failing(1), law, 0.1));
    assert!(!is_near(failing(0), law, 0.1) && !is_near(failing(2), law, 0.1));
    let printed = Probe { arrives: 0.95, helpers: 3 }.false_positives();
    assert!(is_near(printed, 9.8e-4, 0.01), "{printed}");
}

/// SWIM §4.1 and §5.
#[test]
fn updates_that_acks_do_not_carry_are_slow() {
    let median = |acks| {
        let runs = repeat("infection", 300, |rng| infection_times(56, acks, rng));
        mean(runs.iter().map(|times| times[times.len() / 2]))
    };
    let (right, planted) = (median(true), median(false));
    assert!((right - 2.25).abs() < 0.5, "{right}");
    assert!((planted - 2.25).abs() > 1.0, "{planted}");
}

#[test]
fn runs_draw_the_same_whatever_else_is_run() {
    let few: Vec<u64> = repeat("draws", 3, rand::RngExt::random);
    let many: Vec<u64> = repeat("draws", 100, rand::RngExt::random);
    assert_eq!(few[..], many[..3]);
    assert_ne!(few, repeat("others", 3, rand::RngExt::random::<u64>));
}
