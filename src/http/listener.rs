//! Accepts connections within bounds and lets the last requests finish.
//!
//! What belongs here: the life of a connection. Each of its states has a deadline, each client has a
//! share of all permits. What doesn't: the time and memory of bodies (`body`).

mod connection;
mod permits;
mod watched;

use std::convert::Infallible;
use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use serde::Deserialize;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use self::connection::{Connection, TrackedBody};
use self::permits::{ConnectionLimit, ConnectionPermit, ConnectionPermits};
use self::watched::{Deadlines, MissedDeadline, Watched};
use super::client::{is_trusted, network};
use super::delay::NotBefore;
use super::problem::Problem;
use crate::options::network::Network;
use crate::options::whole;
use crate::telemetry::Metrics;

/// The bounds of a listener's connections.
#[derive(Clone, Debug, Deserialize)]
pub struct ListenerOptions {
    /// Connections open at once.
    #[serde(deserialize_with = "whole::<_, _, 1, 1_000_000>")]
    pub max_connections: usize,
    /// Those of one client that is no trusted proxy; zero for an eighth.
    #[serde(deserialize_with = "whole::<_, _, 0, 1_000_000>")]
    pub connections_per_client: usize,
    /// The proxies whose `X-Forwarded-For` headers are trusted, or `Forwarded` where there are none.
    pub trusted_proxies: Vec<Network>,
    /// Time for the headers of a request, also of the next one on a kept connection.
    pub header_timeout: Duration,
    /// Time without progress in writing an answer.
    pub write_timeout: Duration,
}

/// The part of all connections that one client may have open.
const CLIENT_PART: usize = 8;

/// The pause after an error of the system, for example when it is out of descriptors.
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// The time between two warnings of such errors.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// The bytes that a connection buffers, and so the longest headers of a request; Node accepts as many.
/// Bodies pass through it before they are counted, so each sender can cost this much on top.
const BUFFER: usize = 16 * 1024;

/// The system's buffer for unread answers, which would otherwise grow to megabytes. Linux doubles it;
/// then all answers but the interface's document fit.
const SEND_BUFFER: u32 = 64 * 1024;

/// The connections that may wait in the system's queue, if the system allows as many. With the usual
/// 128, Linux resets some of the connections that arrive together.
const WAITING: u32 = 4096;

/// The seconds after which a client may try again when its request took too long.
const RETRY_AFTER: u64 = 5;

/// A bound listener.
#[derive(Debug)]
pub struct Listener {
    listener: TcpListener,
    options: ListenerOptions,
    /// Time from a request's head to its answer.
    request_timeout: Duration,
}

impl Listener {
    /// Binds the address; port 0 takes a free one.
    ///
    /// # Errors
    /// What the system says, most often that the address is in use.
    pub async fn bind(
        address: SocketAddr,
        options: ListenerOptions,
        request_timeout: Duration,
    ) -> std::io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // As `TcpListener::bind` does, so that a restart doesn't wait for old connections.
        socket.set_reuseaddr(true)?;
        // Accepted connections inherit it.
        socket.set_send_buffer_size(SEND_BUFFER)?;
        socket.bind(address)?;
        Ok(Self { listener: socket.listen(WAITING)?, options, request_timeout })
    }

    /// Returns the address that is bound.
    ///
    /// # Errors
    /// What the system says.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `shutdown`, then stops accepting and waits for requests that are under way.
    pub async fn serve(self, router: Router, metrics: Arc<Metrics>, shutdown: CancellationToken) {
        let Self { listener, options, request_timeout } = self;
        let permits =
            Arc::new(ConnectionPermits::new(options.max_connections, options.per_client()));
        let graceful = GracefulShutdown::new();
        let mut failures = Failures::default();
        let accept = async {
            loop {
                let (stream, peer) = match listener.accept().await {
                    Ok(accepted) => accepted,
                    Err(error) if is_of_one_connection(&error) => continue,
                    Err(error) => {
                        metrics.connection_closed("descriptors");
                        failures.note(&error);
                        permits.make_room(None);
                        tokio::time::sleep(ACCEPT_REST).await;
                        continue;
                    }
                };
                let crowded = |why| {
                    metrics.connection_closed(match why {
                        ConnectionLimit::Client => "client",
                        ConnectionLimit::All => "all",
                    });
                };
                let Some(permit) = permits.acquire(options.client(peer.ip()), crowded).await else {
                    continue;
                };
                let connection = Served {
                    router: router.clone(),
                    peer,
                    permit,
                    metrics: Arc::clone(&metrics),
                    request_timeout,
                };
                let deadlines =
                    Deadlines { head: options.header_timeout, write: options.write_timeout };
                tokio::spawn(connection.serve(stream, deadlines, graceful.watcher()));
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = accept => {}
        }
        drop(listener);
        graceful.shutdown().await;
    }
}

impl ListenerOptions {
    /// Returns the most connections of one client.
    fn per_client(&self) -> usize {
        match self.connections_per_client {
            0 => self.max_connections.div_ceil(CLIENT_PART),
            set => set,
        }
    }

    /// Returns the client that a connection counts for; `None` for a trusted proxy.
    fn client(&self, peer: IpAddr) -> Option<IpAddr> {
        (!is_trusted(peer, &self.trusted_proxies)).then(|| network(peer))
    }
}

/// True if the accepted connection failed, and not the listener.
fn is_of_one_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

/// Errors in accepting, which come many at a time.
#[derive(Default)]
struct Failures {
    warned: Option<Instant>,
    since: u64,
}

impl Failures {
    fn note(&mut self, error: &std::io::Error) {
        self.since += 1;
        let now = Instant::now();
        if self.warned.is_none_or(|warned| now.duration_since(warned) >= WARN_EVERY) {
            tracing::warn!(%error, times = self.since, "can't accept connections; is the limit of open files too low?");
            *self = Self { warned: Some(now), since: 0 };
        }
    }
}

/// A connection that is served.
struct Served {
    router: Router,
    peer: SocketAddr,
    permit: ConnectionPermit,
    metrics: Arc<Metrics>,
    request_timeout: Duration,
}

impl Served {
    /// Serves it to its end, and frees its permit.
    async fn serve(self, stream: TcpStream, deadlines: Deadlines, watcher: Watcher) {
        let Self { router, peer, permit, metrics, request_timeout } = self;
        // Answers are small, and waiting to fill a packet would delay them.
        let _best_effort = stream.set_nodelay(true);
        let _counted = metrics.open_connection();
        let connection = &permit.connection;
        let service = service_fn(|request: hyper::Request<hyper::body::Incoming>| {
            answer(router.clone(), peer, request, Arc::clone(connection), request_timeout)
        });
        let socket = TokioIo::new(Watched::new(stream, Arc::clone(connection), deadlines));
        let served = http1::Builder::new()
            // `Watched` does this, and leaves clients that read slowly their time.
            .header_read_timeout(None)
            .max_buf_size(BUFFER)
            // A client that closes its side after the request still reads the answer.
            .half_close(true)
            .serve_connection(socket, service);
        tokio::select! {
            served = watcher.watch(served) => if let Err(error) = served {
                // An error here is the client's: it went away or was too slow.
                if is_write_late(&error) {
                    metrics.connection_closed("write_timeout");
                }
                tracing::debug!(%error, "a connection broke");
            },
            () = connection.evicted.notified() => {
                tracing::debug!("a connection made room for another");
            }
        }
    }
}

fn is_write_late(error: &hyper::Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<std::io::Error>());
    let cause = cause.and_then(|cause| cause.get_ref()?.downcast_ref::<MissedDeadline>());
    cause == Some(&MissedDeadline::Write)
}

async fn answer(
    router: Router,
    peer: SocketAddr,
    request: hyper::Request<hyper::body::Incoming>,
    connection: Arc<Connection>,
    timeout: Duration,
) -> Result<Response, Infallible> {
    let handled = connection.handle();
    let mut request = request.map(|body| Body::new(TrackedBody::new(body, connection)));
    request.extensions_mut().insert(ConnectInfo(peer));
    let answered = tokio::time::timeout(timeout, router.oneshot(request)).await;
    let mut answer = answered.unwrap_or_else(|_| {
        let problem = Problem::unavailable("this took too long; try again", RETRY_AFTER);
        Ok(([(header::CONNECTION, "close")], problem).into_response())
    })?;
    // The request is handled, so the connection may make room for another.
    drop(handled);
    NotBefore::wait(&mut answer).await;
    Ok(answer)
}
