//! `/ui/people/{number}`: one person, with the timeline.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Serialize;

use super::UiState;
use super::failure::Failure;
use super::layout::{Before, Frame, answer};
use super::session::{Operator, Session};
use crate::domain::{Act, PersonId, WebhookId};
use crate::inspect::{PersonView, Show};

#[derive(Template, Serialize)]
#[template(path = "person.html", config = "src/ui/askama.toml")]
struct Page {
    #[serde(skip)]
    frame: Frame,
    answer: String,
    person: PersonView,
    is_revealed: bool,
}

/// Shows a person, masked.
pub async fn show(
    State(state): State<UiState>,
    session: Session,
    headers: HeaderMap,
    Path(number): Path<i64>,
    Query(page): Query<Before>,
) -> Result<Response, Failure> {
    let person = person(&state, Show::Masked, number, page.before()).await?;
    Ok(answer(&headers, &view(&session, person, false)))
}

/// Shows a person with address and ids. The answer to this post alone has them.
pub async fn reveal(
    State(state): State<UiState>,
    Operator(session, actor): Operator,
    headers: HeaderMap,
    Path(number): Path<i64>,
) -> Result<Response, Failure> {
    let person = person(&state, Show::Revealed, number, None).await?;
    state.app.record(&actor, Act::Reveal, &format!("person {number}"), "shown").await?;
    Ok(answer(&headers, &view(&session, person, true)))
}

async fn person(
    state: &UiState,
    show: Show,
    number: i64,
    before: Option<WebhookId>,
) -> Result<PersonView, Failure> {
    let inspector = state.inspector(show);
    let found = inspector.person_of_number(PersonId(number), before).await?;
    found.ok_or_else(|| {
        let detail = "There is no person of this number: it never existed, or was erased.";
        Failure::new(StatusCode::NOT_FOUND, detail)
    })
}

fn view(session: &Session, person: PersonView, is_revealed: bool) -> Page {
    Page { frame: Frame::of(session, "/ui/people"), answer: person.headline(), person, is_revealed }
}
