//! Doing a transaction again where others were in its way.
//!
//! What belongs here: how often, how soon, and how long all of it may take. What doesn't: which fault
//! passes (`fault`).

use std::time::Duration;

use crate::domain::Random;

use super::fault::Fault;
use super::transaction::Connections;

/// Tries of a transaction that others are in the way of.
const TRIES: u32 = 20;

/// The tries of a transaction so far.
pub(super) struct RetryPolicy<'a> {
    tried: u32,
    /// Tries whose connections ended amid them.
    pub(super) ended: u32,
    random: &'a dyn Random,
}

impl RetryPolicy<'_> {
    /// True if it is to be done again after this. Waits longer the more often it failed, and unlike others
    /// that failed at the same moment.
    pub(super) async fn again(&mut self, fault: &Fault) -> bool {
        self.tried += 1;
        self.ended += u32::from(fault.is_end());
        if !fault.is_passing() || self.tried >= TRIES {
            return false;
        }
        if self.tried > 2 {
            let most = 1_u64 << self.tried.min(7);
            tokio::time::sleep(Duration::from_millis(self.random.next() % most)).await;
        }
        true
    }
}

/// Does work in a transaction, again where others were in its way, and translates its error. A macro, because
/// of an async closure the compiler can't show that it may move to another thread.
macro_rules! transact {
    ($connections:expr, $doing:expr, |$transaction:ident| $work:expr) => {{
        let connections = &$connections;
        let mut tries = connections.tries();
        loop {
            let one = async {
                let mut transaction = connections.begin_after(tries.ended).await?;
                let $transaction = &mut transaction;
                let done = $work.await;
                transaction.end(done).await
            };
            match connections.in_time(one).await {
                Ok(done) => break Ok(done),
                Err(fault) if tries.again(&fault).await => {}
                Err(fault) => break Err(fault.into_store_error($doing)),
            }
        }
    }};
}

pub(super) use transact;

impl Connections {
    /// Returns the tries of a transaction that wasn't tried yet.
    pub(super) fn tries(&self) -> RetryPolicy<'_> {
        RetryPolicy { tried: 0, ended: 0, random: &*self.random }
    }

    /// Gives up on a transaction whose statements are each in time, and all together aren't.
    pub(super) async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        // A transaction is a handful of statements.
        let limit = self.options.statement_timeout.saturating_mul(4);
        tokio::time::timeout(limit, work).await.unwrap_or(Err(Fault::Slow))
    }
}
