//! How packets travel: the `[link]` table of a scenario.

use std::time::Duration;

use humantime::format_duration;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::page::{Checked, Page};
use super::range::{Span, Time};

/// What runs a scenario.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// The node's own driver over simulated TCP: up to 64 hosts.
    #[default]
    Turmoil,
    /// The protocol alone, as discrete events: up to 16,000,000 hosts.
    Events,
}

/// How packets travel, beside the bounds of their latency.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// How latencies are spread over their span.
    pub shape: Shape,
    /// What a latency is drawn for.
    pub draw: Draw,
    /// Share of packets that are lost and sent again, from 0 to 0.5.
    pub loss: f64,
    /// Bytes per second that each host can send; `None` for any number.
    pub bandwidth: Option<u64>,
}

/// A distribution of latencies. Values outside of the scenario's span are taken as its ends.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// Its mean a fifth into the span: what turmoil has.
    Exponential,
    /// All of the span alike. A span of no length is a constant.
    Uniform,
    /// Of this median; `sigma` is the standard deviation of its logarithm.
    Lognormal {
        /// Half of the latencies are below.
        median: Duration,
        /// Above 0, up to 4.
        sigma: f64,
    },
    /// Uniform in a span that depends on the regions of sender (row) and receiver (column). Hosts
    /// are dealt to the regions in turn.
    Regions(Vec<Vec<Span>>),
}

/// What a latency is drawn for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Draw {
    /// Each packet.
    #[default]
    Packet,
    /// Each pair of hosts, once and for both directions.
    Pair,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLink {
    pub(super) latency: Option<Spanned<Span>>,
    pub(super) tick: Spanned<Time>,
    distribution: Option<Spanned<Word>>,
    median: Option<Spanned<Time>>,
    sigma: Option<Spanned<f64>>,
    regions: Option<Spanned<Vec<Vec<Span>>>>,
    draw: Option<Spanned<Draw>>,
    loss: Option<Spanned<f64>>,
    bandwidth: Option<Spanned<u64>>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Word {
    Exponential,
    Uniform,
    Constant,
    Lognormal,
    Regions,
}

impl Page<'_> {
    /// The tick, the bounds of the latency, and the rest of the link.
    pub(super) fn link(&self, engine: Engine, raw: &RawLink) -> Checked<(Duration, Span, Link)> {
        let tick = self.tick(engine, &raw.tick)?;
        let (latency, place) = self.latency(raw)?;
        if latency.from < 5 * tick {
            let message = format!(
                "latency: the least latency must be at least 5 ticks ({}), or the tick distorts it",
                format_duration(5 * tick)
            );
            return Err(self.complain(place, message));
        }
        let link = Link {
            shape: self.shape(raw, latency)?,
            draw: raw.draw.as_ref().map(|it| *it.get_ref()).unwrap_or_default(),
            loss: match &raw.loss {
                Some(loss) => self.within(loss, 0.0..0.500_000_001, "loss")?,
                None => 0.0,
            },
            bandwidth: match &raw.bandwidth {
                Some(bandwidth) => Some(self.within(bandwidth, 1_000..1 << 40, "bandwidth")?),
                None => None,
            },
        };
        if engine == Engine::Turmoil {
            self.refuse_strange_links(raw)?;
        }
        Ok((tick, latency, link))
    }

    fn tick(&self, engine: Engine, raw: &Spanned<Time>) -> Checked<Duration> {
        let (tick, least) = (raw.get_ref().0, engine.least_tick());
        if tick < least && tick >= Engine::Events.least_tick() {
            let message = format!(
                "tick: {} is less than {}, the least of the {} engine; the events engine takes {}",
                format_duration(tick),
                format_duration(least),
                engine.name(),
                format_duration(Engine::Events.least_tick())
            );
            return Err(self.complain(raw.span(), message));
        }
        let allowed = Span { from: least, to: Duration::from_millis(100) };
        self.time_within(raw, allowed, "tick")
    }

    /// The least and the most of all latencies, and where they are written.
    fn latency(&self, raw: &RawLink) -> Checked<(Span, std::ops::Range<usize>)> {
        let regions = raw.regions.as_ref();
        match (&raw.latency, regions.map(|it| (it, it.get_ref().concat()))) {
            (Some(latency), None) => Ok((*latency.get_ref(), latency.span())),
            (None, Some((regions, spans))) => {
                let from = spans.iter().map(|span| span.from).min();
                let to = spans.iter().map(|span| span.to).max();
                let size = regions.get_ref().len();
                let is_square = regions.get_ref().iter().all(|row| row.len() == size);
                let bounds = from.zip(to).filter(|_| is_square && size <= 64);
                let (from, to) = bounds.ok_or_else(|| {
                    let message = "regions: a square of spans, 1 to 64 rows: row by row the \
                                   latencies from one region to each";
                    self.complain(regions.span(), message)
                })?;
                Ok((Span { from, to }, regions.span()))
            }
            (Some(latency), Some(_)) => {
                let message = "latency: the regions say it already";
                Err(self.complain(latency.span(), message))
            }
            (None, None) => {
                let message = "tick: a link needs the field latency or regions too";
                Err(self.complain(raw.tick.span(), message))
            }
        }
    }

    fn shape(&self, raw: &RawLink, latency: Span) -> Checked<Shape> {
        let word = raw.distribution.as_ref();
        let refuse = |message: &str| {
            let span = word.map_or_else(|| raw.tick.span(), Spanned::span);
            Err(self.complain(span, format!("distribution: {message}")))
        };
        let default = if raw.regions.is_some() { Word::Regions } else { Word::Exponential };
        let shape = word.map_or(default, |word| *word.get_ref());
        let is_lognormal = raw.median.is_some() || raw.sigma.is_some();
        if is_lognormal != (shape == Word::Lognormal) {
            return refuse("median and sigma belong to lognormal, which needs both");
        }
        if raw.regions.is_some() != (shape == Word::Regions) {
            return refuse("regions, and no other one, needs the field regions");
        }
        Ok(match shape {
            Word::Exponential => Shape::Exponential,
            Word::Uniform => Shape::Uniform,
            Word::Constant if latency.from == latency.to => Shape::Uniform,
            Word::Constant => return refuse("constant needs a span of no length, like 5ms..5ms"),
            Word::Regions => Shape::Regions(
                raw.regions.as_ref().map(|it| it.get_ref().clone()).unwrap_or_default(),
            ),
            Word::Lognormal => {
                let (Some(median), Some(sigma)) = (&raw.median, &raw.sigma) else {
                    return refuse("lognormal needs the fields median and sigma");
                };
                Shape::Lognormal {
                    median: self.time_within(median, latency, "median")?,
                    sigma: self.within(sigma, 0.01..4.000_000_001, "sigma")?,
                }
            }
        })
    }

    /// Fields of links that turmoil does not have. What it does anyway may be said.
    fn refuse_strange_links(&self, raw: &RawLink) -> Checked<()> {
        let is_strange = |word: &&Spanned<Word>| *word.get_ref() != Word::Exponential;
        let is_by_pair = |draw: &&Spanned<Draw>| *draw.get_ref() != Draw::default();
        let is_lossy = |loss: &&Spanned<f64>| *loss.get_ref() > 0.0;
        let present = [
            ("distribution", raw.distribution.as_ref().filter(is_strange).map(Spanned::span)),
            ("regions", raw.regions.as_ref().map(Spanned::span)),
            ("draw", raw.draw.as_ref().filter(is_by_pair).map(Spanned::span)),
            ("loss", raw.loss.as_ref().filter(is_lossy).map(Spanned::span)),
            ("bandwidth", raw.bandwidth.as_ref().map(Spanned::span)),
        ];
        for (field, span) in present {
            if let Some(span) = span {
                let message = format!("{field}: only the engine \"events\" has it");
                return Err(self.complain(span, message));
            }
        }
        Ok(())
    }
}
