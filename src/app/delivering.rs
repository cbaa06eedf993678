//! The part of a relay that delivers: in `serve`, and in a command that finds no relay running.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::{CLOSING, StartError, client, region_name};
use crate::clock::{SystemClock, SystemRandom};
use crate::config::Settings;
use crate::delivery::{
    Destination, Dispatcher, DispatcherRules, Gate, GateRules, KeepCompany, Pulse, RetryRules,
    Sender, Sharers, WorkspaceCheck, keep_house,
};
use crate::domain::Clock;
use crate::store::Store;
use crate::telemetry::Metrics;

/// What delivers, at work.
pub struct Delivering {
    /// Where it delivers to.
    pub destination: Destination,
    /// Where it is counted.
    pub metrics: Arc<Metrics>,
    /// Which relay this is.
    pub relay: Uuid,
    /// Whether its loops make progress.
    pub pulses: Vec<Pulse>,
    /// Ends with the last claim.
    pub dispatcher: JoinHandle<()>,
    /// The loops beside it.
    pub loops: TaskTracker,
}

impl Delivering {
    /// Begins to deliver from a store until `stop`. `bell` is rung when there is something new.
    ///
    /// # Errors
    /// See [`StartError`]; then nothing is left running.
    pub async fn begin(
        settings: &Settings,
        store: &Arc<dyn Store>,
        bell: &Arc<Notify>,
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
        let pulse = |name| Pulse::new(name, clock.steady());
        let dispatcher_pulse = pulse("the dispatcher");
        let check_pulse = pulse("the question about the workspace");
        let house_pulse = pulse("the housekeeping");
        let company_pulse = pulse("the talk with other relays");
        let pulses = [&dispatcher_pulse, &check_pulse, &house_pulse, &company_pulse];
        let pulses = pulses.into_iter().cloned().collect();
        let gate = Gate::new(gate_rules(settings), remembered.accepting, clock.now());
        let destination = Destination::new(gate, Arc::clone(bell));
        let sender = Sender {
            client: client.clone(),
            store: Arc::clone(store),
            clock: Arc::clone(&clock),
            random: Arc::new(SystemRandom),
            destination: destination.clone(),
            metrics: Arc::clone(&metrics),
            rules: retry_rules(settings),
        };
        let relay = relay_id()?;
        let sharers = Sharers::default();
        let company = KeepCompany {
            relay,
            store: Arc::clone(store),
            destination: destination.clone(),
            sharers: sharers.clone(),
            clock: Arc::clone(&clock),
            pulse: company_pulse,
        };
        company.begin().await;
        let rules = dispatcher_rules(settings);
        let dispatcher = Dispatcher::new(Arc::new(sender), rules, sharers, dispatcher_pulse);
        // Where the settings name a host, the region says nothing about it.
        let region = settings.customerio.base_url.is_none();
        let check = WorkspaceCheck {
            client,
            store: Arc::clone(store),
            destination: destination.clone(),
            region: region.then(|| region_name(settings.customerio.region)),
            patience: settings.delivery.probe_every,
            timeout: settings.customerio.timeout,
            clock: Arc::clone(&clock),
            pulse: check_pulse,
        };
        let grace = settings.server.shutdown_grace.saturating_sub(CLOSING);
        let dispatching = dispatcher.run(stop.clone(), grace);
        let asked_first = remembered.workspace.is_some();
        let dispatcher = tokio::spawn(check.beside(dispatching, asked_first, stop.clone()));
        let loops = TaskTracker::new();
        loops.spawn(company.run(stop.clone()));
        let keep = settings.store.keep_payloads;
        let house = keep_house(Arc::clone(store), clock, keep, relay, house_pulse, stop.clone());
        loops.spawn(house);
        Ok(Self { destination, metrics, relay, pulses, dispatcher, loops })
    }

    /// Waits until nothing is left to deliver that Customer.io takes now, or until `stop`. Tells how
    /// many calls are left.
    pub async fn drain(&self, store: &dyn Store, stop: &CancellationToken) -> u64 {
        loop {
            let pending = store.stats().await.map_or(u64::MAX, |stats| stats.pending);
            let is_refused = self.destination.halted_by().is_some();
            if pending == 0 || is_refused || stop.is_cancelled() {
                return pending;
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }
}

/// How often it is looked whether anything is left.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A new number for this process.
pub(super) fn relay_id() -> Result<Uuid, StartError> {
    let mut relay = [0; 16];
    getrandom::fill(&mut relay).map_err(|error| StartError::Randomness(error.to_string()))?;
    Ok(Uuid::from_bytes(relay))
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
