//! The clients of GrowSurf's API and the tasks that use them, made from the settings.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::Notify;
use uuid::Uuid;

use super::StartError;
use super::delivery::BACK_PATIENCE;
use crate::clock::{SystemClock, SystemRandom};
use crate::config::Settings;
use crate::config::growsurf::SharesFrom;
use crate::delivery::GrowSurfTransport;
use crate::domain::Class;
use crate::growsurf::rest::{Announcement, Client, ClientConfig, Clients, RateLimiter, RestError};
use crate::ingest::ParticipantLookup;
use crate::mapping::IdentifyBy;
use crate::store::Store;
use crate::sync::{
    CampaignClient, Intake, LocalRateLimit, Periodic, Reconcile, SharedRateLimit, SyncTarget,
    SyncTargetError, WebhookMonitor,
};
use crate::telemetry::Metrics;

/// The clients of GrowSurf's API, by the settings.
pub struct GrowsurfClients {
    general: Option<Client>,
    named: Vec<CampaignClient>,
    store: Option<Arc<Store>>,
}

impl GrowsurfClients {
    /// Makes the clients; connects to nothing yet. A request waits as long as `max_limit_wait` for the
    /// limits, whose budget is in `store`.
    ///
    /// # Errors
    /// If a client can't be made.
    pub fn new(
        settings: &Settings,
        store: &Arc<Store>,
        max_limit_wait: Duration,
    ) -> Result<Self, RestError> {
        let rate_limiter = SharedRateLimit::new(Arc::clone(store), Arc::new(SystemClock));
        Self::paced(settings, Some(Arc::clone(store)), Arc::new(rate_limiter), max_limit_wait)
    }

    /// Makes the clients for looking only, with a budget of their own where there is no store yet.
    ///
    /// # Errors
    /// If a client can't be made.
    pub fn without_store(settings: &Settings, max_limit_wait: Duration) -> Result<Self, RestError> {
        let rate_limiter = LocalRateLimit::new(Arc::new(SystemClock));
        Self::paced(settings, None, Arc::new(rate_limiter), max_limit_wait)
    }

    fn paced(
        settings: &Settings,
        store: Option<Arc<Store>>,
        rate_limiter: Arc<dyn RateLimiter>,
        max_limit_wait: Duration,
    ) -> Result<Self, RestError> {
        let growsurf = &settings.growsurf;
        let client = |key: &SecretString| {
            Client::new(ClientConfig {
                base_url: growsurf.base_url.clone(),
                api_key: key.clone(),
                timeout: growsurf.timeout,
                max_limit_wait,
                max_wait: settings.delivery.retry.max_wait,
                rate_limiter: Arc::clone(&rate_limiter),
                clock: Arc::new(SystemClock),
            })
        };
        let mut named = Vec::new();
        for campaign in &growsurf.campaigns {
            named.push(CampaignClient {
                id: campaign.id.clone(),
                client: campaign.api_key.as_ref().map(client).transpose()?,
                shares: campaign.shares_from == SharesFrom::Sync,
            });
        }
        let general = growsurf.api_key.as_ref().map(client).transpose()?;
        Ok(Self { general, named, store })
    }

    /// Returns the same for rows that go into another store; the budget stays where it is.
    pub fn with_store(self, store: Arc<Store>) -> Self {
        Self { store: Some(store), ..self }
    }

    /// Returns the clients by campaign, for a use that waits for the limits as long as `max_limit_wait`.
    fn clients(&self, max_limit_wait: Duration) -> Clients {
        let with_wait = |client: &Client| client.with_max_limit_wait(max_limit_wait);
        let own =
            |named: &CampaignClient| Some((named.id.clone(), with_wait(named.client.as_ref()?)));
        Clients {
            campaigns: self.named.iter().filter_map(own).collect(),
            general: self.general.as_ref().map(with_wait),
        }
    }

    /// Returns what looks up a participant for a webhook action, within `timeout`. `wake` is notified when
    /// there is something new to deliver.
    pub fn lookup(
        &self,
        settings: &Settings,
        timeout: Duration,
        wake: &Arc<Notify>,
    ) -> ParticipantLookup {
        let id_key = match &settings.customerio.identify_by {
            IdentifyBy::Email => None,
            IdentifyBy::Metadata(key) => Some(key.clone()),
        };
        let only_campaign = match settings.growsurf.campaigns.as_slice() {
            [only] => Some(only.id.clone()),
            _ => None,
        };
        ParticipantLookup {
            clients: self.clients(timeout),
            timeout,
            id_key,
            only_campaign,
            store: self.store.clone().expect("who looks up has opened a store"),
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            wake: Arc::clone(wake),
        }
    }

    /// Returns the transport of calls to GrowSurf, each with the key that sees its campaign.
    pub(super) fn transport(&self, settings: &Settings) -> GrowSurfTransport {
        GrowSurfTransport {
            clients: self.clients(BACK_PATIENCE),
            clock: Arc::new(SystemClock),
            timeout: settings.growsurf.timeout,
        }
    }

    /// Returns the campaigns that are asked about; all that there are, if none is `asked` for.
    ///
    /// # Errors
    /// See [`SyncTargetError`].
    pub async fn sources(&self, asked: &[String]) -> Result<Vec<SyncTarget>, SyncTargetError> {
        SyncTarget::find(self.general.as_ref(), &self.named, asked).await
    }

    /// Returns the client whose key sees a campaign, if the settings hold one.
    pub fn client(&self, campaign: &str) -> Option<Client> {
        let own = self.named.iter().find(|it| it.id == campaign).and_then(|it| it.client.as_ref());
        own.or(self.general.as_ref()).cloned()
    }

    /// Returns the endpoints that GrowSurf's answers have announced to remove.
    pub fn announcements(&self) -> BTreeSet<Announcement> {
        let named = self.named.iter().filter_map(|named| named.client.as_ref());
        self.general.iter().chain(named).flat_map(Client::announcements).collect()
    }

    /// Returns the intake of rows. `notify` is notified when there is something new to deliver.
    pub fn intake(&self, notify: &Arc<Notify>, class: Class, dry_run: bool) -> Intake {
        Intake {
            store: self.store.clone().expect("who takes rows in has opened a store"),
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            notify: Arc::clone(notify),
            class,
            dry_run,
        }
    }

    /// Returns the comparison.
    pub fn compare(&self, settings: &Settings, intake: Intake) -> Reconcile {
        Reconcile { intake, rules: settings.sync.compare }
    }

    pub fn watch(&self, settings: &Settings) -> WebhookMonitor {
        WebhookMonitor {
            store: self.store.clone(),
            clock: Arc::new(SystemClock),
            url: settings.growsurf.webhook_url.clone(),
        }
    }

    /// Returns the periodic run of both.
    pub(super) fn periodic(
        self,
        settings: &Settings,
        notify: &Arc<Notify>,
        relay: Uuid,
        metrics: Arc<Metrics>,
    ) -> Periodic {
        let rules = settings.sync.periodic;
        let compare = self.compare(settings, self.intake(notify, Class::Live, false));
        let watch = self.watch(settings);
        let Self { general, named, .. } = self;
        Periodic { compare, watch, general, named, rules, relay, metrics }
    }
}

impl From<RestError> for StartError {
    fn from(source: RestError) -> Self {
        Self::Growsurf(source)
    }
}
