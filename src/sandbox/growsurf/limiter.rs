//! Rate limits over fixed windows, and the headers that tell of them.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::{Deserialize, Serialize};

/// How many requests each window takes. The first one is called a second and lasts five.
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

/// The limits with what is used of them.
#[derive(Debug)]
pub(super) struct Limiter {
    pub(super) limits: Limits,
    windows: [Window; 3],
}

#[derive(Debug)]
struct Window {
    name: &'static str,
    seconds: i64,
    most: u64,
    number: i64,
    used: u64,
}

/// A limit that a request is beyond.
#[derive(Clone, Copy, Debug)]
pub(super) struct Beyond {
    pub(super) policy: &'static str,
    pub(super) retry_after: i64,
}

impl Limiter {
    /// Nothing is used yet.
    pub(super) fn new(limits: Limits) -> Self {
        let window =
            |name, seconds, most| Window { name, seconds, most, number: i64::MIN, used: 0 };
        let windows = [
            window("Second", 5, limits.second),
            window("Minute", 60, limits.minute),
            window("Hour", 3_600, limits.hour),
        ];
        Self { limits, windows }
    }

    /// Counts a request, unless it is beyond a limit; of several, the one that lasts longest tells.
    pub(super) fn take(&mut self, now: i64) -> Result<(), Beyond> {
        for window in &mut self.windows {
            window.turn(now);
        }
        if let Some(full) = self.windows.iter().rfind(|window| window.used >= window.most) {
            return Err(Beyond { policy: full.name, retry_after: full.ends_in(now) });
        }
        for window in &mut self.windows {
            window.used += 1;
        }
        Ok(())
    }

    /// What every answer tells of the limits.
    pub(super) fn headers(&mut self, now: i64) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let mut set = |name: &str, value: String| {
            let name = HeaderName::from_bytes(name.as_bytes());
            let value = HeaderValue::from_str(&value);
            headers.insert(
                name.expect("the names are ASCII letters and hyphens"),
                value.expect("the values are ASCII"),
            );
        };
        for window in &mut self.windows {
            window.turn(now);
            let left = window.most.saturating_sub(window.used);
            let name = window.name;
            if name == "Second" {
                let (most, seconds) = (window.most, window.seconds);
                set("ratelimit-policy", format!("\"second\";q={most};w={seconds}"));
                set("ratelimit", format!("\"second\";r={left};t={}", window.ends_in(now)));
            }
            set(&format!("growsurf-ratelimit-{name}-limit"), window.most.to_string());
            set(&format!("growsurf-ratelimit-{name}-remaining"), left.to_string());
        }
        headers
    }
}

impl Beyond {
    /// What a refusal tells on top.
    pub(super) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, HeaderValue::from(self.retry_after));
        headers
    }
}

impl Window {
    fn turn(&mut self, now: i64) {
        let number = now.div_euclid(self.seconds * 1_000);
        if number != self.number {
            self.number = number;
            self.used = 0;
        }
    }

    /// In whole seconds, and never none.
    fn ends_in(&self, now: i64) -> i64 {
        let end = (now.div_euclid(self.seconds * 1_000) + 1) * self.seconds * 1_000;
        (end - now + 999) / 1_000
    }
}
