//! `/admin/effects`: an event that the relay planned, with its call and its messages.

use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::admin::unavailable;
use super::json::Json;
use super::openapi::{refusals, tags};
use super::problem::Problem;
use super::router::AppState;
use crate::domain::EventId;
use crate::inspect::EventView;

/// Shows an event with its call, the messages that it led to, and why it started no campaign. People are masked.
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
            description = "Its call, as long as that is kept, its messages, and why it started no campaign.",
            body = Object
        ),
        refusals::NoLetter,
    ),
    security(("admin_token" = [])),
)]
pub(super) async fn show(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Json<EventView>, Problem> {
    let event = EventId::try_from(id.to_ascii_uppercase()).map_err(|_error| {
        let detail = "this is no event id: 26 letters and digits, as Customer.io shows them";
        Problem::new(StatusCode::BAD_REQUEST, detail)
    })?;
    let found = state.inspector().event(event, None).await.map_err(unavailable)?;
    found.map(Json).ok_or_else(|| {
        let detail = format!("the relay never made an event {event}");
        Problem::new(StatusCode::NOT_FOUND, detail)
    })
}
