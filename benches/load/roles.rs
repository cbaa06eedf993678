//! The roles that this binary plays for itself: the bare handler, and the stand-in destination.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use tokio::net::TcpListener;

use super::destination;

/// Plays a role until it is killed: `bare ADDRESS`, or `destination ADDRESS DELAY_MS WATCH`.
pub fn play(arguments: &[String]) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let router = match arguments {
        [role, _] if role == "bare" => bare(),
        [role, _, delay, watch] if role == "destination" => {
            let delay = Duration::from_millis(delay.parse().unwrap());
            destination::router(delay, watch.parse().unwrap())
        }
        _ => panic!("no such role: {arguments:?}"),
    };
    let address: SocketAddr = arguments[1].parse().unwrap();
    runtime.block_on(async move {
        let listener = TcpListener::bind(address).await.unwrap();
        axum::serve(listener, router).await.unwrap();
    });
}

/// Reads the body and answers: what any handler costs at least.
fn bare() -> Router {
    Router::new().route(
        "/api/growsurf-to-cio",
        post(async |body: Bytes| {
            assert!(!body.is_empty());
            r#"{"success":true}"#
        }),
    )
}
