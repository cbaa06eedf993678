//! The state of one connection, shared with the choice of connections to close.
//!
//! What belongs here: the last progress, and the side that is waited for. What doesn't: deadlines, which
//! `watched` keeps, and the choice of a connection that makes room, which is `permits`'.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::sync::Notify;

/// The client must send a head or read an answer.
const WAITING: u8 = 0;
/// The client must send more of a body that a handler waits for.
const READING: u8 = 1;
/// The relay handles a request.
const HANDLING: u8 = 2;

/// The state of one connection. All of it is atomic, so that bytes pass without a lock.
#[derive(Debug)]
pub struct Connection {
    began: Instant,
    /// The time of the last byte, in microseconds since `began`.
    progress: AtomicU64,
    requests: AtomicU64,
    state: AtomicU8,
    stalled: AtomicBool,
    /// Notified once the connection has to make room.
    pub evicted: Notify,
}

impl Connection {
    /// Returns a connection that was opened now; times count from `began`.
    pub fn new(began: Instant) -> Self {
        let connection = Self {
            began,
            progress: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            state: AtomicU8::new(WAITING),
            stalled: AtomicBool::new(false),
            evicted: Notify::new(),
        };
        connection.moved();
        connection
    }

    /// Notes that a byte was read or written.
    pub fn moved(&self) {
        let now = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.progress.store(now, Ordering::Relaxed);
    }

    /// Notes that the client reads its answer too slowly, or has begun to read again.
    pub fn stall(&self, stalled: bool) {
        self.stalled.store(stalled, Ordering::Relaxed);
    }

    /// Returns the time of the last byte, in microseconds since the listener began.
    pub fn progress(&self) -> u64 {
        self.progress.load(Ordering::Relaxed)
    }

    /// Returns the number of requests that have begun.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// True if the client owes the head of a request.
    pub fn awaits_head(&self) -> bool {
        self.state.load(Ordering::Relaxed) == WAITING
    }

    /// True if the relay waits for the client. Only then may the connection be closed to make room.
    pub fn awaits_client(&self) -> bool {
        self.stalled.load(Ordering::Relaxed) || self.state.load(Ordering::Relaxed) != HANDLING
    }

    /// Notes that a request is handled until the result is dropped.
    pub fn handle(self: &Arc<Self>) -> HandlingGuard {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.state.store(HANDLING, Ordering::Relaxed);
        HandlingGuard(Arc::clone(self))
    }

    /// Changes the state, unless the request has been answered meanwhile.
    fn turn(&self, from: u8, to: u8) {
        let _answered = self.state.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed);
    }
}

/// A request that is handled.
#[derive(Debug)]
pub struct HandlingGuard(Arc<Connection>);

impl Drop for HandlingGuard {
    fn drop(&mut self) {
        self.0.state.store(WAITING, Ordering::Relaxed);
    }
}

/// A request's body that notes whether its handler waits for the client.
#[derive(Debug)]
pub struct TrackedBody {
    body: Incoming,
    connection: Arc<Connection>,
}

impl TrackedBody {
    /// Returns the body of a request on this connection.
    pub fn new(body: Incoming, connection: Arc<Connection>) -> Self {
        Self { body, connection }
    }
}

impl Body for TrackedBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        match &polled {
            Poll::Pending => self.connection.turn(HANDLING, READING),
            Poll::Ready(_) => self.connection.turn(READING, HANDLING),
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
