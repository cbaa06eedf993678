//! Forget: erases a person in small transactions, on a connection of its own.
//!
//! What belongs here: the order of the pieces, and the last one, which takes the person and sets
//! the tombstones. What doesn't: where they are named (`traces`), what is cut out of a webhook and
//! its calls (`erasing`), the hashes of tombstones (`tombstones`).
//!
//! What refers to the person is gone by then, and nothing new comes, because it is one transaction.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::Connection;

use crate::domain::{Email, ErasureKey, Person, PersonId, Redact, Time};
use crate::store::{CancelResult, Erased, ErasureTarget, Forgetting, StoreError};

use super::SqliteStore;
use super::connection::DatabasePath;
use super::erasing::{self, Eraser};
use super::fault::Fault;
use super::people;
use super::tombstones;
use super::traces;
use crate::store::planning::Planning;

/// How many webhooks, calls or people one transaction takes on.
const PIECE: usize = 100;

/// How often the log is tried to be emptied. A reader, or another checkpoint, may hold it for a moment.
const EMPTYINGS: u32 = 50;

/// The pause between two tries: SQLite doesn't wait for another checkpoint.
const EMPTYING_PAUSE: Duration = Duration::from_millis(20);

/// The longest row that takes free pages, in bytes.
const FILLER: i64 = 64 << 20;

#[async_trait]
impl Forgetting for SqliteStore {
    async fn find_subject(&self, email: &Email) -> Result<ErasureTarget, StoreError> {
        let email = email.clone();
        let work = move |connection: &Connection| traces::traced(connection, &email);
        self.readers.read("look for a person", work).await
    }

    async fn cancel_pending(
        &self,
        traced: &ErasureTarget,
        now: Time,
    ) -> Result<CancelResult, StoreError> {
        let (traced, place) = (traced.clone(), self.place.clone());
        let work = move |_: &Connection| hush(&place, &traced, now);
        self.readers.read("remove a person's calls", work).await
    }

    async fn erase(&self, traced: &ErasureTarget, now: Time) -> Result<Erased, StoreError> {
        let (traced, place, redact) = (traced.clone(), self.place.clone(), self.planning.redact);
        let planning = Arc::clone(&self.planning);
        let work = move |reader: &Connection| {
            let work = Work { planning: &planning, redact, reader, place: &place };
            work.erase(traced, now)
        };
        self.readers.read("erase a person", work).await
    }
}

/// See [`Forgetting::cancel_pending`].
fn hush(place: &DatabasePath, traced: &ErasureTarget, now: Time) -> Result<CancelResult, Fault> {
    let mut connection = place.eraser()?;
    let mut hushed = CancelResult::default();
    for id in traced.people.keys() {
        loop {
            let piece = in_one(&mut connection, |connection| {
                let waiting = erasing::waiting(connection, *id, PIECE)?;
                let mut erased = Erased::default();
                for row in &waiting {
                    erased = erased.and(erasing::remove_row(connection, *row)?);
                }
                erasing::count(connection, &erased)?;
                Ok((waiting.len(), erased))
            })?;
            hushed.erased = hushed.erased.and(piece.1);
            if piece.0 < PIECE {
                break;
            }
        }
        let under_way = in_one(&mut connection, |it| erasing::under_way(it, *id, now))?;
        hushed.under_way = hushed.under_way.max(under_way);
    }
    Ok(hushed)
}

/// Everything that erasing needs.
struct Work<'a> {
    planning: &'a Planning,
    redact: Redact,
    reader: &'a Connection,
    place: &'a DatabasePath,
}

impl Work<'_> {
    /// See [`Forgetting::erase`].
    fn erase(&self, mut traced: ErasureTarget, now: Time) -> Result<Erased, Fault> {
        let mut connection = self.place.eraser()?;
        let mut erased = self.sweep(&mut connection, &traced)?;
        // The second sweep counts them all again.
        erased.unreadable = 0;
        let taken = in_one(&mut connection, |it| self.take_person(it, &mut traced, now))?;
        erased = erased.and(taken);
        // What was accepted meanwhile may name them; from now on nothing can.
        erased = erased.and(self.sweep(&mut connection, &traced)?);
        in_one(&mut connection, overwrite_free_pages)?;
        erased.log_emptied = empty_log(&connection)?;
        Ok(erased)
    }

    /// Cuts them out of everything that is others'.
    fn sweep(&self, connection: &mut Connection, traced: &ErasureTarget) -> Result<Erased, Fault> {
        let mut erased = Erased::default();
        let others = traces::others(self.reader, traced)?;
        for piece in others.chunks(PIECE) {
            erased.people_of_others += in_one(connection, |it| self.cut_people(it, traced, piece))?;
        }
        let (webhooks, unreadable) = traces::webhooks(self.reader, traced, &others, self.redact)?;
        erased.unreadable = unreadable;
        let webhooks: Vec<i64> = webhooks.into_iter().collect();
        for piece in webhooks.chunks(PIECE) {
            erased = erased.and(in_one(connection, |it| self.cut_webhooks(it, traced, piece))?);
        }
        Ok(erased)
    }

    fn cut_people(
        &self,
        connection: &Connection,
        traced: &ErasureTarget,
        piece: &[PersonId],
    ) -> Result<u64, Fault> {
        let mut cut = 0;
        for id in piece {
            let Some(person) = people::by_id(connection, *id)? else { continue };
            if let Some(left) = self.planning.planner.without(&person, &traced.forgotten) {
                people::write(connection, &left)?;
                cut += 1;
            }
        }
        Ok(cut)
    }

    fn cut_webhooks(
        &self,
        connection: &Connection,
        traced: &ErasureTarget,
        piece: &[i64],
    ) -> Result<Erased, Fault> {
        let eraser = Eraser { connection, redact: self.redact, traced };
        let mut erased = Erased::default();
        for webhook in piece {
            erased = erased.and(eraser.cut_webhook(*webhook)?);
        }
        erasing::count(connection, &erased)?;
        Ok(erased)
    }

    /// Takes what is left of the person, in one transaction with the tombstones.
    fn take_person(
        &self,
        connection: &Connection,
        traced: &mut ErasureTarget,
        now: Time,
    ) -> Result<Erased, Fault> {
        let mut erased = Erased::default();
        let mut records: Vec<(PersonId, Person)> = Vec::new();
        for id in traced.people.keys() {
            let Some(person) = people::by_id(connection, *id)? else { continue };
            // They may have got another trace since they were found.
            traced.forgotten.add_identifiers_of(&person);
            records.push((*id, person));
        }
        for visitor in traces::beside(connection, &traced.forgotten)? {
            let Some(id) = visitor.id else { continue };
            if traced.people.insert(id, visitor.identifier.clone()).is_none() {
                records.push((id, visitor));
            }
        }
        for (id, person) in &records {
            let mut statement =
                connection.prepare_cached("SELECT webhook FROM mentions WHERE person = ?1")?;
            let webhooks = statement.query_map([id.0], |row| row.get(0))?;
            let webhooks: Vec<i64> = webhooks.collect::<Result<_, _>>()?;
            erased = erased.and(self.cut_webhooks(connection, traced, &webhooks)?);
            let mut waiting = Erased::default();
            for row in erasing::waiting(connection, *id, usize::MAX)? {
                waiting = waiting.and(erasing::remove_row(connection, row)?);
            }
            erasing::count(connection, &waiting)?;
            erased = erased.and(waiting);
            erased = erased.and(erasing::remove_person(connection, *id, person)?);
        }
        let participants =
            traced.forgotten.participants.iter().cloned().map(ErasureKey::Participant);
        let addresses = traced.forgotten.emails.iter().cloned().map(ErasureKey::Address);
        for trace in participants.chain(addresses) {
            tombstones::set(connection, &self.planning.tombstones, &trace, now)?;
            erased.tombstones += 1;
        }
        Ok(erased)
    }
}

/// One transaction. It waits for others' as long as a connection waits.
fn in_one<T>(
    connection: &mut Connection,
    work: impl FnOnce(&Connection) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let begin = rusqlite::TransactionBehavior::Immediate;
    let transaction = connection.transaction_with_behavior(begin)?;
    let done = work(&transaction)?;
    transaction.commit()?;
    Ok(done)
}

/// Overwrites the pages that nothing uses: what was freed in passing, by whoever accepts or settles,
/// still holds older states. It takes them all, and this connection overwrites what it frees.
fn overwrite_free_pages(connection: &Connection) -> Result<(), Fault> {
    let number = |pragma| connection.query_row(pragma, [], |row| row.get::<_, i64>(0));
    let mut bytes = number("PRAGMA freelist_count")? * number("PRAGMA page_size")?;
    let mut filler = 0;
    while bytes > 0 {
        filler -= 1;
        connection
            .prepare_cached("INSERT INTO redactions (webhook, sha256) VALUES (?1, zeroblob(?2))")?
            .execute([filler, bytes.min(FILLER)])?;
        bytes -= FILLER;
    }
    // No webhook has such a number.
    connection.prepare_cached("DELETE FROM redactions WHERE webhook < 0")?.execute([])?;
    Ok(())
}

/// Brings the log into the file and cuts it to nothing; tells whether it could.
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
