//! The composition root: settings become a running relay.
//!
//! What belongs here: making the parts, wiring them, and ending them in order. What doesn't:
//! anything a part could decide for itself.

mod descriptors;
mod rules;
mod soundness;
mod store;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::clock::{SystemClock, SystemRandom};
use crate::config::Settings;
use crate::config::customerio::{CustomerioSettings, Region};
use crate::customerio::client::{Client, ClientConfig, ClientError};
use crate::delivery::{
    Destination, Dispatcher, DispatcherRules, Gate, GateRules, KeepCompany, Pulse, RetryRules,
    Sender, Sharers, WorkspaceCheck, keep_house,
};
use crate::domain::Clock;
use crate::http::{BodyLimits, Face, Health, Listener, ListenerLimits, operator, public};
use crate::ingest::Ingest;
use crate::store::copying::CopyError;
use crate::store::{Damage, Store, StoreError};
use crate::telemetry::Metrics;

pub use rules::rules;
use rules::trust;
pub use store::{copy_store, open_existing_store, open_store};

/// Why the relay didn't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store can't be opened.
    #[error("can't open the store {url}")]
    Store {
        /// The store's address.
        url: String,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// A store can't be copied into another.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// There is no store where the settings say.
    #[error("there is no store {url}; check store.url, which is relative to the working directory")]
    NoStore {
        /// The store's address.
        url: String,
    },
    /// An address can't be listened on.
    #[error("can't listen on {address} ({key})")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The setting that names it.
        key: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The client of Customer.io can't be made.
    #[error("can't set up the client of Customer.io")]
    Client(#[from] ClientError),
    /// The settings hold no credentials.
    #[error("customerio.site_id and customerio.api_key are not set")]
    NoCredentials,
    /// The system gives no randomness for the store's secret.
    #[error("the system gives no random numbers: {0}")]
    Randomness(String),
}

/// A relay at work.
pub struct Running {
    /// Where webhooks are taken in.
    pub address: SocketAddr,
    /// Where operators look, if that is elsewhere.
    pub operator_address: Option<SocketAddr>,
    store: Arc<dyn Store>,
    stop: Stop,
    http: TaskTracker,
    loops: TaskTracker,
    dispatcher: JoinHandle<()>,
    grace: Duration,
}

/// What ends the parts, in the order they end.
#[derive(Clone, Default)]
struct Stop {
    /// No new requests; those under way are finished.
    http: CancellationToken,
    /// No new claims; those under way are finished or given back.
    delivery: CancellationToken,
}

/// How much of the grace is kept for closing the store.
const CLOSING: Duration = Duration::from_secs(2);

/// The client of the Customer.io that the settings name.
///
/// # Errors
/// [`StartError::NoCredentials`] or [`StartError::Client`].
pub fn client(settings: &Settings) -> Result<Client, StartError> {
    let CustomerioSettings { credentials, timeout, .. } = &settings.customerio;
    let credentials = credentials.as_ref().ok_or(StartError::NoCredentials)?;
    let config = ClientConfig {
        base_url: base_url(&settings.customerio),
        site_id: credentials.site_id.clone(),
        api_key: credentials.api_key.clone(),
        timeout: *timeout,
        connections: settings.delivery.in_flight,
    };
    Ok(Client::new(config)?)
}

/// Where Customer.io is: the settings' own host, else the region's.
pub fn base_url(settings: &CustomerioSettings) -> url::Url {
    let region = region_name(settings.region);
    let of_region = || crate::customerio::base_url(region).expect("each region has a host");
    settings.base_url.clone().unwrap_or_else(of_region)
}

/// The region's name at Customer.io.
pub fn region_name(region: Region) -> &'static str {
    match region {
        Region::Us => "us",
        Region::Eu => "eu",
    }
}

/// Starts the relay.
///
/// # Errors
/// See [`StartError`]; then nothing is left running.
pub async fn start(settings: &Settings) -> Result<Running, StartError> {
    let limits = ListenerLimits {
        connections: descriptors::connections(settings),
        header_timeout: settings.server.header_timeout,
    };
    let listener = bind(settings.server.listen, "server.listen", limits).await?;
    let operator_listener = match settings.server.operator_listen {
        Some(address) => Some(bind(address, "server.operator_listen", limits).await?),
        None => None,
    };
    let client = client(settings)?;
    let bell = Arc::new(Notify::new());
    let store = store::open_for_delivery(settings, Arc::clone(&bell)).await?;
    let unopenable = |source| StartError::Store { url: settings.store.url.to_string(), source };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let taken_over = store.take_over(clock.now()).await.map_err(unopenable)?;
    if taken_over > 0 {
        tracing::info!(lanes = taken_over, "took over what another process had begun");
    }
    let remembered = store.destination().await.map_err(unopenable)?;

    let stop = Stop::default();
    let metrics = Arc::new(Metrics::new());
    let pulse = |name| Pulse::new(name, clock.steady());
    let dispatcher_pulse = pulse("the dispatcher");
    let check_pulse = pulse("the question about the workspace");
    let house_pulse = pulse("the housekeeping");
    let company_pulse = pulse("the talk with other relays");
    let pulses = [&dispatcher_pulse, &check_pulse, &house_pulse, &company_pulse];
    let pulses = pulses.into_iter().cloned().collect();
    let gate = Gate::new(gate_rules(settings), remembered.accepting, clock.now());
    let destination = Destination::new(gate, Arc::clone(&bell));
    let sender = Sender {
        client: client.clone(),
        store: Arc::clone(&store),
        clock: Arc::clone(&clock),
        random: Arc::new(SystemRandom),
        destination: destination.clone(),
        metrics: Arc::clone(&metrics),
        rules: retry_rules(settings),
    };
    let mut relay = [0; 16];
    getrandom::fill(&mut relay).map_err(|error| StartError::Randomness(error.to_string()))?;
    let sharers = Sharers::default();
    let company = KeepCompany {
        relay: Uuid::from_bytes(relay),
        store: Arc::clone(&store),
        destination: destination.clone(),
        sharers: sharers.clone(),
        clock: Arc::clone(&clock),
        pulse: company_pulse,
    };
    company.begin().await;
    let relay = company.relay;
    let dispatcher =
        Dispatcher::new(Arc::new(sender), dispatcher_rules(settings), sharers, dispatcher_pulse);
    let grace = settings.server.shutdown_grace;
    // Where the settings name a host, the region says nothing about it.
    let region = settings.customerio.base_url.is_none();
    let check = WorkspaceCheck {
        client,
        store: Arc::clone(&store),
        destination: destination.clone(),
        region: region.then(|| region_name(settings.customerio.region)),
        patience: settings.delivery.probe_every,
        timeout: settings.customerio.timeout,
        clock: Arc::clone(&clock),
        pulse: check_pulse,
    };
    let dispatching = dispatcher.run(stop.delivery.clone(), grace.saturating_sub(CLOSING));
    let asked_first = remembered.workspace.is_some();
    let dispatcher = tokio::spawn(check.beside(dispatching, asked_first, stop.delivery.clone()));

    let loops = TaskTracker::new();
    loops.spawn(company.run(stop.delivery.clone()));
    loops.spawn(keep_house(
        Arc::clone(&store),
        Arc::clone(&clock),
        settings.store.keep_payloads,
        relay,
        house_pulse,
        stop.delivery.clone(),
    ));

    let damage = Damage::default();
    // A server looks after its own disk.
    if let Some(file) = settings.store.url.file() {
        loops.spawn(soundness::watch(file.to_owned(), damage.clone(), stop.delivery.clone()));
    }

    let health = Health::new(Arc::clone(&store), Arc::clone(&clock), pulses, stop.http.clone());
    let trust = trust(&settings.growsurf);
    let ingest = Ingest::new(
        Arc::clone(&store),
        Arc::clone(&clock),
        Arc::new(SystemRandom),
        trust,
        settings.server.answer_timeout,
        bell,
    );
    let face = Face {
        ingest: Arc::new(ingest),
        store: Arc::clone(&store),
        metrics,
        destination,
        health: Arc::new(health),
        damage,
        clock,
        bodies: BodyLimits::new(
            settings.server.max_body,
            settings.server.body_timeout,
            settings.server.body_memory,
        ),
        trusted_proxies: settings.server.trusted_proxies.clone().into(),
        admin_token: settings.admin.token.clone().map(Arc::new),
    };
    let (address, operator_address) = (listener.1, operator_listener.as_ref().map(|it| it.1));
    let http = TaskTracker::new();
    let router = match operator_listener {
        Some((operators, _)) => {
            http.spawn(operators.serve(operator(face.clone(), false), stop.http.clone()));
            public(face)
        }
        None => operator(face, true),
    };
    http.spawn(listener.0.serve(router, stop.http.clone()));
    tracing::info!(%address, operator_address = ?operator_address, "the relay takes webhooks in");
    Ok(Running { address, operator_address, store, stop, http, loops, dispatcher, grace })
}

impl Running {
    /// Ends the relay in order, within the grace period: requests are finished, then deliveries
    /// finished or given back, then the store is closed.
    ///
    /// # Errors
    /// If the store can't be closed cleanly; what it acknowledged is kept all the same.
    pub async fn stop(self) -> Result<(), StoreError> {
        tracing::info!("stopping");
        let Self { store, stop, http, loops, dispatcher, grace, .. } = self;
        stop.http.cancel();
        http.close();
        // Claims stop at once; what the last requests queue is delivered after the next start.
        stop.delivery.cancel();
        loops.close();
        let requests = tokio::time::timeout(grace.saturating_sub(CLOSING), http.wait());
        // Before the store: whoever reads from its log keeps it from being emptied.
        let looking = tokio::time::timeout(CLOSING, loops.wait());
        let (requests, deliveries, _) = tokio::join!(requests, dispatcher, looking);
        if requests.is_err() {
            tracing::warn!("requests are still under way; giving them up");
        }
        if let Err(error) = deliveries {
            tracing::error!(%error, "the dispatcher ended unexpectedly");
        }
        let closed = tokio::time::timeout(CLOSING, store.close()).await;
        closed.unwrap_or_else(|_| {
            tracing::warn!("the store takes long to close; it recovers at the next start");
            Ok(())
        })?;
        tracing::info!("stopped");
        Ok(())
    }
}

async fn bind(
    address: SocketAddr,
    key: &'static str,
    limits: ListenerLimits,
) -> Result<(Listener, SocketAddr), StartError> {
    let fail = |source| StartError::Listen { address, key, source };
    let listener = Listener::bind(address, limits).await.map_err(fail)?;
    let bound = listener.address().map_err(fail)?;
    Ok((listener, bound))
}

fn gate_rules(settings: &Settings) -> GateRules {
    let delivery = &settings.delivery;
    GateRules {
        breaker_failures: delivery.breaker_failures,
        backoff_base: delivery.backoff_base,
        probe_every: delivery.probe_every,
    }
}

fn retry_rules(settings: &Settings) -> RetryRules {
    let delivery = &settings.delivery;
    RetryRules {
        backoff_base: delivery.backoff_base,
        backoff_cap: delivery.backoff_cap,
        give_up_after: delivery.give_up_after,
        batch_calls: delivery.batch_calls,
        timeout: settings.customerio.timeout,
    }
}

fn dispatcher_rules(settings: &Settings) -> DispatcherRules {
    let delivery = &settings.delivery;
    DispatcherRules {
        in_flight: delivery.in_flight,
        batch_calls: delivery.batch_calls,
        calls_per_second: settings.customerio.calls_per_second,
        lease: delivery.lease,
    }
}
