//! Rate limits over fixed windows, and the headers that show them.

use std::collections::HashMap;

use http::HeaderMap;
use serde::{Deserialize, Serialize};

const WINDOWS: [(&str, i64); 3] = [("second", 5), ("minute", 60), ("hour", 3_600)];

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

/// The limits with the number of each window and the requests in it.
#[derive(Debug, Default)]
pub(super) struct Limiter {
    pub(super) limits: Limits,
    used: [(i64, u64); 3],
}

impl Limiter {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Counts a request, or returns the longest window that is full and the seconds until its end.
    pub(super) fn take(&mut self, now: i64) -> Result<(), (&'static str, i64)> {
        if let Some((name, seconds, ..)) = self.left(now).into_iter().rfind(|it| it.3 == 0) {
            return Err((name, seconds));
        }
        self.used.iter_mut().for_each(|(_, used)| *used += 1);
        Ok(())
    }

    /// Returns the headers of every answer.
    pub(super) fn headers(&mut self, now: i64) -> HeaderMap {
        let left = self.left(now);
        let (_, end, most, rest) = left[0];
        let mut headers = HashMap::from([
            ("ratelimit-policy".to_owned(), format!("\"second\";q={most};w=5")),
            ("ratelimit".to_owned(), format!("\"second\";r={rest};t={end}")),
        ]);
        for (name, _, most, rest) in left {
            headers.insert(format!("growsurf-ratelimit-{name}-limit"), most.to_string());
            headers.insert(format!("growsurf-ratelimit-{name}-remaining"), rest.to_string());
        }
        HeaderMap::try_from(&headers).expect("the names and values are ASCII")
    }

    /// Returns each window: its name, the seconds until its end, its limit, and what is left.
    fn left(&mut self, now: i64) -> [(&'static str, i64, u64, u64); 3] {
        let most = [self.limits.second, self.limits.minute, self.limits.hour];
        std::array::from_fn(|index| {
            let (name, seconds) = WINDOWS[index];
            let (window, used) = &mut self.used[index];
            let current = now.div_euclid(seconds * 1_000);
            if *window != current {
                (*window, *used) = (current, 0);
            }
            let end = (seconds * 1_000 - now.rem_euclid(seconds * 1_000) + 999) / 1_000;
            (name, end, most[index], most[index].saturating_sub(*used))
        })
    }
}
