//! Transactions: a connection between BEGIN and COMMIT.
//!
//! What belongs here: how one begins, ends and is undone, and the server's clock. What doesn't:
//! what is done in it, and doing it again (`retry`). A connection whose transaction didn't end is closed, and not used again: so
//! no caller gets a connection with an open transaction of another.

use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use deadpool::managed::Timeouts;
use futures_util::TryStreamExt;
use futures_util::future::try_join_all;
use tokio::sync::Mutex;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Row, SimpleQueryMessage, Statement};

use crate::domain::{Random, Time};
use crate::store::columns::FromColumns;
use crate::store::record::unreadable;

use super::ConnectionOptions;
use super::fault::Fault;
use super::pool::{self, Object, Pool};
use super::value::{Redacted, Value};

/// The time that the relay waits for a statement beyond the server's own limit. A server that lives has
/// reported by then that it took too long.
const ON_THE_WAY: Duration = Duration::from_secs(1);

/// The time that a statement over whole tables may take.
const LONG: Duration = Duration::from_secs(15 * 60);

/// The clock that leases and waits go by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ClockSource {
    /// The server's, because the clocks of several relays differ.
    Server,
    /// The caller's, for tests that bring their own time.
    #[cfg(test)]
    Caller,
}

/// Connections, and how they are used.
#[derive(Clone)]
pub(super) struct Connections {
    pub(super) pool: Pool,
    pub(super) ruling: ClockSource,
    pub(super) options: ConnectionOptions,
    /// The longest wait for a connection while all are in use.
    pub(super) wait_timeout: Duration,
    /// True if whole tables are read.
    pub(super) reads_tables: bool,
    /// Keeps those apart who are in each other's way.
    pub(super) random: Arc<dyn Random>,
}

/// A transaction that is under way. Dropped, it is undone.
pub(super) struct Transaction {
    connection: Option<Object>,
    /// Held by the statement that is sent next.
    turn: Mutex<()>,
    limit: Duration,
    pub(super) server_now: Time,
    pub(super) ruling: ClockSource,
    prepares: bool,
}

impl Connections {
    /// Returns the same connections, for what may take long: it reads whole tables.
    pub(super) fn with_long_timeout(&self) -> Self {
        let mut long = Self { reads_tables: true, ..self.clone() };
        long.options.idle_timeout = self.options.idle_timeout.max(self.options.statement_timeout);
        long.options.statement_timeout = self.options.statement_timeout.max(LONG);
        long
    }

    /// Returns the same connections, for senders who wait for their answers.
    pub(super) fn to_accept(&self) -> Self {
        self.with_timeout(self.options.accept_timeout)
    }

    /// Returns the same connections, for those who wait no longer than this.
    pub(super) fn with_timeout(&self, timeout: Duration) -> Self {
        let mut hurried = Self { wait_timeout: timeout, ..self.clone() };
        hurried.options.statement_timeout = timeout;
        hurried
    }

    /// Begins a transaction that sees, statement by statement, what others have committed. So many tries of it ended
    /// with their connections. It may stand still for longer if two did: not because the relay froze, but because the
    /// work takes long by itself.
    pub(super) async fn begin_after(&self, ended: u32) -> Result<Transaction, Fault> {
        let longer = 1 << (4 * ended.saturating_sub(1)).min(8);
        let idle = self.options.idle_timeout.saturating_mul(longer).min(LONG);
        self.begin_as("READ COMMITTED READ WRITE", idle).await
    }

    /// Begins a transaction that sees what was committed before, and changes nothing. It holds nobody
    /// up, so it may stand still for long.
    pub(super) async fn begin_snapshot(&self) -> Result<Transaction, Fault> {
        self.begin_as("REPEATABLE READ READ ONLY", LONG).await
    }

    async fn begin_as(&self, kind: &str, idle: Duration) -> Result<Transaction, Fault> {
        let wait = Timeouts { wait: Some(self.wait_timeout), ..Timeouts::new() };
        let connection = self.pool.timeout_get(&wait).await?;
        // Statements stay prepared, unless a pooler gives every transaction another connection. To plan one anew
        // takes the server longer than to execute it.
        let prepares = self.options.notify && !self.reads_tables;
        let mut transaction = Transaction {
            connection: Some(connection),
            turn: Mutex::default(),
            limit: self.options.statement_timeout.saturating_add(ON_THE_WAY),
            server_now: Time::default(),
            ruling: self.ruling,
            prepares,
        };
        // On disk when COMMIT answers, whatever the role's defaults are. A relay that the network
        // has cut off holds nothing for long. And these values end with the transaction, so that
        // they are right behind a pooler, too.
        let (timeout, idle) = (self.options.statement_timeout.as_millis(), idle.as_millis());
        // There is an index for whatever a webhook or a delivery needs, and reading a table instead is
        // cheaper only as long as it is small, or said to be by old statistics.
        let plans = match self.reads_tables {
            true => "",
            false => {
                "SET LOCAL enable_seqscan = off;
                 SET LOCAL enable_hashjoin = off;
                 SET LOCAL enable_mergejoin = off;
                 SET LOCAL plan_cache_mode = force_generic_plan;"
            }
        };
        let sql = format!(
            "BEGIN ISOLATION LEVEL {kind};
             SET LOCAL synchronous_commit = on;
             SET LOCAL client_min_messages = warning;
             SET LOCAL statement_timeout = {timeout};
             SET LOCAL idle_in_transaction_session_timeout = {idle};
             SET LOCAL jit = off;
             {plans}
             SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
        );
        let begun = transaction
            .within(self.options.connect_timeout, transaction.client().simple_query(&sql));
        for message in begun.await.map_err(Fault::of_begin)? {
            if let SimpleQueryMessage::Row(row) = message {
                let micros = row.get(0).and_then(|text| text.parse().ok());
                let micros = micros.ok_or_else(|| unreadable("the server's clock", "no number"))?;
                transaction.server_now = Time::from_micros(micros);
            }
        }
        Ok(transaction)
    }
}

impl Transaction {
    fn client(&self) -> &Object {
        self.connection.as_ref().expect("the connection is there until the end")
    }

    /// Returns the rows that a statement gives.
    pub(super) async fn rows(&self, sql: &str, values: &[&dyn Value]) -> Result<Vec<Row>, Fault> {
        let asking = async {
            if !self.prepares {
                return self.client().query_typed(sql, &typed(values)).await;
            }
            let rows = self.in_turn(sql, values, async |statement| {
                self.client().query_raw(&statement, hidden(values)).await
            });
            // On the heap, as below, because many statements are under way at once.
            Box::pin(rows).await?.try_collect().await
        };
        self.within(self.limit, asking).await
    }

    /// Returns the rows that statements give, which are sent all at once, one behind the other.
    pub(super) async fn rows_in_order<const N: usize>(
        &self,
        statements: [(&str, &[&dyn Value]); N],
    ) -> Result<[Vec<Row>; N], Fault> {
        let rows = try_join_all(statements.map(|(sql, values)| self.rows(sql, values))).await?;
        Ok(rows.try_into().expect("as many results as statements"))
    }

    /// Reads the rows that a statement gives.
    pub(super) async fn read<T: FromColumns>(
        &self,
        sql: &str,
        values: &[&dyn Value],
    ) -> Result<Vec<T>, Fault> {
        self.rows(sql, values).await?.iter().map(T::read).collect()
    }

    /// Reads the rows that a statement gives for keys, the columns of an array each. Without keys nothing is sent.
    pub(super) async fn read_by<T: FromColumns>(
        &self,
        sql: &str,
        keys: &[&dyn Value],
    ) -> Result<Vec<T>, Fault> {
        match keys[0].count() {
            0 => Ok(Vec::new()),
            _ => self.read(sql, keys).await,
        }
    }

    /// Does a statement, and returns the number of rows that it changed.
    pub(super) async fn change(&self, sql: &str, values: &[&dyn Value]) -> Result<u64, Fault> {
        let asking = async {
            if !self.prepares {
                return self.client().execute_typed(sql, &typed(values)).await;
            }
            let changed = self.in_turn(sql, values, async |statement| {
                self.client().execute_raw(&statement, hidden(values)).await
            });
            Box::pin(changed).await
        };
        self.within(self.limit, asking).await
    }

    /// Prepares a statement and sends it behind those that were asked for before. Else one that isn't
    /// prepared yet would be overtaken by those that are.
    async fn in_turn<T>(
        &self,
        sql: &str,
        values: &[&dyn Value],
        send: impl AsyncFnOnce(Statement) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, tokio_postgres::Error> {
        let turn = self.turn.lock().await;
        let statement = self.client().prepare_typed_cached(sql, &kinds(values)).await?;
        let mut answer = pin!(send(statement));
        // It is sent when it is polled first.
        let first =
            std::future::poll_fn(|context| Poll::Ready(answer.as_mut().poll(context))).await;
        drop(turn);
        match first {
            Poll::Ready(answer) => answer,
            Poll::Pending => answer.await,
        }
    }

    /// Does statements without values, one after the other.
    pub(super) async fn script(&self, sql: &str) -> Result<(), Fault> {
        self.within(self.limit, self.client().batch_execute(sql)).await
    }

    /// Gives up on a server that doesn't answer at all: its own timeouts don't reach the relay then.
    async fn within<T>(
        &self,
        limit: Duration,
        asking: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Fault> {
        let asked = Instant::now();
        // On the heap, because many statements are under way at once.
        let no_more = Box::pin(tokio::time::timeout(limit, self.client().left()));
        tokio::select! {
            biased;
            answer = asking => return Ok(answer?),
            waited = no_more => if waited.is_ok() { return Err(Fault::Left) },
        }
        if let Some(pool) = self.connection.as_ref().and_then(Object::pool) {
            pool::fell_silent(&pool, asked);
        }
        Err(Fault::Slow)
    }

    /// Ends the transaction: keeps what was done, or undoes it.
    pub(super) async fn end<T>(mut self, done: Result<T, Fault>) -> Result<T, Fault> {
        if matches!(done, Err(Fault::Slow | Fault::Left)) {
            // The server wouldn't answer a ROLLBACK either.
            return done;
        }
        let sql = if done.is_ok() { "COMMIT" } else { "ROLLBACK" };
        let ended = self.script(sql).await;
        if ended.is_ok()
            && let Some(connection) = self.connection.take()
        {
            drop(connection);
        }
        let done = done?;
        ended.map(|()| done).map_err(Fault::of_commit)
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            // Out of the pool, and closed by being dropped; the server then undoes what is open.
            drop(Object::take(connection));
        }
    }
}

fn kinds(values: &[&dyn Value]) -> Vec<Type> {
    values.iter().map(|value| value.kind()).collect()
}

fn hidden<'a>(values: &'a [&'a dyn Value]) -> Vec<Redacted<'a>> {
    values.iter().map(|value| Redacted(value.sql())).collect()
}

fn typed<'a>(values: &'a [&'a dyn Value]) -> Vec<(&'a (dyn ToSql + Sync), Type)> {
    values.iter().map(|value| (value.sql(), value.kind())).collect()
}
