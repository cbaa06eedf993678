//! Traces: where somebody is named in the store.
//!
//! What belongs here: looking for them, with a connection that only reads. What doesn't: erasing
//! what is found (`forget`). People are looked through one by one, because a record may name
//! anybody in any fact; webhooks are found by the index of mentions, but for those that are parked or
//! told by others than GrowSurf, whose bodies are read. Others may name somebody whom the relay has
//! no record of.

use std::collections::BTreeSet;

use rusqlite::{Connection, params_from_iter};

use crate::domain::{Email, ErasureSubject, Person, PersonId, Redact, Redaction, Source};
use crate::store::ErasureTarget;

use super::fault::Fault;
use super::people;
use super::tables::inbox::{self, WEBHOOK};

/// See [`Forgetting::find_subject`](crate::store::Forgetting::find_subject).
pub(super) fn traced(connection: &Connection, email: &Email) -> Result<ErasureTarget, Fault> {
    let forgotten = ErasureSubject::with_address(email.clone());
    let mut traced = ErasureTarget { people: [].into(), forgotten };
    // Somebody may have had several addresses, and each may lead to more.
    loop {
        let addresses = traced.forgotten.emails.len();
        let names: Vec<&str> = traced.forgotten.emails.iter().map(Email::as_str).collect();
        for id in named(connection, &names, &[])? {
            let Some(person) = people::by_id(connection, id)? else { continue };
            if traced.forgotten.is_about(&person) {
                traced.forgotten.add_identifiers_of(&person);
                traced.people.insert(id, person.identifier);
            }
        }
        if traced.forgotten.emails.len() == addresses {
            break;
        }
    }
    for person in beside(connection, &traced.forgotten)? {
        traced.people.extend(person.id.map(|id| (id, person.identifier)));
    }
    Ok(traced)
}

/// Records of their own that they have beside: as visitors of pages whom they claimed, and as
/// addressees at GrowSurf.
pub(super) fn beside(
    connection: &Connection,
    forgotten: &ErasureSubject,
) -> Result<Vec<Person>, Fault> {
    let mut found = Vec::new();
    for identifier in forgotten.linked_records() {
        found.extend(people::by_identifier(connection, &identifier)?);
    }
    Ok(found)
}

/// Other people whose records name them.
pub(super) fn others(
    connection: &Connection,
    traced: &ErasureTarget,
) -> Result<Vec<PersonId>, Fault> {
    let forgotten = &traced.forgotten;
    let addresses: Vec<&str> = forgotten.emails.iter().map(Email::as_str).collect();
    let ids: Vec<&str> = forgotten.participants.iter().map(|it| it.participant.as_str()).collect();
    let mut named = named(connection, &addresses, &ids)?;
    named.retain(|id| !traced.people.contains_key(id));
    Ok(named)
}

/// People whose records hold one of these addresses, or one of these ids as a value.
fn named(
    connection: &Connection,
    addresses: &[&str],
    ids: &[&str],
) -> Result<Vec<PersonId>, Fault> {
    let mut conditions = Vec::new();
    let mut values = Vec::new();
    for address in addresses {
        values.push((*address).to_owned());
        let place = values.len();
        conditions
            .push(format!("instr(lower(state), ?{place}) OR identifier = 'email:' || ?{place}"));
        // Whoever was to be added at GrowSurf is known there by the address.
        conditions.push(format!(
            "identifier LIKE 'participant:%' AND instr(identifier, '\"' || ?{place} || '\"')"
        ));
    }
    for id in ids {
        values.push(serde_json::to_string(id).map_err(|it| Fault::unreadable("an id", it))?);
        conditions.push(format!("instr(state, ?{})", values.len()));
    }
    if conditions.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!("SELECT id FROM people WHERE {}", conditions.join(" OR "));
    let mut statement = connection.prepare(&sql)?;
    let ids = statement.query_map(params_from_iter(values), |row| Ok(PersonId(row.get(0)?)))?;
    Ok(ids.collect::<Result<_, _>>()?)
}

/// Returns a list of the sources whose webhooks are found by the index of mentions.
fn by_growsurf() -> String {
    let sources = Source::ALL.into_iter().filter(|source| source.is_growsurf());
    sources.map(|source| format!("'{}'", source.label())).collect::<Vec<_>>().join(", ")
}

/// Webhooks that may name them, or that led to calls which do, and how many parked ones can't be
/// decoded: `others` are those whose records named them.
pub(super) fn webhooks(
    connection: &Connection,
    traced: &ErasureTarget,
    others: &[PersonId],
    redact: Redact,
) -> Result<(BTreeSet<i64>, u64), Fault> {
    let mut found = BTreeSet::new();
    for PersonId(person) in traced.people.keys().chain(others) {
        let mut statement =
            connection.prepare_cached("SELECT webhook FROM mentions WHERE person = ?1")?;
        for webhook in statement.query_map([person], |row| row.get(0))? {
            found.insert(webhook?);
        }
    }
    // An index and the table, each read from one end to the other.
    let mut statement = connection.prepare(&format!(
        "SELECT {WEBHOOK}, seq FROM inbox INDEXED BY inbox_parked
         WHERE parked IS NOT NULL AND body IS NOT NULL
         UNION ALL
         SELECT {WEBHOOK}, seq FROM inbox
         WHERE source NOT IN ({}) AND parked IS NULL AND body IS NOT NULL",
        by_growsurf()
    ))?;
    let mut rows = statement.query([])?;
    let mut unreadable = 0;
    while let Some(row) = rows.next()? {
        match redact(&inbox::webhook(row)?, &traced.forgotten) {
            Redaction::Untouched => {}
            // Only what can't be read is parked as it came.
            Redaction::Unreadable => unreadable += 1,
            Redaction::Body(_) | Redaction::Nothing => {
                found.insert(row.get(6)?);
            }
        }
    }
    Ok((found, unreadable))
}
