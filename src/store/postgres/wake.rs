//! Wake-ups: tells other relays that there is work, at most once a batch.
//!
//! What belongs here: when they are told. What doesn't: hearing it (`session`). It is told outside
//! the transactions that queue work, because the server lets only one transaction at a time commit
//! that tells anything; and whoever isn't told finds the work at its next look.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::fault::Fault;
use super::session::CHANNEL;
use super::transaction::Connections;

/// The shortest time between two wake-ups.
const REST: Duration = Duration::from_millis(20);

/// Tells others; ends with the token.
#[derive(Clone)]
pub(super) struct Wake(Arc<Notify>);

impl Wake {
    /// Starts the task that tells them. Without `notify` nobody is told.
    pub(super) fn start(connections: Connections, notify: bool, ending: CancellationToken) -> Self {
        let told = Arc::new(Notify::new());
        if notify {
            let asked = Arc::clone(&told);
            tokio::spawn(async move {
                tokio::select! {
                    () = ending.cancelled() => {}
                    () = tell(connections, asked) => {}
                }
            });
        }
        Self(told)
    }

    /// There is new work. Costs the caller nothing.
    pub(super) fn others(&self) {
        self.0.notify_one();
    }
}

async fn tell(connections: Connections, asked: Arc<Notify>) {
    loop {
        asked.notified().await;
        if let Err(error) = notify(&connections).await {
            tracing::debug!(%error, "can't wake other relays; they look by themselves");
        }
        tokio::time::sleep(REST).await;
    }
}

async fn notify(connections: &Connections) -> Result<(), Fault> {
    let transaction = connections.begin_after(0).await?;
    let told = transaction.script(&format!("NOTIFY {CHANNEL}")).await;
    transaction.end(told).await
}
