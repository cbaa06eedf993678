//! `/ui/parked`: the webhooks that lead to nothing known, by event and reason, and what can be done.

use askama::Template;
use axum::extract::{Form, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Serialize;
use serde_with::{DisplayFromStr, serde_as};

use super::UiState;
use super::failure::Failure;
use super::layout::{Before, Frame, Id, answer};
use super::redelivery::Confirmation;
use super::session::{Operator, Session};
use super::webhooks::{ROWS, older};
use crate::domain::{Act, Time, WebhookId};
use crate::ingest::{Replayed, replay_these};
use crate::inspect::{ParkedGroups, Show, WebhookView};
use crate::operate::{self, ParkedReplay, ReplayState};

/// The page's path.
const HERE: &str = "/ui/parked";

/// The name of all in the audit.
const ALL: &str = "all parked webhooks";

/// Returns the name of a webhook in the audit.
fn subject(id: WebhookId) -> String {
    format!("webhook {id}")
}

/// A replay of all as it is shown.
#[serde_as]
#[derive(Serialize)]
struct ReplayView {
    by: String,
    dry_run: bool,
    #[serde_as(as = "DisplayFromStr")]
    began: Time,
    #[serde_as(as = "Option<DisplayFromStr>")]
    ended: Option<Time>,
    state: ReplayState,
    total: u64,
    webhooks: usize,
    changed: usize,
    calls: usize,
    parked: usize,
    #[serde_as(as = "Vec<(DisplayFromStr, _)>")]
    reasons: Vec<(WebhookId, String)>,
    /// The result in words.
    text: String,
    is_over: bool,
}

impl From<ParkedReplay> for ReplayView {
    fn from(it: ParkedReplay) -> Self {
        let (text, is_over) = (it.headline(), it.is_over());
        let ParkedReplay { by, dry_run, began, ended, state, total, replayed, .. } = it;
        let Replayed { webhooks, changed, calls, parked, reasons } = replayed;
        Self {
            by,
            dry_run,
            began,
            ended,
            state,
            total,
            webhooks,
            changed,
            calls,
            parked,
            reasons,
            text,
            is_over,
        }
    }
}

#[derive(Template, Serialize)]
#[template(path = "parked.html", config = "src/ui/askama.toml")]
struct Page {
    #[serde(skip)]
    frame: Frame,
    total: u64,
    #[serde(flatten)]
    groups: ParkedGroups,
    parked: Vec<WebhookView>,
    before: Option<String>,
    /// The last replay of all of them.
    replay: Option<ReplayView>,
    /// True if one is under way.
    is_busy: bool,
    /// True if the last one showed what a replay would lead to.
    is_dry_run_done: bool,
}

/// Lists the webhooks that are parked.
pub async fn list(
    State(state): State<UiState>,
    session: Session,
    headers: HeaderMap,
    Query(page): Query<Before>,
) -> Result<Response, Failure> {
    let inspector = state.inspector(Show::Masked);
    let view = inspector.parked(page.before(), ROWS + 1).await?;
    let groups = inspector.parked_groups().await?;
    let replay = operate::last_replay(&state.app.store).await?;
    let is_busy = replay.as_ref().is_some_and(|it| !it.is_over());
    let is_done = |it: &ParkedReplay| it.dry_run && it.state == ReplayState::Done;
    let (parked, before) = older(view.parked);
    let page = Page {
        frame: Frame::of(&session, HERE),
        total: view.total,
        groups,
        before,
        parked,
        is_busy,
        is_dry_run_done: replay.as_ref().is_some_and(is_done),
        replay: replay.map(ReplayView::from),
    };
    Ok(answer(&headers, &page))
}

/// Begins a dry run of all.
pub async fn dry_run_all(state: State<UiState>, operator: Operator) -> Result<Response, Failure> {
    begin(state, operator, true).await
}

/// Begins to plan all again.
pub async fn replay_all(
    state: State<UiState>,
    operator: Operator,
    Form(confirmation): Form<Confirmation>,
) -> Result<Response, Failure> {
    confirmation.check()?;
    begin(state, operator, false).await
}

async fn begin(
    State(state): State<UiState>,
    Operator(_, actor): Operator,
    dry_run: bool,
) -> Result<Response, Failure> {
    let now = state.app.clock.now();
    let begun = operate::begin_replay(&state.app.store, &actor.name, dry_run, now).await?;
    let begun = begun
        .ok_or_else(|| Failure::new(StatusCode::NOT_FOUND, "No webhook is parked any more."))?;
    if begun.began != now || begun.by != actor.name {
        let detail = "Another replay isn't over. Wait for its end, or stop it.";
        return Err(Failure::new(StatusCode::CONFLICT, detail));
    }
    if !dry_run {
        let outcome = format!("begun, {} webhooks", begun.total);
        let _in_the_log = state.app.record(&actor, Act::Replay, ALL, &outcome).await;
    }
    state.tools.begun.notify_one();
    Ok(Redirect::to(HERE).into_response())
}

/// Stops the replay that is under way.
pub async fn stop(
    State(state): State<UiState>,
    Operator(_, actor): Operator,
) -> Result<Response, Failure> {
    if operate::stop_replay(&state.app.store, state.app.clock.now()).await?.is_some() {
        let _in_the_log = state.app.record(&actor, Act::Replay, ALL, "stopped").await;
    }
    Ok(Redirect::to(HERE).into_response())
}

/// Discards all for good.
pub async fn discard_all(
    State(state): State<UiState>,
    Operator(_, actor): Operator,
    Form(confirmation): Form<Confirmation>,
) -> Result<Response, Failure> {
    confirmation.check()?;
    let done = operate::discard_all_parked(&state.app.store).await?;
    let outcome = format!("{done} discarded");
    let _in_the_log = state.app.record(&actor, Act::Discard, ALL, &outcome).await;
    Ok(Redirect::to(HERE).into_response())
}

/// Discards one for good.
pub async fn discard(
    State(state): State<UiState>,
    Operator(_, actor): Operator,
    Path(id): Path<Id>,
) -> Result<Response, Failure> {
    let done = state.app.store.discard_parked(&[id.0]).await?;
    if done == 0 {
        return Err(Failure::new(StatusCode::NOT_FOUND, "No webhook of this id is parked."));
    }
    let _in_the_log = state.app.record(&actor, Act::Discard, &subject(id.0), "discarded").await;
    Ok(Redirect::to(HERE).into_response())
}

#[serde_as]
#[derive(Template, Serialize)]
#[template(path = "replayed.html", config = "src/ui/askama.toml")]
struct DryRun {
    #[serde(skip)]
    frame: Frame,
    #[serde_as(as = "DisplayFromStr")]
    webhook: WebhookId,
    /// The result in words.
    text: String,
    #[serde(flatten)]
    replayed: Replayed,
}

/// Shows what planning one webhook again would lead to.
pub async fn dry_run(
    State(state): State<UiState>,
    Operator(session, _): Operator,
    headers: HeaderMap,
    Path(id): Path<Id>,
) -> Result<Response, Failure> {
    let replayed = replay_one(&state, id.0, true).await?;
    let text = match replayed.calls {
        0 => "A replay would lead to no new call.".to_owned(),
        1 => "A replay would lead to 1 new call.".to_owned(),
        calls => format!("A replay would lead to {calls} new calls."),
    };
    let page = DryRun { frame: Frame::of(&session, "/ui/webhooks"), webhook: id.0, text, replayed };
    Ok(answer(&headers, &page))
}

/// Plans one webhook again.
pub async fn replay(
    State(state): State<UiState>,
    Operator(_, actor): Operator,
    Path(id): Path<Id>,
) -> Result<Response, Failure> {
    let Replayed { calls, .. } = replay_one(&state, id.0, false).await?;
    let outcome = format!("{calls} new calls");
    let _in_the_log = state.app.record(&actor, Act::Replay, &subject(id.0), &outcome).await;
    state.wake();
    Ok(Redirect::to(&format!("/ui/webhooks/{}", id.0)).into_response())
}

async fn replay_one(state: &UiState, id: WebhookId, dry_run: bool) -> Result<Replayed, Failure> {
    let (app, ids) = (&state.app, [id]);
    let these = replay_these(&app.store, &*app.clock, app.ingest.lookup(), &ids, dry_run);
    let (replayed, missing) = these.await?;
    if !missing.is_empty() {
        let detail = "There is no webhook of this id, or its body isn't kept any more.";
        return Err(Failure::new(StatusCode::NOT_FOUND, detail));
    }
    Ok(replayed)
}
