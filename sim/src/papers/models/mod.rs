//! Small models of published protocols, outside of `core`: rounds instead of times, counts instead of
//! messages. They know nothing of the engines. What they give is compared with what their papers
//! print, so that a reader can tell whether our figures mean what the papers' figures mean: residue,
//! traffic, reliability, periods until detection.
//!
//! Each run has a stream of random numbers of its own, named by the model and the run's number, so
//! neither threads nor other models change what it draws.

pub mod anti_entropy;
pub mod infect_and_die;
pub mod infection;
pub mod probe;
pub mod probing;
pub mod rumor;

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};

use crate::fault::generator;
use crate::host::run_seed;

/// The rng seed of all models.
const SEED: u64 = 1;

/// Runs a model `runs` times, with streams called `label`. Results are in the order of the runs.
pub fn repeat<T: Send>(
    label: &str,
    runs: u32,
    model: impl Fn(&mut ChaCha8Rng) -> T + Sync,
) -> Vec<T> {
    let run = |number: u32| model(&mut generator(run_seed(SEED), label, u64::from(number)));
    (0..runs).into_par_iter().map(run).collect()
}

/// The mean of some values; NaN without any.
pub fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    sum / count
}

/// Someone else among `all`, at least two of them, uniformly.
fn other(all: usize, than: usize, rng: &mut ChaCha8Rng) -> usize {
    let drawn = rng.random_range(0..all - 1);
    if drawn < than { drawn } else { drawn + 1 }
}

/// A number of things as a float.
pub fn number(things: usize) -> f64 {
    u32::try_from(things).map_or(f64::INFINITY, f64::from)
}

#[cfg(test)]
mod tests;
