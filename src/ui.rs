//! The operator's pages, at `/ui`: rendered by the server, with nothing fetched from elsewhere.
//!
//! What belongs here: templates, sessions, and the form of pages. What doesn't: what pages show, which
//! are use cases that the command line has as well.

mod assets;
mod audit;
mod books;
mod calls;
mod chart;
mod csv;
mod dead;
mod events;
mod explain;
mod failure;
mod insights;
mod layout;
mod login;
mod overview;
mod parked;
mod people;
mod redelivery;
mod same_origin;
mod search;
pub mod session;
mod settings;
mod setup;
mod webhooks;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{ConnectInfo, DefaultBodyLimit, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use tokio::sync::{Mutex, Notify};

use crate::domain::Labelled;
use crate::explain::Explainer;
use crate::http::{AppState, Problem, Tokens};
use crate::inspect::{Inspector, Show};
use login::{Tries, is_behind_https, set_cookie};
use session::{Operator, Role, Session, Sessions};
pub use settings::Setting;
pub use setup::Look;

/// The largest form, in bytes.
const FORM: usize = 64 * 1024;

/// Reads of all pages together that go on at once, so that operators hold up no webhook.
const READS: usize = 2;

/// The time that one of them may take.
const READ_TIME: Duration = Duration::from_millis(400);

/// Headers of all pages' answers: no other site's code, frame, cache or referrer.
const HEADERS: [(HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // `no-referrer` would make browsers send `Origin: null` with forms, which plain http has nothing beside.
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Everything that the pages need.
#[derive(Clone)]
pub struct UiState {
    app: AppState,
    inspector: Arc<Inspector>,
    tools: Tools,
    /// Held while a check is made.
    looking: Arc<Mutex<()>>,
    sessions: Arc<Sessions>,
    /// The tokens of both roles, for programs.
    tokens: Tokens,
    tries: Arc<Tries>,
    /// The moment that tries to sign in are counted from.
    began: Instant,
}

/// The parts of the relay that actions use.
#[derive(Clone)]
pub struct Tools {
    /// Wakes the task of long acts.
    pub begun: Arc<Notify>,
    /// Explains bodies.
    pub explainer: Explainer,
    /// Checks everything.
    pub look: Arc<Look>,
    /// The settings that hold.
    pub settings: Arc<[Setting]>,
    /// Values of settings that are probably not meant.
    pub warnings: Arc<[String]>,
}

impl UiState {
    /// Makes the pages' state; a token of `sessions` signs in.
    pub fn new(app: AppState, tools: Tools, sessions: Sessions, tokens: Tokens) -> Self {
        let (sessions, began) = (Arc::new(sessions), app.clock.steady());
        let (looking, tries) = (Arc::default(), Arc::default());
        let store = Arc::new(app.store.bounded(READS, READ_TIME));
        let inspector = Arc::new(Inspector { store, ..Inspector::clone(&app.inspector) });
        Self { app, inspector, tools, looking, sessions, tokens, tries, began }
    }

    /// Wakes the dispatchers: there may be something to send.
    fn wake(&self) {
        self.app.destination.wake();
        if let Some(growsurf) = &self.app.growsurf {
            growsurf.wake();
        }
    }

    /// Returns a way to look into the store now.
    fn inspector(&self, show: Show) -> Inspector {
        Inspector { show, now: self.app.clock.now(), ..Inspector::clone(&self.inspector) }
    }
}

/// Returns a router with the pages below `/ui`, if there are any.
pub fn merged(router: Router, pages: Option<UiState>) -> Router {
    match pages {
        Some(state) => router.merge(routes(state)),
        None => router,
    }
}

fn routes(state: UiState) -> Router {
    let pages = Router::new()
        .route("/ui", get(overview::show))
        .route("/ui/", get(async || Redirect::permanent("/ui")))
        .route("/ui/search", post(search::search))
        .route("/ui/people/{number}", get(people::show))
        .route("/ui/people/{number}/reveal", post(people::reveal))
        .route("/ui/webhooks", get(webhooks::list))
        .route("/ui/webhooks/{id}", get(webhooks::show))
        .route("/ui/webhooks/{id}/reveal", post(webhooks::reveal))
        .route("/ui/events/{id}", get(events::show))
        .route("/ui/webhooks/{id}/dry-run", post(parked::dry_run))
        .route("/ui/webhooks/{id}/replay", post(parked::replay))
        .route("/ui/webhooks/{id}/discard", post(parked::discard))
        .route("/ui/parked", get(parked::list))
        .route("/ui/parked/dry-run", post(parked::dry_run_all))
        .route("/ui/parked/replay", post(parked::replay_all))
        .route("/ui/parked/stop", post(parked::stop))
        .route("/ui/parked/discard", post(parked::discard_all))
        .route("/ui/calls", get(calls::list))
        .route("/ui/calls/{lane}/release", post(calls::release))
        .route("/ui/dead", get(dead::causes))
        .route("/ui/dead/{cause}", get(dead::cause))
        .route("/ui/dead/{cause}/redeliver", post(redelivery::begin))
        .route("/ui/dead/{cause}/discard", post(redelivery::discard))
        .route("/ui/redelivery", get(redelivery::show))
        .route("/ui/redelivery/stop", post(redelivery::stop))
        .route("/ui/dead/letter/{id}", get(dead::letter))
        .route("/ui/dead/letter/{id}/reveal", post(dead::reveal))
        .route("/ui/dead/letter/{id}/redeliver", post(dead::redeliver))
        .route("/ui/dead/letter/{id}/discard", post(dead::discard))
        .route("/ui/audit", get(audit::list))
        .route("/ui/books", get(books::show))
        .route("/ui/books.csv", get(books::csv))
        .route("/ui/explain", get(explain::form).post(explain::explain))
        .route("/ui/setup", get(setup::show))
        .route("/ui/setup/look", post(setup::look))
        .route("/ui/settings", get(settings::show))
        .route("/ui/insights", get(insights::show))
        .route("/ui/insights.csv", get(insights::csv))
        .route("/ui/login", get(login::form).post(login::sign_in))
        .route("/ui/logout", post(login::sign_out))
        .route("/ui/oncall.txt", get(overview::on_call))
        .route("/oncall.txt", get(overview::on_call))
        .route("/ui/{*rest}", get(not_found))
        .layer(from_fn(same_origin::refuse_cross_site))
        .layer(from_fn_with_state(state.clone(), renew_session))
        .layer(from_fn(not_stored));
    pages
        .route("/ui/assets/{name}", get(assets::show))
        .layer(from_fn_with_state(state.clone(), failure::form))
        .with_state(state)
        .layer(from_fn(with_headers))
        .layer(DefaultBodyLimit::max(FORM))
}

async fn not_found(_session: Session) -> failure::Failure {
    failure::Failure::new(StatusCode::NOT_FOUND, "There is no page at this address.")
}

/// Adds the headers of all pages.
async fn with_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Forbids that a page is kept by a cache: it may show people.
async fn not_stored(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let value = HeaderValue::from_static("no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, value);
    response
}

/// Renews a session's cookie while it is used.
async fn renew_session(State(state): State<UiState>, request: Request, next: Next) -> Response {
    let now = state.app.clock.now();
    let renewed = state.sessions.of(request.headers(), now).and_then(|(session, token)| {
        let session = session.renewed(now)?;
        let peer = request.extensions().get::<ConnectInfo<_>>().map(|it| it.0)?;
        let is_secure = is_behind_https(&state, peer, request.headers());
        Some(set_cookie(&state.sessions.cookie(&session, token), is_secure))
    });
    let mut response = next.run(request).await;
    if let Some((name, value)) = renewed {
        // A page that ends or opens a session sets the cookie itself.
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}

/// Lets through who signed in. Others are sent to the form, programs are answered 401.
impl FromRequestParts<UiState> for Session {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &UiState) -> Result<Self, Response> {
        let now = state.app.clock.now();
        if let Some((session, _)) = state.sessions.of(&parts.headers, now) {
            return Ok(session);
        }
        if layout::wants_json(&parts.headers) {
            let detail = "there is no session, or it is over; sign in at /ui/login";
            return Err(Problem::new(StatusCode::UNAUTHORIZED, detail).into_response());
        }
        Err(Redirect::to("/ui/login").into_response())
    }
}

/// Lets through who signed in and may act. Others are answered 403.
impl FromRequestParts<UiState> for Operator {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &UiState) -> Result<Self, Response> {
        let session = Session::from_request_parts(parts, state).await?;
        if session.role == Role::Operate {
            let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
            let ConnectInfo(peer) = *peer.expect("the listener adds it");
            let role = session.role.label();
            let actor = state.app.actor(&session.name, role, peer, &parts.headers);
            return Ok(Self(session, actor));
        }
        let detail =
            "Your token is admin.view_token: it looks and doesn't act. Sign in with admin.token.";
        Err(failure::Failure::new(StatusCode::FORBIDDEN, detail).into_response())
    }
}
