//! `/ui/events/{id}`: one event, and why it started no campaign.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Serialize;

use super::UiState;
use super::failure::Failure;
use super::layout::{Frame, answer};
use super::session::Session;
use crate::domain::EventId;
use crate::inspect::{EventView, Show};

#[derive(Template, Serialize)]
#[template(path = "event.html", config = "src/ui/askama.toml")]
struct Page {
    #[serde(skip)]
    frame: Frame,
    answer: String,
    event: EventView,
}

pub async fn show(
    State(state): State<UiState>,
    session: Session,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let missing =
        || Failure::new(StatusCode::NOT_FOUND, "The relay never made an event of this id.");
    let id = EventId::try_from(id.to_ascii_uppercase()).map_err(|_error| missing())?;
    let event = state.inspector(Show::Masked).event(id, None).await?.ok_or_else(missing)?;
    let name = event.name.as_deref().unwrap_or("The event");
    let answer_text = format!("{name} {}.", event.outcome());
    let page = Page { frame: Frame::of(&session, "/ui/events"), answer: answer_text, event };
    Ok(answer(&headers, &page))
}
