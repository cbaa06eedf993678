//! `[delivery]`: retries, probes, batches and leases.

use std::time::Duration;

use crate::config::key::{Key, Kind};
use crate::config::reader::Reader;

pub(super) const KEYS: &[Key] = &[
    Key::new("backoff_base", Kind::Text),
    Key::new("backoff_cap", Kind::Text),
    Key::new("give_up_after", Kind::Text),
    Key::new("max_wait", Kind::Text),
    Key::new("probe_every", Kind::Text),
    Key::new("in_flight", Kind::Whole),
    Key::new("batch_calls", Kind::Whole),
    Key::new("lease", Kind::Text),
    Key::new("breaker_failures", Kind::Whole),
    Key::new("late_warning", Kind::Text),
];

/// What a lease must have beyond the time of one request, to claim before it and settle after it.
const LEASE_MARGIN: Duration = Duration::from_secs(5);

/// Retries, probes, batches and leases.
#[derive(Debug, Clone)]
pub struct DeliverySettings {
    /// Wait before the first retry.
    pub backoff_base: Duration,
    /// Longest wait between two retries, at least `backoff_base`.
    pub backoff_cap: Duration,
    /// When a call that keeps failing becomes a dead letter.
    pub give_up_after: Duration,
    /// The longest wait that an answer's `Retry-After` can ask for.
    pub max_wait: Duration,
    /// Time between two probes of a halted destination.
    pub probe_every: Duration,
    /// Requests at once, 1 to 1024.
    pub in_flight: usize,
    /// Calls in one batch at most, 1 to 1000.
    pub batch_calls: usize,
    /// How long a worker owns a lane; more than the request timeout plus 5 s.
    pub lease: Duration,
    /// Failures in a row that open the breaker, at least 1.
    pub breaker_failures: u32,
    /// How long a call may wait before the relay warns.
    pub late_warning: Duration,
}

impl DeliverySettings {
    /// Reads the section; the lease is checked against the timeout of one request.
    pub(super) fn read(reader: &mut Reader<'_>, timeout: Duration) -> Self {
        let settings = Self {
            backoff_base: reader.duration("delivery.backoff_base"),
            backoff_cap: reader.duration("delivery.backoff_cap"),
            give_up_after: reader.duration("delivery.give_up_after"),
            max_wait: reader.duration("delivery.max_wait"),
            probe_every: reader.duration("delivery.probe_every"),
            in_flight: reader.whole("delivery.in_flight", 1..=1024),
            batch_calls: reader.whole("delivery.batch_calls", 1..=1000),
            lease: reader.duration("delivery.lease"),
            breaker_failures: reader.whole("delivery.breaker_failures", 1..=1_000_000),
            late_warning: reader.duration("delivery.late_warning"),
        };
        settings.check(reader, timeout);
        settings
    }

    fn check(&self, reader: &mut Reader<'_>, timeout: Duration) {
        if reader.sound(&["delivery.backoff_base", "delivery.backoff_cap"])
            && self.backoff_cap < self.backoff_base
        {
            reader.broken("delivery.backoff_cap", "shorter than delivery.backoff_base");
        }
        if reader.sound(&["delivery.lease", "customerio.timeout"])
            && self.lease <= timeout + LEASE_MARGIN
        {
            reader.broken(
                "delivery.lease",
                "must be longer than customerio.timeout plus 5 s, or a call could be sent twice \
                 at once",
            );
        }
    }
}
