//! Durations as people write them: `15m`, `1h 30m`, `500ms`, `30d`.
//!
//! A day is 24 hours and a week seven days, because a setting has no calendar; months and years
//! are refused for the same reason. Zero is no duration here: nothing in the settings means
//! "never" or "at once" by a zero.

use std::time::Duration;

use jiff::{Span, SpanRelativeTo};

use crate::options::Expected;

/// The shortest duration that means anything to a timer.
const MIN: Duration = Duration::from_millis(1);

/// The longest, a hundred years; keeps sums with clock times far from overflow.
const MAX: Duration = Duration::from_secs(36_500 * 24 * 60 * 60);

/// Parses a duration from 1 ms to 36,500 days.
pub fn parse(text: &str) -> Result<Duration, Expected> {
    let form = || Expected::from("a duration such as \"500ms\", \"1h 30m\" or \"30d\"");
    let span: Span = text.trim().parse().map_err(|_| form())?;
    let signed = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| form())?;
    match Duration::try_from(signed) {
        Ok(duration) if duration > MAX => Err("a duration of at most 36500 days".into()),
        Ok(duration) if duration >= MIN => Ok(duration),
        _ => Err("a duration of at least 1 ms".into()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::{any, proptest};

    use super::parse;

    #[test]
    fn reads_what_people_write() {
        for (text, seconds) in [
            ("15m", 900.0),
            ("30d", 2_592_000.0),
            ("1h 30m", 5_400.0),
            ("1h30m", 5_400.0),
            ("500ms", 0.5),
            ("2w", 1_209_600.0),
            ("1.5h", 5_400.0),
            (" 10s ", 10.0),
            ("1 hour, 2 minutes", 3_720.0),
            ("PT15M", 900.0),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_secs_f64(seconds)), "{text}");
        }
    }

    #[test]
    fn refuses_the_rest() {
        for text in [
            "",
            " ",
            "15",
            "m",
            "0s",
            "0d",
            "-5m",
            "5m ago",
            "1 month",
            "1y",
            "15 apples",
            "10us",
            "9999999d",
            "1h -30m",
            "99999999999999999999s",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in any::<String>(), near in "-?[0-9]{1,25}(\\.[0-9]{1,12})? ?(ms|s|m|h|d|w|y|us)?") {
            let _ = parse(&text);
            let _ = parse(&near);
        }

        #[test]
        fn whole_seconds_stay_exact(seconds in 1_u64..1_000_000_000) {
            assert_eq!(parse(&format!("{seconds}s")), Ok(Duration::from_secs(seconds)));
        }
    }
}
