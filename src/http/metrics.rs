//! `GET /metrics`.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::openapi::{refusals, tags};
use super::problem::Problem;
use super::router::AppState;
use crate::telemetry::{CONTENT_TYPE, ErrorChain, Gauges};

/// Returns the counters and the store's numbers as OpenMetrics text.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "get_metrics",
    tag = tags::HEALTH,
    responses(
        (status = 200, description = "The metrics.", body = String, content_type = CONTENT_TYPE),
        refusals::NotNow,
    ),
)]
pub async fn metrics(State(state): State<AppState>) -> Response {
    let stats = match state.store.stats().await {
        Ok(stats) => stats,
        Err(error) => {
            if state.refusals.is_logged("metrics") {
                tracing::warn!(error = %ErrorChain(&error), "can't read the store's numbers");
            }
            return Problem::unavailable("the store's numbers can't be read", 5).into_response();
        }
    };
    let now = state.clock.now();
    let age = stats.oldest_pending.map(|oldest| now.since(oldest));
    let gauges = Gauges {
        pending: stats.pending,
        oldest_pending_age: age.unwrap_or_default(),
        dead_letters: stats.dead,
        parked: stats.parked,
        damaged: !state.damage.tasks().is_empty(),
        destination: state.destination.breaker().state(now),
        growsurf: state.growsurf.as_ref().map(|growsurf| growsurf.breaker().state(now)),
    };
    let text = state.metrics.render(gauges);
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response()
}
