//! How long deliveries took, over all messages: every delay counts, so the tail does.
//!
//! A delivery is a message at a peer that was eligible for it, as in [`super::spread`]. Medians of
//! messages and of runs hide the few deliveries that waited for something; this histogram keeps them.
//! It counts microseconds to three significant figures (`HdrHistogram`, G. Tene), so it has some
//! thousand counts at most, however many deliveries there are, and those of runs add up to that of all
//! runs exactly. A message that never came has no delay.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer as Reader, Serializer as _, V2DeflateSerializer};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::measure::micros;
use crate::measure::spread::MessageMeasure;

/// Significant figures that are kept of a delay.
const FIGURES: u8 = 3;

/// Delays of deliveries, counted.
#[derive(Clone)]
pub struct DelayHistogram(Histogram<u64>);

impl DelayHistogram {
    /// Of the deliveries of these messages.
    pub fn of(messages: &[MessageMeasure]) -> Self {
        messages.iter().flat_map(|message| &message.delays).copied().collect()
    }

    /// Adds the deliveries of another one.
    #[expect(clippy::missing_panics_doc, reason = "it grows to any value")]
    pub fn add(&mut self, other: &Self) {
        self.0.add(&other.0).expect("it grows to any value");
    }

    /// How many deliveries are counted.
    pub fn deliveries(&self) -> u64 {
        self.0.len()
    }

    /// The least delay that so many thousandths of the deliveries did not exceed (nearest rank), rounded
    /// down to three significant figures. `None` without deliveries.
    pub fn quantile(&self, thousandths: u32) -> Option<Duration> {
        // In integers: 0.999 times a thousand is a little more than 999.
        let rank = (u128::from(self.deliveries()) * u128::from(thousandths)).div_ceil(1_000).max(1);
        let mut before = 0_u128;
        let mut reached = self.counts().skip_while(|(_, count)| {
            before += u128::from(*count);
            before < rank
        });
        reached.next().map(|(micros, _)| Duration::from_micros(micros))
    }

    /// (a delay in microseconds, deliveries that took so long to three significant figures), shortest
    /// first.
    pub fn counts(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let counted = self.0.iter_recorded();
        counted.map(|it| (self.0.lowest_equivalent(it.value_iterated_to()), it.count_at_value()))
    }

    fn to_text(&self) -> Result<String, String> {
        let mut bytes = Vec::new();
        let written = V2DeflateSerializer::new().serialize(&self.0, &mut bytes);
        written.map_err(|error| error.to_string())?;
        Ok(STANDARD.encode(bytes))
    }

    fn from_text(text: &str) -> Result<Self, String> {
        let bytes = STANDARD.decode(text).map_err(|error| error.to_string())?;
        let read = Reader::new().deserialize::<u64, _>(&mut bytes.as_slice());
        let read: Histogram<u64> = read.map_err(|error| error.to_string())?;
        if read.sigfig() != FIGURES || read.low() != 1 {
            return Err(format!("{FIGURES} significant figures of whole microseconds are needed"));
        }
        let mut own = Self::default();
        own.add(&Self(read));
        Ok(own)
    }
}

impl Default for DelayHistogram {
    fn default() -> Self {
        Self(Histogram::new(FIGURES).expect("so many figures can be kept"))
    }
}

impl FromIterator<Duration> for DelayHistogram {
    fn from_iter<I: IntoIterator<Item = Duration>>(delays: I) -> Self {
        let mut all = Self::default();
        for delay in delays {
            all.0.record(micros(delay)).expect("it grows to any value");
        }
        all
    }
}

/// How many values it has room for is not a part of what it counts.
impl PartialEq for DelayHistogram {
    fn eq(&self, other: &Self) -> bool {
        self.counts().eq(other.counts())
    }
}

impl fmt::Debug for DelayHistogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.counts()).finish()
    }
}

/// As the other implementations of `HdrHistogram` write it too: version 2, compressed, in base64.
impl Serialize for DelayHistogram {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_text().map_err(serde::ser::Error::custom)?)
    }
}

impl<'de> Deserialize<'de> for DelayHistogram {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = |error| serde::de::Error::custom(format!("no histogram: {error}"));
        Self::from_text(&text).map_err(wrong)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::measure::Measures;
    use crate::scenario::load;
    use crate::sweep::run_one;

    fn after(micros: u64) -> Duration {
        Duration::from_micros(micros)
    }

    fn histogram(delays: impl IntoIterator<Item = u64>) -> DelayHistogram {
        delays.into_iter().map(Duration::from_micros).collect()
    }

    #[test]
    fn the_one_delivery_of_a_thousand_that_waited_is_seen() {
        let delays = histogram((0..999).map(|_| 15_000).chain([750_000]));
        let at = [500, 900, 990, 999, 1_000]
            .map(|thousandths| delays.quantile(thousandths).expect("a delay"));
        let usual = after(15_000);
        assert_eq!(at, [usual, usual, usual, usual, after(749_568)], "a thousandth less");
        assert_eq!(delays.counts().collect::<Vec<_>>(), [(15_000, 999), (749_568, 1)]);
        assert_eq!(delays.deliveries(), 1_000);
        assert_eq!(DelayHistogram::default().quantile(500), None);
        assert_eq!(histogram([0]).quantile(500), Some(after(0)));
    }

    #[test]
    fn a_quantile_is_no_further_from_the_delay_than_a_thousandth() {
        let delays: Vec<u64> = (1..=4_000).map(|n: u64| n * n * 7).collect();
        let all = histogram(delays.iter().copied());
        for thousandths in 1..=1_000_u32 {
            let place = (4 * usize::try_from(thousandths).expect("small")) - 1;
            let found = all.quantile(thousandths).expect("there are some");
            let (found, exact) = (found.as_micros(), u128::from(delays[place]));
            assert!(found <= exact && exact - found <= exact / 1_000, "{found} {exact}");
        }
    }

    /// The runs of a sweep, in whatever parts: counted one by one, added, and read back from text.
    #[test]
    fn the_parts_of_a_sweep_add_up_to_all_of_it() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/small.toml");
        let scenario = load(&path, &["engine=events".to_owned()]).expect("a scenario");
        let runs: Vec<Measures> = (1..=6).map(|seed| run_one(&scenario, seed).measures).collect();
        let all = runs.iter().flat_map(|run| run.messages.clone()).collect::<Vec<_>>();
        let all = DelayHistogram::of(&all);
        assert_eq!(all.deliveries(), runs.iter().map(|run| run.totals.delivered).sum::<u64>());
        for sizes in [&[6][..], &[1, 5], &[3, 2, 1], &[1; 6]] {
            let (mut sum, mut left) = (DelayHistogram::default(), &runs[..]);
            for size in sizes {
                let (part, rest) = left.split_at(*size);
                left = rest;
                let mut of_part = DelayHistogram::default();
                for run in part {
                    of_part.add(&run.delays);
                }
                let text = serde_json::to_string(&of_part).expect("a text");
                let read: DelayHistogram = serde_json::from_str(&text).expect("a histogram");
                assert_eq!(read, of_part);
                sum.add(&read);
            }
            assert_eq!(sum, all, "parts of {sizes:?}");
        }
    }

    #[test]
    fn what_is_no_histogram_is_told() {
        let error = |text: &str| DelayHistogram::from_text(text).expect_err("wrong");
        assert!(error("?").contains("Invalid"), "{}", error("?"));
        assert!(!error("").is_empty() && !error("AAAA").is_empty());
        let mut bytes = Vec::new();
        let coarse = Histogram::<u64>::new(2).expect("possible");
        V2DeflateSerializer::new().serialize(&coarse, &mut bytes).expect("written");
        let error = error(&STANDARD.encode(bytes));
        assert_eq!(error, "3 significant figures of whole microseconds are needed");
    }
}
