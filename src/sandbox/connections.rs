//! The accept loop, and connections that end without an answer.
//!
//! It runs hyper itself instead of `axum::serve`, because a service that fails makes hyper close
//! the connection without a byte, which no response can do. Which answers end so is decided by the
//! faults; they are marked with [`Hangup`].

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{Router, body::Body, response::Response};
use bytes::Bytes;
use hyper::{
    Request,
    body::{Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::{rt::TokioIo, server::graceful::GracefulShutdown};
use tokio::{net::TcpListener, task::JoinSet, time};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// The time that requests in flight have at shutdown. Scripted latency may be longer.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(1);
/// A failing accept (no file descriptors left) doesn't get better by trying at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Marks a response that must not be sent; the connection is closed instead.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the connection is to be closed without an answer")]
pub(super) struct Hangup;

/// Serves connections until the shutdown.
pub(super) async fn run(listener: TcpListener, router: Router, shutdown: CancellationToken) {
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();

    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        while connections.try_join_next().is_some() {}

        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "the sandbox can't accept a connection");
                time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "the sandbox's connection stays without TCP_NODELAY");
        }

        let router = router.clone();
        let service = service_fn(move |request| answer(router.clone(), request));
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        connections.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to the sandbox has ended early");
            }
        });
    }

    drop(listener);
    // What isn't finished by then is closed when `connections` is dropped.
    let _ = time::timeout(SHUTDOWN_GRACE, graceful.shutdown()).await;
}

async fn answer(router: Router, request: Request<Incoming>) -> Result<Response, Hangup> {
    let Ok(response) = router.oneshot(request.map(Body::new)).await;
    match response.extensions().get::<Hangup>() {
        Some(hangup) => Err(*hangup),
        None => Ok(response),
    }
}

/// A body that breaks off after its first part.
#[derive(Debug)]
pub(super) struct BrokenBody {
    part: Option<Bytes>,
    flushed: bool,
}

impl BrokenBody {
    pub(super) fn new(part: Bytes) -> Self {
        Self { part: Some(part).filter(|part| !part.is_empty()), flushed: false }
    }
}

impl hyper::body::Body for BrokenBody {
    type Data = Bytes;
    type Error = Hangup;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Hangup>>> {
        if let Some(part) = self.part.take() {
            return Poll::Ready(Some(Ok(Frame::data(part))));
        }
        // An error at once would make hyper discard what it has buffered; being pending once makes
        // it flush first.
        if !self.flushed {
            self.flushed = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(Hangup)))
    }
}
