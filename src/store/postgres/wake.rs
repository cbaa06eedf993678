//! Wake-ups: notifies other relays that there is work, at most once a batch.
//!
//! What belongs here: the times of notifications. What doesn't: listening (`session`). A notification
//! isn't sent in the transaction that queues work, because the server commits only one notifying
//! transaction at a time. A relay that misses one finds the work at its next poll.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::fault::Fault;
use super::session::CHANNEL;
use super::transaction::Connections;

/// The shortest time between two wake-ups.
const REST: Duration = Duration::from_millis(20);

/// The notifier of other relays; ends with the token.
#[derive(Clone)]
pub(super) struct Wake(Arc<Notify>);

impl Wake {
    /// Starts the notifying task. Without `notify` it sends nothing.
    pub(super) fn start(connections: Connections, notify: bool, ending: CancellationToken) -> Self {
        let work = Arc::new(Notify::new());
        if notify {
            let queued = Arc::clone(&work);
            tokio::spawn(async move {
                tokio::select! {
                    () = ending.cancelled() => {}
                    () = notify_others(connections, queued) => {}
                }
            });
        }
        Self(work)
    }

    /// Notifies other relays of new work. Costs the caller nothing.
    pub(super) fn others(&self) {
        self.0.notify_one();
    }
}

async fn notify_others(connections: Connections, queued: Arc<Notify>) {
    loop {
        queued.notified().await;
        if let Err(error) = notify(&connections).await {
            tracing::debug!(%error, "can't wake other relays; they look by themselves");
        }
        tokio::time::sleep(REST).await;
    }
}

async fn notify(connections: &Connections) -> Result<(), Fault> {
    let transaction = connections.begin_after(0).await?;
    let notified = transaction.script(&format!("NOTIFY {CHANNEL}")).await;
    transaction.end(notified).await
}
