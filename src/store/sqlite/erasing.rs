//! Erasing: single pieces of a person's data, each within somebody else's transaction.
//!
//! What belongs here: rows that are removed and rows that are cut. What doesn't: in which order,
//! and where they are found (`forget`, `traces`). Attempts and dead letters are removed by name,
//! because the connection follows no foreign keys.

use rusqlite::{Connection, OptionalExtension, params};

use crate::domain::{
    Call, ErasureSubject, ParticipantKey, Person, PersonId, Redact, Redaction, Time, Webhook,
};
use crate::store::rows::Counters;
use crate::store::{Erased, ErasureTarget};

use super::fault::Fault;
use super::tables::{inbox, meta};

/// Cuts somebody out of webhooks.
pub(super) struct Eraser<'a> {
    pub(super) connection: &'a Connection,
    pub(super) redact: Redact,
    pub(super) traced: &'a ErasureTarget,
}

impl Eraser<'_> {
    /// Cuts them out of a webhook's body and its calls, and removes the calls that are theirs.
    pub(super) fn cut_webhook(&self, webhook: i64) -> Result<Erased, Fault> {
        let Self { connection, redact, traced } = *self;
        let mut erased = Erased::default();
        match redact_body(connection, webhook, redact, &traced.forgotten)? {
            Redaction::Untouched | Redaction::Unreadable => {}
            Redaction::Body(_) => erased.bodies_of_others += 1,
            Redaction::Nothing => erased.bodies += 1,
        }
        for row in rows(connection, webhook)? {
            if traced.people.contains_key(&row.lane) {
                erased = erased.and(remove_row(connection, row.id)?);
            } else {
                erased.calls_of_others += cut_row(connection, &row, &traced.forgotten)?;
            }
        }
        for PersonId(person) in traced.people.keys() {
            connection
                .prepare_cached("DELETE FROM mentions WHERE person = ?1 AND webhook = ?2")?
                .execute([*person, webhook])?;
        }
        Ok(erased)
    }
}

/// Cuts somebody out of a webhook's body; the row and the hash of what was received stay.
pub(super) fn redact_body(
    connection: &Connection,
    webhook: i64,
    redact: Redact,
    forgotten: &ErasureSubject,
) -> Result<Redaction, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT id, received_at, source, owner, event, body, parked IS NOT NULL FROM inbox
         WHERE seq = ?1 AND body IS NOT NULL",
    )?;
    let read = |row: &rusqlite::Row<'_>| Ok::<_, Fault>((inbox::webhook(row)?, row.get(6)?));
    let row: Option<(Webhook, bool)> =
        statement.query_and_then([webhook], read)?.next().transpose()?;
    let Some((received, is_parked)) = row else { return Ok(Redaction::Untouched) };
    let left = redact(&received, forgotten);
    match &left {
        Redaction::Untouched | Redaction::Unreadable => {}
        Redaction::Body(body) => {
            connection
                .prepare_cached("UPDATE inbox SET body = ?2 WHERE seq = ?1")?
                .execute(params![webhook, body])?;
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO redactions (webhook, sha256) VALUES (?1, ?2)",
                )?
                .execute(params![webhook, received.fingerprint_of(body)])?;
        }
        Redaction::Nothing => {
            // Nobody could mend what was parked of it.
            connection
                .prepare_cached("UPDATE inbox SET body = NULL, parked = NULL WHERE seq = ?1")?
                .execute([webhook])?;
            let parked = -i64::from(is_parked);
            meta::count(connection, Counters { parked, ..Counters::default() })?;
        }
    }
    Ok(left)
}

/// A row of deliveries that a webhook led to.
struct Deliveries {
    id: i64,
    lane: PersonId,
    /// Empty if it has moved on.
    call: String,
    identify: Option<String>,
}

fn rows(connection: &Connection, webhook: i64) -> Result<Vec<Deliveries>, Fault> {
    let mut statement = connection
        .prepare_cached("SELECT id, lane, call, identify FROM deliveries WHERE webhook = ?1")?;
    let rows = statement.query_map([webhook], |row| {
        let (id, lane) = (row.get(0)?, PersonId(row.get(1)?));
        Ok(Deliveries { id, lane, call: row.get(2)?, identify: row.get(3)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Cuts somebody out of the calls to another person, and out of what was answered to them; tells
/// how many of the calls named them.
fn cut_row(
    connection: &Connection,
    row: &Deliveries,
    forgotten: &ErasureSubject,
) -> Result<u64, Fault> {
    for email in &forgotten.emails {
        for sql in [
            "UPDATE attempts SET reason = ''
             WHERE delivery IN (2 * ?1, 2 * ?1 + 1) AND instr(lower(reason), ?2)",
            "UPDATE dead_letters SET reason = ''
             WHERE delivery IN (2 * ?1, 2 * ?1 + 1) AND instr(lower(reason), ?2)",
        ] {
            connection.prepare_cached(sql)?.execute(params![row.id, email.as_str()])?;
        }
    }
    let mut cut = 0;
    if !row.call.is_empty()
        && let Some(call) = cut_call(&row.call, forgotten)?
    {
        connection
            .prepare_cached("UPDATE deliveries SET call = ?2 WHERE id = ?1")?
            .execute(params![row.id, call])?;
        cut += 1;
    }
    if let Some(identify) = &row.identify
        && let Some(identify) = cut_call(identify, forgotten)?
    {
        connection
            .prepare_cached("UPDATE deliveries SET identify = ?2 WHERE id = ?1")?
            .execute(params![row.id, identify])?;
        cut += 1;
    }
    Ok(cut)
}

/// A call without somebody, if it names them.
fn cut_call(text: &str, forgotten: &ErasureSubject) -> Result<Option<String>, Fault> {
    let mut call: Call =
        serde_json::from_str(text).map_err(|error| Fault::unreadable("a call", error))?;
    if !forgotten.cut_call(&mut call) {
        return Ok(None);
    }
    let call = serde_json::to_string(&call).map_err(|error| Fault::unreadable("a call", error))?;
    Ok(Some(call))
}

/// Rows of a lane in which something is pending or dead, so many at most; one may come twice.
pub(super) fn waiting(
    connection: &Connection,
    PersonId(lane): PersonId,
    limit: usize,
) -> Result<Vec<i64>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT id FROM deliveries INDEXED BY deliveries_pending WHERE lane = ?1 AND state = 0
         UNION ALL
         SELECT deliveries.id FROM dead_letters
         CROSS JOIN deliveries ON deliveries.id = dead_letters.delivery / 2
         WHERE lane = ?1 AND state <> 0
         LIMIT ?2",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let ids = statement.query_map([lane, limit], |row| row.get(0))?;
    Ok(ids.collect::<Result<_, _>>()?)
}

/// Removes the calls of a row and all that is known of their deliveries. The kept numbers are left
/// to [`count`].
pub(super) fn remove_row(connection: &Connection, row: i64) -> Result<Erased, Fault> {
    let call_is_dead = connection
        .prepare_cached("SELECT 1 FROM dead_letters WHERE delivery = 2 * ?1 + 1")?
        .exists([row])?;
    let [attempts, dead] = [
        "DELETE FROM attempts WHERE delivery IN (2 * ?1, 2 * ?1 + 1)",
        "DELETE FROM dead_letters WHERE delivery IN (2 * ?1, 2 * ?1 + 1)",
    ]
    .map(|sql| connection.prepare_cached(sql)?.execute([row]));
    let mut erased =
        Erased { attempts: number(attempts?), dead: number(dead?), ..Erased::default() };
    let removed: Option<(i16, bool, bool)> = connection
        .prepare_cached(
            "DELETE FROM deliveries WHERE id = ?1
             RETURNING state, identify IS NOT NULL AND identify_dead = 0, call = ''",
        )?
        .query_row([row], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    if let Some((state, has_identify, is_empty)) = removed {
        erased.count_row(state, has_identify, call_is_dead || is_empty);
    }
    Ok(erased)
}

/// Brings the kept numbers down by the calls that were removed.
pub(super) fn count(connection: &Connection, erased: &Erased) -> Result<(), Fault> {
    let less = |number: u64| -i64::try_from(number).unwrap_or(i64::MAX);
    let (pending, dead) = (less(erased.pending), less(erased.dead));
    meta::count(connection, Counters { pending, dead, ..Counters::default() })
}

/// When the lease of a lane ends, if it has one; a lane without isn't due any more, unless there
/// is something new in it.
pub(super) fn under_way(
    connection: &Connection,
    PersonId(lane): PersonId,
    now: Time,
) -> Result<Option<Time>, Fault> {
    connection
        .prepare_cached(
            "UPDATE lanes SET leased = 0, due_at = NULL, class = MAX(class, 2)
             WHERE id = ?1 AND (leased = 0 OR due_at <= ?2) AND NOT EXISTS (
                 SELECT 1 FROM deliveries INDEXED BY deliveries_pending
                 WHERE lane = ?1 AND state = 0
             )",
        )?
        .execute([lane, now.micros()])?;
    let until: Option<i64> = connection
        .prepare_cached("SELECT due_at FROM lanes WHERE id = ?1 AND leased = 1")?
        .query_row([lane], |row| row.get(0))
        .optional()?;
    Ok(until.map(Time::from_micros))
}

/// Removes a person's record, participants and lane. Nothing may refer to the lane any more.
pub(super) fn remove_person(
    connection: &Connection,
    PersonId(id): PersonId,
    person: &Person,
) -> Result<Erased, Fault> {
    let mut erased = Erased::default();
    for ParticipantKey { campaign, participant } in person.keys() {
        let removed = connection
            .prepare_cached(
                "DELETE FROM participants
                 WHERE campaign = ?1 AND growsurf_id = ?2 AND person = ?3",
            )?
            .execute(params![campaign, participant, id])?;
        erased.participants += number(removed);
    }
    for sql in [
        "DELETE FROM links WHERE person = ?1",
        "DELETE FROM mentions WHERE person = ?1",
        "DELETE FROM lanes WHERE id = ?1",
    ] {
        connection.prepare_cached(sql)?.execute([id])?;
    }
    let removed = connection.prepare_cached("DELETE FROM people WHERE id = ?1")?.execute([id])?;
    erased.people = number(removed);
    Ok(erased)
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
