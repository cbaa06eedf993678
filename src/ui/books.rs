//! `/ui/books`: everything that came and what became of it, as a page and as CSV.

use askama::Template;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;

use super::UiState;
use super::csv::Csv;
use super::failure::Failure;
use super::layout::{Frame, answer};
use super::session::Session;
use crate::inspect::{BooksView, Show};

/// The page's path.
const HERE: &str = "/ui/books";

#[derive(Template, Serialize)]
#[template(path = "books.html", config = "src/ui/askama.toml")]
struct Page {
    #[serde(skip)]
    frame: Frame,
    #[serde(flatten)]
    view: BooksView,
}

/// Shows the books.
pub async fn show(
    State(state): State<UiState>,
    session: Session,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let view = state.inspector(Show::Masked).books().await?;
    Ok(answer(&headers, &Page { frame: Frame::of(&session, HERE), view }))
}

/// Returns the books as CSV, a line a number.
pub async fn csv(State(state): State<UiState>, _session: Session) -> Result<Response, Failure> {
    let view = state.inspector(Show::Masked).books().await?;
    let mut csv = Csv::new(&["book", "line", "relay", "growsurf", "reason", "as_of"]);
    let at = view.at.to_string();
    let mut line = |book: &str, line: &str, number: u64| {
        csv.row(&[book, line, &number.to_string(), "", "", &at]);
    };
    line("webhooks", "received", view.books.received);
    view.webhooks().into_iter().for_each(|(name, number)| line("webhooks", name, number));
    line("calls", "planned", view.books.planned);
    view.calls().into_iter().for_each(|(name, number)| line("calls", name, number));
    for it in &view.campaigns {
        let at = it.compared_at.map(|at| at.to_string()).unwrap_or_default();
        for (name, growsurf, relay) in it.lines() {
            csv.row(&[&it.campaign, name, &relay.to_string(), &growsurf.to_string(), "", &at]);
        }
        for other in &it.differences {
            let who = other.participant.as_deref().unwrap_or("several");
            let name = format!("difference in {} of {who}", other.what);
            let (relay, growsurf) = (other.relay.to_string(), other.growsurf.to_string());
            csv.row(&[&it.campaign, &name, &relay, &growsurf, &other.why, &at]);
        }
    }
    Ok(csv.answer("books.csv"))
}
