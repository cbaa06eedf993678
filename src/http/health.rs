//! Health and readiness.
//!
//! Healthy: the process lives and its loops make progress. Ready: it is healthy, the store accepts a
//! write, and the relay isn't draining. An outage of Customer.io changes neither.

use std::sync::{Arc, Mutex as SyncMutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use super::json::Json;
use super::openapi::{refusals, tags};
use super::problem::Problem;
use super::router::AppState;
use crate::delivery::{Heartbeat, Lateness};
use crate::domain::Clock;
use crate::ingest::IngestError;
use crate::store::{Store, StoreError, Writing};
use crate::telemetry::ErrorChain;

/// The time for which a commit proves that the store works, and the least time between probes.
const FRESH: Duration = Duration::from_secs(1);

/// The time for which a refused webhook makes the store unready, unless it accepts one meanwhile. A
/// probe is small: on a full disk it may fit where no webhook does.
const REFUSED: Duration = Duration::from_secs(10);

/// The time for a probe, after which the store counts as unable.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);

/// The silence of a loop, and the duration of one write, at which it counts as stalled.
const STALLED: Duration = Duration::from_secs(30);

/// The facts that decide health and readiness.
pub struct Health {
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    draining: CancellationToken,
    loops: Vec<Heartbeat>,
    late_warning: Duration,
    last_write: SyncMutex<Option<(Instant, Result<(), String>)>>,
    probe: Mutex<Option<(Instant, Result<(), String>)>>,
}

impl Health {
    /// Returns the checks of the store, the heartbeats of all loops and the drain. Warns while a call has
    /// waited for longer than `late_warning`.
    pub fn new(
        store: Arc<Store>,
        clock: Arc<dyn Clock>,
        loops: Vec<Heartbeat>,
        late_warning: Duration,
        draining: CancellationToken,
    ) -> Self {
        let last_write = SyncMutex::new(None);
        Self { store, clock, draining, loops, late_warning, last_write, probe: Mutex::new(None) }
    }

    /// Notes that the store has just committed a webhook.
    pub fn record_write(&self) {
        self.record(Ok(()));
    }

    /// Notes that a webhook wasn't accepted, if it was the store that refused it.
    pub fn record_refusal(&self, refusal: &IngestError) {
        let why = match refusal {
            IngestError::Store(error) => standby(error),
            IngestError::Slow(_) => "",
            _ => return,
        };
        self.record(Err(format!("the store has just refused a webhook{why}")));
    }

    fn record(&self, written: Result<(), String>) {
        let mut last = self.last_write.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some((self.clock.steady(), written));
    }

    /// Returns the result of the last webhook's write, while it counts.
    fn last_write(&self) -> Option<Result<(), String>> {
        let last = self.last_write.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (at, written) = last?;
        let ago = self.clock.steady().saturating_duration_since(at);
        let counts_for = if written.is_ok() { FRESH } else { REFUSED };
        (ago < counts_for).then_some(written)
    }

    fn is_fresh(&self, at: Instant) -> bool {
        self.clock.steady().saturating_duration_since(at) < FRESH
    }

    /// Returns the reason why the relay isn't alive, if it isn't.
    fn stalled(&self) -> Result<(), String> {
        let now = self.clock.steady();
        match self.store.writer_status() {
            Writing::Since(begun) if now.saturating_duration_since(begun) >= STALLED => {
                let seconds = now.saturating_duration_since(begun).as_secs();
                return Err(format!("the store has been busy with one write for {seconds} s"));
            }
            Writing::Ended if !self.draining.is_cancelled() => {
                return Err("the store has stopped writing".to_owned());
            }
            Writing::Idle | Writing::Since(_) | Writing::Ended => {}
        }
        for heartbeat in &self.loops {
            let name = heartbeat.name();
            match heartbeat.lateness(now) {
                Lateness::For(silence) if silence < STALLED => {}
                Lateness::For(silence) => {
                    let seconds = silence.as_secs();
                    return Err(format!("{name} has made no progress for {seconds} s"));
                }
                Lateness::Forever => return Err(format!("{name} has ended unexpectedly")),
            }
        }
        Ok(())
    }

    /// Returns the reason why the relay isn't ready, if it isn't.
    pub(crate) async fn unready(&self) -> Result<(), String> {
        if self.draining.is_cancelled() {
            return Err("the relay is shutting down".to_owned());
        }
        self.stalled()?;
        if let Some(written) = self.last_write() {
            return written;
        }
        // A request that waited for the lock reuses the answer of the one that held it.
        let mut probe = self.probe.lock().await;
        if let Some((at, answer)) = probe.as_ref()
            && self.is_fresh(*at)
        {
            return answer.clone();
        }
        let writing = self.store.probe(self.clock.now());
        let answer = match tokio::time::timeout(PROBE_TIMEOUT, writing).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                tracing::warn!(error = %ErrorChain(&error), "the store accepts no writes");
                Err(format!("the store accepts no writes{}", standby(&error)))
            }
            Err(_) => Err(format!("the store accepted no write within {PROBE_TIMEOUT:?}")),
        };
        *probe = Some((self.clock.steady(), answer.clone()));
        answer
    }
}

/// Returns the part of a reason that names a standby, which an operator has to replace.
fn standby(error: &StoreError) -> &'static str {
    match error {
        StoreError::Standby { .. } => ": its server is a read-only standby",
        _ => "",
    }
}

/// The state of a healthy relay.
#[derive(Serialize, ToSchema)]
pub(super) struct HealthBody {
    #[schema(examples("ready"))]
    status: HealthStatus,
    /// Faults that need an operator although the relay works. Absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    warnings: Vec<String>,
}

/// The state that was checked.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum HealthStatus {
    /// It is alive.
    Ok,
    /// It accepts webhooks.
    Ready,
}

/// Returns the health of the relay.
///
/// The process lives and its loops make progress. If not, restart it.
#[utoipa::path(
    get,
    path = "/healthz",
    operation_id = "check_liveness",
    tag = tags::HEALTH,
    responses((status = 200, description = "The relay is alive.", body = HealthBody), refusals::NotNow),
)]
pub async fn healthz(State(state): State<AppState>) -> Response {
    match state.health.stalled() {
        Ok(()) => {
            Json(HealthBody { status: HealthStatus::Ok, warnings: Vec::new() }).into_response()
        }
        Err(why) => Problem::unavailable(why, 1).into_response(),
    }
}

/// Returns the readiness of the relay.
///
/// The store accepts a write, the loops make progress, and the relay isn't draining. An outage of
/// Customer.io doesn't change it.
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "check_readiness",
    tag = tags::HEALTH,
    responses((status = 200, description = "The relay is ready.", body = HealthBody), refusals::NotNow),
)]
pub async fn readyz(State(state): State<AppState>) -> Response {
    ready(state).await
}

/// Returns the readiness of the relay, as `/readyz` does.
#[utoipa::path(
    get,
    path = "/health",
    operation_id = "check_health",
    tag = tags::HEALTH,
    responses((status = 200, description = "The relay is ready.", body = HealthBody), refusals::NotNow),
)]
pub async fn health(State(state): State<AppState>) -> Response {
    ready(state).await
}

async fn ready(state: AppState) -> Response {
    if let Err(why) = state.health.unready().await {
        return Problem::unavailable(why, 1).into_response();
    }
    let now = state.clock.now();
    let mut warnings = state.damage.tasks();
    if let Ok(stats) = state.store.stats().await
        && let Some(age) = stats.oldest_pending.map(|oldest| now.since(oldest))
        && age >= state.health.late_warning
    {
        let hours = age.as_secs() / 3600;
        warnings.push(format!(
            "the oldest pending call is {hours} hours old; from 72 on its event triggers nothing"
        ));
    }
    for (name, destination) in
        [("Customer.io", Some(&state.destination)), ("GrowSurf", state.growsurf.as_ref())]
    {
        if let Some(destination) = destination
            && let Some(reason) = destination.breaker().halted_by()
        {
            warnings.push(format!("{name} is halted: {reason}"));
        }
    }
    Json(HealthBody { status: HealthStatus::Ready, warnings }).into_response()
}

#[cfg(test)]
mod tests {
    use crate::clock::SystemClock;
    use crate::mapping::{Mapper, Rules};
    use crate::store::sqlite::{Options, SqliteStore};

    use super::*;

    #[tokio::test]
    async fn a_loop_that_ended_makes_the_relay_neither_healthy_nor_ready() {
        let folder = tempfile::tempdir().unwrap();
        let (path, planner) = (folder.path().join("relay.db"), Mapper::new(Rules::standard()));
        let options = Options::new([7; 32], SystemClock.now());
        let store = SqliteStore::open(&path, Arc::new(planner), options).await.unwrap();
        let heartbeat = Heartbeat::new("a loop", SystemClock.steady());
        let (loops, draining) = (vec![heartbeat.clone()], CancellationToken::new());
        let late = Duration::from_secs(1);
        let health = Health::new(Arc::new(store), Arc::new(SystemClock), loops, late, draining);
        health.record_write();
        assert_eq!((health.stalled(), health.unready().await), (Ok(()), Ok(())));

        let guard = heartbeat.guard();
        let panicking = std::thread::spawn(move || {
            let _held = guard;
            panic!("on purpose");
        });
        panicking.join().unwrap_err();
        let why = Err("a loop has ended unexpectedly".to_owned());
        assert_eq!((health.stalled(), health.unready().await), (why.clone(), why));
    }
}
