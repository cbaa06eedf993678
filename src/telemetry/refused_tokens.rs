//! Refused bearer tokens, as a metric.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::metrics::Label;

/// The settings that hold tokens.
const SETTINGS: [&str; 2] = ["admin.token", "api.token"];

/// Why one is refused.
const REASONS: [&str; 2] = ["missing", "wrong"];

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct Labels {
    setting: Label,
    reason: Label,
}

/// Requests without a right token, by setting and reason.
#[derive(Default)]
pub(super) struct RefusedTokens(Family<Labels, Counter>);

impl RefusedTokens {
    /// Registers each series from the start, at zero.
    pub(super) fn register(&self, registry: &mut Registry) {
        for setting in SETTINGS {
            for reason in REASONS {
                let labels = Labels { setting: Label(setting), reason: Label(reason) };
                let _there_from_now_on = self.0.get_or_create(&labels);
            }
        }
        let help = "Requests whose bearer token was missing or wrong, by setting";
        registry.register("refused_tokens", help, self.0.clone());
    }

    /// Counts one; both are of the fixed words.
    pub(super) fn count(&self, setting: &'static str, reason: &'static str) {
        self.0.get_or_create(&Labels { setting: Label(setting), reason: Label(reason) }).inc();
    }
}
