//! The header `Retry-After` (RFC 9110, 10.2.3): seconds, or a date.
//!
//! What belongs here: reading it, for both services. GrowSurf documents it; Customer.io doesn't, but its
//! own libraries honour it. What doesn't: the longest wait that is believed (`delivery.max_wait`).

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::{rfc2822, strtime};
use jiff::tz::TimeZone;

use super::Time;

/// How long to wait from `now`; zero for a date in the past, `None` for what can't be read.
pub fn retry_after(header: &str, now: Time) -> Option<Duration> {
    let header = header.trim();
    if !header.is_empty() && header.bytes().all(|byte| byte.is_ascii_digit()) {
        // Digits fail to be a number only where there are too many of them.
        return Some(Duration::from_secs(header.parse().unwrap_or(u64::MAX)));
    }
    Some(Time::from_micros(date(header)?.as_microsecond()).since(now))
}

/// A date in the form of today, or in one of the two that a recipient must read as well
/// (RFC 9110, 5.6.7).
fn date(text: &str) -> Option<Timestamp> {
    let obsolete = |format| {
        let date = strtime::parse(format, text).ok()?.to_datetime().ok()?;
        TimeZone::UTC.to_timestamp(date).ok()
    };
    let today = rfc2822::DateTimeParser::new().parse_timestamp(text).ok();
    today
        .or_else(|| obsolete("%A, %d-%b-%y %H:%M:%S GMT"))
        .or_else(|| obsolete("%a %b %e %H:%M:%S %Y"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_forms_are_read() {
        // Sun, 06 Nov 1994 08:49:37 GMT less two minutes.
        let now = Time::from_seconds(784_111_777 - 120);
        for (header, seconds) in [
            ("0", Some(0)),
            (" 120 ", Some(120)),
            ("1209600", Some(1_209_600)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(120)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(120)),
            ("Sun Nov  6 08:49:37 1994", Some(120)),
            ("Sun, 06 Nov 1994 08:47:36 GMT", Some(0)),
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("Sun, 99 Nov 1994 08:49:37 GMT", None),
        ] {
            assert_eq!(retry_after(header, now), seconds.map(Duration::from_secs), "{header}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(header in ".*", micros in any::<i64>()) {
            retry_after(&header, Time::from_micros(micros));
        }
    }
}
