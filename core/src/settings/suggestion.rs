//! What somebody who mistyped a name may have meant.

use alloc::string::String;
use alloc::vec::Vec;

/// The name that is nearest to `typed`, if one is near: a letter wrong in four, and one more. Dashes and
/// capitals are no mistakes. Of equally near names the first one.
pub fn nearest<'a>(typed: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed: String = typed.replace('-', "_").to_lowercase();
    let allowed = 1 + typed.chars().count() / 4;
    let scored = names.into_iter().map(|name| (mistakes(&typed, name), name));
    let (mistakes, name) = scored.min_by_key(|(mistakes, _)| *mistakes)?;
    (!typed.is_empty() && mistakes <= allowed).then_some(name)
}

/// Characters added, left out or replaced; the end of a name may be left out for one.
fn mistakes(typed: &str, name: &str) -> usize {
    let typed: Vec<char> = typed.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let beginning = name.get(..typed.len()).unwrap_or(&name);
    let cut = usize::from(beginning.len() < name.len());
    distance(&typed, &name).min(distance(&typed, beginning) + cut)
}

/// The distance of Levenshtein (1965), row by row.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, y) in row.iter_mut().skip(1).zip(b) {
            let replaced = diagonal + usize::from(x != y);
            diagonal = *cell;
            left = replaced.min(diagonal + 1).min(left + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_counts_characters() {
        let characters = |text: &str| text.chars().collect::<Vec<char>>();
        for (a, b, count) in [
            ("", "", 0),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
            ("abc", "abc", 0),
            ("ab", "ba", 2),
        ] {
            assert_eq!(distance(&characters(a), &characters(b)), count, "{a} {b}");
            assert_eq!(distance(&characters(b), &characters(a)), count, "{b} {a}");
        }
    }

    #[test]
    fn a_name_that_is_near_is_found_and_others_are_not() {
        let names = ["max_peers", "max_links", "liveness_every", "active_view", "active_walk"];
        for (typed, name) in [
            ("max_pears", Some("max_peers")),
            ("max_peer", Some("max_peers")),
            ("Max-Links", Some("max_links")),
            ("livenes_every", Some("liveness_every")),
            ("liveness", Some("liveness_every")),
            ("active", Some("active_view")),
            ("frequency", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, names), name, "{typed}");
        }
        assert_eq!(nearest("x", []), None);
    }
}
