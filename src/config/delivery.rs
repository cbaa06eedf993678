//! `[delivery]`: retries, probes, batches and leases.

use std::time::Duration;

use serde::Deserialize;

use crate::config::check::Check;
use crate::delivery::RetryRules;
use crate::options::whole;

/// The part of a lease beyond one request, for a claim before it and a settle after it.
const LEASE_MARGIN: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Deserialize)]
pub struct DeliverySettings {
    pub retry: RetryRules,
    #[serde(deserialize_with = "whole::<_, _, 1, 1024>")]
    pub in_flight: usize,
    #[serde(deserialize_with = "whole::<_, _, 1, 1000>")]
    pub batch_calls: usize,
    /// The time for which a worker owns a lane; more than the request timeout plus 5 s.
    pub lease: Duration,
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
