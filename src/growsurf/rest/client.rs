//! The HTTP client.
//!
//! What belongs here: paced requests, one after the other; retries of reads, not of writes. GrowSurf allows
//! three connections from an address, so a process uses one. What doesn't: the requests (`endpoints`), and
//! the meaning of answers (`answer`).

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use backon::{ExponentialBuilder, Retryable};
use http::Method;
use reqwest::redirect;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::sync::Mutex;
use url::Url;

use super::answer::{self, Named};
use super::error::RestError;
use super::lifecycle::{Announcement, Lifecycle};
use super::limits::ReportedLimits;
use super::types::{Cursor, Page};
use crate::domain::{Clock, PathSegment, Time, is_loopback};

/// The most tries of a read, and of one whose caller soon gives up.
const TRIES: usize = 5;
const FEW_TRIES: usize = 2;

/// The wait for the limits below which a caller soon gives up, such as a person at a command.
const PATIENT: Duration = Duration::from_secs(60);

/// The first wait before a retry; it doubles.
const BACKOFF: Duration = Duration::from_millis(500);

/// The wait for the limits from which it is logged.
const LOGGED_WAIT: Duration = Duration::from_secs(15);

/// The most bytes of an answer. A hundred participants at their largest are about 3 MB.
const ANSWER_BYTES: usize = 32 << 20;

/// The most rows of a page.
const ROWS: &str = "100";

/// The budget of requests, wherever it is kept.
#[async_trait]
pub trait RateLimiter: Send + Sync {
    /// Takes a request from the budget and returns its time.
    async fn take(&self) -> Result<Time, Box<dyn Error + Send + Sync>>;

    /// Applies the limits that an answer reports.
    async fn report(&self, limits: ReportedLimits) -> Result<(), Box<dyn Error + Send + Sync>>;
}

/// Configuration of a client.
#[derive(Clone)]
pub struct ClientConfig {
    /// The API's address.
    pub base_url: Url,
    pub api_key: SecretString,
    /// The longest request.
    pub timeout: Duration,
    /// The longest wait for the limits.
    pub max_limit_wait: Duration,
    /// The longest pause that an answer can ask for.
    pub max_wait: Duration,
    /// The budget.
    pub rate_limiter: Arc<dyn RateLimiter>,
    pub clock: Arc<dyn Clock>,
}

/// A client with one key. Clones share the connection.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    config: Arc<ClientConfig>,
    /// The permit of the request under way.
    turn: Arc<Mutex<()>>,
    /// Reported deprecations.
    lifecycle: Arc<Lifecycle>,
}

/// The clients of campaigns with a key of their own, and of the shared key.
#[derive(Clone, Debug, Default)]
pub struct Clients {
    /// The clients of campaigns with a key of their own.
    pub campaigns: HashMap<String, Client>,
    /// The client of the shared key.
    pub general: Option<Client>,
}

impl Clients {
    pub fn of(&self, campaign: &str) -> Option<&Client> {
        self.campaigns.get(campaign).or(self.general.as_ref())
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("base_url", &self.config.base_url.as_str()).finish()
    }
}

/// A request to send.
pub(super) struct Request<'a> {
    method: Method,
    path: &'a [&'a str],
    pub(super) query: Vec<(Cow<'static, str>, String)>,
    body: Option<Value>,
    named: Option<Named>,
}

impl<'a> Request<'a> {
    pub(super) fn get(path: &'a [&'a str]) -> Self {
        Self { method: Method::GET, path, query: Vec::new(), body: None, named: None }
    }

    pub(super) fn of(mut self, named: Named) -> Self {
        self.named = Some(named);
        self
    }

    fn from(mut self, cursor: Option<&Cursor>) -> Self {
        self.query.push(("limit".into(), ROWS.to_owned()));
        self.query.extend(cursor.map(|cursor| match cursor {
            Cursor::Id(id) => ("nextId".into(), id.clone()),
            Cursor::Offset(offset) => ("offset".into(), offset.to_string()),
        }));
        self
    }

    pub(super) fn write(method: Method, path: &'a [&'a str], body: Value) -> Self {
        Self { method, path, query: Vec::new(), body: Some(body), named: None }
    }
}

impl Client {
    /// Returns a client. It connects later.
    ///
    /// # Errors
    /// [`RestError::Setup`].
    pub fn new(config: ClientConfig) -> Result<Self, RestError> {
        let mut http = reqwest::Client::builder();
        if config.base_url.host_str().is_some_and(is_loopback) {
            // No proxy of the environment reaches this machine.
            http = http.no_proxy();
        }
        let http = http
            .user_agent(concat!("referral-relay/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .timeout(config.timeout)
            .pool_max_idle_per_host(1)
            .build()
            .map_err(|error| RestError::Setup(error.into()))?;
        Ok(Self { http, config: Arc::new(config), turn: Arc::default(), lifecycle: Arc::default() })
    }

    /// Returns the announced removals of endpoints.
    pub fn announcements(&self) -> BTreeSet<Announcement> {
        self.lifecycle.announcements()
    }

    /// Returns the same client with another longest wait for the limits.
    pub fn with_max_limit_wait(&self, max_limit_wait: Duration) -> Self {
        let config = Arc::new(ClientConfig { max_limit_wait, ..ClientConfig::clone(&self.config) });
        Self { config, ..self.clone() }
    }

    /// Returns the page that begins at `from`, of a list of `named`.
    pub(super) async fn page(
        &self,
        request: Request<'_>,
        list: &'static str,
        named: Named,
        from: Option<&Cursor>,
    ) -> Result<Page, RestError> {
        let named = if from.is_some() { Named::Cursor } else { named };
        let value = self.read(&request.of(named).from(from)).await?;
        Page::of(value, list)
    }

    /// Sends a read, with retries.
    pub(super) async fn read(&self, request: &Request<'_>) -> Result<Value, RestError> {
        let tries = if self.config.max_limit_wait < PATIENT { FEW_TRIES } else { TRIES };
        let waits = ExponentialBuilder::new()
            .with_min_delay(BACKOFF)
            .with_max_times(tries - 1)
            .with_jitter();
        let may_help = |error: &RestError| match error {
            RestError::Limited(wait) => *wait <= self.config.max_limit_wait,
            error => matches!(error, RestError::Unavailable(_) | RestError::Unreachable(_)),
        };
        (|| self.once(request))
            .retry(waits)
            .when(may_help)
            // The budget has the wait.
            .adjust(|error, wait| match error {
                RestError::Limited(_) => wait.map(|_| Duration::ZERO),
                _ => wait,
            })
            .await
    }

    /// Sends a request once.
    pub(super) async fn once(&self, request: &Request<'_>) -> Result<Value, RestError> {
        self.once_before(request, None).await
    }

    /// Sends a request once, unless its turn comes after `until`.
    pub(super) async fn once_before(
        &self,
        request: &Request<'_>,
        until: Option<Time>,
    ) -> Result<Value, RestError> {
        let config = &self.config;
        let path = PathSegment::join(request.path)?;
        let at = config.rate_limiter.take().await.map_err(RestError::Budget)?;
        let wait = at.since(config.clock.now());
        if wait > config.max_limit_wait {
            return Err(RestError::Limited(wait));
        }
        if wait >= LOGGED_WAIT {
            let seconds = wait.as_secs();
            tracing::warn!(seconds, "GrowSurf's limits are reached; waiting");
        }
        tokio::time::sleep(wait).await;
        // Only now: a wait for the limits must not hold up other requests.
        let _turn = self.turn.lock().await;
        if until.is_some_and(|until| config.clock.now() >= until) {
            return Err(RestError::Late);
        }
        let mut url = config.base_url.clone();
        url.set_path(&format!("{}/{}", url.path().trim_end_matches('/'), path));
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        let mut sending = self
            .http
            .request(request.method.clone(), url)
            .bearer_auth(config.api_key.expose_secret());
        if let Some(body) = &request.body {
            sending = sending
                .header(http::header::CONTENT_TYPE, "application/json")
                .body(body.to_string());
        }
        // The URL may hold an address.
        let lost = |error: reqwest::Error| RestError::Unreachable(error.without_url().into());
        let mut response = sending.send().await.map_err(lost)?;
        let status = response.status().as_u16();
        self.lifecycle.note(&request.method, request.path, response.headers());
        let mut limits =
            ReportedLimits::of(response.headers(), config.clock.now(), config.max_wait);
        if status == 429 {
            limits.retry_after.get_or_insert(2 * BACKOFF);
        }
        let retry_after = limits.retry_after;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(lost)? {
            if body.len() + chunk.len() > ANSWER_BYTES {
                return Err(RestError::Unreadable("it is too long".to_owned()));
            }
            body.extend_from_slice(&chunk);
        }
        config.rate_limiter.report(limits).await.map_err(RestError::Budget)?;
        if let (429, Some(wait)) = (status, retry_after) {
            return Err(RestError::Limited(wait));
        }
        answer::read(status, &body, request.named)
    }
}
