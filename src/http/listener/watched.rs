//! A socket with deadlines for its client: to send the head of a request, and to read an answer.
//!
//! What belongs here: the time without bytes. What doesn't: the time of a body, which has a rate as
//! well (`body`), and of a handler.

use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::connection::Connection;

/// The deadlines of a socket.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// For a request's head, from the connection's beginning or from the answer before.
    pub head: Duration,
    /// For an answer, from the last byte that the client read.
    pub write: Duration,
}

/// A deadline that has passed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MissedDeadline {
    /// The client sent no whole head.
    #[error("the client sent no request in time (server.header_timeout)")]
    Head,
    /// The client read nothing of an answer.
    #[error("the client stopped reading its answer (server.write_timeout)")]
    Write,
}

/// A socket with deadlines.
#[derive(Debug)]
pub struct Watched<S> {
    socket: S,
    connection: Arc<Connection>,
    deadlines: Deadlines,
    /// The timer of both deadlines, made when first needed. After an early wake-up it is set anew.
    timer: Option<Pin<Box<Sleep>>>,
    /// The time since which a head is awaited, and the number of requests before it.
    head: Option<(Instant, u64)>,
    /// The time since which the client reads nothing.
    stalled: Option<Instant>,
}

impl<S> Watched<S> {
    /// Watches the socket of a connection.
    pub fn new(socket: S, connection: Arc<Connection>, deadlines: Deadlines) -> Self {
        Self { socket, connection, deadlines, timer: None, head: None, stalled: None }
    }

    /// True if `until` has passed; otherwise the task is woken then, or earlier.
    fn is_late(&mut self, context: &mut Context<'_>, until: Instant) -> bool {
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(until)));
        if timer.deadline() > until {
            timer.as_mut().reset(until);
        }
        while timer.as_mut().poll(context).is_ready() {
            if Instant::now() >= until {
                return true;
            }
            timer.as_mut().reset(until);
        }
        false
    }

    /// True if a head is waited for and is late.
    fn is_head_late(&mut self, context: &mut Context<'_>) -> bool {
        // The next request's time begins when the answer before it has been written.
        if self.stalled.is_some() || !self.connection.awaits_head() {
            self.head = None;
            return false;
        }
        let requests = self.connection.requests();
        let since = match self.head {
            Some((since, before)) if before == requests => since,
            _ => Instant::now(),
        };
        self.head = Some((since, requests));
        self.is_late(context, since + self.deadlines.head)
    }

    /// Returns the same result of a write, or an error if nothing was written for too long.
    fn timed(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<Result<usize>>,
    ) -> Poll<Result<usize>> {
        if let Poll::Ready(result) = written {
            if self.stalled.take().is_some() {
                self.connection.stall(false);
            }
            if matches!(result, Ok(1..)) {
                self.connection.moved();
            }
            return Poll::Ready(result);
        }
        let since = *self.stalled.get_or_insert_with(Instant::now);
        self.connection.stall(true);
        if self.is_late(context, since + self.deadlines.write) {
            return Poll::Ready(Err(late(MissedDeadline::Write)));
        }
        Poll::Pending
    }
}

fn late(what: MissedDeadline) -> Error {
    Error::new(ErrorKind::TimedOut, what)
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.socket).poll_read(context, buffer);
        if buffer.filled().len() > before {
            this.connection.moved();
        }
        // Between the bytes of a dripped head there is always a wait.
        if read.is_pending() && this.is_head_late(context) {
            return Poll::Ready(Err(late(MissedDeadline::Head)));
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.socket).poll_write(context, bytes);
        this.timed(context, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.socket).poll_write_vectored(context, bytes);
        this.timed(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(context)
    }
}
