//! `/ui/calls`: the calls that wait, those that were planned first before the others.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::{Deserialize, Serialize};

use super::UiState;
use super::failure::Failure;
use super::layout::{Frame, answer};
use super::session::{Operator, Session};
use super::webhooks::ROWS;
use crate::domain::{Act, LaneId, Time};
use crate::inspect::{Show, WaitingCalls};
use crate::store::WaitingKey;

/// The page's path.
const HERE: &str = "/ui/calls";

/// The last call of the page before: its time of planning in microseconds, and its row.
#[derive(Deserialize)]
pub struct After {
    planned: Option<i64>,
    row: Option<i64>,
}

#[derive(Template, Serialize)]
#[template(path = "calls.html", config = "src/ui/askama.toml")]
struct Page {
    #[serde(skip)]
    frame: Frame,
    #[serde(flatten)]
    view: WaitingCalls,
    /// True if this isn't the first page.
    is_later: bool,
    /// The query of the next page, if there may be one.
    next: Option<String>,
}

/// Lists the calls that wait.
pub async fn list(
    State(state): State<UiState>,
    session: Session,
    headers: HeaderMap,
    Query(After { planned, row }): Query<After>,
) -> Result<Response, Failure> {
    let after = planned.zip(row);
    let after = after.map(|(at, row)| WaitingKey { planned_at: Time::from_micros(at), row });
    let view = state.inspector(Show::Masked).waiting(after, ROWS).await?;
    let last = view.calls.last().filter(|_| view.calls.len() == ROWS);
    let next = last.map(|it| {
        let WaitingKey { planned_at, row } = it.place;
        format!("?planned={}&row={row}", planned_at.micros())
    });
    let (frame, is_later) = (Frame::of(&session, HERE), after.is_some());
    Ok(answer(&headers, &Page { frame, view, is_later, next }))
}

/// Makes a lane due that waits for its next try.
pub async fn release(
    State(state): State<UiState>,
    Operator(_, actor): Operator,
    Path(lane): Path<i64>,
) -> Result<Response, Failure> {
    if !state.app.store.release_wait(LaneId(lane), state.app.clock.now()).await? {
        let detail = "This lane doesn't wait: it is due, under way, or has no calls any more.";
        return Err(Failure::new(StatusCode::CONFLICT, detail));
    }
    let subject = format!("lane {lane}");
    let _in_the_log = state.app.record(&actor, Act::Release, &subject, "due now").await;
    state.wake();
    Ok(Redirect::to(HERE).into_response())
}
