//! The metrics, in OpenMetrics text (<https://prometheus.io/docs/specs/om/open_metrics_spec/>).

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use strum::{VariantArray, VariantNames};

use super::clients::Clients;
use super::page_posts::PagePosts;
use super::refused_tokens::RefusedTokens;
use super::stderr::stderr;
use super::words::HEALED;
use crate::domain::{self, Call, DestinationState, Labelled};

/// The content type of what [`Metrics::render`] gives.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Latencies from half a millisecond to half a minute, in seconds.
const BUCKETS: [f64; 16] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0,
    30.0,
];

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct Outcome {
    outcome: Label,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct CallOutcome {
    call: Label,
    outcome: Label,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct State {
    state: Label,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct Kind {
    kind: Label,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct Named {
    problem: Label,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Label(pub(super) &'static str);

impl EncodeLabelValue for Label {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        EncodeLabelValue::encode(&self.0, encoder)
    }
}

/// Numbers that aren't counted in code but read when the metrics are asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gauges {
    /// Deliveries that wait or are leased.
    pub pending: u64,
    /// How long ago the oldest of them was planned.
    pub oldest_pending_age: Duration,
    /// Dead letters.
    pub dead_letters: u64,
    /// Webhooks that are parked, wholly or in part.
    pub parked: u64,
    /// Whether the store is damaged, or one that was set aside for it waits for somebody.
    pub damaged: bool,
    /// Customer.io's state.
    pub destination: DestinationState,
    /// GrowSurf's, if anything may be written there.
    pub growsurf: Option<DestinationState>,
}

/// Everything the relay counts. No personal data ever becomes a label.
pub struct Metrics {
    registry: Registry,
    webhooks: Family<Outcome, Counter>,
    calls: Family<CallOutcome, Counter>,
    attempts: Family<Outcome, Counter>,
    fenced: Counter,
    late: Counter,
    healed: Family<Kind, Counter>,
    growsurf_problems: Family<Named, Gauge>,
    page_posts: PagePosts,
    refused_tokens: RefusedTokens,
    clients: Clients,
    accept_seconds: Histogram,
    attempt_seconds: Histogram,
    pending: Gauge,
    oldest_pending: Gauge<f64, AtomicU64>,
    dead_letters: Gauge,
    parked: Gauge,
    damaged: Gauge,
    destination: Family<State, Gauge>,
    growsurf: Family<State, Gauge>,
}

/// What can become of a webhook, as a label.
pub(crate) const WEBHOOK_OUTCOMES: [&str; 8] = [
    "accepted",
    "duplicate",
    "parked",
    "unauthorized",
    "invalid",
    "too_large",
    "timeout",
    "unavailable",
];

impl Metrics {
    /// Fresh metrics; each outcome is there from the start, at zero.
    pub fn new() -> Self {
        let metrics = Self {
            registry: Registry::with_prefix("relay"),
            webhooks: Family::default(),
            calls: Family::default(),
            attempts: Family::default(),
            fenced: Counter::default(),
            late: Counter::default(),
            healed: Family::default(),
            growsurf_problems: Family::default(),
            page_posts: PagePosts::default(),
            refused_tokens: RefusedTokens::default(),
            clients: Clients::default(),
            accept_seconds: Histogram::new(BUCKETS),
            attempt_seconds: Histogram::new(BUCKETS),
            pending: Gauge::default(),
            oldest_pending: Gauge::default(),
            dead_letters: Gauge::default(),
            parked: Gauge::default(),
            damaged: Gauge::default(),
            destination: Family::default(),
            growsurf: Family::default(),
        };
        for outcome in WEBHOOK_OUTCOMES {
            let _there_from_now_on =
                metrics.webhooks.get_or_create(&Outcome { outcome: Label(outcome) });
        }
        for outcome in domain::Outcome::VARIANTS {
            let _there_from_now_on =
                metrics.attempts.get_or_create(&Outcome { outcome: Label(outcome) });
        }
        for kind in HEALED {
            let _there_from_now_on = metrics.healed.get_or_create(&Kind { kind: Label(kind) });
        }
        for call in Call::VARIANTS {
            for outcome in ["delivered", "dead"] {
                let labels = CallOutcome { call: Label(call), outcome: Label(outcome) };
                let _there_from_now_on = metrics.calls.get_or_create(&labels);
            }
        }
        metrics.registered()
    }

    fn registered(mut self) -> Self {
        let registry = &mut self.registry;
        registry.register("webhooks", "Webhooks by what became of them", self.webhooks.clone());
        registry.register("calls", "Calls that came to an end, by how", self.calls.clone());
        registry.register("attempts", "Tries of calls by outcome", self.attempts.clone());
        registry.register("fenced", "Results that came after their lease", self.fenced.clone());
        registry.register(
            "late",
            "Events that were sent more than 72 hours after they happened, and were told in time",
            self.late.clone(),
        );
        registry.register(
            "sync_healed",
            "What a comparison with GrowSurf found and no webhook had told, by kind",
            self.healed.clone(),
        );
        registry.register(
            "growsurf_problems",
            "Campaigns whose webhook isn't as it should be in GrowSurf, by what is wrong",
            self.growsurf_problems.clone(),
        );
        self.page_posts.register(registry);
        self.refused_tokens.register(registry);
        self.clients.register(registry);
        registry.register(
            "log_lines_dropped",
            "Lines of the log that couldn't be written, or not soon enough",
            stderr().dropped(),
        );
        registry.register(
            "accept_duration_seconds",
            "Time from a webhook's last byte to its answer",
            self.accept_seconds.clone(),
        );
        registry.register(
            "attempt_duration_seconds",
            "Time a request to Customer.io took",
            self.attempt_seconds.clone(),
        );
        registry.register("pending_calls", "Calls that wait or are leased", self.pending.clone());
        registry.register(
            "oldest_pending_age_seconds",
            "How long ago the oldest pending call was planned; alarm before 72 hours",
            self.oldest_pending.clone(),
        );
        registry.register("dead_letters", "Dead letters", self.dead_letters.clone());
        registry.register("parked_webhooks", "Webhooks that are parked", self.parked.clone());
        registry.register(
            "store_damaged",
            "One while the store is damaged, or one that was set aside waits for somebody",
            self.damaged.clone(),
        );
        registry.register(
            "destination_state",
            "One for the state that Customer.io is in, zero for the others",
            self.destination.clone(),
        );
        registry.register(
            "growsurf_state",
            "One for the state that GrowSurf is in for what goes back to it, zero for the others",
            self.growsurf.clone(),
        );
        self
    }

    /// Counts a webhook; `outcome` is one of the fixed words.
    pub fn webhook(&self, outcome: &'static str) {
        self.webhooks.get_or_create(&Outcome { outcome: Label(outcome) }).inc();
    }

    /// Counts what a page posted; both words are of the fixed ones.
    pub fn page_post(&self, kind: &'static str, outcome: &'static str) {
        self.page_posts.count(kind, outcome);
    }

    /// Counts a bearer token that was refused; both words are of the fixed ones.
    pub fn refused_token(&self, setting: &'static str, reason: &'static str) {
        self.refused_tokens.count(setting, reason);
    }

    /// The counts of clients' connections and bodies.
    pub fn clients(&self) -> &Clients {
        &self.clients
    }

    /// Takes the time from a webhook's last byte to its receipt.
    pub fn accepted_in(&self, took: Duration) {
        self.accept_seconds.observe(took.as_secs_f64());
    }

    /// Counts a try of a call.
    pub fn attempt(&self, outcome: &'static str) {
        self.attempts.get_or_create(&Outcome { outcome: Label(outcome) }).inc();
    }

    /// Takes the time a request took, whatever came of it.
    pub fn attempted_in(&self, took: Duration) {
        self.attempt_seconds.observe(took.as_secs_f64());
    }

    /// Counts a call that came to an end: `delivered` or `dead`.
    pub fn call(&self, kind: &'static str, outcome: &'static str) {
        let labels = CallOutcome { call: Label(kind), outcome: Label(outcome) };
        self.calls.get_or_create(&labels).inc();
    }

    /// Counts results that came after their lease.
    pub fn fenced(&self, results: usize) {
        self.fenced.inc_by(u64::try_from(results).unwrap_or(u64::MAX));
    }

    /// Counts an event that went out too late to trigger anything.
    pub fn late(&self) {
        self.late.inc();
    }

    /// Counts what a comparison found; `kind` is one of the fixed words, others aren't counted.
    pub fn recovered(&self, kind: &str, count: u64) {
        if let Some(kind) = HEALED.into_iter().find(|it| *it == kind) {
            self.healed.get_or_create(&Kind { kind: Label(kind) }).inc_by(count);
        }
    }

    /// Notes in how many campaigns a problem is.
    pub fn growsurf_problem(&self, problem: &'static str, campaigns: usize) {
        let gauge = self.growsurf_problems.get_or_create(&Named { problem: Label(problem) });
        gauge.set(i64::try_from(campaigns).unwrap_or(i64::MAX));
    }

    /// The metrics as text, with the numbers that were just read.
    pub fn render(&self, gauges: Gauges) -> String {
        let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        self.pending.set(count(gauges.pending));
        self.oldest_pending.set(gauges.oldest_pending_age.as_secs_f64());
        self.dead_letters.set(count(gauges.dead_letters));
        self.parked.set(count(gauges.parked));
        self.damaged.set(i64::from(gauges.damaged));
        for &state in DestinationState::VARIANTS {
            let label = State { state: Label(state.label()) };
            let is = |now: DestinationState| i64::from(now == state);
            self.destination.get_or_create(&label).set(is(gauges.destination));
            if let Some(growsurf) = gauges.growsurf {
                self.growsurf.get_or_create(&label).set(is(growsurf));
            }
        }
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing into a string can't fail");
        text
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
