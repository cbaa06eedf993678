//! The tables `dead_letters` and `attempts`.

use rusqlite::{Connection, Row, params};

use crate::domain::{DeliveryId, LaneId, Time, WebhookId};
use crate::store::rows::{
    LetterRow, NewAttempt, NewLetter, PersonLetters, Waiting, duration, number,
};
use crate::store::sqlite::fault::Fault;
use crate::store::sqlite::unit::SqliteUnit;
use crate::store::unit::LetterRows;
use crate::store::{PastAttempt, record};

use super::{change, deliveries, find, read};

impl LetterRows for SqliteUnit<'_> {
    async fn letters(&mut self, before: DeliveryId, limit: usize) -> Result<Vec<LetterRow>, Fault> {
        let sql = "SELECT deliveries.id, CASE dead_letters.delivery % 2 WHEN 0 THEN identify ELSE call END,
                 webhook, planned_at, dead_letters.attempts, NULL, event_at, NULL, class, lane,
                 dead_letters.delivery, people.identifier, died_at, reason, field
             FROM dead_letters
             CROSS JOIN deliveries ON deliveries.id = dead_letters.delivery / 2
             CROSS JOIN people ON people.id = deliveries.lane
             WHERE dead_letters.delivery < ?1 ORDER BY dead_letters.delivery DESC LIMIT ?2";
        read(self.connection, sql, [before.0, number(limit)], letter)
    }

    async fn attempts(&mut self, delivery: DeliveryId) -> Result<Vec<PastAttempt>, Fault> {
        let sql = "SELECT at, took, http_status, outcome, reason FROM attempts
             WHERE delivery = ?1 ORDER BY id";
        read(self.connection, sql, [delivery.0], |row| {
            Ok(PastAttempt {
                at: Time::from_micros(row.get(0)?),
                took: duration(row.get(1)?),
                http_status: row.get(2)?,
                outcome: row.get(3)?,
                reason: row.get(4)?,
            })
        })
    }

    async fn letters_after(
        &mut self,
        last: DeliveryId,
        limit: usize,
    ) -> Result<Vec<DeliveryId>, Fault> {
        let sql =
            "SELECT delivery FROM dead_letters WHERE delivery > ?1 ORDER BY delivery LIMIT ?2";
        read(self.connection, sql, [last.0, number(limit)], id)
    }

    async fn hold_letters(&mut self, rows: &[i64]) -> Result<Vec<PersonLetters>, Fault> {
        let mut held = Vec::new();
        for row in rows {
            let sql = "SELECT delivery FROM dead_letters WHERE delivery IN (2 * ?1, 2 * ?1 + 1)
                 ORDER BY delivery";
            let dead = read(self.connection, sql, [row], id)?;
            if dead.is_empty() {
                continue;
            }
            let sql =
                "SELECT deliveries.id, lane, deliveries.state, class, attempts, failing_since,
                     delivered_at, identify IS NOT NULL, identify_dead, planned_at, call,
                     webhook, people.identifier, people.state
                 FROM deliveries CROSS JOIN people ON people.id = lane WHERE deliveries.id = ?1";
            let letters = |row: &Row<'_>| {
                let row_state = deliveries::state(row)?;
                let (identifier, state): (String, String) = (row.get(12)?, row.get(13)?);
                Ok(PersonLetters {
                    person: record::person(row_state.lane.0, &identifier, &state)?,
                    row: row_state,
                    dead: dead.clone(),
                    webhook: row.get::<_, Option<_>>(11)?.map(WebhookId),
                    planned_at: row.get(9)?,
                    call: row.get(10)?,
                })
            };
            held.extend(find(self.connection, sql, [row], letters)?);
        }
        Ok(held)
    }
}

fn id(row: &Row<'_>) -> Result<DeliveryId, Fault> {
    Ok(DeliveryId(row.get(0)?))
}

fn letter(row: &Row<'_>) -> Result<LetterRow, Fault> {
    let delivery = deliveries::row(row)?;
    let lane = LaneId(row.get(9)?);
    let id = DeliveryId(row.get(10)?);
    Ok(LetterRow {
        delivery: Waiting { id, ..delivery.own() },
        lane,
        identifier: row.get(11)?,
        died_at: row.get(12)?,
        reason: row.get(13)?,
        field: row.get(14)?,
    })
}

/// Writes new dead letters.
pub(super) fn write(connection: &Connection, letters: &[NewLetter]) -> Result<(), Fault> {
    for NewLetter { delivery, died_at, reason, field, attempts } in letters {
        let sql = "INSERT INTO dead_letters (delivery, died_at, reason, field, attempts)
             VALUES (?1, ?2, ?3, ?4, ?5)";
        change(connection, sql, params![delivery.0, died_at, reason, field, attempts])?;
    }
    Ok(())
}

/// Removes dead letters, with their attempts.
pub(super) fn take(connection: &Connection, ids: &[DeliveryId]) -> Result<(), Fault> {
    for DeliveryId(id) in ids {
        for sql in [
            "DELETE FROM dead_letters WHERE delivery = ?1",
            "DELETE FROM attempts WHERE delivery = ?1",
        ] {
            change(connection, sql, [id])?;
        }
    }
    Ok(())
}

/// Keeps attempts, of each delivery the latest.
pub(super) fn keep(connection: &Connection, attempts: &[NewAttempt]) -> Result<(), Fault> {
    for NewAttempt { delivery, at, took, http_status, outcome, reason } in attempts {
        let sql = "INSERT INTO attempts (delivery, at, took, http_status, outcome, reason)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        change(connection, sql, params![delivery.0, at, took, http_status, outcome, reason])?;
        let sql = "DELETE FROM attempts WHERE delivery = ?1 AND id <= (
                 SELECT id FROM attempts WHERE delivery = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2
             )";
        change(connection, sql, [delivery.0, NewAttempt::ATTEMPTS])?;
    }
    Ok(())
}
