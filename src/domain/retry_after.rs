//! The header `Retry-After` (RFC 9110, 10.2.3): seconds, or a date.
//!
//! GrowSurf documents it. Customer.io doesn't, but its libraries honour it. The longest accepted wait is
//! `delivery.max_wait`.

use std::time::{Duration, UNIX_EPOCH};

use super::Time;

/// Returns the wait from `now`: zero for a date in the past, `None` for an unreadable header.
pub fn retry_after(header: &str, now: Time) -> Option<Duration> {
    let header = header.trim();
    if !header.is_empty() && header.bytes().all(|byte| byte.is_ascii_digit()) {
        // Digits that aren't a number are too many.
        return Some(Duration::from_secs(header.parse().unwrap_or(u64::MAX)));
    }
    // All three forms of a date that a recipient must read (RFC 9110, 5.6.7).
    let date = httpdate::parse_http_date(header).ok()?.duration_since(UNIX_EPOCH).ok()?;
    let seconds = i64::try_from(date.as_secs()).ok()?;
    Some(Time::from_seconds(seconds).since(now))
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
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(253_402_300_799 - 784_111_657)),
            ("Tuesday, 31-Dec-69 23:59:59 GMT", Some(3_155_759_999 - 784_111_657)),
            ("Fri Dec 31 23:59:59 9999", Some(253_402_300_799 - 784_111_657)),
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
