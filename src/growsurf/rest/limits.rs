//! Rate limits: the budget of requests.
//!
//! What belongs here: reading the headers, and the budget. What doesn't: keeping the budget (`sync`).
//!
//! All keys of a team share 50 requests in 5 seconds, 400 a minute and 20,000 an hour. Every answer reports
//! the limits and what is left (<https://docs.growsurf.com/developer-tools/rest-api#rate-limits>).

use std::collections::BTreeMap;
use std::time::Duration;

use http::HeaderMap;
use serde::{Deserialize, Serialize};

use crate::domain::{Time, retry_after};

/// The limits that an answer reports.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ReportedLimits {
    /// Requests and seconds of each window, by name.
    pub policies: BTreeMap<String, (u32, u32)>,
    /// Remaining requests, and seconds until the reset, by name.
    pub left: BTreeMap<String, (u32, u32)>,
    /// The requested pause.
    pub retry_after: Option<Duration>,
}

impl ReportedLimits {
    /// Reads `RateLimit-Policy`, `RateLimit` and `Retry-After` of an answer at `now`; unreadable parts are
    /// left out.
    /// No pause is longer than `max_wait`.
    pub fn of(headers: &HeaderMap, now: Time, max_wait: Duration) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let retry_after = text("retry-after").and_then(|header| retry_after(header, now));
        let longest = u32::try_from(max_wait.as_secs()).unwrap_or(u32::MAX);
        let bounded = |name: &str, first, second| {
            let mut pairs = pairs(text(name), first, second);
            pairs.values_mut().for_each(|(_, seconds)| *seconds = (*seconds).min(longest));
            pairs
        };
        Self {
            policies: bounded("ratelimit-policy", "q", "w"),
            left: bounded("ratelimit", "r", "t"),
            retry_after: retry_after.map(|wait| wait.min(max_wait)),
        }
    }
}

/// Reads `"second";q=50;w=5, "minute";q=400;w=60`.
fn pairs(text: Option<&str>, first: &str, second: &str) -> BTreeMap<String, (u32, u32)> {
    let items = text.unwrap_or_default().split(',');
    items
        .filter_map(|item| {
            let mut parts = item.split(';').map(str::trim);
            let name = parts.next()?.trim_matches('"').to_owned();
            let values: BTreeMap<&str, &str> = parts.filter_map(|it| it.split_once('=')).collect();
            let number = |key| values.get(key)?.parse().ok();
            Some((name, (number(first)?, number(second)?)))
        })
        .collect()
}

/// The longest wait: an hour's limit, and a clock that was set back.
const LONGEST: Duration = Duration::from_secs(2 * 60 * 60);

/// The documented limits: name, requests, seconds.
const USUAL: [(&str, u32, u32); 3] =
    [("second", 50, 5), ("minute", 400, 60), ("hour", 20_000, 3_600)];

/// A budget of requests, shared by all processes.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Budget {
    windows: BTreeMap<String, Window>,
    /// No request is sent before.
    #[serde(default)]
    blocked_until: Time,
    /// The time of the last granted request.
    #[serde(default)]
    granted: Time,
}

/// A window of requests, spread out except for a few.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Window {
    quota: u32,
    seconds: u32,
    /// The time of the last request, if all had been spread out.
    spread: Time,
}

impl Default for Budget {
    fn default() -> Self {
        let window = |quota, seconds| Window { quota, seconds, spread: Time::default() };
        let windows = USUAL.map(|(name, q, w)| (name.to_owned(), window(q, w)));
        Self { windows: windows.into(), blocked_until: Time::default(), granted: Time::default() }
    }
}

impl Window {
    /// Returns the time between spread requests. A tenth of the quota may go at once, so that no window of
    /// GrowSurf's exceeds it.
    fn interval(&self) -> Duration {
        let most = f64::from(self.quota.max(1)) * 0.9;
        Duration::from_secs_f64(f64::from(self.seconds.max(1)) / most)
    }

    fn slack(&self) -> Duration {
        self.interval() * (self.quota / 10).saturating_sub(1)
    }
}

impl Budget {
    /// Takes a request from the budget; [`Budget::granted`] is its time.
    pub fn take(&mut self, now: Time) {
        let mut at = now.max(self.blocked_until.min(now.plus(LONGEST)));
        for window in self.windows.values_mut() {
            window.spread = window.spread.min(now.plus(LONGEST));
            at = at.max(window.spread.minus(window.slack()));
        }
        for window in self.windows.values_mut() {
            window.spread = window.spread.max(at).plus(window.interval());
        }
        self.granted = at;
    }

    /// Returns the time of the last granted request.
    pub fn granted(&self) -> Time {
        self.granted
    }

    /// Applies an answer's limits.
    pub fn apply(&mut self, limits: &ReportedLimits, now: Time) {
        if !limits.policies.is_empty() {
            // A policy that isn't named any more is dropped. An answer may omit the usual ones.
            let is_usual = |name: &str| USUAL.iter().any(|usual| usual.0 == name);
            self.windows.retain(|name, _| is_usual(name) || limits.policies.contains_key(name));
        }
        for (name, (quota, seconds)) in &limits.policies {
            let fresh = || Window { quota: *quota, seconds: *seconds, spread: now };
            let window = self.windows.entry(name.clone()).or_insert_with(fresh);
            if (window.quota, window.seconds) != (*quota, *seconds) {
                // Requests under another limit say nothing about this one.
                *window = fresh();
            }
        }
        for (name, (left, seconds)) in &limits.left {
            let until = now.plus(Duration::from_secs(u64::from(*seconds)));
            if *left == 0 {
                self.blocked_until = self.blocked_until.max(until);
            } else if let Some(window) = self.windows.get_mut(name)
                && *left <= window.quota / 10
            {
                // Another client uses the API: what is left is spread over the remaining time.
                let apart = Duration::from_secs(u64::from(*seconds)) / (left + 1);
                window.spread = window.spread.max(now.plus(apart).plus(window.slack()));
            }
        }
        if let Some(retry_after) = limits.retry_after {
            self.blocked_until = self.blocked_until.max(now.plus(retry_after));
        }
    }

    /// True if an answer changes the budget.
    pub fn changes(&self, limits: &ReportedLimits) -> bool {
        let known = |name: &String| self.windows.get(name);
        limits.retry_after.is_some()
            || limits.policies.iter().any(|(name, (quota, seconds))| {
                known(name).is_none_or(|it| (it.quota, it.seconds) != (*quota, *seconds))
            })
            || limits.left.iter().any(|(name, (left, _))| {
                *left == 0 || known(name).is_some_and(|it| *left <= it.quota / 10)
            })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: Duration = Duration::from_secs(60 * 60);

    fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
        list.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn headers_name_policies_remaining_requests_and_the_wait() {
        let now = Time::from_seconds(784_111_777);
        let of = |list: &[(&'static str, &str)]| ReportedLimits::of(&headers(list), now, HOUR);
        let limits = of(&[
            ("ratelimit-policy", r#""second";q=50;w=5, "minute";q=400;w=60"#),
            ("ratelimit", r#""second";r=12;t=3"#),
            ("retry-after", "7"),
        ]);
        assert_eq!(limits.policies["second"], (50, 5));
        assert_eq!(limits.policies["minute"], (400, 60));
        assert_eq!(limits.left["second"], (12, 3));
        assert_eq!(limits.retry_after, Some(Duration::from_secs(7)));
        for junk in ["", ";;;", "\"second\"", "\"second\";q=x;w=5", "a;q=1"] {
            let limits = of(&[("ratelimit-policy", junk), ("retry-after", "soon")]);
            assert_eq!(limits, ReportedLimits::default(), "{junk}");
        }
        let a_minute_later = of(&[("retry-after", "Sun, 06 Nov 1994 08:50:37 GMT")]);
        assert_eq!(a_minute_later.retry_after, Some(Duration::from_secs(60)));
        let policy = ("ratelimit-policy", r#""year";q=1;w=31536000"#);
        let years =
            of(&[("retry-after", "31536000"), ("ratelimit", r#""hour";r=0;t=31536000"#), policy]);
        assert_eq!(years.policies["year"], (1, 3_600));
        let mut budget = Budget::default();
        budget.apply(&years, now);
        let usual = of(&[("ratelimit-policy", r#""second";q=50;w=5"#)]);
        budget.apply(&usual, now);
        assert_eq!(budget.windows.len(), USUAL.len(), "the odd policy holds no more");
        assert_eq!((years.retry_after, years.left["hour"]), (Some(HOUR), (0, 3_600)));
    }

    #[test]
    fn growsurfs_requested_waits_are_kept() {
        let now = Time::from_seconds(1_000_000);
        let mut budget = Budget::default();
        budget.apply(
            &ReportedLimits {
                retry_after: Some(Duration::from_secs(30)),
                ..ReportedLimits::default()
            },
            now,
        );
        budget.take(now);
        assert_eq!(budget.granted(), now.plus(Duration::from_secs(30)));
        let mut budget = Budget::default();
        let left = [("minute".to_owned(), (0, 12))].into();
        budget.apply(&ReportedLimits { left, ..ReportedLimits::default() }, now);
        budget.take(now);
        assert_eq!(budget.granted(), now.plus(Duration::from_secs(12)));
    }

    #[test]
    fn a_clock_that_was_set_back_stops_nothing_for_long() {
        let mut budget = Budget::default();
        budget.take(Time::from_seconds(2_000_000_000));
        let now = Time::from_seconds(1_000_000);
        budget.take(now);
        assert!(budget.granted() <= now.plus(LONGEST), "{budget:?}");
    }

    proptest! {
        #[test]
        fn no_window_ever_sees_more_than_its_quota(
            gaps in proptest::collection::vec(0..400_u64, 1..900),
            quota in 1..60_u32,
        ) {
            let mut now = Time::from_seconds(1_000_000);
            let mut budget = Budget::default();
            let policies = [("second".to_owned(), (quota, 5))].into();
            budget.apply(&ReportedLimits { policies, ..ReportedLimits::default() }, now);
            let mut granted: Vec<Time> = Vec::new();
            for gap in gaps {
                now = now.plus(Duration::from_millis(gap));
                budget.take(now);
                prop_assert!(budget.granted() >= now);
                granted.push(budget.granted());
            }
            for (first, at) in granted.iter().enumerate() {
                let within = |window| {
                    let end = at.plus(Duration::from_secs(window));
                    granted[first..].iter().filter(|it| **it < end).count()
                };
                prop_assert!(within(5) <= usize::try_from(quota).unwrap().max(2));
                prop_assert!(within(60) <= 400);
            }
        }
    }
}
