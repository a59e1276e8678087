//! Where the nodes of a graph are drawn: linked ones attract, all repel each other (Fruchterman and
//! Reingold, 1991). The same graph is always laid out in the same way: no randomness, and no
//! function whose last bit depends on the machine.

use std::ops::{Add, Mul, Sub};

/// Rounds. More did not change the pictures visibly.
const ROUNDS: u32 = 400;

/// How strongly the middle attracts, or parts without a link between them would drift apart.
const GRAVITY: f64 = 2.0;

/// A place, or the way from one to another.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Place {
    pub(super) x: f64,
    pub(super) y: f64,
}

/// Places of `nodes` nodes in the unit square, of which these are linked.
pub(super) fn layout(nodes: usize, links: &[(usize, usize)]) -> Vec<Place> {
    let mut places: Vec<Place> = (0..nodes).map(beginning).collect();
    let ideal = (1.0 / to_float(nodes.max(1))).sqrt();
    for round in 0..ROUNDS {
        let pulls = pulls(&places, links, ideal);
        let heat = 0.1 * f64::from(ROUNDS - round) / f64::from(ROUNDS);
        for (place, pull) in places.iter_mut().zip(pulls) {
            let length = pull.length().max(1e-9);
            *place = *place + pull * (length.min(heat) / length);
        }
    }
    fit(&places)
}

/// Scattered evenly, by the fractional parts of two irrational multiples.
fn beginning(node: usize) -> Place {
    let number = to_float(node + 1);
    Place { x: (number * 0.754_877_666).fract() - 0.5, y: (number * 0.569_840_290).fract() - 0.5 }
}

/// Where everything pulls each node.
fn pulls(places: &[Place], links: &[(usize, usize)], ideal: f64) -> Vec<Place> {
    let repel = |at: Place| {
        let away = places.iter().map(|other| {
            let way = at - *other;
            way * (ideal * ideal / way.square().max(1e-6))
        });
        away.fold(at * -GRAVITY, Add::add)
    };
    let mut pulls: Vec<Place> = places.iter().map(|place| repel(*place)).collect();
    for (a, b) in links {
        let way = places[*b] - places[*a];
        let pull = way * (way.length() / ideal);
        pulls[*a] = pulls[*a] + pull;
        pulls[*b] = pulls[*b] - pull;
    }
    pulls
}

/// Moved and stretched to fill the unit square.
fn fit(places: &[Place]) -> Vec<Place> {
    let stretch = |of: fn(&Place) -> f64| {
        let values = || places.iter().map(of);
        let (low, high) = (values().fold(f64::MAX, f64::min), values().fold(f64::MIN, f64::max));
        let size = (high - low).max(1e-9);
        move |place: &Place| if high > low { (of(place) - low) / size } else { 0.5 }
    };
    let (x, y) = (stretch(|place| place.x), stretch(|place| place.y));
    places.iter().map(|place| Place { x: x(place), y: y(place) }).collect()
}

#[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "a few nodes")]
fn to_float(value: usize) -> f64 {
    value as f64
}

impl Place {
    fn square(self) -> f64 {
        self.x * self.x + self.y * self.y
    }

    fn length(self) -> f64 {
        self.square().sqrt()
    }
}

impl Add for Place {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { x: self.x + other.x, y: self.y + other.y }
    }
}

impl Sub for Place {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self { x: self.x - other.x, y: self.y - other.y }
    }
}

impl Mul<f64> for Place {
    type Output = Self;

    fn mul(self, by: f64) -> Self {
        Self { x: self.x * by, y: self.y * by }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two rings of six, without a link between them.
    fn rings() -> Vec<(usize, usize)> {
        (0..6).flat_map(|i| [(i, (i + 1) % 6), (i + 6, (i + 1) % 6 + 6)]).collect()
    }

    #[test]
    fn nodes_lie_in_the_square_and_apart_from_each_other() {
        let places = layout(12, &rings());
        for (place, at) in places.iter().enumerate() {
            assert!((0.0..=1.0).contains(&at.x) && (0.0..=1.0).contains(&at.y), "{at:?}");
            for other in &places[..place] {
                assert!((*at - *other).length() > 0.08, "{at:?} hides {other:?}");
            }
        }
    }

    #[test]
    fn linked_nodes_are_nearer_than_others() {
        let (places, links) = (layout(12, &rings()), rings());
        let mean = |pairs: &[(usize, usize)]| {
            let sum: f64 = pairs.iter().map(|(a, b)| (places[*a] - places[*b]).length()).sum();
            sum / to_float(pairs.len())
        };
        let strangers: Vec<_> = (0..6).flat_map(|a| (6..12).map(move |b| (a, b))).collect();
        assert!(mean(&links) * 1.5 < mean(&strangers), "{} {}", mean(&links), mean(&strangers));
    }

    #[test]
    fn few_nodes_have_places_too() {
        assert_eq!(layout(0, &[]), []);
        assert_eq!(layout(1, &[]), [Place { x: 0.5, y: 0.5 }]);
    }
}
