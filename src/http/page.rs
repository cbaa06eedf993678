//! Posts of pages (`/v1/clicks`, `/v1/shares`), and the script that posts there.
//!
//! What belongs here: the origins and the number of posts that are accepted, and their one answer. What
//! doesn't: the content of a post (`sources::page`) and its storing (`ingest`).
//!
//! Anybody can post. So each post has the same empty answer after the same time, whatever its faults:
//! an answer never shows which participants exist. Only the metrics show the reason of a drop.

mod latest_client;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use self::latest_client::LatestClient;
use super::body::{BodyLimits, ReadBody};
use super::delay::NotBefore;
use super::limiter::{Limiter, Total};
use super::openapi::{refusals, tags};
use super::post::{Post, PostHead, Receiver};
use super::problem::Problem;
use super::router::AppState;
use crate::delivery::ReplicaCount;
use crate::domain::{Clock, Labelled};
use crate::ingest::{IngestError, PagePostOutcome};
use crate::options::origin::origins;
use crate::options::size::size;
use crate::options::whole;
use crate::sources::page::{Kind, PageClick, PageShare};
use crate::store::StoreError;
use crate::telemetry::ErrorChain;

/// The script, whole.
const SCRIPT: &str = include_str!("page/relay.js");

/// The seconds for which browsers keep the answer to a preflight; more than any of them does.
const PREFLIGHT_AGE: &str = "86400";

/// The least time of an answer to a post, so that the time doesn't show which were stored. The store
/// needs a small part of it, unless its disk is slow or busy.
const LEAST: Duration = Duration::from_millis(50);

/// The seconds after which a page may post again when the store refused.
const RETRY_AFTER: u64 = 5;

/// The origins and the number of posts that are accepted.
#[derive(Clone, Debug, Deserialize)]
pub struct PageOptions {
    /// The origins, as browsers write them.
    #[serde(deserialize_with = "origins")]
    pub origins: Vec<String>,
    /// The most bytes of one post, which holds a few ids and an address of a page.
    #[serde(deserialize_with = "size::<_, 1024, { 1 << 20 }>")]
    pub max_body: usize,
    /// The most posts of one client's address in a minute.
    #[serde(deserialize_with = "whole::<_, _, 1, 100_000>")]
    pub posts_per_minute: u32,
    /// The most posts of all clients together in a minute.
    #[serde(deserialize_with = "whole::<_, _, 1, 1_000_000>")]
    pub total_posts_per_minute: u32,
    /// The number of addresses that are remembered for that.
    #[serde(deserialize_with = "whole::<_, _, 100, 10_000_000>")]
    pub addresses: usize,
}

/// The check of posts, and their count.
pub struct PagePosts {
    origins: Vec<String>,
    bodies: BodyLimits,
    limiter: Mutex<Limiter>,
    latest_client: Mutex<LatestClient>,
    total: Mutex<Total>,
    /// The relays that share the total.
    replicas: ReplicaCount,
    /// The time from which the limiter counts.
    began: Instant,
}

impl PagePosts {
    /// Applies the options, from `now` on. Bodies share the memory of all others.
    pub fn new(
        options: &PageOptions,
        bodies: &BodyLimits,
        replicas: ReplicaCount,
        now: Instant,
    ) -> Self {
        let limiter = Limiter::new(options.posts_per_minute, options.addresses);
        Self {
            origins: options.origins.clone(),
            bodies: bodies.up_to(options.max_body),
            limiter: Mutex::new(limiter),
            latest_client: Mutex::default(),
            total: Mutex::new(Total::new(options.total_posts_per_minute)),
            replicas,
            began: now,
        }
    }

    /// Returns the origin of a request, if its posts are accepted.
    fn origin<'h>(&self, headers: &'h HeaderMap) -> Option<&'h HeaderValue> {
        let mut given = headers.get_all(header::ORIGIN).iter();
        let origin = given.next().filter(|_| given.next().is_none())?;
        self.origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes()).then_some(origin)
    }

    fn admits(&self, client: IpAddr, now: Instant) -> bool {
        let now = now.saturating_duration_since(self.began);
        self.limiter.lock().unwrap_or_else(PoisonError::into_inner).admit(client, now)
    }

    /// Admits one more post of all clients together; `None` if the total is used up.
    fn admit(self: &Arc<Self>, clock: &Arc<dyn Clock>) -> Option<AdmittedPost> {
        let is_within = self.total(|total| total.admit(self.replicas.count(), self.since(clock)));
        // Not before: dropped, it would count.
        is_within.then(|| {
            let (posts, clock) = (Arc::clone(self), Arc::clone(clock));
            AdmittedPost { posts, clock, is_accepted: false }
        })
    }

    fn total<T>(&self, change: impl FnOnce(&mut Total) -> T) -> T {
        change(&mut self.total.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn since(&self, clock: &Arc<dyn Clock>) -> Duration {
        clock.steady().saturating_duration_since(self.began)
    }
}

/// A post for which the total has room. When dropped, it counts by its outcome.
struct AdmittedPost {
    posts: Arc<PagePosts>,
    clock: Arc<dyn Clock>,
    /// True if it was accepted, or may have been.
    is_accepted: bool,
}

impl Drop for AdmittedPost {
    fn drop(&mut self) {
        let Self { posts, clock, is_accepted } = self;
        posts.total(|total| total.end(*is_accepted, posts.since(clock)));
    }
}

/// Declares the handlers of a kind of posts: of the posts themselves and of their preflights.
macro_rules! page_posts {
    ($(
        $(#[$doc:meta])*
        $kind:ident: $path:literal, $body:ident, $post:ident $operation:literal,
        $preflight:ident $preflight_operation:literal;
    )*) => {$(
        $(#[$doc])*
        #[utoipa::path(
            post,
            path = $path,
            operation_id = $operation,
            tag = tags::PAGES,
            request_body(content = $body, content_type = "application/json"),
            responses(
                (status = 202, description = "Accepted or dropped, whatever was posted."),
                refusals::NotCoded,
                refusals::NotNow,
            ),
        )]
        pub async fn $post(post: Post) -> Response {
            post.receive(Kind::$kind).await
        }

        /// Shows a browser the pages that may post to this path.
        #[utoipa::path(
            options,
            path = $path,
            operation_id = $preflight_operation,
            tag = tags::PAGES,
            responses((status = 204, description = "With `Access-Control-Allow-Origin` for a page that may post.")),
        )]
        pub async fn $preflight(State(state): State<AppState>, headers: HeaderMap) -> Response {
            answer_preflight(&state, &headers)
        }
    )*};
}

page_posts! {
    /// Accepts the click of a visitor who came by a participant's link.
    ///
    /// The path exists only with a `page_key`. Anything else that is posted is dropped, and answered the
    /// same.
    Click: "/v1/clicks", PageClick, click "receive_click", preflight_of_clicks "preflight_clicks";

    /// Accepts a participant's share of their link.
    ///
    /// The path exists only with a `page_key`. Anything else that is posted is dropped, and answered the
    /// same.
    Share: "/v1/shares", PageShare, share "receive_share", preflight_of_shares "preflight_shares";
}

/// Answers a preflight.
fn answer_preflight(state: &AppState, headers: &HeaderMap) -> Response {
    let Some(origin) = posts(state).origin(headers) else {
        return (StatusCode::NO_CONTENT, [(header::VARY, "Origin")]).into_response();
    };
    let allowed = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "POST"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "content-type"),
        (header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_AGE),
    ];
    (StatusCode::NO_CONTENT, cors(Some(origin)), allowed).into_response()
}

/// Returns the script for pages. The path exists only with a `page_key`.
#[utoipa::path(
    get,
    path = "/relay.js",
    operation_id = "get_script",
    tag = tags::PAGES,
    responses(
        (status = 200, description = "The script.", content_type = "text/javascript", body = String),
        (status = 304, description = "The same as before, by `If-None-Match`."),
    ),
)]
pub async fn script(request: HeaderMap) -> Response {
    let tag = format!("\"{}\"", hex::encode(&Sha256::digest(SCRIPT)[..16]));
    let is_same = |value: &HeaderValue| {
        let tags = value.to_str().unwrap_or_default();
        tags.split(',').any(|it| it.trim().trim_start_matches("W/") == tag)
    };
    let is_known = request.get_all(header::IF_NONE_MATCH).iter().any(is_same);
    let headers = [
        (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (header::CACHE_CONTROL, "public, max-age=3600"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::ETAG, &tag),
    ];
    let headers = headers.map(|(name, value)| (name, value.to_owned()));
    if is_known {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, SCRIPT).into_response()
}

impl Receiver for Kind {
    fn limits<'s>(&self, state: &'s AppState) -> &'s BodyLimits {
        &posts(state).bodies
    }

    fn refuse(&self, head: &PostHead) -> Option<Response> {
        let posts = posts(&head.state);
        let reason = if posts.origin(&head.headers).is_none() {
            "origin"
        } else {
            notice_proxy(&head.state, head.client);
            if posts.admits(head.client, head.state.clock.steady()) {
                return None;
            }
            "rate"
        };
        Some(answer(head, *self, Ok(reason)))
    }

    fn unreadable(&self, head: &PostHead, problem: Problem) -> Response {
        let outcome = match problem.webhook_outcome() {
            "unavailable" => Err(problem),
            "too_large" => Ok("too_large"),
            _ => Ok("broken"),
        };
        answer(head, *self, outcome)
    }

    async fn accept(self, head: PostHead, body: ReadBody) -> Response {
        let not_before = NotBefore(tokio::time::Instant::now() + LEAST);
        let outcome = store(&head, self, body).await;
        let mut response = answer(&head, self, outcome);
        response.extensions_mut().insert(not_before);
        response
    }
}

fn posts(state: &AppState) -> &Arc<PagePosts> {
    state.page.as_ref().expect("the routes exist only with a page")
}

/// Answers a post by its outcome: a label for the metrics, or a fault of the relay.
fn answer(head: &PostHead, kind: Kind, outcome: Result<&'static str, Problem>) -> Response {
    let PostHead { state, headers, .. } = head;
    let (outcome, mut response) = match outcome {
        Ok(outcome) => (outcome, StatusCode::ACCEPTED.into_response()),
        Err(problem) => ("unavailable", problem.into_response()),
    };
    state.metrics.page_post(kind.label(), outcome);
    tracing::debug!(post.kind = kind.label(), post.outcome = outcome, "received a page's post");
    response.headers_mut().extend(cors(posts(state).origin(headers)));
    response
}

/// Stores a post, and returns its outcome.
async fn store(head: &PostHead, kind: Kind, body: ReadBody) -> Result<&'static str, Problem> {
    let PostHead { state, client, .. } = head;
    let ReadBody { bytes, permit } = body;
    let (posts, clock, ingest) =
        (Arc::clone(posts(state)), Arc::clone(&state.clock), Arc::clone(&state.ingest));
    // Continues without its client, so that it counts by its outcome.
    let posting = tokio::spawn(async move {
        let mut admitted = None;
        let admits = || {
            admitted = posts.admit(&clock);
            admitted.is_some()
        };
        let outcome = ingest.page_post(kind, &bytes, permit, admits).await;
        if let Some(admitted) = &mut admitted {
            // The store may still accept it.
            admitted.is_accepted =
                matches!(outcome, Ok(PagePostOutcome::Accepted) | Err(IngestError::Slow(_)));
        }
        outcome
    });
    match posting.await.unwrap_or(Err(IngestError::Store(StoreError::Closed))) {
        Ok(PagePostOutcome::Dropped(reason)) => Ok(reason.label()),
        Ok(outcome) => {
            if outcome == PagePostOutcome::Accepted {
                state.health.record_write();
            }
            Ok(outcome.label())
        }
        Err(error) => {
            state.health.record_refusal(&error);
            if state.refusals.is_logged("page") {
                tracing::warn!(client.ip = %client, error = %ErrorChain(&error), "can't store a page's post");
            }
            let detail = "this can't be stored now; try again";
            Err(Problem::unavailable(detail, RETRY_AFTER))
        }
    }
}

/// Reports when one private address makes every post: most likely a proxy that isn't listed.
fn notice_proxy(state: &AppState, client: IpAddr) {
    let mut latest = posts(state).latest_client.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(stands_out) = latest.count(client) else { return };
    drop(latest);
    state.metrics.page_posts_from_one_address(stands_out);
    if stands_out {
        tracing::warn!(
            client.ip = %client,
            "every recent post of pages came from one private address, and all visitors share its \
             limit; list a proxy in server.trusted_proxies"
        );
    }
}

/// Returns the headers that let a page of an allowed origin read the answer, and keep caches from giving it to others.
fn cors(origin: Option<&HeaderValue>) -> HeaderMap {
    let allowed = origin.map(|it| (header::ACCESS_CONTROL_ALLOW_ORIGIN, it.clone()));
    let vary: (HeaderName, HeaderValue) = (header::VARY, HeaderValue::from_static("Origin"));
    allowed.into_iter().chain([vary]).collect()
}
