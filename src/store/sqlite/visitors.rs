//! Visitors: whoever came by and never signed up goes with the last that is kept of them.
//!
//! What belongs here: which visitors go, and their rows. What doesn't: what else is pruned (`house`).

use std::collections::BTreeSet;

use rusqlite::Connection;

use crate::domain::{Identifier, PersonId};

use super::erasing;
use super::fault::Fault;
use super::people;

/// Drops those of some people who are visitors whom nobody claimed, and of whom no call and no
/// webhook with a body is left. Should they come back, they are new.
pub(super) fn drop_gone(connection: &Connection, people: &BTreeSet<i64>) -> Result<(), Fault> {
    // The newest mention first: of whoever comes often, it is the one most likely to be kept.
    let mut is_gone = connection.prepare_cached(
        "SELECT 1 FROM people WHERE id = ?1 AND identifier GLOB 'anonymous:*'
         AND NOT EXISTS (SELECT 1 FROM lanes WHERE id = ?1 AND leased = 1)
         AND (SELECT seq FROM mentions CROSS JOIN inbox ON seq = webhook
              WHERE person = ?1 AND body IS NOT NULL ORDER BY webhook DESC LIMIT 1) IS NULL
         AND NOT EXISTS (
             SELECT 1 FROM mentions CROSS JOIN deliveries INDEXED BY deliveries_webhook
                 ON deliveries.webhook = mentions.webhook
             WHERE person = ?1 AND lane = ?1
         )",
    )?;
    for id in people {
        if !is_gone.exists([id])? {
            continue;
        }
        let id = PersonId(*id);
        let Some(visitor) = people::by_id(connection, id)? else { continue };
        if matches!(visitor.identifier, Identifier::Anonymous(_)) && visitor.claimed_by.is_none() {
            erasing::remove_person(connection, id, &visitor)?;
        }
    }
    Ok(())
}
