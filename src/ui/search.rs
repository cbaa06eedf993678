//! `/ui/search`: one thing by its id or address. It is posted, so that no address stands in a URL.

use askama::Template;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::{Deserialize, Serialize};

use super::UiState;
use super::failure::Failure;
use super::layout::{Frame, html, wants_json};
use super::session::Session;
use crate::http::json::Json;
use crate::inspect::{Found, Show};

/// The search form.
#[derive(Deserialize)]
pub struct Query {
    q: String,
}

#[derive(Template, Serialize)]
#[template(path = "search.html", config = "src/ui/askama.toml")]
struct Page {
    #[serde(skip)]
    frame: Frame,
    answer: String,
    searched: Vec<&'static str>,
    found: Vec<Link>,
}

/// A thing that was found.
#[derive(Serialize)]
struct Link {
    /// The path of its page.
    path: String,
    name: String,
}

/// Leads to the page of what was found; lists several things, or says that there is nothing.
pub async fn search(
    State(state): State<UiState>,
    session: Session,
    headers: HeaderMap,
    Form(Query { q }): Form<Query>,
) -> Result<Response, Failure> {
    let finding = state.inspector(Show::Masked).find(&q, None).await?;
    let found: Vec<Link> = finding.found.iter().filter_map(Link::of).collect();
    if let ([only], 1, false) = (&found[..], finding.found.len(), wants_json(&headers)) {
        return Ok(Redirect::to(&only.path).into_response());
    }
    let status = if found.is_empty() { StatusCode::NOT_FOUND } else { StatusCode::OK };
    let frame = Frame::of(&session, "/ui/search");
    let page = Page { frame, answer: finding.answer, searched: finding.searched, found };
    if wants_json(&headers) {
        return Ok((status, Json(page)).into_response());
    }
    Ok(html(status, &page))
}

impl Link {
    /// Returns the link to a thing's page; `None` if it has none.
    fn of(found: &Found) -> Option<Self> {
        let (path, name) = match found {
            Found::Person(person) => {
                (format!("/ui/people/{}", person.number?), person.identifier.clone())
            }
            Found::Webhook(it) => (format!("/ui/webhooks/{}", it.id), format!("webhook {}", it.id)),
            Found::Event(event) => {
                let id = event.event_id;
                (format!("/ui/events/{id}"), format!("event {id}"))
            }
        };
        Some(Self { path, name })
    }
}
