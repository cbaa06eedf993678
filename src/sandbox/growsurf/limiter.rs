//! Rate limits over fixed windows, and the headers that show them.

use http::{HeaderMap, HeaderValue, header};

use super::refusal::Refusal;

/// The name and the seconds of each window. The first one is called a second and lasts five.
const WINDOWS: [(&str, i64); 3] = [("second", 5), ("minute", 60), ("hour", 3_600)];
const POLICY: &str = "<https://docs.growsurf.com/developer-tools/rest-api>; rel=\"deprecation\"";

/// The limit of each window, its number, and the requests in it.
#[derive(Debug)]
pub(super) struct Limiter([(u64, i64, u64); 3]);

impl Limiter {
    /// The limits of GrowSurf, in 5 seconds, a minute and an hour.
    pub(super) const USUAL: [u64; 3] = [50, 400, 20_000];

    /// Returns a limiter that has seen no request.
    pub(super) fn new(limits: [u64; 3]) -> Self {
        Self(limits.map(|limit| (limit, 0, 0)))
    }

    /// Counts a request, or names the longest window that is full.
    pub(super) fn take(&mut self, now: i64) -> Result<(), Refusal> {
        if let Some((name, end, ..)) = self.windows(now).into_iter().rfind(|it| it.3 == 0) {
            return Err(Refusal::limited(name, end));
        }
        self.0.iter_mut().for_each(|(_, _, used)| *used += 1);
        Ok(())
    }

    /// Returns the headers of every answer. The link to the policy marks nothing as deprecated.
    pub(super) fn headers(&mut self, now: i64) -> HeaderMap {
        let [(_, end, most, left), ..] = self.windows(now);
        let mut headers = HeaderMap::from_iter([(header::LINK, HeaderValue::from_static(POLICY))]);
        for (name, text) in [
            ("ratelimit-policy", format!("\"second\";q={most};w=5")),
            ("ratelimit", format!("\"second\";r={left};t={end}")),
        ] {
            headers.insert(name, text.parse().expect("it is ASCII"));
        }
        headers
    }

    /// Returns each window: its name, the seconds until its end, its limit, and the rest of it.
    fn windows(&mut self, now: i64) -> [(&'static str, i64, u64, u64); 3] {
        std::array::from_fn(|index| {
            let (name, seconds) = WINDOWS[index];
            let (most, window, used) = &mut self.0[index];
            let current = now.div_euclid(seconds * 1_000);
            if *window != current {
                (*window, *used) = (current, 0);
            }
            let end = (seconds * 1_000 - now.rem_euclid(seconds * 1_000) + 999) / 1_000;
            (name, end, *most, most.saturating_sub(*used))
        })
    }
}
