//! Many runs of one scenario: each rng seed is a world of its own, on whatever core is free.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Condvar, Mutex, PoisonError};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::check::{Evidence, Violation, check_all};
use crate::fault::FaultSchedule;
use crate::history::History;
use crate::measure::Measures;
use crate::scenario::{Engine, Scenario};
use crate::{event_world, turmoil_world};

/// What is kept of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunResult {
    /// Its rng seed.
    pub seed: u64,
    /// SHA-256 of what happened.
    pub digest: String,
    /// What was to happen to the nodes.
    pub schedule: FaultSchedule,
    /// What was measured.
    pub measures: Measures,
    /// What did not hold.
    pub violations: Vec<Violation>,
}

/// Runs one seed and looks at what happened.
pub fn run_one(scenario: &Scenario, seed: u64) -> RunResult {
    run_and(scenario, seed, |_| ()).0
}

/// The same, and `also` looks at it before it is forgotten.
pub fn run_and<T>(
    scenario: &Scenario,
    seed: u64,
    also: impl FnOnce(&History) -> T,
) -> (RunResult, T) {
    let history = match scenario.engine {
        Engine::Turmoil => turmoil_world::run(scenario, seed),
        Engine::Events => event_world::run(scenario, seed),
    };
    let measures = Measures::of(scenario, &history);
    let evidence = Evidence { scenario, history: &history, measures: &measures };
    let violations = check_all(&evidence);
    let digest = history.digest();
    let seen = also(&history);
    (RunResult { seed, digest, schedule: history.schedule, measures, violations }, seen)
}

/// The rng seeds of a sweep, from the first to the last, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Seeds {
    /// The first.
    pub first: u64,
    /// The last; not below the first.
    pub last: u64,
}

/// Most seeds of a sweep.
pub const MAX_SEEDS: u64 = 1_000_000;

impl Seeds {
    /// Whether there are seeds, and no more than [`MAX_SEEDS`].
    pub fn is_valid(&self) -> bool {
        self.first <= self.last && self.last - self.first < MAX_SEEDS
    }

    /// Those of one shard. The shards' blocks are next to each other, in order, and their sizes
    /// differ by at most one. With more shards than seeds some are empty.
    pub fn block(self, shard: Shard) -> Block {
        let Shard { part, of } = shard;
        let all = self.last - self.first + 1;
        let (share, rest) = (all / of, all % of);
        let before = part - 1;
        let first = self.first + before * share + before.min(rest);
        Block { first, count: share + u64::from(before < rest) }
    }
}

impl fmt::Display for Seeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.first, self.last)
    }
}

/// One of several parts of a sweep, each of which may be run on a machine of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Shard {
    /// Which, from 1 on.
    pub part: u64,
    /// Of how many.
    pub of: u64,
}

impl Shard {
    /// All of a sweep.
    pub const WHOLE: Self = Self { part: 1, of: 1 };

    /// Whether there is such a part. More parts than [`MAX_SEEDS`] have no use.
    pub fn is_valid(self) -> bool {
        (1..=self.of).contains(&self.part) && self.of <= MAX_SEEDS
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.part, self.of)
    }
}

/// Rng seeds in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// The first of them.
    pub first: u64,
    /// How many; with none, `first` means nothing.
    pub count: u64,
}

impl Block {
    /// What is left of it after some of its seeds.
    #[must_use]
    pub fn after(self, done: u64) -> Self {
        Self { first: self.first + done, count: self.count.saturating_sub(done) }
    }
}

/// Results that may wait for that of an earlier seed, per thread. Enough that no thread stands still
/// for a run that takes a few times as long as others.
const WAITING_PER_THREAD: usize = 4;

/// Does `work` for each seed on `jobs` threads, or on one per core, and gives what it returns to
/// `take` in the order of the seeds, whatever `jobs` is. No more than a few results per thread wait
/// for their turn. The first error of `take` ends it; a panic of `work` comes through.
pub fn in_order<T: Send>(
    block: Block,
    jobs: Option<usize>,
    work: impl Fn(u64) -> T + Sync,
    take: impl FnMut(T) -> anyhow::Result<()> + Send,
) -> anyhow::Result<()> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs.unwrap_or(0)).build();
    let pool = pool.context("start the threads")?;
    let results = OrderedResults {
        block,
        room: u64::try_from(pool.current_num_threads() * WAITING_PER_THREAD)?,
        state: Mutex::new(State { begun: 0, taken: 0, waiting: BTreeMap::new(), end: None, take }),
        moved: Condvar::new(),
    };
    pool.broadcast(|_| results.work(&work));
    results.state.into_inner().unwrap_or_else(PoisonError::into_inner).end.unwrap_or(Ok(()))
}

/// Threads in a line, each with a result to hand in when its turn comes.
struct OrderedResults<T, F> {
    block: Block,
    /// Most seeds that are begun and not taken.
    room: u64,
    state: Mutex<State<T, F>>,
    /// `taken` or `end` changed.
    moved: Condvar,
}

struct State<T, F> {
    /// Seeds begun.
    begun: u64,
    /// Seeds whose result was taken.
    taken: u64,
    /// Results of later seeds, by their place in the block.
    waiting: BTreeMap<u64, T>,
    /// No seed is begun any more: the error, or the word that a thread panicked.
    end: Option<anyhow::Result<()>>,
    take: F,
}

/// A panicking thread holds no lock: `take` writes files, and returns its errors.
const UNPOISONED: &str = "no thread panics while it holds the line";

impl<T, F: FnMut(T) -> anyhow::Result<()>> OrderedResults<T, F> {
    fn work(&self, work: impl Fn(u64) -> T) {
        let _ends = EndOnPanic(self);
        while let Some(place) = self.begin() {
            self.hand_in(place, work(self.block.first + place));
        }
    }

    /// The place of the next seed, as soon as there is room for its result.
    fn begin(&self) -> Option<u64> {
        let is_full = |state: &mut State<T, F>| {
            state.end.is_none()
                && state.begun < self.block.count
                && state.begun - state.taken >= self.room
        };
        let state = self.state.lock().expect(UNPOISONED);
        let mut state = self.moved.wait_while(state, is_full).expect(UNPOISONED);
        if state.end.is_some() || state.begun == self.block.count {
            return None;
        }
        state.begun += 1;
        Some(state.begun - 1)
    }

    fn hand_in(&self, place: u64, result: T) {
        let mut state = self.state.lock().expect(UNPOISONED);
        state.waiting.insert(place, result);
        while state.end.is_none() {
            let next = state.taken;
            let Some(result) = state.waiting.remove(&next) else { break };
            match (state.take)(result) {
                Ok(()) => state.taken += 1,
                Err(error) => state.end = Some(Err(error)),
            }
        }
        self.moved.notify_all();
    }
}

/// Wakes the threads that would wait for ever for the result of one that panicked.
struct EndOnPanic<'a, T, F>(&'a OrderedResults<T, F>);

impl<T, F> Drop for EndOnPanic<'_, T, F> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            if let Ok(mut state) = self.0.state.lock() {
                state.end.get_or_insert(Ok(()));
            }
            self.0.moved.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use anyhow::bail;

    use super::*;

    const BLOCK: Block = Block { first: 10, count: 200 };

    #[test]
    fn results_come_in_order_and_few_wait() {
        let (begun, mut taken, mut most) = (AtomicU64::new(0), Vec::new(), 0);
        let work = |seed: u64| {
            begun.fetch_add(1, Ordering::SeqCst);
            // Some seeds take a thousand times as long as others.
            (0..(seed % 7) * (seed % 7) * 1000).fold(seed, |value, _| std::hint::black_box(value))
        };
        in_order(BLOCK, Some(3), work, |seed| {
            taken.push(seed);
            most = most.max(begun.load(Ordering::SeqCst) - u64::try_from(taken.len())?);
            Ok(())
        })
        .expect("no error");
        assert_eq!(taken, (10..210).collect::<Vec<u64>>());
        assert!(most < 12, "{most} were begun and not taken");
    }

    #[test]
    fn shards_are_the_seeds_in_order() {
        let seeds = Seeds { first: 5, last: 14 };
        for of in [1, 2, 3, 10, 16] {
            let mut next = 5;
            for part in 1..=of {
                let block = seeds.block(Shard { part, of });
                assert_eq!(block.first, next, "{part}/{of}");
                assert!(block.count == 10 / of || block.count == 10 / of + 1, "{part}/{of}");
                next += block.count;
            }
            assert_eq!(next, 15, "{of} shards");
        }
        let last = Seeds { first: u64::MAX, last: u64::MAX };
        assert_eq!(last.block(Shard::WHOLE), Block { first: u64::MAX, count: 1 });
    }

    #[test]
    fn the_first_error_ends_it() {
        let mut taken = 0;
        let error = in_order(
            BLOCK,
            Some(3),
            |seed| seed,
            |seed| {
                if seed == 30 {
                    bail!("the disk is full");
                }
                taken += 1;
                Ok(())
            },
        );
        assert_eq!(error.expect_err("an error").to_string(), "the disk is full");
        assert_eq!(taken, 20);
    }

    #[test]
    #[should_panic(expected = "a bug in seed 30")]
    fn a_panic_comes_through() {
        let work = |seed| assert!(seed != 30, "a bug in seed {seed}");
        in_order(BLOCK, Some(3), work, |()| Ok(())).expect("no error");
    }
}
