//! Readers: a few read-only connections beside the writer.
//!
//! What belongs here: handing a connection to a reading that runs on a blocking thread. What
//! doesn't: what is read. Readings are short, because a reader keeps the log from being emptied.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::store::StoreError;

use super::connection::DatabasePath;
use super::fault::Fault;

/// Readings that may run at once.
const READINGS: u32 = 4;

/// Steps of SQLite's between two looks at the clock: a few microseconds of work.
const OPERATIONS: i32 = 1_000;

/// Read-only connections, opened when first needed.
pub(super) struct Readers {
    place: DatabasePath,
    idle: Arc<Mutex<Vec<Connection>>>,
    turns: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(place: DatabasePath) -> Self {
        Self { place, idle: Arc::default(), turns: Arc::new(Semaphore::new(READINGS as usize)) }
    }

    /// Reads, and interrupts a read that takes longer than it may. A connection that saw an error isn't used
    /// again.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        doing: &'static str,
        time: Option<Duration>,
        work: impl FnOnce(&mut Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let turn = turn.map_err(|_closed| StoreError::Closed)?;
        let (idle, place) = (Arc::clone(&self.idle), self.place.clone());
        let reading = tokio::task::spawn_blocking(move || {
            let connection = lock(&idle).pop();
            let mut connection = connection.map_or_else(|| place.reader(), Ok)?;
            if let Some(time) = time {
                let begun = Instant::now();
                connection.progress_handler(OPERATIONS, Some(move || begun.elapsed() >= time))?;
            }
            let result = work(&mut connection)?;
            if time.is_some() {
                connection.progress_handler(0, None::<fn() -> bool>)?;
            }
            lock(&idle).push(connection);
            drop(turn);
            Ok(result)
        });
        match reading.await {
            Ok(result) => result.map_err(|fault: Fault| fault.into_store_error(doing)),
            Err(error) => Err(StoreError::unavailable(doing, error)),
        }
    }

    /// Waits for the readings under way and closes all connections.
    pub(super) async fn close(&self) {
        let all = self.turns.acquire_many(READINGS).await;
        self.turns.close();
        drop(all);
        lock(&self.idle).clear();
    }
}

fn lock(idle: &Mutex<Vec<Connection>>) -> std::sync::MutexGuard<'_, Vec<Connection>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}
