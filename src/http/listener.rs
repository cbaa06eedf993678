//! Accepts connections within bounds and lets the last requests finish.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::Response;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// What a listener's connections may cost.
#[derive(Clone, Copy, Debug)]
pub struct ListenerLimits {
    /// Connections open at once; more wait in the system's queue.
    pub connections: usize,
    /// Time for the headers of a request, also of the next one on a kept connection.
    pub header_timeout: Duration,
}

/// How long to rest when the system can't give a connection, for example out of descriptors.
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// The most that a connection buffers of what it reads, and thus the longest headers of a request;
/// Node takes as much. Bodies pass through it before they are counted, so it is what each of many
/// senders can cost besides.
const BUFFER: usize = 16 * 1024;

/// How many connections may wait in the system's queue; it may allow fewer. The usual 128 are few:
/// when they are full, Linux resets some of those that come at once.
const WAITING: u32 = 4096;

/// A bound listener.
#[derive(Debug)]
pub struct Listener {
    listener: TcpListener,
    limits: ListenerLimits,
}

impl Listener {
    /// Binds the address; port 0 takes a free one.
    ///
    /// # Errors
    /// What the system says, most often that the address is in use.
    pub async fn bind(address: SocketAddr, limits: ListenerLimits) -> std::io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // As `TcpListener::bind` does: a restart needn't wait for old connections to be forgotten.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(Self { listener: socket.listen(WAITING)?, limits })
    }

    /// The address that is bound.
    ///
    /// # Errors
    /// What the system says.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `shutdown`, then stops accepting and waits for requests that are under way.
    pub async fn serve(self, router: Router, shutdown: CancellationToken) {
        let places = Arc::new(Semaphore::new(self.limits.connections));
        let graceful = GracefulShutdown::new();
        loop {
            let place = tokio::select! {
                () = shutdown.cancelled() => break,
                place = Arc::clone(&places).acquire_owned() => place,
            };
            let Ok(place) = place else { break };
            let accepted = tokio::select! {
                () = shutdown.cancelled() => break,
                accepted = self.listener.accept() => accepted,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "can't accept a connection");
                    tokio::time::sleep(ACCEPT_REST).await;
                    continue;
                }
            };
            // Answers are small; waiting to fill a packet would only delay them.
            let _best_effort = stream.set_nodelay(true);
            let router = router.clone();
            let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                answer(router.clone(), peer, request)
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(self.limits.header_timeout)
                .max_buf_size(BUFFER)
                .serve_connection(TokioIo::new(stream), service);
            let connection = graceful.watch(connection);
            tokio::spawn(async move {
                // An error here is the client's: it went away or was too slow.
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "a connection broke");
                }
                drop(place);
            });
        }
        drop(self.listener);
        graceful.shutdown().await;
    }
}

async fn answer(
    router: Router,
    peer: SocketAddr,
    request: hyper::Request<hyper::body::Incoming>,
) -> Result<Response, Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(peer));
    router.oneshot(request).await
}
