//! `/ui/redelivery`: all letters of a cause go back, one first. It is followed and stopped here.

use askama::Template;
use axum::extract::{Form, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::{Deserialize, Serialize};
use serde_with::{DisplayFromStr, serde_as};

use super::UiState;
use super::failure::Failure;
use super::layout::{Frame, answer};
use super::session::{Operator, Session};
use crate::domain::{Act, Time};
use crate::inspect::{LetterFilter, Show};
use crate::operate::{self, BeginError, First, Redelivery, RedeliveryState};

/// The page's path.
pub const HERE: &str = "/ui/redelivery";

/// The number of things from which on an act on all of them asks for the number itself.
pub const ASKS_FROM: u64 = 10;

/// The confirmation of an act on many things.
#[derive(Deserialize)]
pub struct Confirmation {
    /// The number of things that the page showed.
    shown: u64,
    /// The number that was typed.
    #[serde(default)]
    typed: String,
}

impl Confirmation {
    /// Checks that the number was typed, if there are many.
    ///
    /// # Errors
    /// A page that asks again.
    pub fn check(&self) -> Result<(), Failure> {
        let is_typed = self.typed.trim() == self.shown.to_string();
        if self.shown < ASKS_FROM || is_typed {
            return Ok(());
        }
        let detail = format!("Type {} to confirm, and try again.", self.shown);
        Err(Failure::new(StatusCode::UNPROCESSABLE_ENTITY, detail))
    }
}

/// A redelivery as it is shown.
#[serde_as]
#[derive(Clone, Debug, Serialize)]
pub struct RedeliveryView {
    cause: Option<String>,
    by: String,
    #[serde_as(as = "DisplayFromStr")]
    began: Time,
    #[serde_as(as = "Option<DisplayFromStr>")]
    ended: Option<Time>,
    state: RedeliveryState,
    letters: u64,
    put_back: u64,
    /// The result, as a sentence.
    pub(super) text: String,
    /// True if nothing more happens.
    pub(super) is_over: bool,
}

impl From<Redelivery> for RedeliveryView {
    fn from(it: Redelivery) -> Self {
        let (text, is_over) = (it.headline(), it.state.is_over());
        let Redelivery { cause, by, began, ended, state, letters, put_back, .. } = it;
        Self { cause, by, began, ended, state, letters, put_back, text, is_over }
    }
}

#[derive(Template, Serialize)]
#[template(path = "redelivery.html", config = "src/ui/askama.toml")]
struct Page {
    #[serde(skip)]
    frame: Frame,
    redelivery: Option<RedeliveryView>,
}

/// Shows the last redelivery.
pub async fn show(
    State(state): State<UiState>,
    session: Session,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let redelivery = operate::last(&state.app.store).await?.map(RedeliveryView::from);
    Ok(answer(&headers, &Page { frame: Frame::of(&session, "/ui/dead"), redelivery }))
}

/// Begins to put all letters of a cause back.
pub async fn begin(
    State(state): State<UiState>,
    Operator(_, actor): Operator,
    Path(cause): Path<String>,
    Form(confirmation): Form<Confirmation>,
) -> Result<Response, Failure> {
    confirm(&state, &cause, &confirmation).await?;
    let filter = LetterFilter { cause: Some(cause), lane: None };
    let now = state.app.clock.now();
    let begun = operate::begin(&state.app.store, &filter, &actor.name, First::Decides, now).await;
    let begun = begun.map_err(|error| match error {
        BeginError::Store(error) => error.into(),
        BeginError::UnderWay(_) => {
            let detail = "Another redelivery isn't over. Follow it, or stop it, in /ui/redelivery.";
            Failure::new(StatusCode::CONFLICT, detail)
        }
        BeginError::NoSuchCause(_) | BeginError::NoLetter => no_letter(),
    })?;
    let outcome = format!("begun, {} letters", begun.letters);
    let subject = of_cause(begun.cause.as_deref());
    let _in_the_log = state.app.record(&actor, Act::Redeliver, &subject, &outcome).await;
    state.tools.begun.notify_one();
    Ok(Redirect::to(HERE).into_response())
}

/// Stops the redelivery that is under way.
pub async fn stop(
    State(state): State<UiState>,
    Operator(_, actor): Operator,
) -> Result<Response, Failure> {
    let stopped = operate::stop(&state.app.store, state.app.clock.now()).await?;
    if let Some(stopped) = stopped {
        let outcome = format!("stopped, {} put back", stopped.put_back);
        let subject = of_cause(stopped.cause.as_deref());
        let _in_the_log = state.app.record(&actor, Act::Redeliver, &subject, &outcome).await;
    }
    Ok(Redirect::to(HERE).into_response())
}

/// Discards all letters of a cause for good.
pub async fn discard(
    State(state): State<UiState>,
    Operator(_, actor): Operator,
    Path(cause): Path<String>,
    Form(confirmation): Form<Confirmation>,
) -> Result<Response, Failure> {
    confirm(&state, &cause, &confirmation).await?;
    let filter = LetterFilter { cause: Some(cause), lane: None };
    let done = operate::discard_letters(&state.app.store, &filter).await?;
    if done == 0 {
        return Err(no_letter());
    }
    let (subject, outcome) = (of_cause(filter.cause.as_deref()), format!("{done} discarded"));
    let _in_the_log = state.app.record(&actor, Act::Discard, &subject, &outcome).await;
    Ok(Redirect::to("/ui/dead").into_response())
}

/// Checks a confirmation, and that a cause has no more letters than the page showed.
async fn confirm(state: &UiState, cause: &str, confirmation: &Confirmation) -> Result<(), Failure> {
    confirmation.check()?;
    let causes = state.inspector(Show::Masked).causes().await?.causes;
    let present = causes.iter().find(|it| it.cause == cause).map_or(0, |it| it.letters);
    let shown = confirmation.shown;
    if u64::try_from(present).is_ok_and(|present| present <= shown) {
        return Ok(());
    }
    let detail =
        format!("The cause has {present} letters now, and the page showed {shown}. Open it again.");
    Err(Failure::new(StatusCode::CONFLICT, detail))
}

fn no_letter() -> Failure {
    Failure::new(StatusCode::NOT_FOUND, "There is no dead letter of this cause any more.")
}

/// Returns the name of a cause's letters in the audit.
fn of_cause(cause: Option<&str>) -> String {
    format!("dead letters of cause {}", cause.unwrap_or("any"))
}
