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

/// Returns the rows of a page, and the last of them if there are more. One row more than a page has shows that.
pub(super) fn older(mut webhooks: Vec<WebhookView>) -> (Vec<WebhookView>, Option<String>) {
    let has_more = webhooks.len() > ROWS;
    webhooks.truncate(ROWS);
    let before = webhooks.last().filter(|_| has_more).map(|last| last.id.to_string());
    (webhooks, before)
}

#[derive(Template, Serialize)]
#[template(path = "webhooks.html", config = "src/ui/askama.toml")]
struct List {
    #[serde(skip)]
    frame: Frame,
    webhooks: Vec<WebhookView>,
    /// The last of them, if there are more.
    before: Option<String>,
}

/// Lists the newest webhooks.
pub async fn list(
    State(state): State<UiState>,
    session: Session,
    headers: HeaderMap,
    Query(page): Query<Before>,
) -> Result<Response, Failure> {
    let recent = state.inspector(Show::Masked).recent(page.before(), ROWS + 1).await?;
    let (webhooks, before) = older(recent);
    let frame = Frame::of(&session, "/ui/webhooks");
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
    let Some(webhook) = inspector.webhook(id).await? else {
        let pruned = inspector.pruned_webhook(id).await?;
        let detail = pruned.unwrap_or("There is no webhook of this id.".to_owned());
        return Err(Failure::new(StatusCode::NOT_FOUND, detail));
    };
    let (body, _) = inspector.body(id).await?;
    let text = body.as_ref().map(|body| format!("{body:#}")).unwrap_or_default();
    let frame = Frame::of(session, "/ui/webhooks");
    let (answer, is_revealed) = (webhook.headline(), show == Show::Revealed);
    Ok(Page { frame, answer, webhook, body, text, is_revealed })
}
