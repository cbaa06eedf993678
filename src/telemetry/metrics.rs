//! The metrics, in OpenMetrics text (<https://prometheus.io/docs/specs/om/open_metrics_spec/>).
//!
//! What belongs here: their names, and counting. What doesn't: the values of their labels (`labels`).

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};
use strum::{VariantArray, VariantNames};

use super::labels;
use super::stderr::stderr;
use crate::domain::{Call, DestinationState, Labelled, Outcome, Time};

/// The content type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Latencies from half a millisecond to half a minute, in seconds.
const BUCKETS: [f64; 16] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0,
    30.0,
];

/// A metric by labels: name and fixed word of each.
type By<const N: usize, M = Counter> = Family<[(&'static str, &'static str); N], M>;

/// Numbers that are read when the metrics are requested.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gauges {
    /// Deliveries that wait or are leased.
    pub pending: u64,
    /// The time since the oldest of them was planned.
    pub oldest_pending_age: Duration,
    pub dead_letters: u64,
    /// Webhooks that are parked, wholly or in part.
    pub parked: u64,
    /// True if the store is damaged, or if a damaged one was set aside and is still there.
    pub damaged: bool,
    /// Customer.io's state.
    pub destination: DestinationState,
    /// GrowSurf's, if anything may be written there.
    pub growsurf: Option<DestinationState>,
}

/// Everything the relay counts. No personal data ever becomes a label.
pub struct Metrics {
    registry: Registry,
    webhooks: By<1>,
    calls: By<2>,
    attempts: By<1>,
    fenced: Counter,
    late: Counter,
    recovered: By<1>,
    growsurf_problems: By<1, Gauge>,
    page_posts: By<2>,
    page_posts_from_one_address: Gauge,
    refused_tokens: By<2>,
    connections: Gauge,
    connections_closed: By<1>,
    bodies_refused: By<1>,
    accept_seconds: Histogram,
    attempt_seconds: Histogram,
    insights_people: Gauge,
    insights_as_of: Gauge,
    insights_seconds: Gauge<f64, AtomicU64>,
    pending: Gauge,
    oldest_pending: Gauge<f64, AtomicU64>,
    dead_letters: Gauge,
    parked: Gauge,
    damaged: Gauge,
    destination: By<1, Gauge>,
    growsurf: By<1, Gauge>,
}

/// An open connection; counted until it is dropped.
#[derive(Debug)]
pub struct OpenConnection(Gauge);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Metrics {
    /// Creates metrics; the series of each label begin at zero.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("relay");
        let all = &mut registry;
        let lines = "Log lines dropped because they couldn't be written in time";
        keep(all, "log_lines_dropped", lines, stderr().dropped());
        let metrics = Self {
            webhooks: add(all, "webhooks", "Webhooks by outcome"),
            calls: add(all, "calls", "Finished calls by outcome"),
            attempts: add(all, "attempts", "Attempts by outcome"),
            fenced: add(all, "fenced", "Results rejected because their lease had ended"),
            late: add(
                all,
                "late",
                "Events received in time and sent more than 72 hours after they happened",
            ),
            recovered: add(
                all,
                "sync_healed",
                "Events that a comparison with GrowSurf found and no webhook had reported, by kind",
            ),
            growsurf_problems: add(
                all,
                "growsurf_problems",
                "Campaigns whose webhook at GrowSurf has a problem, by problem",
            ),
            page_posts: add(all, "page_posts", "Clicks and shares posted by pages, by outcome"),
            page_posts_from_one_address: add(
                all,
                "page_posts_from_one_address",
                "One while every recent post of pages came from one private address",
            ),
            refused_tokens: add(
                all,
                "refused_tokens",
                "Requests whose bearer token was missing or wrong, by setting",
            ),
            connections: add(all, "connections", "Open connections"),
            connections_closed: add(
                all,
                "connections_closed",
                "Connections closed or refused by the relay, by the limit",
            ),
            bodies_refused: add(
                all,
                "bodies_refused",
                "Bodies refused before their end, by the limit",
            ),
            accept_seconds: keep(
                all,
                "accept_duration_seconds",
                "Time from a webhook's last byte to its answer",
                Histogram::new(BUCKETS),
            ),
            attempt_seconds: keep(
                all,
                "attempt_duration_seconds",
                "Duration of a request to Customer.io",
                Histogram::new(BUCKETS),
            ),
            insights_people: add(
                all,
                "insights_people",
                "People that the run of insights has read, or the last one read",
            ),
            insights_as_of: add(
                all,
                "insights_as_of_seconds",
                "When the last run of insights began, in seconds since 1970; zero if there was none",
            ),
            insights_seconds: add(
                all,
                "insights_duration_seconds",
                "Time that the last run of insights took",
            ),
            pending: add(all, "pending_calls", "Calls that wait or are leased"),
            oldest_pending: add(
                all,
                "oldest_pending_age_seconds",
                "Age of the oldest pending call; alarm before 72 hours",
            ),
            dead_letters: add(all, "dead_letters", "Dead letters"),
            parked: add(all, "parked_webhooks", "Parked webhooks"),
            damaged: add(
                all,
                "store_damaged",
                "One while the store, or one that was set aside, is damaged",
            ),
            destination: add(
                all,
                "destination_state",
                "One for the present state of Customer.io, zero for the others",
            ),
            growsurf: add(
                all,
                "growsurf_state",
                "One for the present state of GrowSurf for writes, zero for the others",
            ),
            registry,
        };
        begin(&metrics.webhooks, "outcome", &labels::WEBHOOKS);
        begin(&metrics.attempts, "outcome", Outcome::VARIANTS);
        begin(&metrics.recovered, "kind", &labels::RECOVERED);
        begin(&metrics.connections_closed, "reason", &labels::CLOSED);
        begin(&metrics.bodies_refused, "reason", &labels::REFUSED);
        begin_both(&metrics.calls, ("call", Call::VARIANTS), ("outcome", &labels::ENDS));
        begin_both(&metrics.page_posts, ("kind", &labels::POSTS), ("outcome", &labels::POSTED));
        begin_both(
            &metrics.refused_tokens,
            ("setting", &labels::TOKENS),
            ("reason", &labels::TOKEN_REFUSALS),
        );
        metrics
    }

    /// Counts a webhook; `outcome` is one of the fixed labels.
    pub fn webhook(&self, outcome: &'static str) {
        self.webhooks.get_or_create(&[("outcome", outcome)]).inc();
    }

    /// Returns the numbers of webhooks and of attempts by outcome.
    pub fn traffic(&self) -> BTreeMap<String, u64> {
        let webhooks = labels::WEBHOOKS.into_iter().map(|it| ("webhook", &self.webhooks, it));
        let attempts = Outcome::VARIANTS.iter().copied().map(|it| ("attempt", &self.attempts, it));
        let count = |(kind, family, outcome): (&str, &By<1>, &'static str)| {
            let number = family.get_or_create(&[("outcome", outcome)]).get();
            (format!("{kind} {outcome}"), number)
        };
        webhooks.chain(attempts).map(count).collect()
    }

    /// Counts a page's post; both labels are fixed ones.
    pub fn page_post(&self, kind: &'static str, outcome: &'static str) {
        self.page_posts.get_or_create(&[("kind", kind), ("outcome", outcome)]).inc();
    }

    /// True if all recent posts of pages came from one private address.
    pub fn is_one_client(&self) -> bool {
        self.page_posts_from_one_address.get() != 0
    }

    /// Records true if every recent post of pages came from one private address.
    pub fn page_posts_from_one_address(&self, is_so: bool) {
        self.page_posts_from_one_address.set(i64::from(is_so));
    }

    /// Counts a refused bearer token; both labels are fixed ones.
    pub fn refused_token(&self, setting: &'static str, reason: &'static str) {
        self.refused_tokens.get_or_create(&[("setting", setting), ("reason", reason)]).inc();
    }

    /// Counts a connection as open for as long as the result lives.
    pub fn open_connection(&self) -> OpenConnection {
        self.connections.inc();
        OpenConnection(self.connections.clone())
    }

    /// Counts a connection that was closed or refused; `reason` is one of the fixed labels.
    pub fn connection_closed(&self, reason: &'static str) {
        self.connections_closed.get_or_create(&[("reason", reason)]).inc();
    }

    /// Counts a body that wasn't read to its end; `reason` is one of the fixed labels.
    pub fn body_refused(&self, reason: &'static str) {
        self.bodies_refused.get_or_create(&[("reason", reason)]).inc();
    }

    /// Observes the time from a webhook's last byte to its answer.
    pub fn accepted_in(&self, took: Duration) {
        self.accept_seconds.observe(took.as_secs_f64());
    }

    /// Counts a try of a call.
    pub fn attempt(&self, outcome: &'static str) {
        self.attempts.get_or_create(&[("outcome", outcome)]).inc();
    }

    /// Observes the time that a request took.
    pub fn attempted_in(&self, took: Duration) {
        self.attempt_seconds.observe(took.as_secs_f64());
    }

    /// Counts a call that ended: `delivered` or `dead`.
    pub fn call(&self, kind: &'static str, outcome: &'static str) {
        self.calls.get_or_create(&[("call", kind), ("outcome", outcome)]).inc();
    }

    /// Counts results that came after their lease.
    pub fn fenced(&self, results: usize) {
        self.fenced.inc_by(u64::try_from(results).unwrap_or(u64::MAX));
    }

    /// Counts an event that went out too late to trigger anything.
    pub fn late(&self) {
        self.late.inc();
    }

    /// Counts a comparison's findings; a `kind` that isn't a fixed label isn't counted.
    pub fn recovered(&self, kind: &str, count: u64) {
        if let Some(kind) = labels::RECOVERED.into_iter().find(|it| *it == kind) {
            self.recovered.get_or_create(&[("kind", kind)]).inc_by(count);
        }
    }

    /// Records the number of campaigns that have a problem.
    pub fn growsurf_problem(&self, problem: &'static str, campaigns: usize) {
        let gauge = self.growsurf_problems.get_or_create(&[("problem", problem)]);
        gauge.set(i64::try_from(campaigns).unwrap_or(i64::MAX));
    }

    /// Records the number of people that the run of insights has read.
    pub fn insights_people(&self, people: u64) {
        self.insights_people.set(i64::try_from(people).unwrap_or(i64::MAX));
    }

    /// Returns the number of people that the run of insights has read.
    pub fn insights_read(&self) -> u64 {
        u64::try_from(self.insights_people.get()).unwrap_or(0)
    }

    /// Records the start of the last run of insights.
    pub fn insights_as_of(&self, at: Time) {
        self.insights_as_of.set(at.seconds());
    }

    /// Records the time that the last run of insights took.
    pub fn insights_in(&self, took: Duration) {
        self.insights_seconds.set(took.as_secs_f64());
    }

    /// Renders the metrics as text, with the gauges.
    pub fn render(&self, gauges: Gauges) -> String {
        let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        self.pending.set(count(gauges.pending));
        self.oldest_pending.set(gauges.oldest_pending_age.as_secs_f64());
        self.dead_letters.set(count(gauges.dead_letters));
        self.parked.set(count(gauges.parked));
        self.damaged.set(i64::from(gauges.damaged));
        for &state in DestinationState::VARIANTS {
            let label = [("state", state.label())];
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

/// Registers a metric that begins at zero.
fn add<M: Metric + Clone + Default>(all: &mut Registry, name: &str, help: &str) -> M {
    keep(all, name, help, M::default())
}

fn keep<M: Metric + Clone>(all: &mut Registry, name: &str, help: &str, metric: M) -> M {
    all.register(name, help, metric.clone());
    metric
}

/// Creates the series of each label, at zero.
fn begin(by: &By<1>, label: &'static str, values: &[&'static str]) {
    for value in values {
        let _there_from_now_on = by.get_or_create(&[(label, value)]);
    }
}

/// Creates the series of each pair of labels, at zero.
fn begin_both(
    by: &By<2>,
    (first, values): (&'static str, &[&'static str]),
    (second, others): (&'static str, &[&'static str]),
) {
    for value in values {
        for other in others {
            let _there_from_now_on = by.get_or_create(&[(first, value), (second, other)]);
        }
    }
}

#[cfg(test)]
mod tests;
