//! What a picture of growth has to the right: one varied field that takes numbers. Combinations that
//! differ in nothing else are one line.

use super::{Column, Comparison};
use crate::scenario::vary::label;

/// A field that is varied beside others is worth an axis if it takes as many values as this.
const MIN_BESIDE_OTHERS: usize = 3;

/// An axis is logarithmic when its ends are further apart than this.
const LOGARITHMIC: f64 = 20.0;

/// The varied field to the right, and the lines over it.
pub(super) struct Axis<'a> {
    /// The field.
    pub(super) name: &'a str,
    /// Its values, in the order in which they were given.
    pub(super) values: Vec<f64>,
    /// By what else was varied.
    pub(super) groups: Vec<Group<'a>>,
}

/// The combinations that differ in the axis alone.
pub(super) struct Group<'a> {
    /// What else they have in common; empty if nothing else was varied.
    pub(super) label: String,
    /// With their places on the axis.
    pub(super) columns: Vec<(f64, &'a Column)>,
}

impl<'a> Axis<'a> {
    /// The axis of a comparison: of the fields that take numbers alone the one that takes the most,
    /// the first of several; `None` where there is none that takes enough.
    pub(super) fn of(comparison: &'a Comparison) -> Option<Self> {
        let fewest = if comparison.varied.len() == 1 { 2 } else { MIN_BESIDE_OTHERS };
        let fields = comparison.varied.iter().enumerate();
        let axes = fields.filter_map(|(place, name)| {
            Some((place, name, numbers(comparison, place)?)).filter(|it| it.2.len() >= fewest)
        });
        let longest = axes.reduce(|a, b| if b.2.len() > a.2.len() { b } else { a });
        let (place, name, values) = longest?;
        Some(Self { name, values, groups: groups(comparison, place) })
    }

    /// Its least and its greatest value.
    pub(super) fn ends(&self) -> (f64, f64) {
        let ends = (f64::MAX, f64::MIN);
        self.values.iter().fold(ends, |(least, most), it| (least.min(*it), most.max(*it)))
    }

    pub(super) fn is_logarithmic(&self) -> bool {
        let (least, most) = self.ends();
        least > 0.0 && most / least > LOGARITHMIC
    }
}

/// The different numbers that a field takes; `None` if a value is no number.
fn numbers(comparison: &Comparison, place: usize) -> Option<Vec<f64>> {
    let mut numbers = Vec::new();
    for column in &comparison.columns {
        let number = number(column, place)?;
        if !numbers.contains(&number) {
            numbers.push(number);
        }
    }
    Some(numbers)
}

fn number(column: &Column, place: usize) -> Option<f64> {
    column.changes.get(place)?.value.replace('_', "").parse().ok()
}

fn groups(comparison: &Comparison, place: usize) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for column in &comparison.columns {
        let Some(at) = number(column, place) else { continue };
        let mut others = column.changes.clone();
        others.remove(place);
        let label = label(&others);
        match groups.iter_mut().find(|group| group.label == label) {
            Some(group) => group.columns.push((at, column)),
            None => groups.push(Group { label, columns: vec![(at, column)] }),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::super::column::GrowingColumn;
    use super::*;
    use crate::event_world::bench;
    use crate::scenario::combinations::Combination;
    use crate::scenario::vary::{Change, Vary};
    use crate::sweep::Seeds;

    /// A comparison without runs, of these fields with all combinations of their values.
    fn comparison(fields: &[(&str, &[&str])]) -> Comparison {
        let scenario = bench::scenario(5, &[]).expect("a scenario");
        let mut all: Vec<Vec<Change>> = vec![Vec::new()];
        for (key, values) in fields {
            let longer = |changes: &Vec<Change>| {
                let with = |value: &&str| {
                    let change = Change { key: (*key).to_owned(), value: (*value).to_owned() };
                    changes.iter().cloned().chain([change]).collect()
                };
                values.iter().map(with).collect::<Vec<Vec<Change>>>()
            };
            all = all.iter().flat_map(longer).collect();
        }
        let column = |changes| {
            GrowingColumn::new(&Combination { changes, scenario: scenario.clone() }).finish()
        };
        let vary = |(key, _): &(&str, &[&str])| Vary { key: (*key).to_owned(), values: Vec::new() };
        let varied: Vec<Vary> = fields.iter().map(vary).collect();
        let columns = all.into_iter().map(column).collect();
        Comparison::new(
            ("small", "Which?"),
            Seeds { first: 1, last: 1 },
            &varied,
            columns,
            Vec::new(),
        )
    }

    #[test]
    fn the_field_with_the_most_numbers_is_the_axis_and_the_others_are_lines() {
        let profiles: &[&str] = &["classic", "modern"];
        let peers: &[&str] = &["100", "1_000", "10_000", "100_000"];
        let shares: &[&str] = &["50", "70", "90"];
        let of = comparison(&[("profile", profiles), ("share", shares), ("peers", peers)]);
        let axis = Axis::of(&of).expect("peers are numbers");
        assert_eq!((axis.name, &axis.values[..]), ("peers", &[1e2, 1e3, 1e4, 1e5][..]));
        assert!(axis.is_logarithmic());
        let labels: Vec<&str> = axis.groups.iter().map(|group| group.label.as_str()).collect();
        let shared = |profile: &str| {
            let label = |share: &&str| format!("profile={profile} share={share}");
            shares.iter().map(label).collect::<Vec<String>>()
        };
        assert_eq!(labels, [shared("classic"), shared("modern")].concat());
        for group in &axis.groups {
            let places: Vec<f64> = group.columns.iter().map(|(at, _)| *at).collect();
            assert_eq!(places, axis.values);
        }
    }

    #[test]
    fn words_and_two_numbers_beside_others_are_no_axis() {
        let overlays: &[&str] = &["random", "power-law"];
        assert!(Axis::of(&comparison(&[("overlay", overlays)])).is_none());
        assert!(
            Axis::of(&comparison(&[("overlay", overlays), ("max_peers", &["3", "6"])])).is_none()
        );
        assert!(Axis::of(&comparison(&[("max_peers", &["3", "6"])])).is_some());
        assert!(Axis::of(&comparison(&[("max_peers", &["3"])])).is_none());
    }
}
