//! `/ui/explain`: what a pasted body would lead to. Nothing is stored or sent.

use askama::Template;
use axum::extract::{Form, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::UiState;
use super::failure::Failure;
use super::layout::{Frame, answer};
use super::session::{Role, Session};
use crate::domain::Source;
use crate::explain::Explanation;
use crate::inspect::Show;

/// The page's path.
const HERE: &str = "/ui/explain";

/// Senders of bodies, and their words.
const SOURCES: [(&str, &str); 5] = [
    ("", "guessed by the shape"),
    ("growsurf", "GrowSurf"),
    ("customerio_report", "Customer.io, a report"),
    ("customerio_action", "Customer.io, a webhook action"),
    ("server", "your backend"),
];

/// The form.
#[derive(Deserialize)]
pub struct Pasted {
    body: String,
    #[serde(default)]
    source: String,
    /// `known` for the answer of this relay, anything else for that of a fresh one.
    #[serde(default)]
    with: String,
}

#[derive(Template, Serialize)]
#[template(path = "explain.html", config = "src/ui/askama.toml")]
struct Page {
    #[serde(skip)]
    frame: Frame,
    #[serde(skip)]
    sources: [(&'static str, &'static str); 5],
    #[serde(skip)]
    source: String,
    #[serde(skip)]
    body: String,
    is_known: bool,
    #[serde(flatten)]
    explanation: Option<Explanation>,
}

/// Shows the form.
pub async fn form(session: Session, headers: HeaderMap) -> Response {
    answer(
        &headers,
        &Page {
            frame: Frame::of(&session, HERE),
            sources: SOURCES,
            source: String::new(),
            body: String::new(),
            is_known: false,
            explanation: None,
        },
    )
}

/// Explains a body. What the store knows of people is masked; what was pasted isn't for operators.
pub async fn explain(
    State(state): State<UiState>,
    session: Session,
    headers: HeaderMap,
    Form(pasted): Form<Pasted>,
) -> Result<Response, Failure> {
    let (now, is_known) = (state.app.clock.now(), pasted.with == "known");
    let source = pasted.source.parse::<Source>().ok();
    let (explainer, body) = (&state.tools.explainer, pasted.body.as_bytes());
    let explanation = if is_known {
        explainer.with_known(&state.app.store, body, source, now, Show::Masked).await?
    } else {
        let may_see = session.role == Role::Operate;
        let show = if may_see { Show::Revealed } else { Show::Masked };
        explainer.alone(body, source, now, show)
    };
    let page = Page {
        frame: Frame::of(&session, HERE),
        sources: SOURCES,
        source: pasted.source,
        body: pasted.body,
        is_known,
        explanation: Some(explanation),
    };
    Ok(answer(&headers, &page))
}
