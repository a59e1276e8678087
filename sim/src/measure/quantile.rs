//! Quantiles by nearest rank: always a value that was measured, the same on every machine.

/// The value below which `percent` of the values lie, by nearest rank; `None` without values.
/// `values` must be sorted.
pub fn quantile<T: Copy>(values: &[T], percent: u32) -> Option<T> {
    let percent = usize::try_from(percent.min(100)).unwrap_or(100);
    let rank = (values.len() * percent).div_ceil(100).max(1);
    values.get(rank - 1).copied()
}

/// The middle value.
pub fn median<T: Copy>(values: &[T]) -> Option<T> {
    quantile(values, 50)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_measured() {
        let values: Vec<u32> = (1..=10).collect();
        assert_eq!(quantile(&values, 50), Some(5));
        assert_eq!(quantile(&values, 95), Some(10));
        assert_eq!(quantile(&values, 5), Some(1));
        assert_eq!(quantile(&values, 0), Some(1));
        assert_eq!(quantile::<u32>(&[], 50), None);
        assert_eq!(median(&[7]), Some(7));
    }
}
