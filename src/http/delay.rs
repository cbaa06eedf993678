//! Late answers: answers that the listener holds back, for wrong tokens and for page posts.
//!
//! What belongs here: the mark on a response. What doesn't: the wait itself, in which the connection
//! counts as one that waits for its client and may be closed to make room (`listener`).

use axum::response::Response;
use tokio::time::Instant;

/// The time before which an answer isn't sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotBefore(pub Instant);

impl NotBefore {
    /// Takes the mark off a response, and waits until its time has come.
    pub async fn wait(response: &mut Response) {
        if let Some(Self(time)) = response.extensions_mut().remove() {
            tokio::time::sleep_until(time).await;
        }
    }
}
