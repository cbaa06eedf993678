//! The part of a relay that delivers: in `serve`, and in a command that finds no relay running.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::{CLOSING, StartError, client};
use crate::clock::{SystemClock, SystemRandom};
use crate::config::Settings;
use crate::delivery::{
    CircuitBreaker, ClusterTask, CustomerIoTransport, Dispatcher, DispatcherRules,
    GrowSurfTransport, GuardedDestination, Heartbeat, ReplicaCount, Sender, TrafficCounter,
    Transport, WorkspaceCheck, run_retention,
};
use crate::domain::{Clock, Destination, Labelled};
use crate::store::Store;
use crate::telemetry::Metrics;

/// The parts that deliver, running.
pub struct DeliveryTasks {
    /// Customer.io.
    pub destination: GuardedDestination,
    /// GrowSurf, if anything may be written there.
    pub growsurf: Option<GuardedDestination>,
    /// The counters.
    pub metrics: Arc<Metrics>,
    /// The id of this relay.
    pub relay: Uuid,
    /// The heartbeats of its loops.
    pub heartbeats: Vec<Heartbeat>,
    /// End with the last claims.
    pub dispatchers: Vec<JoinHandle<()>>,
    /// The loops beside them.
    pub loops: TaskTracker,
    /// The relays that share the destinations' pace.
    pub replicas: ReplicaCount,
}

impl DeliveryTasks {
    /// Begins to deliver from a store until `stop`. `notify` is notified when there is something new.
    ///
    /// # Errors
    /// See [`StartError`]; then nothing is left running.
    pub async fn begin(
        settings: &Settings,
        store: &Arc<Store>,
        notify: &Arc<Notify>,
        stop: &CancellationToken,
    ) -> Result<Self, StartError> {
        let unopenable = |source| StartError::Store { url: settings.store.url.to_string(), source };
        let client = client(settings)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let taken_over = store.take_over(clock.now()).await.map_err(unopenable)?;
        if taken_over > 0 {
            tracing::info!(lanes = taken_over, "took over what another process had begun");
        }
        let remembered = store.destination().await.map_err(unopenable)?;
        let metrics = Arc::new(Metrics::new());
        let heartbeat = |name| Heartbeat::new(name, clock.steady());
        let dispatcher_heartbeat = heartbeat("the dispatcher");
        let check_heartbeat = heartbeat("the workspace check");
        let retention_heartbeat = heartbeat("retention");
        let cluster_heartbeat = heartbeat("the cluster task");
        let heartbeats =
            [&dispatcher_heartbeat, &check_heartbeat, &retention_heartbeat, &cluster_heartbeat];
        let heartbeats = heartbeats.into_iter().cloned().collect();
        let transport = CustomerIoTransport {
            client: client.clone(),
            clock: Arc::clone(&clock),
            batch_calls: settings.delivery.batch_calls,
            timeout: settings.customerio.timeout,
            metrics: Arc::clone(&metrics),
        };
        let to = (Destination::CustomerIo, remembered.accepting, Arc::clone(notify));
        let sender = sender(settings, store, &metrics, Arc::new(transport), to);
        let destination = sender.destination.clone();
        let relay = relay_id()?;
        let replicas = ReplicaCount::default();
        let company = ClusterTask {
            relay,
            store: Arc::clone(store),
            destination: destination.clone(),
            replicas: replicas.clone(),
            clock: Arc::clone(&clock),
            heartbeat: cluster_heartbeat,
        };
        company.begin().await;
        let rules = dispatcher_rules(settings);
        let dispatcher =
            Dispatcher::new(Arc::new(sender), rules, replicas.clone(), dispatcher_heartbeat);
        // Where the settings name a host, the region says nothing about it.
        let region = settings.customerio.base_url.is_none();
        let check = WorkspaceCheck {
            client,
            store: Arc::clone(store),
            destination: destination.clone(),
            region: region.then(|| settings.customerio.region.label()),
            retry_every: settings.delivery.retry.probe_every,
            timeout: settings.customerio.timeout,
            clock: Arc::clone(&clock),
            heartbeat: check_heartbeat,
        };
        let grace = settings.server.shutdown_grace.saturating_sub(CLOSING);
        let dispatching = dispatcher.run(stop.clone(), grace);
        let check_first = remembered.workspace.is_some();
        let dispatcher = tokio::spawn(check.guard(dispatching, check_first, stop.clone()));
        let loops = TaskTracker::new();
        let traffic = TrafficCounter {
            store: Arc::clone(store),
            metrics: Arc::clone(&metrics),
            clock: Arc::clone(&clock),
        };
        loops.spawn(traffic.run(stop.clone()));
        loops.spawn(company.run(stop.clone()));
        let keep = settings.store.keep;
        let house =
            run_retention(Arc::clone(store), clock, keep, relay, retention_heartbeat, stop.clone());
        loops.spawn(house);
        let (growsurf, dispatchers) = (None, vec![dispatcher]);
        Ok(Self { destination, growsurf, metrics, relay, heartbeats, dispatchers, loops, replicas })
    }

    /// Begins to deliver to GrowSurf as well.
    ///
    /// # Errors
    /// See [`StartError`]; then nothing of it is left running.
    pub async fn begin_back(
        &mut self,
        settings: &Settings,
        store: &Arc<Store>,
        transport: GrowSurfTransport,
        stop: &CancellationToken,
    ) -> Result<(), StartError> {
        let unopenable = |source| StartError::Store { url: settings.store.url.to_string(), source };
        let remembered = store.destination().await.map_err(unopenable)?;
        // Nobody rings: what is planned here is found when the store is looked into.
        let to = (Destination::GrowSurf, remembered.accepting_back, Arc::default());
        let sender = sender(settings, store, &self.metrics, Arc::new(transport), to);
        let destination = sender.destination.clone();
        let heartbeat = Heartbeat::new("the dispatcher to GrowSurf", SystemClock.steady());
        self.heartbeats.push(heartbeat.clone());
        let rules = DispatcherRules {
            in_flight: 1,
            batch_calls: 1,
            calls_per_second: f64::from(settings.feedback.writes_per_minute) / 60.0,
            // Nothing that pages post leads to GrowSurf.
            page_share: 1.0,
            lease: back_lease(settings.growsurf.timeout),
        };
        let dispatcher = Dispatcher::new(Arc::new(sender), rules, self.replicas.clone(), heartbeat);
        let grace = settings.server.shutdown_grace.saturating_sub(CLOSING);
        self.dispatchers.push(tokio::spawn(dispatcher.run(stop.clone(), grace)));
        self.growsurf = Some(destination);
        Ok(())
    }

    /// Waits until no call is left that Customer.io accepts now, or until `stop`. Returns the number of
    /// calls left.
    pub async fn drain(&self, store: &Store, stop: &CancellationToken) -> u64 {
        loop {
            let due = store.next_due(Destination::CustomerIo, true, SystemClock.now()).await;
            let is_refused = self.destination.breaker().halted_by().is_some();
            if matches!(due, Ok(None)) {
                return 0;
            }
            if is_refused || stop.is_cancelled() {
                return store.stats().await.map_or(u64::MAX, |stats| stats.pending);
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }
}

/// The time between two checks for calls that are left.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Returns a new number for this process.
pub(super) fn relay_id() -> Result<Uuid, StartError> {
    let mut relay = [0; 16];
    getrandom::fill(&mut relay).map_err(|error| StartError::Randomness(error.to_string()))?;
    Ok(Uuid::from_bytes(relay))
}

/// Makes what sends calls to a destination that has been available for so long.
fn sender(
    settings: &Settings,
    store: &Arc<Store>,
    metrics: &Arc<Metrics>,
    transport: Arc<dyn Transport>,
    (destination, available_for, notify): (Destination, Duration, Arc<Notify>),
) -> Sender {
    let rules = settings.delivery.retry;
    let breaker = CircuitBreaker::new(rules, available_for, SystemClock.now());
    Sender {
        transport,
        store: Arc::clone(store),
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
        destination: GuardedDestination::new(destination, breaker, notify),
        metrics: Arc::clone(metrics),
        rules,
    }
}

/// The longest wait of a write for GrowSurf's limits, after which its lane is released.
pub(super) const BACK_PATIENCE: Duration = Duration::from_secs(60);

/// Returns the length of a lease of a lane to GrowSurf. A call takes up to three requests, each of
/// which may wait for the limits and for another request of this process.
fn back_lease(timeout: Duration) -> Duration {
    3 * (BACK_PATIENCE + 2 * timeout)
}

fn dispatcher_rules(settings: &Settings) -> DispatcherRules {
    let delivery = &settings.delivery;
    DispatcherRules {
        in_flight: delivery.in_flight,
        batch_calls: delivery.batch_calls,
        calls_per_second: f64::from(settings.customerio.calls_per_second),
        page_share: f64::from(settings.page.pace_percent) / 100.0,
        lease: delivery.lease,
    }
}
