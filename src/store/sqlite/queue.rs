//! The queue before the writer: jobs that wait, and the order in which they are taken.
//!
//! What belongs here: fairness between accepts and the rest. What doesn't: what a job does and how it is
//! committed (`writer`), and a bound of what waits, which is the batcher's.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::store::StoreError;
pub(super) use crate::store::engine::Priority;

use super::writer::Job;

/// Jobs of one transaction without accepts. More of them wouldn't make a job cheaper, only the wait longer.
const OTHERS: usize = 16;
/// The same beside accepts, so that senders don't wait for them, nor deliveries for a flood of webhooks.
const BESIDE_ACCEPTS: usize = 1;

/// Jobs that wait for the writer.
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    filled: Condvar,
}

#[derive(Default)]
struct Waiting {
    accepts: VecDeque<Box<dyn Job>>,
    rest: VecDeque<Box<dyn Job>>,
    closed: bool,
}

impl Queue {
    pub(super) fn new() -> Self {
        Self { waiting: Mutex::default(), filled: Condvar::new() }
    }

    /// Puts a job in its line.
    pub(super) fn push(&self, rank: Priority, job: Box<dyn Job>) -> Result<(), StoreError> {
        let mut waiting = self.lock();
        if waiting.closed {
            return Err(StoreError::Closed);
        }
        match rank {
            Priority::Accept => waiting.accepts.push_back(job),
            Priority::Rest => waiting.rest.push_back(job),
        }
        drop(waiting);
        self.filled.notify_one();
        Ok(())
    }

    /// Waits for jobs and takes those of the next transaction; `None` once the queue is closed
    /// and empty.
    pub(super) fn take(&self) -> Option<Vec<Box<dyn Job>>> {
        let mut waiting = self.lock();
        loop {
            let batch = waiting.next_batch();
            if !batch.is_empty() {
                return Some(batch);
            }
            if waiting.closed {
                return None;
            }
            waiting = self.filled.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Closes the queue; waiting jobs still run. Returns true if it was open.
    pub(super) fn close(&self) -> bool {
        let was_closed = std::mem::replace(&mut self.lock().closed, true);
        self.filled.notify_all();
        !was_closed
    }

    /// Closes the queue and drops what waits, so that nobody waits for a writer that is gone.
    pub(super) fn abandon(&self) {
        let mut waiting = self.lock();
        waiting.closed = true;
        waiting.accepts.clear();
        waiting.rest.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Accepts first. Few of the rest go with them, and share their commit.
    fn next_batch(&mut self) -> Vec<Box<dyn Job>> {
        let others = if self.accepts.is_empty() { OTHERS } else { BESIDE_ACCEPTS };
        let others = self.rest.len().min(others);
        self.accepts.drain(..).chain(self.rest.drain(..others)).collect()
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::super::fault::Shared;
    use super::*;

    struct Nothing;

    impl Job for Nothing {
        fn run(&mut self, _connection: &mut Connection) -> bool {
            true
        }

        fn answer(self: Box<Self>, _transaction: Result<(), Shared>) {}
    }

    fn push(queue: &Queue, rank: Priority, count: usize) -> Result<(), StoreError> {
        (0..count).try_for_each(|_| queue.push(rank, Box::new(Nothing)))
    }

    #[test]
    fn few_of_the_rest_go_with_accepts() {
        let queue = Queue::new();
        push(&queue, Priority::Accept, 4).unwrap();
        push(&queue, Priority::Rest, 2 + 2 * OTHERS).unwrap();
        let sizes: Vec<usize> = (0..4).map(|_| queue.take().unwrap().len()).collect();
        assert_eq!(sizes, [4 + BESIDE_ACCEPTS, OTHERS, OTHERS, 1]);
    }

    #[test]
    fn a_closed_queue_gives_out_waiting_jobs_and_accepts_no_more() {
        let queue = Queue::new();
        push(&queue, Priority::Rest, 1).unwrap();
        assert!(queue.close());
        assert!(!queue.close());
        assert!(matches!(push(&queue, Priority::Rest, 1), Err(StoreError::Closed)));
        assert_eq!(queue.take().unwrap().len(), 1);
        assert!(queue.take().is_none());
    }
}
