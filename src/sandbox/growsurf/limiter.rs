//! Rate limits over fixed windows, and the headers that show them.

use http::{HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};

/// The requests that each window takes. The first one is called a second and lasts five.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Limits {
    second: u64,
    minute: u64,
    hour: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { second: 50, minute: 400, hour: 20_000 }
    }
}

/// The windows: name, seconds, and the headers of the limit and of what remains.
const WINDOWS: [(&str, i64, [&str; 2]); 3] = [
    ("second", 5, ["growsurf-ratelimit-second-limit", "growsurf-ratelimit-second-remaining"]),
    ("minute", 60, ["growsurf-ratelimit-minute-limit", "growsurf-ratelimit-minute-remaining"]),
    ("hour", 3_600, ["growsurf-ratelimit-hour-limit", "growsurf-ratelimit-hour-remaining"]),
];

/// The limits with the number of each window and the requests in it.
#[derive(Debug)]
pub(super) struct Limiter {
    pub(super) limits: Limits,
    used: [(i64, u64); 3],
}

impl Limiter {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, used: [(0, 0); 3] }
    }

    /// Counts a request, or returns the longest window that is full and the seconds until its end.
    pub(super) fn take(&mut self, now: i64) -> Result<(), (&'static str, i64)> {
        let left = self.left(now);
        if let Some(full) = left.iter().rposition(|left| *left == 0) {
            let (name, seconds, _) = WINDOWS[full];
            return Err((name, until_end(now, seconds)));
        }
        self.used.iter_mut().for_each(|(_, used)| *used += 1);
        Ok(())
    }

    /// Returns the headers of every answer.
    pub(super) fn headers(&mut self, now: i64) -> HeaderMap {
        let left = self.left(now);
        let (most, end) = (self.limits.second, until_end(now, 5));
        let text = |text: String| HeaderValue::try_from(text).expect("the text is ASCII");
        let mut headers = HeaderMap::new();
        headers.insert("ratelimit-policy", text(format!("\"second\";q={most};w=5")));
        headers.insert("ratelimit", text(format!("\"second\";r={};t={end}", left[0])));
        for ((.., [limit, remaining]), (most, left)) in
            WINDOWS.iter().zip(self.most().into_iter().zip(left))
        {
            headers.insert(*limit, most.into());
            headers.insert(*remaining, left.into());
        }
        headers
    }

    fn most(&self) -> [u64; 3] {
        [self.limits.second, self.limits.minute, self.limits.hour]
    }

    /// Returns the requests that each window has left, after dropping the windows that have ended.
    fn left(&mut self, now: i64) -> Vec<u64> {
        let most = self.most();
        let windows = self.used.iter_mut().zip(WINDOWS).zip(most);
        let left = windows.map(|((used, (_, seconds, _)), most)| {
            let number = now.div_euclid(seconds * 1_000);
            if used.0 != number {
                *used = (number, 0);
            }
            most.saturating_sub(used.1)
        });
        left.collect()
    }
}

/// Returns the whole seconds until the end of a window, at least one.
fn until_end(now: i64, seconds: i64) -> i64 {
    (seconds * 1_000 - now.rem_euclid(seconds * 1_000) + 999) / 1_000
}
