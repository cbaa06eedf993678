//! The HTTP client of the Track API.
//!
//! What belongs here: connections, timeouts, credentials, and the bound on answers. It follows no redirect
//! and repeats nothing. What doesn't: the meaning of answers (`response`), and retries (`delivery`).

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use reqwest::redirect;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use thiserror::Error;
use url::Url;

use super::answer::{Answer, SendError};
use super::request::Request;
use crate::domain::is_loopback;

/// The most bytes of a body that are read; the usual one is `{}`.
const ANSWER_BYTES: usize = 64 * 1024;

/// The longest time to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Idle time of a connection. Balancers drop idle connections after about a minute.
const IDLE_TIMEOUT: Duration = Duration::from_secs(45);

/// The interval of HTTP/2 pings. Without them, all calls would share a dead connection for a quarter of an
/// hour.
const PING_EVERY: Duration = Duration::from_secs(15);

/// The length from which a credential is hidden in answers. Real ones have twenty bytes; a stand-in's could
/// be part of any word.
const SECRET_BYTES: usize = 8;

const RETRY_COUNT: HeaderName = HeaderName::from_static("x-retry-count");

/// Configuration of a client.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// The API's address: [`base_url`](super::Region::base_url), or a stand-in's. Its path precedes that of
    /// every request.
    pub base_url: Url,
    /// The site id: the user name.
    pub site_id: String,
    /// The Track API key: the password.
    pub api_key: SecretString,
    /// The longest request, from first to last byte.
    pub timeout: Duration,
    /// Idle connections kept open.
    pub connections: usize,
}

/// Reason for refusing a configuration.
#[derive(Debug, Error)]
pub enum ClientError {
    /// A colon would end the user name too early (RFC 7617, 2).
    #[error("the site id contains a colon")]
    SiteId,
    /// Requests can't be sent there, or would carry other credentials.
    #[error("the base url must be http or https and hold no user name, query or fragment")]
    BaseUrl,
    /// TLS or the environment's proxy settings are faulty.
    #[error("the http client can't be set up")]
    Setup(#[source] reqwest::Error),
}

/// A client of one Customer.io workspace. Clones share their connections.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base_url: Url,
    /// Secrets hidden in answers: the API key, and the header made of it.
    secrets: [SecretString; 2],
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("base_url", &self.base_url.as_str()).finish_non_exhaustive()
    }
}

impl Client {
    /// Returns a client. It connects later, and uses the environment's proxies (`HTTPS_PROXY`, `NO_PROXY`).
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn new(config: ClientConfig) -> Result<Self, ClientError> {
        let ClientConfig { base_url, site_id, api_key, timeout, connections } = config;
        if site_id.contains(':') {
            return Err(ClientError::SiteId);
        }
        let has_more = !base_url.username().is_empty()
            || base_url.password().is_some()
            || base_url.query().is_some()
            || base_url.fragment().is_some();
        if has_more || !matches!(base_url.scheme(), "http" | "https") {
            return Err(ClientError::BaseUrl);
        }
        let encoded = BASE64_STANDARD.encode(format!("{site_id}:{}", api_key.expose_secret()));
        let mut basic =
            HeaderValue::try_from(format!("Basic {encoded}")).expect("base 64 is visible ASCII");
        basic.set_sensitive(true);
        let json = HeaderValue::from_static("application/json");
        let headers = HeaderMap::from_iter([(AUTHORIZATION, basic), (CONTENT_TYPE, json)]);
        let mut http = reqwest::Client::builder();
        if base_url.host_str().is_some_and(is_loopback) {
            // No proxy of the environment reaches this machine.
            http = http.no_proxy();
        }
        let http = http
            .user_agent(concat!("referral-relay/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            // A redirect of a PUT would arrive as a GET without a body, and be answered 200.
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT.min(timeout))
            .timeout(timeout)
            .pool_max_idle_per_host(connections)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .http2_keep_alive_interval(PING_EVERY)
            .http2_keep_alive_timeout(timeout)
            .build()
            .map_err(ClientError::Setup)?;
        Ok(Self { http, base_url, secrets: [api_key, encoded.into()] })
    }

    /// Sends one request and returns the answer of any status.
    ///
    /// At most 64 KiB of the body are read. A dropped future's request may have been accepted.
    ///
    /// # Errors
    /// [`SendError`].
    pub async fn send(&self, request: &Request) -> Result<Answer, SendError> {
        let retry = (request.retry > 0).then(|| (RETRY_COUNT, request.retry.into()));
        self.exchange(request.method.clone(), &request.path, request.body.clone(), retry).await
    }

    /// Returns the region and workspace of the credentials. Both regions' hosts know it.
    ///
    /// # Errors
    /// [`RegionError`].
    pub async fn region(&self) -> Result<AccountRegion, RegionError> {
        let path = "/api/v1/accounts/region";
        let answer = self.exchange(Method::GET, path, Bytes::new(), None).await?;
        match answer.status {
            200 => serde_json::from_slice(&answer.body).map_err(RegionError::Unreadable),
            status @ (401 | 403) => Err(RegionError::Credentials { status }),
            status @ (408 | 429 | 500..=599) => Err(RegionError::Unavailable { status }),
            status => Err(RegionError::Unexpected { status }),
        }
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
        header: Option<(HeaderName, HeaderValue)>,
    ) -> Result<Answer, SendError> {
        let mut url = self.base_url.clone();
        url.set_path(&format!("{}{path}", self.base_url.path().trim_end_matches('/')));
        let headers = HeaderMap::from_iter(header);
        let sent = self.http.request(method, url).headers(headers).body(body).send().await;
        let mut response = sent.map_err(send_error)?;
        let status = response.status().as_u16();
        let text = |name| {
            let value: &HeaderValue = response.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        let (retry_after, location) = (text(RETRY_AFTER), text(LOCATION));
        let (body, complete) = beginning(&mut response).await.map_err(send_error)?;
        let body = self.without_secrets(body).into();
        Ok(Answer { status, retry_after, location, body, complete })
    }

    /// Hides the credentials in a body, which a proxy may repeat. A body that is no text becomes empty.
    fn without_secrets(&self, body: Vec<u8>) -> Vec<u8> {
        let secrets = self.secrets.iter().map(ExposeSecret::expose_secret);
        let Ok(mut text) = String::from_utf8(body) else { return Vec::new() };
        for secret in secrets.filter(|secret| secret.len() >= SECRET_BYTES) {
            if text.contains(secret) {
                text = text.replace(secret, "***");
            }
        }
        text.into_bytes()
    }
}

/// Returns the body up to the bound; true if it is whole.
async fn beginning(response: &mut reqwest::Response) -> Result<(Vec<u8>, bool), reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = ANSWER_BYTES - body.len();
        if chunk.len() > room {
            body.extend_from_slice(&chunk[..room]);
            return Ok((body, false));
        }
        body.extend_from_slice(&chunk);
    }
    Ok((body, true))
}

fn send_error(error: reqwest::Error) -> SendError {
    let (is_connect, is_timeout) = (error.is_connect(), error.is_timeout());
    // The URL holds the person's address.
    let source = error.without_url().into();
    match (is_connect, is_timeout) {
        (true, _) => SendError::Connect(source),
        (false, true) => SendError::Timeout(source),
        (false, false) => SendError::Interrupted(source),
    }
}

/// The region of an account (<https://docs.customer.io/integrations/api/track/>, "Find your account region").
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct AccountRegion {
    /// `us` or `eu`.
    pub region: String,
    /// The workspace that the credentials write to.
    pub environment_id: i64,
    /// The Track API's address in that region.
    pub url: String,
}

/// Reason for an unknown region.
#[derive(Debug, Error)]
pub enum RegionError {
    /// The credentials are wrong. Definite.
    #[error("customer.io answered {status}: site id and api key are not those of a track api")]
    Credentials { status: u16 },
    /// Another service answered. Definite.
    #[error("customer.io answered {status} to the request for the region")]
    Unexpected { status: u16 },
    /// Another service answered 200. Definite.
    #[error("customer.io's answer names no region and workspace")]
    Unreadable(#[source] serde_json::Error),
    /// Customer.io can't answer now.
    #[error("customer.io answered {status}")]
    Unavailable {
        /// 408, 429 or 5xx.
        status: u16,
    },
    /// Customer.io can't be reached now.
    #[error("customer.io can't be reached")]
    Unreachable(#[from] SendError),
}

impl RegionError {
    /// True if a repetition would lead to the same.
    pub fn is_definite(&self) -> bool {
        !matches!(self, Self::Unavailable { .. } | Self::Unreachable(_))
    }
}

#[cfg(test)]
mod tests;
