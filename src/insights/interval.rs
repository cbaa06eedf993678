//! Confidence intervals of proportions and of their differences.

/// The 97.5 % quantile of the normal distribution, for intervals of 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// A number of successes among a number of trials.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Proportion {
    /// At most `total`.
    pub successes: u64,
    pub total: u64,
}

/// A range that holds the true value in 95 of 100 samples.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
}

/// The difference of two proportions, with its interval.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Difference {
    /// The first minus the second, from -1 to 1.
    pub estimate: f64,
    pub interval: Interval,
}

impl Proportion {
    /// Returns the observed proportion, from 0 to 1; `None` without trials.
    pub fn estimate(self) -> Option<f64> {
        (self.total > 0).then(|| float(self.successes) / float(self.total))
    }

    /// Returns Wilson's score interval without continuity correction; `None` without trials.
    ///
    /// Source: R. G. Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in
    /// Medicine 17 (1998), method 3.
    pub fn wilson(self) -> Option<Interval> {
        let (p, n) = (self.estimate()?, float(self.total));
        let middle = 2.0 * n * p + Z * Z;
        let width = Z * (Z * Z + 4.0 * n * p * (1.0 - p)).sqrt();
        let below = 2.0 * (n + Z * Z);
        // Rounding would leave a trace of the ends.
        let low = if self.successes == 0 { 0.0 } else { (middle - width) / below };
        let high = if self.successes >= self.total { 1.0 } else { (middle + width) / below };
        Some(Interval { low, high })
    }

    /// Returns the difference to another proportion with Newcombe's hybrid score interval; `None` if either is
    /// without trials.
    ///
    /// Source: R. G. Newcombe, "Interval estimation for the difference between independent proportions",
    /// Statistics in Medicine 17 (1998), method 10.
    pub fn minus(self, other: Self) -> Option<Difference> {
        let (own, others) = (self.estimate()?, other.estimate()?);
        let (first, second) = (self.wilson()?, other.wilson()?);
        let estimate = own - others;
        let low = estimate - (own - first.low).hypot(second.high - others);
        let high = estimate + (first.high - own).hypot(others - second.low);
        Some(Difference { estimate, interval: Interval { low, high } })
    }
}

impl Difference {
    /// True if the interval doesn't hold 0.
    pub fn is_clear(self) -> bool {
        self.interval.low > 0.0 || self.interval.high < 0.0
    }
}

/// Returns a count as a number to calculate with. Counts of people are far below 2^53.
#[expect(clippy::cast_precision_loss, reason = "counts of people are far below 2^53")]
fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proportion((successes, total): (u64, u64)) -> Proportion {
        Proportion { successes, total }
    }

    fn assert_near(found: Interval, low: f64, high: f64, what: &str) {
        for (found, expected) in [(found.low, low), (found.high, high)] {
            assert!((found - expected).abs() < 0.000_051, "{what}: {found} is not {expected}");
        }
    }

    #[test]
    fn wilsons_interval_equals_newcombes_table() {
        for (counts, low, high) in [
            ((81, 263), 0.2553, 0.3662),
            ((15, 148), 0.0624, 0.1605),
            ((0, 20), 0.0000, 0.1611),
            ((1, 29), 0.0061, 0.1718),
            ((29, 29), 0.8830, 1.0000),
        ] {
            assert_near(proportion(counts).wilson().unwrap(), low, high, &format!("{counts:?}"));
        }
    }

    #[test]
    fn the_interval_of_a_difference_equals_newcombes_table() {
        for (first, second, low, high) in [
            ((56, 70), (48, 80), 0.0524, 0.3339),
            ((9, 10), (3, 10), 0.1705, 0.8090),
            ((6, 7), (2, 7), 0.0582, 0.8062),
            ((5, 56), (0, 29), -0.0381, 0.1926),
            ((0, 10), (0, 20), -0.1611, 0.2775),
            ((0, 10), (0, 10), -0.2775, 0.2775),
            ((10, 10), (0, 20), 0.6791, 1.0000),
            ((10, 10), (0, 10), 0.6075, 1.0000),
        ] {
            let difference = proportion(first).minus(proportion(second)).unwrap();
            assert_near(difference.interval, low, high, &format!("{first:?} - {second:?}"));
            assert_eq!(difference.is_clear(), low > 0.0, "{first:?} - {second:?}");
        }
    }

    #[test]
    fn nothing_follows_from_no_trials() {
        let (none, some) = (proportion((0, 0)), proportion((1, 2)));
        assert_eq!(none.estimate(), None);
        assert_eq!(none.wilson(), None);
        assert_eq!(none.minus(some), None);
        assert_eq!(some.minus(none), None);
    }

    #[test]
    fn intervals_hold_their_estimate_and_shrink_with_trials() {
        for total in [1_u64, 2, 7, 30, 1_000, 1_000_000] {
            for successes in [0, 1, total / 3, total] {
                let proportion = proportion((successes, total));
                let (p, Interval { low, high }) =
                    (proportion.estimate().unwrap(), proportion.wilson().unwrap());
                assert!(0.0 <= low && low <= p && p <= high && high <= 1.0, "{proportion:?}");
                let tenfold = self::proportion((successes * 10, total * 10)).wilson().unwrap();
                assert!(tenfold.high - tenfold.low < high - low, "{proportion:?}");
            }
        }
    }
}
