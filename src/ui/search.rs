//! `/ui/search`: one thing by its id or address. It is posted, so that no address stands in a URL.

use askama::Template;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::UiState;
use super::failure::Failure;
use super::layout::{Frame, html};
use super::session::Session;
use crate::inspect::{Found, Show};

/// The search form.
#[derive(Deserialize)]
pub struct Query {
    q: String,
}

#[derive(Template)]
#[template(path = "search.html", config = "src/ui/askama.toml")]
struct Page {
    frame: Frame,
    answer: String,
    searched: Vec<&'static str>,
    /// The path and the name of each thing that was found.
    found: Vec<(String, String)>,
}

/// Leads to the page of what was found; lists several things, or says that there is nothing.
pub async fn search(
    State(state): State<UiState>,
    session: Session,
    Form(Query { q }): Form<Query>,
) -> Result<Response, Failure> {
    let finding = state.inspector(Show::Masked).find(&q, None).await?;
    let mut found: Vec<(String, String)> = finding.found.iter().filter_map(link).collect();
    if found.len() == 1 && finding.found.len() == 1 {
        return Ok(Redirect::to(&found.remove(0).0).into_response());
    }
    let status = if found.is_empty() { StatusCode::NOT_FOUND } else { StatusCode::OK };
    let frame = Frame::of(&session, "/ui/search");
    let page = Page { frame, answer: finding.answer, searched: finding.searched, found };
    Ok(html(status, &page))
}

/// Returns the path of a thing's page, and the thing's name.
fn link(found: &Found) -> Option<(String, String)> {
    match found {
        Found::Person(person) => {
            Some((format!("/ui/people/{}", person.number?), person.identifier.clone()))
        }
        Found::Webhook(webhook) => {
            Some((format!("/ui/webhooks/{}", webhook.id), format!("webhook {}", webhook.id)))
        }
        Found::Event(event) => {
            Some((format!("/ui/events/{}", event.event_id), format!("event {}", event.event_id)))
        }
    }
}
