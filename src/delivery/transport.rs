//! Transports: the way of a claim's calls to their destination.
//!
//! What belongs here: the interface, and the transport to GrowSurf. What doesn't: the time of sending and the
//! effect of outcomes (`dispatcher`, `sender`), and requests (`customerio`, `growsurf`).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::domain::{Attempt, Clock, Delivery, LaneKey, Outcome, Time};
use crate::growsurf::rest;

/// One call to send.
pub struct Item<'a> {
    pub key: &'a LaneKey,
    pub delivery: &'a Delivery,
}

/// A transport to a destination.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends calls and returns an attempt of each, or `None` if it wasn't tried. Every request must end
    /// before the leases end at `until`.
    async fn send(&self, items: &[Item<'_>], until: Time) -> Vec<Option<Attempt>>;
}

pub struct GrowSurfTransport {
    pub clients: rest::Clients,
    pub clock: Arc<dyn Clock>,
    /// The longest request.
    pub timeout: Duration,
}

#[async_trait]
impl Transport for GrowSurfTransport {
    async fn send(&self, items: &[Item<'_>], until: Time) -> Vec<Option<Attempt>> {
        let mut attempts = Vec::with_capacity(items.len());
        for item in items {
            attempts.push(self.send_one(item, until.minus(self.timeout)).await);
        }
        attempts
    }
}

impl GrowSurfTransport {
    async fn send_one(&self, item: &Item<'_>, until: Time) -> Option<Attempt> {
        let at = self.clock.now();
        let unsent = |outcome| Some(Attempt::unsent(at, outcome));
        let LaneKey::Participant(key) = item.key else {
            let reason = "the call is for no participant at GrowSurf".to_owned();
            return unsent(Outcome::Rejected { reason, field: None });
        };
        let Some(client) = self.clients.of(&key.campaign) else {
            // The keys of the others are as good as before, so this is no halt.
            let reason = format!(
                "campaign {:?} has no API key of GrowSurf's; set growsurf.api_key, or api_key in \
                 its table of growsurf.campaigns, and redeliver this",
                key.campaign
            );
            return unsent(Outcome::Rejected { reason, field: None });
        };
        let written = client.perform(key, &item.delivery.call, until).await?;
        let took = self.clock.now().since(at);
        let rest::WriteResult { http_status, outcome } = written;
        Some(Attempt { at, took, http_status, outcome })
    }
}
