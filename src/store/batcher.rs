//! The batcher: webhooks that wait together share a transaction.
//!
//! What belongs here: which webhooks share one, and what becomes of the others when one spoils it. What
//! doesn't: the transaction (`work::accept`). A webhook belongs to a task of the store's once it waits: a
//! caller that goes away undoes nothing.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::domain::{Class, Receipt};

use super::StoreError;
use super::engine::{Engine, Priority};
use super::planning::Planning;
use super::unit::{Unit, Work};
use super::work::{Accept, Item, Origin};

/// Webhooks of one transaction. More of them wouldn't make one cheaper, only the wait longer.
const TOGETHER: usize = 256;

/// History and page posts of one transaction in which live webhooks are: those don't wait for them.
const BESIDE_LIVE: usize = 32;

/// Webhooks that may wait. Each holds a body, so storage that stands still can't fill the memory.
const WAITING: usize = 8_192;

const DOING: &str = "accept a webhook";

/// The way to the tasks that accept webhooks.
pub(super) struct Batcher {
    room: Arc<Room>,
    closing: CancellationToken,
    tasks: TaskTracker,
}

type Answer = oneshot::Sender<Result<Receipt, StoreError>>;

/// Webhooks that are planned in this order, and share a transaction.
type Group = Vec<(Item, Answer)>;

/// Webhooks that wait.
#[derive(Default)]
struct Room {
    waiting: Mutex<Waiting>,
    filled: Notify,
}

#[derive(Default)]
struct Waiting {
    live: VecDeque<Group>,
    rest: VecDeque<Group>,
    /// The number of webhooks in both.
    count: usize,
    /// True if a transaction was asked for that will take what waits.
    is_requested: bool,
}

/// Webhooks that were taken.
#[derive(Default)]
struct Batch {
    items: Vec<Item>,
    answers: Vec<Answer>,
    again: Again,
}

/// Webhooks whose bytes are in a batch already, by line.
#[derive(Default)]
struct Again {
    live: Group,
    rest: Group,
}

impl Batcher {
    /// Starts the tasks. `notify` is called after each commit that led to calls.
    pub(super) fn start<E: Engine>(
        engine: &Arc<E>,
        planning: &Arc<Planning>,
        notify: impl Fn() + Clone + Send + Sync + 'static,
    ) -> Self {
        let room = Arc::new(Room::default());
        let (closing, tasks) = (CancellationToken::new(), TaskTracker::new());
        for _ in 0..E::AT_A_TIME {
            let worker = Worker {
                engine: Arc::clone(engine),
                planning: Arc::clone(planning),
                room: Arc::clone(&room),
                closing: closing.clone(),
            };
            tasks.spawn(worker.run(notify.clone()));
        }
        tasks.close();
        Self { room, closing, tasks }
    }

    /// Accepts webhooks, each planned behind those before it; returns after the commit.
    ///
    /// # Errors
    /// The error of the first that couldn't be accepted. Others may be.
    pub(super) async fn accept(&self, items: Vec<Item>) -> Result<Vec<Receipt>, StoreError> {
        let is_live = items.iter().any(|item| item.class == Class::Live);
        let (group, answered): (Group, Vec<_>) = items
            .into_iter()
            .map(|item| {
                let (answer, answered) = oneshot::channel();
                ((item, answer), answered)
            })
            .unzip();
        {
            let mut waiting = self.room.lock();
            if self.closing.is_cancelled() {
                return Err(StoreError::Closed);
            }
            if waiting.count >= WAITING {
                return Err(unavailable("too many webhooks wait for the storage"));
            }
            waiting.count += group.len();
            let line = if is_live { &mut waiting.live } else { &mut waiting.rest };
            line.push_back(group);
        }
        self.room.filled.notify_one();
        let mut receipts = Vec::with_capacity(answered.len());
        for answer in answered {
            let given_up = |_gone| Err(unavailable("it was given up at the end"));
            receipts.push(answer.await.unwrap_or_else(given_up)?);
        }
        Ok(receipts)
    }

    /// Takes no more, and waits for those that wait.
    pub(super) async fn close(&self) {
        self.closing.cancel();
        self.tasks.wait().await;
    }
}

impl Drop for Batcher {
    fn drop(&mut self) {
        self.closing.cancel();
    }
}

fn unavailable(why: &str) -> StoreError {
    StoreError::Unavailable { doing: DOING, source: why.into() }
}

impl Room {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Requests a transaction for what waits and returns its priority; `None` if nothing waits, or one was
    /// requested.
    fn request(&self) -> Option<Priority> {
        let mut waiting = self.lock();
        if waiting.is_requested || waiting.is_empty() {
            return None;
        }
        waiting.is_requested = true;
        Some(if waiting.live.is_empty() { Priority::Rest } else { Priority::Accept })
    }

    /// Takes the next batch. A repetition of the same bytes is put back until the batch has ended, so that
    /// the outcome of the first one answers it.
    fn take(&self) -> Batch {
        let mut waiting = self.lock();
        waiting.is_requested = false;
        let mut seen = HashSet::new();
        let mut batch = Batch::default();
        let beside = if waiting.live.is_empty() { TOGETHER } else { BESIDE_LIVE };
        let Waiting { live, rest, count, .. } = &mut *waiting;
        let again = &mut batch.again;
        for (line, most, again) in
            [(live, TOGETHER, &mut again.live), (rest, beside, &mut again.rest)]
        {
            let mut taken = 0;
            while taken < most
                && let Some(group) = line.pop_front()
            {
                taken += group.len();
                for (item, answer) in group {
                    match &item.origin {
                        Origin::Received(_, fingerprint) if !seen.insert(*fingerprint) => {
                            again.push((item, answer));
                        }
                        _ => {
                            batch.items.push(item);
                            batch.answers.push(answer);
                        }
                    }
                }
            }
        }
        *count -= batch.items.len();
        if !waiting.is_empty() {
            self.filled.notify_one();
        }
        batch
    }

    /// Puts webhooks back to the front.
    fn put_back(&self, again: Again) {
        let mut waiting = self.lock();
        let Waiting { live, rest, .. } = &mut *waiting;
        for (line, group) in [(live, again.live), (rest, again.rest)] {
            if !group.is_empty() {
                line.push_front(group);
            }
        }
    }
}

impl Waiting {
    fn is_empty(&self) -> bool {
        self.live.is_empty() && self.rest.is_empty()
    }
}

/// A batch, taken when its transaction begins. So it holds everything that waited until then.
struct AcceptWaiting {
    room: Arc<Room>,
    planning: Arc<Planning>,
    accept: OnceLock<Accept>,
    taken: Mutex<(Vec<Answer>, Again)>,
}

impl AcceptWaiting {
    fn accept(&self) -> &Accept {
        self.accept.get_or_init(|| {
            let Batch { items, answers, again } = self.room.take();
            *self.taken.lock().unwrap_or_else(PoisonError::into_inner) = (answers, again);
            Accept::new(Arc::clone(&self.planning), items.into())
        })
    }
}

impl Work for AcceptWaiting {
    type Output = Vec<Receipt>;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<Vec<Receipt>, U::Fault> {
        self.accept().run(unit).await
    }
}

struct Worker<E> {
    engine: Arc<E>,
    planning: Arc<Planning>,
    room: Arc<Room>,
    closing: CancellationToken,
}

impl<E: Engine> Worker<E> {
    async fn run(self, notify: impl Fn()) {
        loop {
            // Read first: nothing is added after it, so all earlier webhooks are seen below.
            let is_closing = self.closing.is_cancelled();
            while let Some(priority) = self.room.request() {
                self.accept(priority, &notify).await;
            }
            if is_closing {
                return;
            }
            tokio::select! {
                () = self.room.filled.notified() => {}
                () = self.closing.cancelled() => {}
            }
        }
    }

    async fn accept(&self, priority: Priority, notify: &impl Fn()) {
        let work = Arc::new(AcceptWaiting {
            room: Arc::clone(&self.room),
            planning: Arc::clone(&self.planning),
            accept: OnceLock::new(),
            taken: Mutex::default(),
        });
        let result = self.engine.write(priority, DOING, Arc::clone(&work)).await;
        // Without a transaction none was taken yet. Those who wait are answered all the same.
        let items = work.accept().items();
        let (answers, again) =
            std::mem::take(&mut *work.taken.lock().unwrap_or_else(PoisonError::into_inner));
        let results = match result {
            Ok(receipts) => receipts.into_iter().map(Ok).collect(),
            Err(error) if error.is_data_error() => self.each_apart(items).await,
            Err(error) => {
                let error = Arc::new(error);
                answers.iter().map(|_| Err(StoreError::shared(DOING, &error))).collect()
            }
        };
        self.room.put_back(again);
        if results.iter().flatten().any(|receipt: &Receipt| receipt.calls > 0) {
            notify();
        }
        for (answer, result) in answers.into_iter().zip(results) {
            // The caller may be gone. What was done stays done.
            let _ = answer.send(result);
        }
    }

    /// Accepts each in a transaction of its own, and parks those that can't be stored otherwise.
    async fn each_apart(&self, items: &[Item]) -> Vec<Result<Receipt, StoreError>> {
        let mut results = Vec::with_capacity(items.len());
        for item in items {
            let mut result = self.one(item.clone()).await;
            if let Err(error) = &result
                && error.is_data_error()
            {
                let decoded = Err(format!("internal: {}", error.cause()));
                result = self.one(Item { decoded, ..item.clone() }).await;
            }
            results.push(result);
        }
        results
    }

    async fn one(&self, item: Item) -> Result<Receipt, StoreError> {
        let work = Accept::new(Arc::clone(&self.planning), [item].into());
        let mut receipts = self.engine.write(Priority::Accept, DOING, work).await?;
        receipts.pop().ok_or_else(|| unavailable("it wasn't done"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Time, WebhookId};
    use crate::store::contract::script::Script;
    use crate::store::tombstones::TombstoneKey;

    /// An engine whose storage stands still.
    struct Stalled;

    impl Engine for Stalled {
        const AT_A_TIME: usize = 1;

        async fn write<W: Work>(
            &self,
            _priority: Priority,
            _doing: &'static str,
            _work: W,
        ) -> Result<W::Output, StoreError> {
            std::future::pending().await
        }
    }

    #[tokio::test]
    async fn a_flood_is_refused_before_it_fills_the_memory() {
        let key = [7; 32];
        let planning = Planning::new(Arc::new(Script), key, TombstoneKey::new(None, &key));
        let batcher = Batcher::start(&Arc::new(Stalled), &Arc::new(planning), || {});
        let item = Item {
            origin: Origin::Stored(WebhookId(uuid::Uuid::nil())),
            decoded: Err("unread".to_owned()),
            class: Class::Live,
            now: Time::from_seconds(0),
        };
        let flood = batcher.accept(vec![item.clone(); WAITING]);
        tokio::select! {
            biased;
            _ = flood => panic!("nothing is accepted"),
            one = batcher.accept(vec![item]) => {
                assert!(matches!(one, Err(StoreError::Unavailable { .. })), "{one:?}");
            }
        }
    }
}
