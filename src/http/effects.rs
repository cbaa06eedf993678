//! `/admin/effects`: the deliveries of an event that the relay sent, and its messages.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::admin::unavailable;
use super::json::Json;
use super::openapi::{refusals, tags};
use super::problem::Problem;
use super::router::AppState;
use crate::domain::{Call, EventId, Labelled, Time};
use crate::store::{CallStatus, MessageStatus};

/// Shows the deliveries of an event, and the messages that it led to.
#[utoipa::path(
    get,
    path = "/effects/{id}",
    operation_id = "show_effect",
    tag = tags::ADMIN,
    params((
        "id" = String,
        Path,
        description = "The event's id, as Customer.io shows it.",
        pattern = "^[0-7][0-9A-HJKMNP-TV-Z]{25}$"
    )),
    responses(
        (
            status = 200,
            description = "The calls that carry it, as long as they are kept, and its messages.",
            body = Object
        ),
        refusals::NoLetter,
    ),
    security(("admin_token" = [])),
)]
pub(super) async fn show(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let event = EventId::try_from(id.to_ascii_uppercase()).map_err(|_error| {
        let detail = "this is no event id: 26 letters and digits, as Customer.io shows them";
        Problem::new(StatusCode::BAD_REQUEST, detail)
    })?;
    let found = state.store.effect(event, state.clock.now()).await.map_err(unavailable)?;
    let effect = found.ok_or_else(|| {
        let detail = format!("the relay never made an event {event}");
        Problem::new(StatusCode::NOT_FOUND, detail)
    })?;
    Ok(Json(json!({
        "event_id": event.to_string(),
        "deliveries": effect.calls.iter().map(carrier).collect::<Value>(),
        "messages": effect.messages.iter().map(message).collect::<Value>(),
    })))
}

fn carrier(carrier: &CallStatus) -> Value {
    let happened_at = carrier.call.as_ref().and_then(Call::happened_at);
    json!({
        "id": carrier.delivery.0,
        "state": carrier.state.label(),
        "call": carrier.kind(),
        "event": carrier.event_name(),
        "happened_at": happened_at.map(|at| at.to_string()),
        "planned_at": carrier.planned_at.to_string(),
        "ended_at": carrier.ended_at().map(|at| at.to_string()),
    })
}

fn message(sent: &MessageStatus) -> Value {
    let (source, source_id) = sent.sender.clone().unzip();
    let metric = |(metric, at): &(String, Time)| json!({ "metric": metric, "at": at.to_string() });
    json!({
        "delivery_id": sent.delivery,
        "channel": sent.channel,
        "message_source": source,
        "message_source_id": source_id,
        "metrics": sent.metrics.iter().map(metric).collect::<Value>(),
    })
}
