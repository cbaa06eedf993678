//! Soundness: whether what a store holds is what was written into it.
//!
//! What belongs here: the questions, each a short reading. What doesn't: who asks them, of a file
//! at rest (`contents`) or beside a relay at work (`examination`), and what follows.
//!
//! Each question is a reading of its own, because beside one that is long the log only grows.

use rusqlite::{Connection, Error, ErrorCode};

use crate::domain::Webhook;
use crate::store::columns::{FromColumns, WEBHOOK};

use super::fault::Fault;
use super::values;

/// Bodies that one reading compares.
const BODIES: i64 = 500;

/// Returns the damage, in words, if there is any: pages, rows or bodies that can't be what was written.
///
/// # Errors
/// An error of SQLite that is no damage and ended the search.
pub(super) fn search_damage(connection: &Connection) -> Result<Option<String>, Fault> {
    match search(connection) {
        Err(Fault::Sql(error)) if !is_damage(&error) => Err(Fault::Sql(error)),
        searched => Ok(searched.unwrap_or_else(|fault| Some(fault.to_string()))),
    }
}

/// True if an error of SQLite means that the file is damaged.
pub(super) fn is_damage(error: &Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(code, Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
        || matches!(
            error,
            Error::FromSqlConversionFailure(..)
                | Error::IntegralValueOutOfRange(..)
                | Error::InvalidColumnType(..)
        )
}

fn search(connection: &Connection) -> Result<Option<String>, Fault> {
    let tables = tables(connection)?;
    for table in &tables {
        if let Some(damage) = integrity(connection, "integrity_check", Some(table))? {
            return Ok(Some(damage));
        }
    }
    // A look at one table sees neither the free pages nor what two tables share.
    if let Some(damage) = integrity(connection, "quick_check", None)? {
        return Ok(Some(damage));
    }
    for table in &tables {
        let mut broken = connection.prepare("SELECT 1 FROM pragma_foreign_key_check(?1)")?;
        if broken.exists([table])? {
            return Ok(Some(format!("rows of {table} refer to others that are missing")));
        }
    }
    Ok((!bodies_are_whole(connection)?)
        .then(|| "the body of a webhook isn't what was received".to_owned()))
}

/// Returns the names of all tables.
pub(super) fn tables(connection: &Connection) -> Result<Vec<String>, Fault> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid";
    let mut statement = connection.prepare(sql)?;
    let names = statement.query_map([], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

fn integrity(
    connection: &Connection,
    pragma: &str,
    table: Option<&str>,
) -> Result<Option<String>, Fault> {
    let argument = table.map(|name| format!("('{}')", name.replace('\'', "''")));
    let sql = format!("PRAGMA {pragma}{}", argument.unwrap_or_default());
    let found: String = connection.prepare(&sql)?.query_row([], |row| row.get(0))?;
    Ok((found != "ok").then(|| found.replace('\n', " ")))
}

/// Returns true if every body has its hash. SQLite notices damage to its own structure, but not
/// inside a value.
fn bodies_are_whole(connection: &Connection) -> Result<bool, Fault> {
    let sql = format!(
        "SELECT {WEBHOOK}, rowid, sha256, body IS NOT NULL FROM inbox
         WHERE rowid > ?1 ORDER BY rowid LIMIT ?2"
    );
    let (mut statement, mut after) = (connection.prepare(&sql)?, i64::MIN);
    loop {
        let (mut rows, before) = (statement.query([after, BODIES])?, after);
        while let Some(row) = rows.next()? {
            after = row.get(6)?;
            let (has_body, sha256): (bool, [u8; 32]) = (row.get(8)?, row.get(7)?);
            let unread = |fault| {
                let detail = format!("row {after} of its table inbox, {}", values::reason(fault));
                Fault::unreadable("a row", detail)
            };
            if has_body && Webhook::read(row).map_err(unread)?.fingerprint() != sha256 {
                return Ok(false);
            }
        }
        if after == before {
            return Ok(true);
        }
    }
}

/// Returns contradictions of a file with sound pages: broken invariants of the [store](super) that SQL
/// can find. Such a store works, except for its counters or lanes; a fault of the relay is likelier than
/// one of the disk.
pub(super) fn contradictions(connection: &Connection) -> Result<Vec<&'static str>, Fault> {
    const QUESTIONS: [(&str, &str); 8] = [
        (
            "the number of pending calls isn't the one that is kept",
            "SELECT (SELECT value FROM counters WHERE name = 'pending')
                 IS NOT (SELECT COUNT(*) + COUNT(CASE identify_dead WHEN 0 THEN identify END)
                     FROM deliveries WHERE state = 0)",
        ),
        (
            "the number of dead letters isn't the one that is kept",
            "SELECT (SELECT value FROM counters WHERE name = 'dead')
                 IS NOT (SELECT COUNT(*) FROM dead_letters)",
        ),
        (
            "the number of parked webhooks isn't the one that is kept",
            "SELECT (SELECT value FROM counters WHERE name = 'parked')
                 IS NOT (SELECT COUNT(*) FROM inbox WHERE parked IS NOT NULL)",
        ),
        (
            "the webhooks of the books don't balance",
            "SELECT (SELECT SUM(iif(name = 'received', value, -value)) FROM counters
                 WHERE name IN ('received', 'mapped', 'unmapped')) IS NOT 0",
        ),
        (
            "the calls of the books don't balance",
            "SELECT (SELECT SUM(iif(name = 'planned', value, -value)) FROM counters
                 WHERE name IN ('planned', 'delivered', 'pending', 'dead', 'discarded', 'replaced',
                     'erased')) IS NOT 0",
        ),
        (
            "a lane is due with nothing pending, or isn't with something pending",
            "SELECT EXISTS (SELECT 1 FROM lanes WHERE (due_at IS NOT NULL) <> EXISTS
                 (SELECT 1 FROM deliveries WHERE lane = lanes.id AND state = 0))",
        ),
        (
            "a delivery is dead and no dead letter, or the other way round",
            "SELECT EXISTS (SELECT 1 FROM deliveries WHERE
                     (state = 2) <> (state <> 0 AND EXISTS (SELECT 1 FROM dead_letters
                         WHERE delivery IN (2 * deliveries.id, 2 * deliveries.id + 1)))
                     OR identify_dead <> EXISTS
                         (SELECT 1 FROM dead_letters WHERE delivery = 2 * deliveries.id))
                 OR EXISTS (SELECT 1 FROM dead_letters WHERE NOT EXISTS
                     (SELECT 1 FROM deliveries WHERE deliveries.id = delivery / 2))",
        ),
        (
            "an attempt is of no delivery",
            "SELECT EXISTS (SELECT 1 FROM attempts WHERE NOT EXISTS
                 (SELECT 1 FROM deliveries WHERE deliveries.id = delivery / 2))",
        ),
    ];
    let mut found = Vec::new();
    for (contradiction, question) in QUESTIONS {
        if connection.query_row(question, [], |row| row.get(0))? {
            found.push(contradiction);
        }
    }
    Ok(found)
}
