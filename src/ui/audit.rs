//! `/ui/audit`: who did what, the newest first. Only operators see it.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::UiState;
use super::failure::Failure;
use super::layout::{Frame, answer};
use super::session::Operator;
use crate::inspect::{AuditView, Show};

/// Rows of a page.
const ROWS: usize = 50;

#[derive(Template, Serialize)]
#[template(path = "audit.html", config = "src/ui/askama.toml")]
struct Page {
    #[serde(skip)]
    frame: Frame,
    #[serde(flatten)]
    view: AuditView,
}

/// The last record of the page before.
#[derive(Deserialize)]
pub struct Before {
    before: Option<i64>,
}

/// Lists the records.
pub async fn list(
    State(state): State<UiState>,
    Operator(session, _): Operator,
    headers: HeaderMap,
    Query(Before { before }): Query<Before>,
) -> Result<Response, Failure> {
    let view = state.inspector(Show::Masked).audit(before, ROWS).await?;
    Ok(answer(&headers, &Page { frame: Frame::of(&session, "/ui/audit"), view }))
}
