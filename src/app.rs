//! The composition root: settings become a running relay.
//!
//! What belongs here: making the parts, wiring them, and ending them in order. What doesn't:
//! anything a part could decide for itself.

mod acts;
mod check;
mod delivery;
mod descriptors;
mod growsurf;
mod inspection;
mod integrity_watch;
mod rules;
mod store;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::{SystemClock, SystemRandom};
use crate::config::Settings;
use crate::config::customerio::CustomerioSettings;
use crate::config::tokens::UiMode;
use crate::customerio::client::{Client, ClientConfig, ClientError};
use crate::delivery::{Heartbeat, Reporter};
use crate::domain::{Clock, Destination};
use crate::growsurf::rest::RestError;
use crate::http::{
    AppState, BodyLimits, Health, Listener, ListenerOptions, PagePosts, Tokens, operator, public,
};
use crate::ingest::{Ingest, ParticipantLookup};
use crate::inspect::Show;
use crate::store::copying::CopyError;
use crate::store::sqlite::BackupError;
use crate::store::{Damage, Store, StoreError};
use crate::sync::watch_lateness;
use crate::telemetry::Refusals;
use crate::ui::session::Sessions;
use crate::ui::{self, Tools, UiState};

pub use check::check;
pub use delivery::DeliveryTasks;
pub use growsurf::GrowsurfClients;
pub use inspection::{explainer, insights, inspector};
pub use rules::rules;
use rules::webhook_auth;
pub use store::{copy_store, file_options, open_existing_store, open_store, snapshot_store};

/// Reasons why the relay didn't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store can't be opened.
    #[error("can't open the store {url}")]
    Store {
        /// The store's address.
        url: String,
        /// The cause.
        #[source]
        source: StoreError,
    },
    /// A store can't be copied into another.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// A store can't be copied for a dry run.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// There is no store where the settings say.
    #[error("there is no store {url}; check store.url, which is relative to the working directory")]
    NoStore {
        /// The store's address.
        url: String,
    },
    /// An address can't be listened on.
    #[error("can't listen on {address} ({key})")]
    Listen {
        address: SocketAddr,
        /// The setting that names it.
        key: &'static str,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The client of Customer.io can't be made.
    #[error("can't set up the client of Customer.io")]
    Client(#[from] ClientError),
    /// The client of GrowSurf can't be made.
    #[error("can't set up the client of GrowSurf")]
    Growsurf(#[source] RestError),
    /// The settings hold no credentials.
    #[error("customerio.site_id and customerio.api_key are not set")]
    NoCredentials,
    /// The system gives no randomness for the store's secret.
    #[error("the system gives no random numbers: {0}")]
    Randomness(String),
}

/// A relay at work.
pub struct Running {
    /// The address for webhooks.
    pub address: SocketAddr,
    /// The address for operators, if it is another.
    pub operator_address: Option<SocketAddr>,
    store: Arc<Store>,
    stop: ShutdownTokens,
    http: TaskTracker,
    loops: TaskTracker,
    dispatchers: Vec<JoinHandle<()>>,
    grace: Duration,
}

/// The signals that end the parts, in the order in which they end.
#[derive(Clone, Default)]
struct ShutdownTokens {
    /// No new requests; those under way are finished.
    http: CancellationToken,
    /// No new claims; those under way are finished or given back.
    delivery: CancellationToken,
}

/// The longest wait for GrowSurf's limits; its longest limit spans an hour.
const LONGEST_WAIT: Duration = Duration::from_secs(2 * 60 * 60);

/// The time that a handler has besides reading the body and waiting for the store.
const HANDLER_REST: Duration = Duration::from_secs(10);

/// The part of the grace period that is kept for closing the store.
const CLOSING: Duration = Duration::from_secs(2);

/// Returns the client of the Customer.io that the settings name.
///
/// # Errors
/// [`StartError::NoCredentials`] or [`StartError::Client`].
pub fn client(settings: &Settings) -> Result<Client, StartError> {
    let credentials = settings.customerio.credentials();
    let (site_id, api_key) = credentials.ok_or(StartError::NoCredentials)?;
    let config = ClientConfig {
        base_url: base_url(&settings.customerio),
        site_id: site_id.to_owned(),
        api_key: api_key.clone(),
        timeout: settings.customerio.timeout,
        connections: settings.delivery.in_flight,
    };
    Ok(Client::new(config)?)
}

/// Returns the address of Customer.io: that of the settings, else the region's.
pub fn base_url(settings: &CustomerioSettings) -> url::Url {
    settings.base_url.clone().unwrap_or_else(|| settings.region.base_url())
}

/// Starts the relay.
///
/// # Errors
/// See [`StartError`]; then nothing is left running.
pub async fn start(settings: &Settings) -> Result<Running, StartError> {
    let connections = descriptors::connections(settings);
    let listener = bind(settings, settings.server.listen, "server.listen", connections).await?;
    let operator_listener = match settings.server.operator_listen {
        Some(address) => {
            let connections = connections.min(descriptors::OPERATORS);
            Some(bind(settings, address, "server.operator_listen", connections).await?)
        }
        None => None,
    };
    let notify = Arc::new(Notify::new());
    let store = store::open_for_delivery(settings, Arc::clone(&notify)).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let stop = ShutdownTokens::default();
    let growsurf_clients = settings.growsurf.has_api_key();
    let growsurf_clients = growsurf_clients
        .then(|| GrowsurfClients::new(settings, &store, LONGEST_WAIT))
        .transpose()?;
    let mut delivery = DeliveryTasks::begin(settings, &store, &notify, &stop.delivery).await?;
    if let Some(growsurf_clients) = &growsurf_clients {
        let transport = growsurf_clients.transport(settings);
        delivery.begin_back(settings, &store, transport, &stop.delivery).await?;
    }
    let DeliveryTasks {
        destination,
        growsurf,
        metrics,
        relay,
        mut heartbeats,
        dispatchers,
        loops,
        replicas,
    } = delivery;
    let grace = settings.server.shutdown_grace;
    let lookup = growsurf_clients.as_ref().map(|growsurf_clients| {
        growsurf_clients.lookup(settings, ParticipantLookup::TIMEOUT, &notify)
    });
    if let Some(growsurf_clients) = growsurf_clients {
        let periodic = growsurf_clients.periodic(settings, &notify, relay, Arc::clone(&metrics));
        let heartbeat = Heartbeat::new("the comparison with GrowSurf", clock.steady());
        heartbeats.push(heartbeat.clone());
        loops.spawn(supervise(heartbeat, periodic.run(stop.delivery.clone())));
    }
    if settings.insights.enabled {
        let heartbeat = Heartbeat::new("the sums of insights", clock.steady());
        heartbeats.push(heartbeat.clone());
        let insights = insights(settings, &store);
        let running = insights.run(relay, Arc::clone(&metrics), stop.delivery.clone());
        loops.spawn(supervise(heartbeat, running));
    }
    let reporter = Reporter {
        store: Arc::clone(&store),
        clock: Arc::clone(&clock),
        destinations: [Some((Destination::CustomerIo, destination.clone()))]
            .into_iter()
            .chain([growsurf.clone().map(|it| (Destination::GrowSurf, it))])
            .flatten()
            .collect(),
    };
    let heartbeat = Heartbeat::new("the reports of the destinations' states", clock.steady());
    heartbeats.push(heartbeat.clone());
    loops.spawn(supervise(heartbeat, reporter.run(stop.delivery.clone())));
    let (warning, shutdown) = (settings.delivery.late_warning, stop.delivery.clone());
    let heartbeat = Heartbeat::new("the watch for late calls", clock.steady());
    heartbeats.push(heartbeat.clone());
    let lateness = watch_lateness(Arc::clone(&store), Arc::clone(&clock), warning, shutdown);
    loops.spawn(supervise(heartbeat, lateness));

    let acting = Heartbeat::new("operators' acts", clock.steady());
    heartbeats.push(acting.clone());

    let refusals = Arc::new(Refusals::new(settings.log.refusals_per_minute));
    let (summing, shutdown) = (Arc::clone(&refusals), stop.delivery.clone());
    loops.spawn(async move { summing.run(shutdown).await });

    let damage = Damage::default();
    // A server looks after its own disk.
    if let Some(file) = settings.store.url.file() {
        loops.spawn(integrity_watch::watch(file.to_owned(), damage.clone(), stop.delivery.clone()));
    }

    let health = Health::new(
        Arc::clone(&store),
        Arc::clone(&clock),
        heartbeats,
        settings.delivery.late_warning,
        stop.http.clone(),
    );
    let auth = webhook_auth(settings);
    let ingest = Ingest::new(
        Arc::clone(&store),
        Arc::clone(&clock),
        Arc::new(SystemRandom),
        auth,
        settings.server.answer_timeout,
        notify,
    )
    .with_lookup(lookup);
    let bodies = BodyLimits::new(settings.server.bodies.clone(), Arc::clone(&metrics));
    let posts = || {
        Arc::new(PagePosts::new(&settings.page.posts, &bodies, replicas.clone(), clock.steady()))
    };
    let page = ingest.accepts_posts().then(posts);
    let state = AppState {
        ingest: Arc::new(ingest),
        inspector: Arc::new(inspector(settings, &store, Show::Masked)),
        store: Arc::clone(&store),
        metrics,
        refusals,
        destination,
        growsurf,
        health: Arc::new(health),
        damage,
        clock,
        bodies,
        trusted_proxies: settings.server.connections.trusted_proxies.clone().into(),
        admin_tokens: Tokens::new("admin.token", &settings.admin.tokens),
        api_tokens: Tokens::new("api.token", &settings.api.tokens),
        page,
    };
    let (task, tools) = acts::parts(settings, &state, relay);
    loops.spawn(supervise(acting, task.run(stop.delivery.clone())));
    let (address, operator_address) = (listener.1, operator_listener.as_ref().map(|it| it.1));
    let http = TaskTracker::new();
    let metrics = Arc::clone(&state.metrics);
    let router = match operator_listener {
        Some((operators, operators_at)) => {
            let metrics = Arc::clone(&state.metrics);
            let pages = pages(settings, &state, tools, operators_at);
            let router = ui::merged(operator(state.clone(), false), pages);
            http.spawn(operators.serve(router, metrics, stop.http.clone()));
            public(state)
        }
        None => {
            let pages = pages(settings, &state, tools, address);
            ui::merged(operator(state, true), pages)
        }
    };
    http.spawn(listener.0.serve(router, metrics, stop.http.clone()));
    tracing::info!(%address, operator_address = ?operator_address, "the relay accepts webhooks");
    Ok(Running { address, operator_address, store, stop, http, loops, dispatchers, grace })
}

impl Running {
    /// Ends the relay in order, within the grace period: requests are finished, then deliveries
    /// finished or given back, then the store is closed.
    ///
    /// # Errors
    /// If the store can't be closed cleanly; what it acknowledged is kept all the same.
    pub async fn stop(self) -> Result<(), StoreError> {
        tracing::info!("stopping");
        let Self { store, stop, http, loops, dispatchers, grace, .. } = self;
        stop.http.cancel();
        http.close();
        // Claims stop at once; what the last requests queue is delivered after the next start.
        stop.delivery.cancel();
        loops.close();
        let requests = tokio::time::timeout(grace.saturating_sub(CLOSING), http.wait());
        // Before the store: a reader keeps its log from being emptied.
        let looking = tokio::time::timeout(CLOSING, loops.wait());
        // They wait for the store, whose disk may hang.
        let latest = grace.saturating_sub(CLOSING / 2).max(CLOSING);
        let begun = Instant::now();
        let dispatchers = tokio::time::timeout(latest, futures_util::future::join_all(dispatchers));
        let (requests, deliveries, _) = tokio::join!(requests, dispatchers, looking);
        if requests.is_err() {
            tracing::warn!("requests are still under way; giving them up");
        }
        let deliveries = deliveries.unwrap_or_else(|_| {
            tracing::warn!("the store accepts no writes; leased calls wait until their leases end");
            Vec::new()
        });
        for error in deliveries.into_iter().filter_map(Result::err) {
            tracing::error!(%error, "a dispatcher ended unexpectedly");
        }
        let left = grace.saturating_sub(begun.elapsed()).max(CLOSING / 2);
        let closed = tokio::time::timeout(left, store.close()).await;
        closed.unwrap_or_else(|_| {
            tracing::warn!("the store takes long to close; it recovers at the next start");
            Ok(())
        })?;
        tracing::info!("stopped");
        Ok(())
    }
}

/// Returns the state of the operator's pages, if the settings have them on the listener at `address`.
fn pages(
    settings: &Settings,
    state: &AppState,
    tools: Tools,
    address: SocketAddr,
) -> Option<UiState> {
    let admin = &settings.admin;
    let is_on = match admin.ui {
        UiMode::Auto => settings.server.operator_listen.is_some() || address.ip().is_loopback(),
        UiMode::On => true,
        UiMode::Off => false,
    };
    let sessions = Sessions::new(&admin.tokens, &admin.view_tokens)?;
    let tokens = [&admin.tokens[..], &admin.view_tokens[..]].concat();
    let tokens = Tokens::new("admin.token", &tokens)?;
    is_on.then(|| UiState::new(state.clone(), tools, sessions, tokens))
}

/// Runs a loop that may be silent for any time; only its panic is reported.
async fn supervise(heartbeat: Heartbeat, running: impl Future<Output = ()>) {
    let _reports_panics = heartbeat.guard();
    heartbeat.suspend();
    running.await;
}

async fn bind(
    settings: &Settings,
    address: SocketAddr,
    key: &'static str,
    max_connections: usize,
) -> Result<(Listener, SocketAddr), StartError> {
    let fail = |source| StartError::Listen { address, key, source };
    let server = &settings.server;
    let options = ListenerOptions { max_connections, ..server.connections.clone() };
    let timeout = server.bodies.body_timeout + server.answer_timeout + HANDLER_REST;
    let listener = Listener::bind(address, options, timeout).await.map_err(fail)?;
    let bound = listener.address().map_err(fail)?;
    Ok((listener, bound))
}
