//! The wait before a retry.

use std::time::Duration;

/// Returns a random part of a span that doubles from `base` to `cap` with the failed `attempts` ("full
/// jitter").
///
/// `random` is uniform over 64 bits. The wait is never zero, so a failing call can't spin.
pub fn delay(attempts: u32, base: Duration, cap: Duration, random: u64) -> Duration {
    let doublings = attempts.saturating_sub(1).min(31);
    let span = base.saturating_mul(1 << doublings).min(cap);
    let micros = span.as_micros().max(1);
    // The remainder of 64 random bits by a span of at most some weeks is uniform for all purposes.
    let part = u128::from(random) % micros + 1;
    Duration::from_micros(u64::try_from(part).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_delay_is_within_its_span(attempts in 0..1_000_u32, random in any::<u64>()) {
            let (base, cap) = (Duration::from_secs(1), Duration::from_secs(900));
            let delay = delay(attempts, base, cap, random);
            prop_assert!(delay > Duration::ZERO);
            prop_assert!(delay <= cap);
            prop_assert!(attempts > 9 || delay <= base * 2_u32.pow(attempts.saturating_sub(1)));
        }
    }

    #[test]
    fn the_span_doubles_up_to_the_cap() {
        let (base, cap) = (Duration::from_secs(1), Duration::from_secs(60));
        let longest = |attempts| {
            (0..1_000).map(|i| delay(attempts, base, cap, i * (u64::MAX / 1_000))).max().unwrap()
        };
        assert!(longest(1) > Duration::from_millis(900));
        assert!(longest(4) > Duration::from_millis(7_900));
        assert!(longest(30) > Duration::from_secs(59));
    }
}
