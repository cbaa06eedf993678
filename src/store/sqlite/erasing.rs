//! Overwriting what erasing leaves behind in the file.
//!
//! What belongs here: free pages and the log. What doesn't: which rows go (`work::erase`).

use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

use crate::store::StoreError;

use super::SqliteStore;
use super::connection::overwrite;
use super::fault::Fault;

/// Tries to empty the log. A reader, or another checkpoint, may hold it for a moment.
const EMPTYINGS: u32 = 50;

/// The pause between two tries: SQLite doesn't wait for another checkpoint.
const EMPTYING_PAUSE: Duration = Duration::from_millis(20);

/// The longest row that takes free pages, in bytes.
const FILLER: i64 = 64 << 20;

impl SqliteStore {
    /// Overwrites the pages that nothing uses, and empties the log; true if it could.
    pub(crate) async fn overwrite_erased(&self) -> Result<bool, StoreError> {
        let place = self.place.clone();
        let work = move |_: &mut Connection| {
            let mut connection = place.writer()?;
            overwrite(&connection, true)?;
            overwrite_free_pages(&mut connection)?;
            empty_log(&connection)
        };
        self.readers.read("overwrite what was erased", None, work).await
    }
}

/// Overwrites all unused pages. Pages freed by other connections, when they accept or settle, still
/// hold older states; this connection overwrites the pages it frees.
fn overwrite_free_pages(connection: &mut Connection) -> Result<(), Fault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let number = |pragma| transaction.query_row(pragma, [], |row| row.get::<_, i64>(0));
    let mut bytes = number("PRAGMA freelist_count")? * number("PRAGMA page_size")?;
    let mut filler = 0;
    while bytes > 0 {
        filler -= 1;
        transaction
            .prepare_cached(
                "INSERT INTO inbox (rowid, id, sha256, received_at, source, body)
                 VALUES (?1, CAST(?1 AS BLOB), CAST(?1 AS BLOB), 0, '', zeroblob(?2))",
            )?
            .execute([filler, bytes.min(FILLER)])?;
        bytes -= FILLER;
    }
    // No webhook has such a number.
    transaction.execute("DELETE FROM inbox WHERE rowid < 0", [])?;
    Ok(transaction.commit()?)
}

/// Brings the log into the file and cuts it to nothing; true if it could.
fn empty_log(connection: &Connection) -> Result<bool, Fault> {
    for _ in 0..EMPTYINGS {
        let is_busy: bool =
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if !is_busy {
            return Ok(true);
        }
        std::thread::sleep(EMPTYING_PAUSE);
    }
    Ok(false)
}
