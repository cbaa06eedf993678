//! What pages reach: `/v1/clicks`, `/v1/shares`, and the script that posts there.
//!
//! What belongs here: from where posts are taken and how many, and the one answer they get. What
//! doesn't: what a post says (`page`), and what becomes of it (`ingest`).
//!
//! Anybody can post. So whatever is wrong with a post, the answer is the same and empty, that nobody
//! may learn from it which participants there are; only the metrics tell why one was dropped. Nor does
//! it come sooner for one that leads to nothing.

mod latest_client;

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use self::latest_client::LatestClient;
use super::body::{BodyLimits, ReadBody};
use super::client::{client_ip, network};
use super::delay::NotBefore;
use super::limiter::{Limiter, Total};
use super::openapi::{refusals, tags};
use super::problem::Problem;
use super::router::AppState;
use crate::config::page::PageSettings;
use crate::delivery::ReplicaCount;
use crate::domain::{Clock, Dropped as Why};
use crate::ingest::{IngestError, PagePostOutcome};
use crate::sources::page::{Kind, PageClick, PageShare};
use crate::store::StoreError;
use crate::telemetry::ErrorChain;

/// The script, whole.
const SCRIPT: &str = include_str!("page/relay.js");

/// For how long browsers keep what a preflight told them, in seconds; more than any of them does.
const PREFLIGHT_AGE: &str = "86400";

/// No post that was read is answered sooner, so that the time tells nobody whether it was stored. It is
/// many times what the store takes for one, unless its disk is slow or busy.
const LEAST: Duration = Duration::from_millis(50);

/// When a page may post again after the store refused, in seconds.
const RETRY_AFTER: u64 = 5;

/// From where posts are taken, and how many.
pub struct PagePosts {
    origins: Vec<String>,
    bodies: BodyLimits,
    limiter: Mutex<Limiter>,
    latest_client: Mutex<LatestClient>,
    total: Mutex<Total>,
    /// The relays that share the total.
    sharers: ReplicaCount,
    /// What the limiter counts the time from.
    began: Instant,
}

impl PagePosts {
    /// As the settings say; bodies take their memory with all others. It begins `now`.
    pub fn new(
        settings: &PageSettings,
        bodies: &BodyLimits,
        sharers: ReplicaCount,
        now: Instant,
    ) -> Self {
        let limiter = Limiter::new(settings.posts_per_minute, settings.addresses);
        Self {
            origins: settings.origins.clone(),
            bodies: bodies.up_to(settings.max_body),
            limiter: Mutex::new(limiter),
            latest_client: Mutex::default(),
            total: Mutex::new(Total::new(settings.total_posts_per_minute)),
            sharers,
            began: now,
        }
    }

    /// The origin of a request, if posts are taken from there.
    fn origin<'h>(&self, headers: &'h HeaderMap) -> Option<&'h HeaderValue> {
        let mut given = headers.get_all(header::ORIGIN).iter();
        let origin = given.next().filter(|_| given.next().is_none())?;
        self.origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes()).then_some(origin)
    }

    fn admits(&self, client: IpAddr, now: Instant) -> bool {
        let now = now.saturating_duration_since(self.began);
        self.limiter.lock().unwrap_or_else(PoisonError::into_inner).admit(client, now)
    }

    /// Admits one more post of all clients together, if the store may be asked for it.
    fn admit(self: &Arc<Self>, clock: &Arc<dyn Clock>) -> Option<Admitted> {
        let is_within = self.total(|total| total.admit(self.sharers.count(), self.since(clock)));
        // Not before: dropped, it would count.
        is_within.then(|| {
            let (posts, clock) = (Arc::clone(self), Arc::clone(clock));
            Admitted { posts, clock, is_accepted: false }
        })
    }

    fn total<T>(&self, change: impl FnOnce(&mut Total) -> T) -> T {
        change(&mut self.total.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn since(&self, clock: &Arc<dyn Clock>) -> Duration {
        clock.steady().saturating_duration_since(self.began)
    }
}

/// A post for which the total has room. When it is dropped it counts by what became of it.
struct Admitted {
    posts: Arc<PagePosts>,
    clock: Arc<dyn Clock>,
    /// True if it was accepted, or may have been.
    is_accepted: bool,
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let Self { posts, clock, is_accepted } = self;
        posts.total(|total| total.end(*is_accepted, posts.since(clock)));
    }
}

/// Why a post isn't taken.
enum Dropped {
    /// For a reason that is the page's; a word for the metrics.
    For(&'static str),
    /// The same, and its body wasn't read to the end.
    Unread(&'static str),
    /// For one that is ours.
    Ours(Problem),
}

/// Takes in that somebody came by a participant's link. There only with a `page_key`.
///
/// Whatever else is posted is dropped, and answered the same.
#[utoipa::path(
    post,
    path = "/v1/clicks",
    operation_id = "take_click",
    tag = tags::PAGES,
    request_body(content = PageClick, content_type = "application/json"),
    responses(
        (status = 202, description = "Whatever was posted: taken in, or dropped."),
        refusals::NotCoded,
        refusals::NotNow,
    ),
)]
pub async fn click(
    State(face): State<AppState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    receive(&face, peer, request, Kind::Click).await
}

/// Takes in that a participant shared their link. There only with a `page_key`.
///
/// Whatever else is posted is dropped, and answered the same.
#[utoipa::path(
    post,
    path = "/v1/shares",
    operation_id = "take_share",
    tag = tags::PAGES,
    request_body(content = PageShare, content_type = "application/json"),
    responses(
        (status = 202, description = "Whatever was posted: taken in, or dropped."),
        refusals::NotCoded,
        refusals::NotNow,
    ),
)]
pub async fn share(
    State(face): State<AppState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    receive(&face, peer, request, Kind::Share).await
}

/// Tells a browser whether its page may post to `/v1/clicks`.
#[utoipa::path(
    options,
    path = "/v1/clicks",
    operation_id = "ask_to_post_clicks",
    tag = tags::PAGES,
    responses((status = 204, description = "With `Access-Control-Allow-Origin`, if it may.")),
)]
pub async fn preflight_of_clicks(State(face): State<AppState>, headers: HeaderMap) -> Response {
    preflight(&face, &headers)
}

/// Tells a browser whether its page may post to `/v1/shares`.
#[utoipa::path(
    options,
    path = "/v1/shares",
    operation_id = "ask_to_post_shares",
    tag = tags::PAGES,
    responses((status = 204, description = "With `Access-Control-Allow-Origin`, if it may.")),
)]
pub async fn preflight_of_shares(State(face): State<AppState>, headers: HeaderMap) -> Response {
    preflight(&face, &headers)
}

/// Whether a page may post.
fn preflight(face: &AppState, headers: &HeaderMap) -> Response {
    let Some(origin) = face.page.as_ref().and_then(|gate| gate.origin(headers)) else {
        return (StatusCode::NO_CONTENT, [(header::VARY, "Origin")]).into_response();
    };
    let allowed = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "POST"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "content-type"),
        (header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_AGE),
    ];
    (StatusCode::NO_CONTENT, cors(Some(origin)), allowed).into_response()
}

/// Gives out the script for pages. There only with a `page_key`.
#[utoipa::path(
    get,
    path = "/relay.js",
    operation_id = "load_script",
    tag = tags::PAGES,
    responses(
        (status = 200, description = "The script.", content_type = "text/javascript", body = String),
        (status = 304, description = "The same as before, by `If-None-Match`."),
    ),
)]
pub async fn script(headers: HeaderMap) -> Response {
    let tag = format!("\"{}\"", hex::encode(&Sha256::digest(SCRIPT)[..16]));
    let is_same = |value: &HeaderValue| {
        let told = value.to_str().unwrap_or_default();
        told.split(',').any(|it| it.trim().trim_start_matches("W/") == tag)
    };
    let is_known = headers.get_all(header::IF_NONE_MATCH).iter().any(is_same);
    let told = [
        (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (header::CACHE_CONTROL, "public, max-age=3600"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::ETAG, &tag),
    ];
    let told = told.map(|(name, value)| (name, value.to_owned()));
    if is_known {
        return (StatusCode::NOT_MODIFIED, told).into_response();
    }
    (told, SCRIPT).into_response()
}

async fn receive(face: &AppState, peer: SocketAddr, request: Request, kind: Kind) -> Response {
    let (Parts { headers, .. }, body) = request.into_parts();
    let gate = face.page.as_ref().expect("the routes are there only with the gate");
    let origin = gate.origin(&headers);
    let mut not_before = None;
    let result = post(face, gate, peer, &headers, body, kind, &mut not_before).await;
    let (outcome, mut response) = match result {
        Ok(()) => ("accepted", StatusCode::ACCEPTED.into_response()),
        Err(Dropped::For(reason)) => (reason, StatusCode::ACCEPTED.into_response()),
        Err(Dropped::Unread(reason)) => {
            // What is left of the body isn't read, so the connection can't be used again.
            (reason, (StatusCode::ACCEPTED, [(header::CONNECTION, "close")]).into_response())
        }
        Err(Dropped::Ours(problem)) => ("unavailable", problem.into_response()),
    };
    face.metrics.page_post(kind.as_str(), outcome);
    tracing::debug!(post.kind = kind.as_str(), post.outcome = outcome, "a page posted");
    response.headers_mut().extend(cors(origin));
    if let Some(not_before) = not_before {
        response.extensions_mut().insert(not_before);
    }
    response
}

/// Accepts a post. `not_before` becomes the earliest time of the answer, once the post is read.
async fn post(
    face: &AppState,
    gate: &Arc<PagePosts>,
    peer: SocketAddr,
    headers: &HeaderMap,
    body: Body,
    kind: Kind,
    not_before: &mut Option<NotBefore>,
) -> Result<(), Dropped> {
    gate.origin(headers).ok_or(Dropped::Unread("origin"))?;
    let client = client_ip(peer, headers, &face.trusted_proxies);
    notice_proxy(face, gate, client);
    if !gate.admits(client, face.clock.steady()) {
        return Err(Dropped::Unread("rate"));
    }
    let read = gate.bodies.read(network(client), headers, body).await;
    let ReadBody { bytes, share } = read.map_err(|problem| match problem.webhook_outcome() {
        "unavailable" => Dropped::Ours(problem),
        "too_large" => Dropped::Unread("too_large"),
        _ => Dropped::Unread("broken"),
    })?;
    *not_before = Some(NotBefore(tokio::time::Instant::now() + LEAST));
    let (gate, clock, ingest) =
        (Arc::clone(gate), Arc::clone(&face.clock), Arc::clone(&face.ingest));
    // Goes on without its client, so that it counts by what becomes of it.
    let posting = tokio::spawn(async move {
        let mut admitted = None;
        let admits = || {
            admitted = gate.admit(&clock);
            admitted.is_some()
        };
        let outcome = ingest.page_post(kind, &bytes, share, admits).await;
        if let Some(admitted) = &mut admitted {
            // The store may accept it later after all.
            let may_be =
                matches!(outcome, Ok(PagePostOutcome::Accepted) | Err(IngestError::Slow(_)));
            admitted.is_accepted = may_be;
        }
        outcome
    });
    match posting.await.unwrap_or(Err(IngestError::Store(StoreError::Closed))) {
        Ok(PagePostOutcome::Accepted) => {
            face.health.record_write();
            Ok(())
        }
        Ok(PagePostOutcome::Dropped(Why::Nothing)) => Err(Dropped::For("nothing")),
        Ok(PagePostOutcome::Dropped(Why::Unknown)) => Err(Dropped::For("unknown")),
        Ok(PagePostOutcome::Dropped(Why::Budget)) => Err(Dropped::For("budget")),
        Ok(PagePostOutcome::Total) => Err(Dropped::For("total")),
        Ok(PagePostOutcome::Malformed) => Err(Dropped::For("malformed")),
        Ok(PagePostOutcome::Key) => Err(Dropped::For("key")),
        Ok(PagePostOutcome::SharesOff) => Err(Dropped::For("shares_off")),
        Err(refusal) => {
            face.health.record_refusal(&refusal);
            if face.refusals.is_logged("page") {
                tracing::warn!(client.ip = %client, error = %ErrorChain(&refusal), "can't take in what a page posted");
            }
            let detail = "this can't be stored now; try again";
            Err(Dropped::Ours(Problem::unavailable(detail, RETRY_AFTER)))
        }
    }
}

/// Reports when one private address makes every post: most likely a proxy that isn't listed.
fn notice_proxy(face: &AppState, gate: &PagePosts, client: IpAddr) {
    let mut latest = gate.latest_client.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(stands_out) = latest.count(client) else { return };
    drop(latest);
    face.metrics.page_posts_from_one_address(stands_out);
    if stands_out {
        tracing::warn!(
            client.ip = %client,
            "every recent post of pages came from one private address, and all visitors share its \
             limit; list a proxy in server.trusted_proxies"
        );
    }
}

/// What lets a page of an allowed origin see the answer, and keeps caches from giving it to others.
fn cors(origin: Option<&HeaderValue>) -> HeaderMap {
    let allowed = origin.map(|it| (header::ACCESS_CONTROL_ALLOW_ORIGIN, it.clone()));
    let vary: (HeaderName, HeaderValue) = (header::VARY, HeaderValue::from_static("Origin"));
    allowed.into_iter().chain([vary]).collect()
}
