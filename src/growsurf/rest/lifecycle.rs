//! Deprecations: the API's announcements of endpoints' ends, each reported once a process.
//!
//! Announcements are the headers `Deprecation` (RFC 9745) and `Sunset` (RFC 8594). A `Link` with
//! `rel="deprecation"` is on every answer and marks nothing
//! (<https://docs.growsurf.com/developer-tools/rest-api>).

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use http::{HeaderMap, Method};

use crate::domain::Time;

/// The longest repeated header.
const CHARS: usize = 100;

/// Path segments that aren't ids.
const WORDS: [&str; 14] = [
    "campaigns",
    "campaign",
    "participants",
    "participant",
    "referrals",
    "rewards",
    "commissions",
    "payouts",
    "reward-configs",
    "webhooks",
    "integrations",
    "test",
    "ref",
    "analytics",
];

/// An endpoint that GrowSurf removes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Announcement {
    /// The method and the path, without ids.
    endpoint: String,
    /// The time of its deprecation, as GrowSurf writes it.
    deprecation: Option<String>,
    /// The time of its removal, as GrowSurf writes it.
    sunset: Option<String>,
}

impl fmt::Display for Announcement {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "GrowSurf is going to remove {}", self.endpoint)?;
        for (name, at) in [("Deprecation", &self.deprecation), ("Sunset", &self.sunset)] {
            at.iter().try_for_each(|at| write!(out, ", {name}: {at}"))?;
        }
        out.write_str("; look for a newer relay")
    }
}

/// The reported announcements.
#[derive(Debug, Default)]
pub(super) struct Lifecycle(Mutex<BTreeSet<Announcement>>);

impl Lifecycle {
    /// Warns once of an endpoint that GrowSurf removes.
    pub(super) fn note(&self, method: &Method, path: &[&str], headers: &HeaderMap) {
        let text = |name: &str| Some(shown(headers.get(name)?.to_str().ok()?));
        let (deprecation, sunset) = (text("deprecation").map(|it| date(&it)), text("sunset"));
        if deprecation.is_none() && sunset.is_none() {
            return;
        }
        let endpoint = format!("{method} /{}", template(path));
        let announcement = Announcement { endpoint, deprecation, sunset };
        if self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(announcement.clone()) {
            let Announcement { endpoint, deprecation, sunset } = announcement;
            tracing::warn!(
                endpoint,
                deprecation,
                sunset,
                "GrowSurf is going to remove an endpoint that the relay uses; look for a newer relay"
            );
        }
    }

    /// Returns the reported announcements.
    pub(super) fn announcements(&self) -> BTreeSet<Announcement> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Returns the path without ids, which may be addresses.
fn template(path: &[&str]) -> String {
    let parts = path.iter().map(|part| if WORDS.contains(part) { *part } else { "{id}" });
    parts.collect::<Vec<_>>().join("/")
}

/// Returns a header's text for a log.
fn shown(text: &str) -> String {
    text.chars().take(CHARS).collect()
}

/// Returns the date in `@1688169599`, the form of RFC 9745; others stay.
fn date(text: &str) -> String {
    let seconds = text.strip_prefix('@').and_then(|seconds| seconds.trim().parse().ok());
    seconds.map_or_else(|| text.to_owned(), |it| Time::from_seconds(it).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reported(lifecycle: &Lifecycle) -> Vec<String> {
        lifecycle.announcements().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_announcement_is_reported_once_an_endpoint_without_ids() {
        let lifecycle = Lifecycle::default();
        let headers = |list: &[(&'static str, &str)]| -> HeaderMap {
            let pairs = list.iter().map(|(name, it)| (name.parse().unwrap(), it.parse().unwrap()));
            pairs.collect()
        };
        let link = headers(&[("link", "<https://growsurf.com/policy>; rel=\"deprecation\"")]);
        lifecycle.note(&Method::GET, &["campaigns"], &link);
        assert!(reported(&lifecycle).is_empty());
        let gone =
            headers(&[("deprecation", "@1688169599"), ("sunset", "Sun, 30 Jun 2024 23:59:59 GMT")]);
        for who in ["fay@example.com", "p1"] {
            lifecycle.note(&Method::GET, &["campaign", "c1", "participant", who], &gone);
        }
        assert_eq!(
            reported(&lifecycle),
            ["GrowSurf is going to remove GET /campaign/{id}/participant/{id}, \
              Deprecation: 2023-06-30T23:59:59.000Z, Sunset: Sun, 30 Jun 2024 23:59:59 GMT; \
              look for a newer relay"]
        );
        lifecycle.note(&Method::GET, &["campaigns"], &headers(&[("deprecation", "true")]));
        assert_eq!(reported(&lifecycle).len(), 2);
    }
}
