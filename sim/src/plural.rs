//! Words of sentences that tell numbers.

use std::fmt::Display;

/// A number and what is counted, whose words ends in s: `1 run`, `0 runs`, `3 runs`.
pub(crate) fn counted<N: Copy + Display + PartialEq + From<u8>>(number: N, what: &str) -> String {
    let ending = if number == N::from(1) { "" } else { "s" };
    format!("{number} {what}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular() {
        assert_eq!([0_u64, 1, 2].map(|it| counted(it, "run")), ["0 runs", "1 run", "2 runs"]);
    }
}
