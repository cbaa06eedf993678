//! People: one document each, found by identifier or by participant.
//!
//! What belongs here: rows of people, found, written and read back. What doesn't: merging
//! what is known of one, which the plan does.

use rusqlite::{Connection, OptionalExtension, Params, params};

use crate::domain::{Identifier, Link, Participant, ParticipantKey, Person, PersonId};
use crate::store::record;

use super::fault::Fault;

/// The person who has this identifier.
pub(super) fn by_identifier(
    connection: &Connection,
    identifier: &Identifier,
) -> Result<Option<Person>, Fault> {
    let sql = "SELECT id, identifier, state FROM people WHERE identifier = ?1";
    find(connection, sql, [record::column(identifier)])
}

/// The person of this number.
pub(super) fn by_id(
    connection: &Connection,
    PersonId(id): PersonId,
) -> Result<Option<Person>, Fault> {
    find(connection, "SELECT id, identifier, state FROM people WHERE id = ?1", [id])
}

fn find(connection: &Connection, sql: &str, of: impl Params) -> Result<Option<Person>, Fault> {
    let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let found: Option<(i64, String, String)> =
        connection.prepare_cached(sql)?.query_row(of, row).optional()?;
    found.map(|(id, column, state)| Ok(record::person(id, &column, &state)?)).transpose()
}

/// Writes a new person, or the new state of a known one.
pub(super) fn write(connection: &Connection, person: &Person) -> Result<PersonId, Fault> {
    let state = record::state(person)?;
    let identifier = record::column(&person.identifier);
    let id = match person.id {
        None => connection
            .prepare_cached("INSERT INTO people (identifier, state) VALUES (?1, ?2)")?
            .insert([identifier, state])?,
        Some(PersonId(id)) => {
            let changed = connection
                .prepare_cached("UPDATE people SET identifier = ?2, state = ?3 WHERE id = ?1")?
                .execute(params![id, identifier, state])?;
            if changed == 0 {
                return Err(Fault::unreadable("a plan", "it names a person who isn't there"));
            }
            id
        }
    };
    for Link { campaign, code } in person.participants.iter().flat_map(Participant::links) {
        connection
            .prepare_cached(
                "INSERT INTO links (campaign, code, person) VALUES (?1, ?2, ?3)
                 ON CONFLICT (campaign, code) DO UPDATE SET person = excluded.person
                 WHERE person <> excluded.person",
            )?
            .execute(params![campaign, code, id])?;
    }
    for ParticipantKey { campaign, participant } in person.keys() {
        connection
            .prepare_cached(
                "INSERT INTO participants (campaign, growsurf_id, person) VALUES (?1, ?2, ?3)
                 ON CONFLICT (campaign, growsurf_id) DO UPDATE SET person = excluded.person
                 WHERE person <> excluded.person",
            )?
            .execute(params![campaign, participant, id])?;
    }
    Ok(PersonId(id))
}
