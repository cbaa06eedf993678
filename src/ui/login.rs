//! Signing in and out: `/ui/login` and `/ui/logout`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use askama::Template;
use axum::extract::{ConnectInfo, Form, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use secrecy::SecretString;
use serde::{Deserialize, Deserializer};
use tokio::time::Instant;

use super::UiState;
use super::layout::{Frame, html};
use super::session::{COOKIE, LONGEST_NAME, Session};
use crate::domain::{Act, Labelled};
use crate::http::client::{client_ip, is_trusted};
use crate::http::delay::NotBefore;
use crate::http::limiter::Limiter;
use crate::http::tokens::WRONG_TAKES;

/// Tries of one client in a minute.
const TRIES_OF_ONE: u32 = 10;

/// Tries of all clients in a minute.
const TRIES: u32 = 60;

/// Failed tries of a minute that the audit keeps. The log has the others, so that strangers can't fill the store.
const FAILURES: u32 = 2;

/// The number of clients whose tries are remembered.
const CLIENTS: usize = 1_000;

/// Counts of tries to sign in.
pub struct Tries {
    by_client: Mutex<Limiter>,
    total: Mutex<Limiter>,
    failed: Mutex<Limiter>,
}

impl Default for Tries {
    fn default() -> Self {
        let by_client = Mutex::new(Limiter::new(TRIES_OF_ONE, CLIENTS));
        let [total, failed] = [TRIES, FAILURES].map(|most| Mutex::new(Limiter::new(most, 2)));
        Self { by_client, total, failed }
    }
}

impl Tries {
    /// Counts a try; false if there were too many.
    fn admit(&self, client: IpAddr, now: Duration) -> bool {
        admit(&self.by_client, client, now) && admit(&self.total, EVERYBODY, now)
    }

    /// True if the audit keeps one more failed try.
    fn is_recorded(&self, now: Duration) -> bool {
        admit(&self.failed, EVERYBODY, now)
    }
}

/// The client under which a limiter counts the tries of all.
const EVERYBODY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

fn admit(limiter: &Mutex<Limiter>, client: IpAddr, now: Duration) -> bool {
    limiter.lock().unwrap_or_else(PoisonError::into_inner).admit(client, now)
}

#[derive(Deserialize)]
pub struct LoginForm {
    #[serde(deserialize_with = "secret")]
    token: SecretString,
    #[serde(default)]
    name: String,
}

fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<SecretString, D::Error> {
    String::deserialize(from).map(SecretString::from)
}

#[derive(Template)]
#[template(path = "login.html", config = "src/ui/askama.toml")]
struct Page {
    frame: Frame,
    problem: Option<&'static str>,
}

impl Page {
    fn new(problem: Option<&'static str>) -> Self {
        Self { frame: Frame::signed_out(), problem }
    }
}

/// Shows the form.
pub async fn form() -> Response {
    html(StatusCode::OK, &Page::new(None))
}

/// Signs in with a token and a name.
pub async fn sign_in(
    State(state): State<UiState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Form(shown): Form<LoginForm>,
) -> Response {
    let app = &state.app;
    let client = client_ip(peer, &headers, &app.trusted_proxies);
    let since = app.clock.steady().saturating_duration_since(state.began);
    if !state.tries.admit(client, since) {
        let problem = "Too many tries. Wait a minute, then try again.";
        return html(StatusCode::TOO_MANY_REQUESTS, &Page::new(Some(problem)));
    }
    let name: String = shown.name.trim().chars().take(LONGEST_NAME).collect();
    if name.is_empty() {
        let problem = "Give a name; the audit shows it beside what you do.";
        return html(StatusCode::UNPROCESSABLE_ENTITY, &Page::new(Some(problem)));
    }
    let Some(role) = state.sessions.role(&shown.token) else {
        tracing::warn!(client.ip = %client, "refused a wrong token at the pages");
        if state.tries.is_recorded(since) {
            let actor = app.actor(&name, "none", peer, &headers);
            let _in_the_log = app.record(&actor, Act::LogIn, "the pages", "refused").await;
        }
        let problem = "This is neither admin.token nor admin.view_token.";
        let mut answer = html(StatusCode::UNAUTHORIZED, &Page::new(Some(problem)));
        answer.extensions_mut().insert(NotBefore(Instant::now() + WRONG_TAKES));
        return answer;
    };
    let actor = app.actor(&name, role.label(), peer, &headers);
    let _in_the_log = app.record(&actor, Act::LogIn, "the pages", "signed in").await;
    let session = Session::new(role, name, app.clock.now());
    let value = state.sessions.cookie(&session, &shown.token);
    let is_secure = is_behind_https(&state, peer, &headers);
    ([set_cookie(&value, is_secure)], Redirect::to("/ui")).into_response()
}

pub async fn sign_out() -> Response {
    let gone = format!("{COOKIE}=; Path=/ui; Max-Age=0; HttpOnly; SameSite=Strict");
    let gone = HeaderValue::from_str(&gone).expect("the cookie is ASCII");
    ([(header::SET_COOKIE, gone)], Redirect::to("/ui/login")).into_response()
}

/// True if a trusted proxy says that the browser speaks https.
pub fn is_behind_https(state: &UiState, peer: SocketAddr, headers: &HeaderMap) -> bool {
    let protocols =
        headers.get("x-forwarded-proto").and_then(|it| it.to_str().ok()).unwrap_or_default();
    let protocol = protocols.split(',').next().unwrap_or_default().trim();
    protocol.eq_ignore_ascii_case("https")
        && is_trusted(peer.ip().to_canonical(), &state.app.trusted_proxies)
}

/// Returns the header that hands a session to the browser.
pub fn set_cookie(value: &str, is_secure: bool) -> (HeaderName, HeaderValue) {
    let secure = if is_secure { "; Secure" } else { "" };
    let cookie = format!("{COOKIE}={value}; Path=/ui; HttpOnly; SameSite=Strict{secure}");
    (header::SET_COOKIE, HeaderValue::from_str(&cookie).expect("the cookie is ASCII"))
}
