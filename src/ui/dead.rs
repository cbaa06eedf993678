//! `/ui/dead`: dead letters by cause, one cause, and one letter with what can be done.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::{Deserialize, Serialize};

use super::UiState;
use super::failure::Failure;
use super::layout::{Frame, answer};
use super::redelivery::RedeliveryView;
use super::session::{Operator, Session};
use crate::domain::{Act, DeliveryId};
use crate::inspect::{AttemptView, Cause, CausesView, LetterFilter, LetterView, LettersView, Show};
use crate::operate;
use crate::store::DeadLetters;

/// Rows of a list.
const ROWS: usize = 50;

/// The place in the menu.
const HERE: &str = "/ui/dead";

#[derive(Template, Serialize)]
#[template(path = "causes.html", config = "src/ui/askama.toml")]
struct CausesPage {
    #[serde(skip)]
    frame: Frame,
    #[serde(flatten)]
    view: CausesView,
}

/// Shows the causes.
pub async fn causes(
    State(state): State<UiState>,
    session: Session,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let view = state.inspector(Show::Masked).causes().await?;
    Ok(answer(&headers, &CausesPage { frame: Frame::of(&session, HERE), view }))
}

/// The page of a list.
#[derive(Deserialize)]
pub struct Before {
    before: Option<i64>,
}

#[derive(Template, Serialize)]
#[template(path = "cause.html", config = "src/ui/askama.toml")]
struct Letters {
    #[serde(skip)]
    frame: Frame,
    cause: String,
    /// The cause, if it is among those of the newest letters.
    about: Option<Cause>,
    /// The redelivery that isn't over.
    under_way: Option<RedeliveryView>,
    #[serde(flatten)]
    view: LettersView,
}

/// Lists the letters of a cause.
pub async fn cause(
    State(state): State<UiState>,
    session: Session,
    headers: HeaderMap,
    Path(cause): Path<String>,
    Query(Before { before }): Query<Before>,
) -> Result<Response, Failure> {
    let filter = LetterFilter { cause: Some(cause.clone()), lane: None };
    let inspector = state.inspector(Show::Masked);
    let view = inspector.letters(&filter, before.map(DeliveryId), ROWS).await?;
    if view.letters.is_empty() && before.is_none() && view.before.is_none() {
        let detail = "There is no dead letter of this cause any more.";
        return Err(Failure::new(StatusCode::NOT_FOUND, detail));
    }
    let about = inspector.causes().await?.causes.into_iter().find(|it| it.cause == cause);
    let under_way = operate::last(&state.app.store).await?.filter(|it| !it.state.is_over());
    let under_way = under_way.map(RedeliveryView::from);
    let frame = Frame::of(&session, HERE);
    Ok(answer(&headers, &Letters { frame, cause, about, under_way, view }))
}

#[derive(Template, Serialize)]
#[template(path = "letter.html", config = "src/ui/askama.toml")]
struct Letter {
    #[serde(skip)]
    frame: Frame,
    letter: LetterView,
    attempts: Vec<AttemptView>,
    /// The call as it is shown.
    #[serde(skip)]
    text: String,
    is_revealed: bool,
}

/// Shows a dead letter, masked.
pub async fn letter(
    State(state): State<UiState>,
    session: Session,
    headers: HeaderMap,
    Path(id): Path<i64>,
) -> Result<Response, Failure> {
    Ok(answer(&headers, &page(&state, &session, Show::Masked, id).await?))
}

/// Shows a dead letter with everything in it. The answer to this post alone does.
pub async fn reveal(
    State(state): State<UiState>,
    Operator(session, actor): Operator,
    headers: HeaderMap,
    Path(id): Path<i64>,
) -> Result<Response, Failure> {
    let page = page(&state, &session, Show::Revealed, id).await?;
    state.app.record(&actor, Act::Reveal, &subject(id), "shown").await?;
    Ok(answer(&headers, &page))
}

/// Puts a dead letter back.
pub async fn redeliver(
    State(state): State<UiState>,
    Operator(_, actor): Operator,
    Path(id): Path<i64>,
) -> Result<Response, Failure> {
    let which = DeadLetters::These(vec![DeliveryId(id)]);
    let done = state.app.store.redeliver(which, state.app.clock.now()).await?;
    let outcome = if done == 0 { "not found" } else { "put back" };
    let _in_the_log = state.app.record(&actor, Act::Redeliver, &subject(id), outcome).await;
    state.wake();
    after(done)
}

/// Discards a dead letter for good.
pub async fn discard(
    State(state): State<UiState>,
    Operator(_, actor): Operator,
    Path(id): Path<i64>,
) -> Result<Response, Failure> {
    let done = state.app.store.discard(DeadLetters::These(vec![DeliveryId(id)])).await?;
    let outcome = if done == 0 { "not found" } else { "discarded" };
    let _in_the_log = state.app.record(&actor, Act::Discard, &subject(id), outcome).await;
    after(done)
}

/// Returns the name of a dead letter in the audit.
fn subject(id: i64) -> String {
    format!("dead letter {id}")
}

/// Leads back to the causes after something was done.
fn after(done: usize) -> Result<Response, Failure> {
    if done == 0 {
        return Err(not_found());
    }
    Ok(Redirect::to(HERE).into_response())
}

async fn page(state: &UiState, session: &Session, show: Show, id: i64) -> Result<Letter, Failure> {
    let found = state.inspector(show).letter(DeliveryId(id)).await?;
    let (letter, attempts) = found.ok_or_else(not_found)?;
    let (text, is_revealed) = (format!("{:#}", letter.body), show == Show::Revealed);
    Ok(Letter { frame: Frame::of(session, HERE), letter, attempts, text, is_revealed })
}

fn not_found() -> Failure {
    let detail = "There is no dead letter of this number: it was redelivered or discarded.";
    Failure::new(StatusCode::NOT_FOUND, detail)
}
