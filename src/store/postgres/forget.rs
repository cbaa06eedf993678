//! Forget: erases a person in small transactions.
//!
//! What belongs here: the order of the pieces, and the last one, which takes the person and sets
//! the tombstones. What doesn't: where they are named (`traces`), what is cut out of a webhook and
//! its calls (`erasing`), the hashes of tombstones (`store::tombstones`).

use async_trait::async_trait;
use uuid::Uuid;

use crate::domain::{Email, ErasureKey, Person, PersonId, Time};
use crate::store::{CancelResult, Erased, ErasureTarget, Forgetting, StoreError, record};

use crate::store::meta::Meta;
use crate::store::planning::Planning;

use super::PostgresStore;
use super::erasing;
use super::fault::Fault;
use super::tables::meta;
use super::traces;
use super::transaction::{Transaction, transact};

/// How many webhooks, calls or people one transaction takes on.
const PIECE: usize = 100;

/// The tables that rows of a person are in; what was removed from them is still in their files.
const VACUUM: &str =
    "VACUUM people, participants, inbox, deliveries, dead_letters, attempts, mentions";

#[async_trait]
impl Forgetting for PostgresStore {
    async fn find_subject(&self, email: &Email) -> Result<ErasureTarget, StoreError> {
        transact!(self.connections.with_long_timeout(), "look for a person", |it| traces::traced(
            &it, email
        ))
    }

    async fn cancel_pending(
        &self,
        traced: &ErasureTarget,
        now: Time,
    ) -> Result<CancelResult, StoreError> {
        const DOING: &str = "remove a person's calls";
        let mut hushed = CancelResult::default();
        for id in traced.people.keys() {
            loop {
                let (count, erased) = transact!(self.connections, DOING, |it| hush(&it, *id))?;
                hushed.erased = hushed.erased.and(erased);
                if count < PIECE {
                    break;
                }
            }
            let under_way =
                transact!(self.connections, DOING, |it| erasing::under_way(&it, *id, now))?;
            hushed.under_way = hushed.under_way.max(under_way);
        }
        Ok(hushed)
    }

    async fn erase(&self, traced: &ErasureTarget, now: Time) -> Result<Erased, StoreError> {
        let mut erased = self.sweep(traced).await?;
        // The second sweep counts them all again.
        erased.unreadable = 0;
        let (learned, taken) = transact!(self.connections, "erase a person", |it| {
            take_person(&it, &self.planning, traced, now)
        })?;
        erased = erased.and(taken);
        // What was accepted meanwhile may name them; from now on nothing can.
        erased = erased.and(self.sweep(&learned).await?);
        erased.log_emptied = self.vacuum().await;
        Ok(erased)
    }
}

impl PostgresStore {
    /// Cuts them out of everything that is others'.
    async fn sweep(&self, traced: &ErasureTarget) -> Result<Erased, StoreError> {
        const DOING: &str = "erase a person from others' data";
        let redact = self.planning.redact;
        let mut erased = Erased::default();
        let others = transact!(self.connections.with_long_timeout(), DOING, |it| traces::others(
            &it, traced
        ))?;
        for piece in others.chunks(PIECE) {
            erased.people_of_others += transact!(self.connections, DOING, |it| {
                cut_people(&it, &self.planning, traced, piece)
            })?;
        }
        let (webhooks, unreadable) =
            transact!(self.connections.with_long_timeout(), DOING, |it| {
                traces::webhooks(&it, traced, &others, redact)
            })?;
        erased.unreadable = unreadable;
        let webhooks: Vec<Uuid> = webhooks.into_iter().collect();
        for piece in webhooks.chunks(PIECE) {
            let cut = transact!(self.connections, DOING, |it| {
                erasing::cut_webhooks(&it, traced, redact, piece)
            })?;
            erased = erased.and(cut);
        }
        Ok(erased)
    }

    /// Has the server reuse and cut what the erased rows leave behind; tells whether it could. It
    /// needs the role that owns the tables.
    async fn vacuum(&self) -> bool {
        let vacuumed = async {
            let connection = self.connections.pool.get().await?;
            connection.batch_execute(VACUUM).await?;
            Ok::<(), Fault>(())
        };
        match vacuumed.await {
            Ok(()) => true,
            Err(fault) => {
                let error = fault.into_store_error("vacuum its tables");
                tracing::warn!(error = %error, "older states of what was erased are still there");
                false
            }
        }
    }
}

async fn hush(transaction: &Transaction, id: PersonId) -> Result<(usize, Erased), Fault> {
    let waiting = erasing::waiting(transaction, id, PIECE).await?;
    Ok((waiting.len(), erasing::remove_rows(transaction, &waiting).await?))
}

async fn cut_people(
    transaction: &Transaction,
    planning: &Planning,
    traced: &ErasureTarget,
    piece: &[PersonId],
) -> Result<u64, Fault> {
    let mut cut = 0;
    for id in piece {
        let Some(person) = traces::by_id(transaction, *id).await? else { continue };
        if let Some(left) = planning.planner.without(&person, &traced.forgotten) {
            let state = record::state(&left)?;
            let sql = "UPDATE people SET state = $2 WHERE id = $1";
            cut += transaction.change(sql, &[&id.0, &state]).await?;
        }
    }
    Ok(cut)
}

/// Takes what is left of the person, in one transaction with the tombstones. Gives all of their
/// traces, which may have become more since they were found.
async fn take_person(
    transaction: &Transaction,
    planning: &Planning,
    traced: &ErasureTarget,
    now: Time,
) -> Result<(ErasureTarget, Erased), Fault> {
    let mut traced = traced.clone();
    let mut erased = Erased::default();
    let mut records: Vec<(PersonId, Person)> = Vec::new();
    for id in traced.people.keys() {
        let Some(person) = traces::by_id(transaction, *id).await? else { continue };
        traced.forgotten.add_identifiers_of(&person);
        records.push((*id, person));
    }
    for visitor in traces::beside(transaction, &traced.forgotten).await? {
        let Some(id) = visitor.id else { continue };
        if traced.people.insert(id, visitor.identifier.clone()).is_none() {
            records.push((id, visitor));
        }
    }
    for (id, person) in &records {
        let sql = "SELECT webhook FROM mentions WHERE person = $1";
        let rows = transaction.rows(sql, &[&id.0]).await?;
        let webhooks: Vec<Uuid> =
            rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
        let cut = erasing::cut_webhooks(transaction, &traced, planning.redact, &webhooks).await?;
        let waiting = erasing::waiting(transaction, *id, usize::MAX).await?;
        let removed = erasing::remove_rows(transaction, &waiting).await?;
        let gone = erasing::remove_person(transaction, *id, person).await?;
        erased = erased.and(cut).and(removed).and(gone);
    }
    let participants = traced.forgotten.participants.iter().cloned().map(ErasureKey::Participant);
    let addresses = traced.forgotten.emails.iter().cloned().map(ErasureKey::Address);
    let hashes: Vec<Vec<u8>> = participants
        .chain(addresses)
        .map(|trace| planning.tombstones.hash(&trace).to_vec())
        .collect();
    let sql = "INSERT INTO tombstones (hash, forgotten_at) SELECT unnest($1::bytea[]), $2
         ON CONFLICT (hash) DO UPDATE
         SET forgotten_at = GREATEST(tombstones.forgotten_at, excluded.forgotten_at)";
    erased.tombstones = transaction.change(sql, &[&hashes, &now.micros()]).await?;
    let check = planning.tombstones.check();
    meta::remember(transaction, Meta::TombstoneCheck, Some(&check)).await?;
    Ok((traced, erased))
}
