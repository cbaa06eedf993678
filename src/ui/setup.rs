//! `/ui/setup`: the last check as a list of what is done, to do, wrong and unknown. A click looks again.

use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use futures_util::future::BoxFuture;
use serde::Serialize;
use serde_with::{DisplayFromStr, serde_as};

use super::UiState;
use super::failure::Failure;
use super::layout::{Frame, answer};
use super::session::{Operator, Session};
use crate::domain::Time;
use crate::inspect::{CheckFinding, CheckOutcome, CheckReport, Grade, LastCheck, Missing};

/// The page's path.
const HERE: &str = "/ui/setup";

/// The longest look. What was found by then is kept.
const LONGEST: Duration = Duration::from_secs(20);

/// A function that looks, for at most a time, and returns what it found.
pub type Look = dyn Fn(Duration) -> BoxFuture<'static, CheckReport> + Send + Sync;

#[serde_as]
#[derive(Template, Serialize)]
#[template(path = "setup.html", config = "src/ui/askama.toml")]
struct Page {
    #[serde(skip)]
    frame: Frame,
    #[serde_as(as = "Option<DisplayFromStr>")]
    looked_at: Option<Time>,
    verdict: Option<CheckOutcome>,
    wrong: Vec<CheckFinding>,
    unknown: Vec<CheckFinding>,
    done: Vec<CheckFinding>,
    /// Events that can't arrive with these settings.
    to_do: Vec<Missing>,
}

/// Shows what the last look found.
pub async fn show(
    State(state): State<UiState>,
    session: Session,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let last = LastCheck::read(&state.app.store).await?;
    let (looked_at, report) = last.map(|it| (it.at, it.report)).unzip();
    let report = report.unwrap_or_default();
    let of = |grade| {
        let found = report.findings().iter().filter(|it| it.grade == grade);
        found.filter(|it| it.about != "arrival" || grade == Grade::Good).cloned().collect()
    };
    let page = Page {
        frame: Frame::of(&session, HERE),
        looked_at,
        verdict: looked_at.map(|_| report.verdict()),
        wrong: of(Grade::Bad),
        unknown: of(Grade::Note),
        done: of(Grade::Good),
        to_do: report.missing().to_vec(),
    };
    Ok(answer(&headers, &page))
}

/// Looks now.
pub async fn look(State(state): State<UiState>, _: Operator) -> Result<Response, Failure> {
    let Ok(_only_one) = state.looking.try_lock() else {
        let detail = "A look is under way. Wait for it, then open the page again.";
        return Err(Failure::new(StatusCode::CONFLICT, detail));
    };
    // The settings have a page of their own, for operators.
    let report = (state.tools.look)(LONGEST).await.without("setting");
    LastCheck { at: state.app.clock.now(), report }.write(&state.app.store).await?;
    Ok(Redirect::to(HERE).into_response())
}
