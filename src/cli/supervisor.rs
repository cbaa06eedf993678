//! Reports to the supervisor (`sd_notify(3)`): that the relay has started, lives, and stops.
//!
//! By hand: the protocol is one datagram a report.

use std::convert::Infallible;
use std::env;
use std::net::SocketAddr;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use super::healthcheck::get;

/// Sends the supervisor a state such as `READY=1`; nothing without a supervisor.
pub fn report(state: &str) {
    let Some(path) = env::var_os("NOTIFY_SOCKET") else { return };
    let sent = UnixDatagram::unbound().and_then(|socket| {
        // The relay must not wait for its supervisor.
        socket.set_nonblocking(true)?;
        socket.send_to(state.as_bytes(), path)
    });
    if let Err(error) = sent {
        tracing::warn!(%error, state, "the supervisor can't be reached");
    }
}

/// Sends a proof of life for as long as `/healthz` at this address answers 200.
pub async fn prove_life(address: SocketAddr) -> Infallible {
    let limit = env::var("WATCHDOG_USEC").ok().and_then(|limit| limit.parse().ok());
    let Some(limit) = limit.map(Duration::from_micros) else { return std::future::pending().await };
    let each = limit / 4;
    loop {
        match tokio::time::timeout(each, get(address, "/healthz")).await {
            Ok(Ok(_)) => report("WATCHDOG=1"),
            Ok(Err(error)) => tracing::warn!(%error, "no proof of life for the supervisor"),
            Err(_) => tracing::warn!("no proof of life for the supervisor: no answer in time"),
        }
        tokio::time::sleep(each).await;
    }
}
