//! Posts: the steps of every request with a body.
//!
//! What belongs here: the order of the steps. What doesn't: the rules and answers of each source
//! (`webhooks`, `page`).

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::body::Body;
use axum::extract::{ConnectInfo, FromRequest, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};

use super::body::{BodyLimits, ReadBody};
use super::client::{client_ip, network};
use super::problem::Problem;
use super::router::AppState;

/// A request with an unread body.
pub struct Post {
    head: PostHead,
    body: Body,
}

/// Everything of a post but its body.
pub struct PostHead {
    pub state: AppState,
    pub client: IpAddr,
    pub headers: HeaderMap,
}

/// A kind of posts, with its rules and its answers.
pub trait Receiver {
    /// Returns the bounds of a body.
    fn limits<'s>(&self, state: &'s AppState) -> &'s BodyLimits;

    /// Returns the answer to a post that its headers alone refuse.
    fn refuse(&self, head: &PostHead) -> Option<Response>;

    /// Answers a post whose body can't be read.
    fn unreadable(&self, head: &PostHead, problem: Problem) -> Response;

    /// Accepts a body, and answers.
    async fn accept(self, head: PostHead, body: ReadBody) -> Response;
}

impl FromRequest<AppState> for Post {
    type Rejection = Infallible;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Infallible> {
        let (Parts { headers, extensions, .. }, body) = request.into_parts();
        let ConnectInfo(peer) = *extensions
            .get::<ConnectInfo<SocketAddr>>()
            .expect("the listener adds the peer's address to each request");
        let client = client_ip(peer, &headers, &state.trusted_proxies);
        Ok(Self { head: PostHead { state: state.clone(), client, headers }, body })
    }
}

impl Post {
    /// Receives the post. Its headers are judged before its body is read, so that a sender without
    /// proof holds no memory.
    pub async fn receive(self, receiver: impl Receiver) -> Response {
        let Self { head, body } = self;
        let limits = receiver.limits(&head.state);
        if let Some(refusal) = receiver.refuse(&head) {
            limits.discard(&head.headers, body);
            return closing(refusal);
        }
        match limits.read(network(head.client), &head.headers, body).await {
            Ok(body) => receiver.accept(head, body).await,
            Err(problem) => closing(receiver.unreadable(&head, problem)),
        }
    }
}

/// Returns an answer that ends its connection, because the body wasn't read to its end.
fn closing(response: Response) -> Response {
    ([(header::CONNECTION, "close")], response).into_response()
}
