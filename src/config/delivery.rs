//! `[delivery]`: retries, probes, batches and leases.

use std::time::Duration;

use serde::Deserialize;

use crate::config::check::Check;
use crate::delivery::RetryRules;
use crate::options::whole;

/// The part of a lease beyond one request, for a claim before it and a settle after it.
const LEASE_MARGIN: Duration = Duration::from_secs(5);

/// Retries, probes, batches and leases.
#[derive(Debug, Clone, Deserialize)]
pub struct DeliverySettings {
    /// The rules of trying again: a call, and a destination that failed.
    pub retry: RetryRules,
    /// Requests at once, 1 to 1024.
    #[serde(deserialize_with = "whole::<_, _, 1, 1024>")]
    pub in_flight: usize,
    /// Calls in one batch at most, 1 to 1000.
    #[serde(deserialize_with = "whole::<_, _, 1, 1000>")]
    pub batch_calls: usize,
    /// The time for which a worker owns a lane; more than the request timeout plus 5 s.
    pub lease: Duration,
    /// The age of a pending call at which the relay warns.
    pub late_warning: Duration,
}

impl DeliverySettings {
    /// Checks the section; the lease against the timeout of one request.
    pub(super) fn check(&self, timeout: Duration, check: &mut Check<'_>) {
        check.rule(
            &["delivery.backoff_cap", "delivery.backoff_base"],
            self.retry.backoff_cap < self.retry.backoff_base,
            "shorter than delivery.backoff_base",
        );
        check.rule(
            &["delivery.lease", "customerio.timeout"],
            self.lease <= timeout + LEASE_MARGIN,
            "must be longer than customerio.timeout plus 5 s, or a call could be sent twice at once",
        );
    }
}
