//! A stand-in Customer.io: the Track API, v1 and v2, as its documentation describes it. Beside it, a
//! stand-in GrowSurf: the REST API below `/growsurf/v2/`, in `sandbox/growsurf.rs`.
//!
//! It serves `serve --sandbox`, `referral-relay sandbox` and the tests, where it is the witness of
//! what the relay did. So it reads raw JSON by the documentation, shares no type with the rest of
//! the crate, and forgives nothing: what is documented as dropped in silence is dropped in silence,
//! and shown in the activity. Its state lives in memory. What speaks *to* Customer.io doesn't
//! belong here, but in `customerio`.
//!
//! [The guide](crate::docs::sandbox) has the requests that read back what arrived and steer the stand-ins.

mod activity;
mod answer;
mod api;
mod auth;
mod body;
mod connections;
mod events;
mod faults;
mod growsurf;
mod identifier;
mod identify;
mod limits;
mod merge;
mod operation;
mod others;
mod people;
mod readback;
mod requests;
mod ring;
mod state;
mod suppression;
mod v1;
mod v2;
mod views;
mod workspace;

#[cfg(test)]
mod tests;

use std::{io, net::SocketAddr};

use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use self::state::Shared;

/// A stand-in Customer.io that is bound to an address, but doesn't serve yet.
#[derive(Debug)]
pub struct Sandbox {
    listener: TcpListener,
    addr: SocketAddr,
    router: Router,
}

impl Sandbox {
    /// Binds an empty sandbox. Port 0 lets the system choose; [`Sandbox::addr`] returns the address.
    ///
    /// # Errors
    ///
    /// Fails if the address can't be bound.
    pub async fn bind(addr: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(addr).await?;
        let addr = listener.local_addr()?;

        Ok(Self { listener, addr, router: router() })
    }

    /// Returns the address that it is bound to.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Serves until `shutdown` is cancelled, then finishes the requests in flight for a short
    /// while and closes what is left.
    ///
    /// # Errors
    ///
    /// None today: a failing accept is logged and tried again.
    pub async fn serve(self, shutdown: CancellationToken) -> io::Result<()> {
        connections::run(self.listener, self.router, shutdown).await;
        Ok(())
    }
}

/// Returns the sandbox as a router with an empty state of its own, for embedding.
///
/// A dropped connection is truly dropped only by [`Sandbox::serve`]; another server sends the head
/// of an answer whose body breaks off.
pub fn router() -> Router {
    let shared = Shared::new(state::system_clock);
    readback::routes().merge(growsurf::routes()).fallback(api::answer).with_state(shared)
}
