//! HTTP for tests that block: one request, one answer.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{self, Frame};
use reqwest::{Client, RequestBuilder};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap());

static CLIENT: LazyLock<Client> = LazyLock::new(|| {
    let client = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    // A connection that is kept may be closed at the very moment it is used again, above all where
    // time passes by order of a test.
    client.pool_max_idle_per_host(0).timeout(Duration::from_secs(60)).build().unwrap()
});

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: http::HeaderMap,
    pub body: String,
}

impl Answer {
    /// Returns the body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Returns a header's text, empty if it isn't there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// Returns the client, to begin a request with.
pub fn client() -> &'static Client {
    &CLIENT
}

/// Sends the request; an error is one of the connection.
pub fn try_send(request: RequestBuilder) -> Result<Answer, reqwest::Error> {
    RUNTIME.block_on(async {
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Answer { status, headers, body: response.text().await? })
    })
}

/// Sends the request.
#[track_caller]
pub fn send(request: RequestBuilder) -> Answer {
    try_send(request).unwrap()
}

/// Gets a page.
#[track_caller]
pub fn get(url: impl AsRef<str>) -> Answer {
    send(client().get(url.as_ref()))
}

/// Returns a body in pieces, without a length.
pub fn chunked(body: &str) -> reqwest::Body {
    let pieces: VecDeque<Bytes> = body.as_bytes().chunks(500).map(Bytes::copy_from_slice).collect();
    reqwest::Body::wrap(Pieces(pieces))
}

struct Pieces(VecDeque<Bytes>);

impl body::Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(piece))))
    }
}
