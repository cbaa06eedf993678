//! Quantiles of counted values.

use std::collections::BTreeMap;

/// Returns the smallest value that at least `part` of `whole` of all values don't exceed; `None` if there are no
/// values. So half of all values are at most the median, `quantile(counts, 1, 2)`.
///
/// A map holds the number of times that each value occurs. The result is always a value that occurs.
pub fn quantile<T: Copy + Ord>(counts: &BTreeMap<T, u64>, part: u64, whole: u64) -> Option<T> {
    let total: u128 = counts.values().copied().map(u128::from).sum();
    let mut seen = 0;
    counts.iter().filter(|(_, count)| **count > 0).find_map(|(value, count)| {
        seen += u128::from(*count);
        (seen * u128::from(whole) >= total * u128::from(part)).then_some(*value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_equal_those_worked_out_by_hand() {
        for (values, quartiles) in [
            (&[][..], [None, None, None]),
            (&[5], [Some(5), Some(5), Some(5)]),
            (&[1, 2], [Some(1), Some(1), Some(2)]),
            (&[1, 2, 3], [Some(1), Some(2), Some(3)]),
            (&[1, 2, 3, 4], [Some(1), Some(2), Some(3)]),
            (&[1, 2, 3, 4, 5], [Some(2), Some(3), Some(4)]),
            (&[0, 0, 0, 9], [Some(0), Some(0), Some(0)]),
            (&[0, 0, 9, 9], [Some(0), Some(0), Some(9)]),
            (&[7, 1, 3, 3, 28, 2, 90, 14], [Some(2), Some(3), Some(14)]),
        ] {
            let mut counts = BTreeMap::new();
            for value in values {
                *counts.entry(*value).or_insert(0) += 1;
            }
            let found = [1, 2, 3].map(|part| quantile(&counts, part, 4));
            assert_eq!(found, quartiles, "{values:?}");
        }
    }

    #[test]
    fn values_that_never_occur_are_no_quantiles() {
        let counts = BTreeMap::from([(1, 0), (2, 3), (4, 0)]);
        assert_eq!(quantile(&counts, 0, 1), Some(2));
        assert_eq!(quantile(&counts, 1, 1), Some(2));
    }
}
