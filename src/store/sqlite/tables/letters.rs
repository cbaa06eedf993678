//! The tables `dead_letters` and `attempts`.

use rusqlite::{Connection, params};

use crate::domain::DeliveryId;
use crate::store::PastAttempt;
use crate::store::rows::{LetterRow, NewAttempt, NewLetter, PersonLetters, number};
use crate::store::sqlite::fault::Fault;
use crate::store::sqlite::unit::SqliteUnit;
use crate::store::unit::LetterRows;

use super::{change, find, read};

impl LetterRows for SqliteUnit<'_> {
    async fn letters(&mut self, before: DeliveryId, limit: usize) -> Result<Vec<LetterRow>, Fault> {
        let sql = "SELECT deliveries.id, lane, webhook, class, planned_at, event_at,
                 dead_letters.attempts, NULL,
                 CASE dead_letters.delivery % 2 WHEN 0 THEN identify ELSE call END, NULL,
                 dead_letters.delivery, people.identifier, died_at, reason, field,
                 (SELECT http_status FROM attempts WHERE attempts.delivery = dead_letters.delivery
                  ORDER BY id DESC LIMIT 1)
             FROM dead_letters
             CROSS JOIN deliveries ON deliveries.id = dead_letters.delivery / 2
             CROSS JOIN people ON people.id = deliveries.lane
             WHERE dead_letters.delivery < ?1 ORDER BY dead_letters.delivery DESC LIMIT ?2";
        read(self.connection, sql, [before.0, number(limit)])
    }

    async fn attempts(
        &mut self,
        deliveries: &[DeliveryId],
    ) -> Result<Vec<(DeliveryId, PastAttempt)>, Fault> {
        let sql = "SELECT at, took, http_status, outcome, reason, delivery FROM attempts
             WHERE delivery = ?1 ORDER BY id";
        let mut found = Vec::new();
        for DeliveryId(delivery) in deliveries {
            found.extend(read::<(DeliveryId, PastAttempt)>(self.connection, sql, [delivery])?);
        }
        Ok(found)
    }

    async fn letters_after(
        &mut self,
        last: DeliveryId,
        limit: usize,
    ) -> Result<Vec<DeliveryId>, Fault> {
        let sql =
            "SELECT delivery FROM dead_letters WHERE delivery > ?1 ORDER BY delivery LIMIT ?2";
        read(self.connection, sql, [last.0, number(limit)])
    }

    async fn hold_letters(&mut self, rows: &[i64]) -> Result<Vec<PersonLetters>, Fault> {
        let mut held = Vec::new();
        for row in rows {
            let sql = "SELECT delivery FROM dead_letters WHERE delivery IN (2 * ?1, 2 * ?1 + 1)
                 ORDER BY delivery";
            let dead: Vec<DeliveryId> = read(self.connection, sql, [row])?;
            if dead.is_empty() {
                continue;
            }
            let sql =
                "SELECT deliveries.id, lane, deliveries.state, class, attempts, failing_since,
                     delivered_at, identify IS NOT NULL, identify_dead, planned_at, call,
                     webhook, people.identifier, people.state
                 FROM deliveries CROSS JOIN people ON people.id = lane WHERE deliveries.id = ?1";
            let found: Option<PersonLetters> = find(self.connection, sql, [row])?;
            held.extend(found.map(|letters| PersonLetters { dead, ..letters }));
        }
        Ok(held)
    }
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
