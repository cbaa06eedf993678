//! `/ui/webhooks` and `/ui/webhooks/{id}`: the newest webhooks, and one with what it led to.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;

use super::UiState;
use super::failure::Failure;
use super::layout::{Before, Frame, Id, answer};
use super::session::{Operator, Session};
use crate::domain::{Act, WebhookId};
use crate::inspect::{Show, WebhookView};

/// Rows of a list.
pub(super) const ROWS: usize = 50;

/// Returns the last webhook of a list, if there may be more.
pub(super) fn older(webhooks: &[WebhookView]) -> Option<String> {
    let last = webhooks.last().filter(|_| webhooks.len() == ROWS);
    last.map(|last| last.id.to_string())
}

#[derive(Template, Serialize)]
#[template(path = "webhooks.html", config = "src/ui/askama.toml")]
struct List {
    #[serde(skip)]
    frame: Frame,
    webhooks: Vec<WebhookView>,
    /// The last of them, if there may be more.
    before: Option<String>,
}

/// Lists the newest webhooks.
pub async fn list(
    State(state): State<UiState>,
    session: Session,
    headers: HeaderMap,
    Query(page): Query<Before>,
) -> Result<Response, Failure> {
    let webhooks = state.inspector(Show::Masked).recent(page.before(), ROWS).await?;
    let (frame, before) = (Frame::of(&session, "/ui/webhooks"), older(&webhooks));
    Ok(answer(&headers, &List { frame, webhooks, before }))
}

#[derive(Template, Serialize)]
#[template(path = "webhook.html", config = "src/ui/askama.toml")]
struct Page {
    #[serde(skip)]
    frame: Frame,
    answer: String,
    webhook: WebhookView,
    body: Option<Value>,
    /// The body as it is shown.
    #[serde(skip)]
    text: String,
    is_revealed: bool,
}

/// Shows a webhook, its body masked.
pub async fn show(
    State(state): State<UiState>,
    session: Session,
    headers: HeaderMap,
    Path(id): Path<Id>,
) -> Result<Response, Failure> {
    Ok(answer(&headers, &view(&state, &session, Show::Masked, id.0).await?))
}

/// Shows a webhook as it came. The answer to this post alone does.
pub async fn reveal(
    State(state): State<UiState>,
    Operator(session, actor): Operator,
    headers: HeaderMap,
    Path(id): Path<Id>,
) -> Result<Response, Failure> {
    let page = view(&state, &session, Show::Revealed, id.0).await?;
    state.app.record(&actor, Act::Reveal, &format!("webhook {}", id.0), "shown").await?;
    Ok(answer(&headers, &page))
}

async fn view(
    state: &UiState,
    session: &Session,
    show: Show,
    id: WebhookId,
) -> Result<Page, Failure> {
    let inspector = state.inspector(show);
    let webhook = inspector
        .webhook(id)
        .await?
        .ok_or_else(|| Failure::new(StatusCode::NOT_FOUND, "There is no webhook of this id."))?;
    let (body, _) = inspector.body(id).await?;
    let text = body.as_ref().map(|body| format!("{body:#}")).unwrap_or_default();
    let frame = Frame::of(session, "/ui/webhooks");
    let (answer, is_revealed) = (webhook.headline(), show == Show::Revealed);
    Ok(Page { frame, answer, webhook, body, text, is_revealed })
}
