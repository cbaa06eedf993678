//! What becomes of the posts of pages, as a metric.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::metrics::Label;

/// What can be posted.
const KINDS: [&str; 2] = ["click", "share"];

/// What can become of a post.
const OUTCOMES: [&str; 13] = [
    "accepted",
    "nothing",
    "malformed",
    "key",
    "origin",
    "rate",
    "total",
    "budget",
    "shares_off",
    "unknown",
    "too_large",
    "broken",
    "unavailable",
];

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct Labels {
    kind: Label,
    outcome: Label,
}

/// The posts of pages, by kind and outcome.
#[derive(Default)]
pub(super) struct PagePosts(Family<Labels, Counter>);

impl PagePosts {
    /// Each outcome is there from the start, at zero.
    pub(super) fn register(&self, registry: &mut Registry) {
        for kind in KINDS {
            for outcome in OUTCOMES {
                let labels = Labels { kind: Label(kind), outcome: Label(outcome) };
                let _there_from_now_on = self.0.get_or_create(&labels);
            }
        }
        let help = "Clicks and shares that pages posted, by what became of them";
        registry.register("page_posts", help, self.0.clone());
    }

    /// Counts one; both are of the fixed words.
    pub(super) fn count(&self, kind: &'static str, outcome: &'static str) {
        self.0.get_or_create(&Labels { kind: Label(kind), outcome: Label(outcome) }).inc();
    }
}
