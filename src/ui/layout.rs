//! The frame around every page, and the form that an answer takes: HTML for people, JSON for programs.

use askama::Template;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_with::{DisplayFromStr, serde_as};

use super::assets::{Asset, ICON, SCRIPT, STYLE};
use super::session::{Role, Session};
use crate::domain::WebhookId;
use crate::domain::characters::escape_lines;
use crate::http::json::Json;

/// The content of the frame around a page.
#[derive(Debug)]
pub struct Frame {
    /// The place in the menu that is marked.
    pub(super) here: &'static str,
    /// The session of the person who signed in; without one there is no menu.
    pub(super) session: Option<Session>,
    pub(super) style: &'static str,
    pub(super) script: &'static str,
    pub(super) icon: &'static str,
}

/// The menu: paths below `/ui`, their words, and the least role that may open them.
const MENU: &[(&str, &str, Role)] = &[
    ("/ui", "Overview", Role::View),
    ("/ui/webhooks", "Webhooks", Role::View),
    ("/ui/calls", "Calls", Role::View),
    ("/ui/dead", "Dead letters", Role::View),
    ("/ui/parked", "Parked", Role::View),
    ("/ui/insights", "Insights", Role::View),
    ("/ui/explain", "Explain", Role::View),
    ("/ui/setup", "Setup", Role::View),
    ("/ui/books", "Books", Role::View),
    ("/ui/settings", "Settings", Role::Operate),
    ("/ui/audit", "Audit", Role::Operate),
];

impl Frame {
    /// Makes the frame of a page; `here` is its path.
    pub fn of(session: &Session, here: &'static str) -> Self {
        Self { session: Some(session.clone()), here, ..Self::signed_out() }
    }

    /// Makes the frame of a page that needs no session.
    pub fn signed_out() -> Self {
        let [style, script, icon] = [&STYLE, &SCRIPT, &ICON].map(Asset::path);
        Self { here: "", session: None, style, script, icon }
    }

    /// True if who signed in may act.
    pub(super) fn may_operate(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.role == Role::Operate)
    }

    pub(super) fn menu(&self) -> impl Iterator<Item = (&'static str, &'static str, bool)> {
        let is_open = |role: Role| role == Role::View || self.may_operate();
        let open = MENU.iter().filter(move |(_, _, role)| is_open(*role));
        open.map(|(path, word, _)| (*path, *word, *path == self.here))
    }
}

/// Answers with a page as JSON if the request prefers it, else as HTML.
pub fn answer<P: Template + Serialize>(headers: &HeaderMap, page: &P) -> Response {
    if wants_json(headers) { Json(page).into_response() } else { html(StatusCode::OK, page) }
}

/// Returns a template as an answer, with every hidden character of texts from outside escaped.
pub fn html(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => (status, Html(escape_lines(&text).into_owned())).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page can't be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// True if a request names JSON before HTML.
pub fn wants_json(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let at = |kind: &str| accepted.find(kind);
    match (at("application/json"), at("text/html")) {
        (Some(json), Some(html)) => json < html,
        (Some(_), None) => true,
        (None, _) => false,
    }
}

/// The page of a list of webhooks.
#[serde_as]
#[derive(Deserialize)]
pub struct Before {
    #[serde_as(as = "Option<DisplayFromStr>")]
    #[serde(default)]
    before: Option<WebhookId>,
}

impl Before {
    /// Returns the last webhook of the page before.
    pub fn before(&self) -> Option<WebhookId> {
        self.before
    }
}

/// A webhook's id in a path.
#[serde_as]
#[derive(Deserialize)]
pub struct Id(#[serde_as(as = "DisplayFromStr")] pub WebhookId);
