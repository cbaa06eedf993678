//! Traces: where somebody is named in the store.
//!
//! What belongs here: looking for them. What doesn't: erasing what is found (`erasing`, `forget`).
//! People are looked through one by one, because a record may name anybody in any fact; webhooks
//! are found by the index of mentions, but for those that are parked or told by others than GrowSurf,
//! whose bodies are read. Others may name somebody whom the relay has no record of.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::domain::{Email, ErasureSubject, Person, PersonId, Redact, Redaction, Source};
use crate::store::{ErasureTarget, record};

use super::fault::Fault;
use super::tables::inbox::{self, WEBHOOK};
use super::transaction::Transaction;
use super::value::{number, text};

/// How many bodies are read at a time; a body may have megabytes.
const PAGE: usize = 50;

/// See [`Forgetting::find_subject`](crate::store::Forgetting::find_subject).
pub(super) async fn traced(
    transaction: &Transaction,
    email: &Email,
) -> Result<ErasureTarget, Fault> {
    let forgotten = ErasureSubject::with_address(email.clone());
    let mut traced = ErasureTarget { people: [].into(), forgotten };
    // Somebody may have had several addresses, and each may lead to more.
    loop {
        let addresses = traced.forgotten.emails.len();
        let names = traced.forgotten.emails.iter().map(|it| it.as_str().to_owned()).collect();
        for id in named(transaction, names, Vec::new()).await? {
            let Some(person) = by_id(transaction, id).await? else { continue };
            if traced.forgotten.is_about(&person) {
                traced.forgotten.add_identifiers_of(&person);
                traced.people.insert(id, person.identifier);
            }
        }
        if traced.forgotten.emails.len() == addresses {
            break;
        }
    }
    for person in beside(transaction, &traced.forgotten).await? {
        traced.people.extend(person.id.map(|id| (id, person.identifier)));
    }
    Ok(traced)
}

/// Records of their own that they have beside: as visitors of pages whom they claimed, and as
/// addressees at GrowSurf. Held until the commit.
pub(super) async fn beside(
    transaction: &Transaction,
    forgotten: &ErasureSubject,
) -> Result<Vec<Person>, Fault> {
    let columns = forgotten.linked_records().map(|it| text(&record::column(&it)));
    let columns: Vec<String> = columns.collect();
    let sql = "SELECT id, identifier, state FROM people
         WHERE identifier = ANY ($1) AND state <> '' ORDER BY id FOR UPDATE";
    let rows = transaction.rows(sql, &[&columns]).await?;
    let read = |row: &tokio_postgres::Row| {
        Ok(record::person(row.try_get(0)?, row.try_get(1)?, row.try_get(2)?)?)
    };
    rows.iter().map(read).collect()
}

/// Other people whose records name them.
pub(super) async fn others(
    transaction: &Transaction,
    traced: &ErasureTarget,
) -> Result<Vec<PersonId>, Fault> {
    let forgotten = &traced.forgotten;
    let addresses = forgotten.emails.iter().map(|it| it.as_str().to_owned()).collect();
    let quoted = forgotten.participants.iter().map(|it| {
        serde_json::to_string(&it.participant).map_err(|it| record::unreadable("an id", it))
    });
    let quoted = quoted.collect::<Result<_, _>>()?;
    let mut named = named(transaction, addresses, quoted).await?;
    named.retain(|id| !traced.people.contains_key(id));
    Ok(named)
}

/// People whose records hold one of these addresses, or one of these ids as a value.
async fn named(
    transaction: &Transaction,
    addresses: Vec<String>,
    quoted: Vec<String>,
) -> Result<Vec<PersonId>, Fault> {
    let sql = "SELECT id FROM people
         WHERE EXISTS (SELECT 1 FROM unnest($1::text[]) AS own (address)
                 WHERE strpos(lower(state), address) > 0 OR identifier = 'email:' || address
                     OR (identifier LIKE 'participant:%'
                         AND strpos(identifier, '\"' || address || '\"') > 0))
             OR EXISTS (SELECT 1 FROM unnest($2::text[]) AS own (id) WHERE strpos(state, id) > 0)
         ORDER BY id";
    let rows = transaction.rows(sql, &[&addresses, &quoted]).await?;
    rows.iter().map(|row| Ok(PersonId(row.try_get(0)?))).collect()
}

/// The person of this number; held until the commit.
pub(super) async fn by_id(
    transaction: &Transaction,
    PersonId(id): PersonId,
) -> Result<Option<Person>, Fault> {
    let sql = "SELECT identifier, state FROM people WHERE id = $1 FOR UPDATE";
    let row = transaction.row(sql, &[&id]).await?;
    row.map(|row| Ok(record::person(id, row.try_get(0)?, row.try_get(1)?)?)).transpose()
}

/// Webhooks that may name them, or that led to calls which do, and how many parked ones can't be
/// decoded: `others` are those whose records named them.
pub(super) async fn webhooks(
    transaction: &Transaction,
    traced: &ErasureTarget,
    others: &[PersonId],
    redact: Redact,
) -> Result<(BTreeSet<Uuid>, u64), Fault> {
    let people: Vec<i64> = traced.people.keys().chain(others).map(|person| person.0).collect();
    let sql = "SELECT DISTINCT webhook FROM mentions WHERE person = ANY ($1)";
    let mut found = BTreeSet::new();
    for row in transaction.rows(sql, &[&people]).await? {
        found.insert(row.try_get(0)?);
    }
    let sql = format!(
        "SELECT {WEBHOOK} FROM inbox
         WHERE body IS NOT NULL AND id > $1 AND (parked IS NOT NULL OR source <> ALL ($3))
         ORDER BY id LIMIT $2"
    );
    // These are found by the index of mentions.
    let by_growsurf = Source::ALL.into_iter().filter(|source| source.is_growsurf());
    let by_growsurf: Vec<&str> = by_growsurf.map(Source::label).collect();
    let mut last = Uuid::nil();
    let mut unreadable = 0;
    loop {
        let rows = transaction.rows(&sql, &[&last, &number(PAGE), &by_growsurf]).await?;
        for row in &rows {
            last = row.try_get(0)?;
            match redact(&inbox::webhook(row)?, &traced.forgotten) {
                Redaction::Untouched => {}
                // Only what can't be read is parked as it came.
                Redaction::Unreadable => unreadable += 1,
                Redaction::Body(_) | Redaction::Nothing => {
                    found.insert(last);
                }
            }
        }
        if rows.len() < PAGE {
            return Ok((found, unreadable));
        }
    }
}

/// Participants as columns hold them.
pub(super) fn columns(person: &Person) -> (Vec<String>, Vec<String>) {
    let named = person.keys().map(|key| (text(&key.campaign), text(&key.participant)));
    named.unzip()
}
