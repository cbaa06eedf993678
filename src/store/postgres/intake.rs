//! Intake: webhooks that wait together share a transaction.
//!
//! What belongs here: who shares one with whom, and what becomes of the others when one spoils it.
//! What doesn't: the transaction (`accept`). A webhook belongs to a task of the store's once it is
//! queued: a caller that goes away undoes nothing, and no transaction ends in the middle.
//! Transactions overtake each other, so webhooks that have an order are queued as one group.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::domain::{Notification, Receipt, ReceivedWebhook, Time};
use crate::store::StoreError;

use super::accept::{Item, What, take_in};
use super::fault::Fault;
use super::planning::Planning;
use super::transaction::Connections;

/// Groups of one transaction. More of them wouldn't make one cheaper, only the wait longer.
const TOGETHER: usize = 256;

/// Transactions at a time: one is planned while the other waits for the server.
const AT_A_TIME: usize = 2;

/// Groups that may wait. Each holds bodies; a server that stands still mustn't fill the memory.
const WAITING: usize = 8_192;

const DOING: &str = "take in a webhook";

/// The way to the tasks that take webhooks in.
pub(super) struct Intake {
    queue: mpsc::Sender<Group>,
    closing: CancellationToken,
    tasks: TaskTracker,
}

/// Webhooks that are taken in one behind the other; most are alone.
type Group = Vec<Waiting>;

struct Waiting {
    arrival: ReceivedWebhook,
    sha256: [u8; 32],
    now: Time,
    answer: oneshot::Sender<Result<Receipt, StoreError>>,
}

impl Intake {
    /// Starts the tasks. `told` is called after each commit that led to calls.
    pub(super) fn start(
        connections: &Connections,
        planning: &Arc<Planning>,
        told: impl Fn() + Clone + Send + Sync + 'static,
    ) -> Self {
        let (queue, waiting) = mpsc::channel(WAITING);
        let waiting = Arc::new(Mutex::new(waiting));
        let (closing, tasks) = (CancellationToken::new(), TaskTracker::new());
        for _ in 0..AT_A_TIME {
            let worker = Worker {
                connections: connections.clone(),
                planning: Arc::clone(planning),
                waiting: Arc::clone(&waiting),
                closing: closing.clone(),
            };
            tasks.spawn(worker.run(told.clone()));
        }
        tasks.close();
        Self { queue, closing, tasks }
    }

    /// Takes webhooks in, in their order; returns after the commit.
    pub(super) async fn take(
        &self,
        arrivals: Vec<ReceivedWebhook>,
        now: Time,
    ) -> Result<Vec<Receipt>, StoreError> {
        if self.closing.is_cancelled() {
            return Err(StoreError::Closed);
        }
        let waiting = arrivals.into_iter().map(|arrival| {
            let (answer, answered) = oneshot::channel();
            let sha256 = arrival.webhook.fingerprint();
            (Waiting { arrival, sha256, now, answer }, answered)
        });
        let (group, answers): (Group, Vec<_>) = waiting.unzip();
        self.queue.try_send(group).map_err(|why| match why {
            TrySendError::Full(_) => unavailable("too many others wait for the server"),
            TrySendError::Closed(_) => StoreError::Closed,
        })?;
        let mut receipts = Vec::with_capacity(answers.len());
        for answered in answers {
            let given_up = |_gone| Err(unavailable("it was given up at the end"));
            receipts.push(answered.await.unwrap_or_else(given_up)?);
        }
        Ok(receipts)
    }

    /// Takes no more, and waits for those that were taken.
    pub(super) async fn close(&self) {
        self.closing.cancel();
        self.tasks.wait().await;
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        self.closing.cancel();
    }
}

fn unavailable(why: &str) -> StoreError {
    StoreError::Unavailable { doing: DOING, source: why.into() }
}

struct Worker {
    connections: Connections,
    planning: Arc<Planning>,
    waiting: Arc<Mutex<mpsc::Receiver<Group>>>,
    closing: CancellationToken,
}

impl Worker {
    async fn run(self, told: impl Fn()) {
        while let Some(batch) = self.next().await {
            let mut rest = batch;
            while !rest.is_empty() {
                // The same bytes twice are taken one after the other, so that the second is told
                // what became of the first.
                let mut seen = HashSet::new();
                let (now, later): (Vec<_>, Vec<_>) =
                    rest.into_iter().partition(|waiting| seen.insert(waiting.sha256));
                self.take(now, &told).await;
                rest = later;
            }
        }
    }

    /// What waits, as much as goes together; `None` once nothing more comes.
    async fn next(&self) -> Option<Vec<Waiting>> {
        let mut waiting = self.waiting.lock().await;
        let mut groups: Vec<Group> = Vec::new();
        tokio::select! {
            biased;
            _count = waiting.recv_many(&mut groups, TOGETHER) => {}
            () = self.closing.cancelled() => {
                while let Ok(group) = waiting.try_recv() {
                    groups.push(group);
                }
            }
        }
        (!groups.is_empty()).then(|| groups.into_iter().flatten().collect())
    }

    async fn take(&self, batch: Vec<Waiting>, told: &impl Fn()) {
        let items: Vec<Item<'_>> = batch.iter().map(|it| item(it, &it.arrival.decoded)).collect();
        let results = match self.together(&items).await {
            Ok(receipts) => receipts.into_iter().map(Ok).collect(),
            Err(fault) if fault.blames_the_plan() => self.each_apart(&batch).await,
            Err(fault) => {
                let error = Arc::new(fault.into_store_error(DOING));
                batch.iter().map(|_| Err(shared(&error))).collect()
            }
        };
        let calls = results.iter().flatten().any(|receipt| receipt.calls > 0);
        for (waiting, result) in batch.into_iter().zip(results) {
            // Whoever waited may be gone; what was done stays done.
            let _ = waiting.answer.send(result);
        }
        if calls {
            told();
        }
    }

    /// Takes each in a transaction of its own, and parks those that can't be.
    async fn each_apart(&self, batch: &[Waiting]) -> Vec<Result<Receipt, StoreError>> {
        let mut results = Vec::with_capacity(batch.len());
        for waiting in batch {
            let mut result = self.together(&[item(waiting, &waiting.arrival.decoded)]).await;
            if let Err(fault) = &result
                && fault.blames_the_plan()
            {
                let reason: Result<Notification, String> = Err(format!("internal: {fault}"));
                result = self.together(&[item(waiting, &reason)]).await;
            }
            let result = result.map(|mut receipts| receipts.remove(0));
            results.push(result.map_err(|fault| fault.into_store_error(DOING)));
        }
        results
    }

    /// One transaction, done again where others were in its way.
    async fn together(&self, items: &[Item<'_>]) -> Result<Vec<Receipt>, Fault> {
        let mut wanted = BTreeSet::new();
        let mut tries = self.connections.tries();
        loop {
            let one = async {
                let transaction = self.connections.begin().await?;
                let done = take_in(&transaction, &self.planning, items, &mut wanted).await;
                transaction.end(done).await
            };
            match self.connections.in_time(one).await {
                Err(fault) if tries.again(&fault).await => {}
                ended => return ended,
            }
        }
    }
}

fn item<'a>(waiting: &'a Waiting, reading: &'a Result<Notification, String>) -> Item<'a> {
    let what = What::Arrived(&waiting.arrival.webhook, waiting.sha256);
    Item { what, reading, class: waiting.arrival.class, now: waiting.now }
}

/// One error for everybody of a transaction.
fn shared(error: &Arc<StoreError>) -> StoreError {
    StoreError::Unavailable { doing: DOING, source: Box::new(Shared(Arc::clone(error))) }
}

#[derive(Debug, thiserror::Error)]
#[error("{}", self.told())]
struct Shared(Arc<StoreError>);

impl Shared {
    /// What is behind the error, which says the same of what it was doing.
    fn told(&self) -> String {
        let source = std::error::Error::source(&*self.0);
        source.map_or_else(|| self.0.to_string(), ToString::to_string)
    }
}
