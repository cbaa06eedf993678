//! Planning on SQLite: answers the planner's questions from the rows.
//!
//! What belongs here: those answers. What doesn't: the rounds of question and answer
//! (`store::planning`), and writing anything (`accept` applies the plan).

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension};

use crate::domain::{Notification, Planned, Planner, ReadKey, ReadSet, Redact, Time};
use crate::store::planning;

use super::fault::Fault;
use super::people;
use super::tombstones::Tombstones;

/// Makes plans from what the store knows.
pub(super) struct Planning {
    pub(super) planner: Arc<dyn Planner>,
    pub(super) hash_key: [u8; 32],
    pub(super) tombstones: Tombstones,
    pub(super) redact: Redact,
}

impl Planning {
    /// What the news leads to. Only reads, so there is nothing to undo when it fails.
    pub(super) fn plan(
        &self,
        connection: &Connection,
        reading: &Result<Notification, String>,
        assumed: Option<&str>,
        received_at: Time,
        now: Time,
    ) -> Result<Planned, Fault> {
        let read = ReadSet::new(self.hash_key, now, self.tombstones.any(connection)?);
        planning::plan(&*self.planner, reading, assumed, received_at, read, |known, lookups| {
            lookups.into_iter().try_for_each(|lookup| self.answer(connection, known, lookup))
        })
    }

    fn answer(
        &self,
        connection: &Connection,
        known: &mut ReadSet,
        lookup: ReadKey,
    ) -> Result<(), Fault> {
        match &lookup {
            ReadKey::Participant(key) => {
                let person = people::by_participant(connection, key)?;
                known.add_person(lookup, person);
            }
            ReadKey::Link(link) => {
                let person = people::by_link(connection, link)?;
                known.add_person(lookup, person);
            }
            ReadKey::Identifier(identifier) => {
                let person = people::by_identifier(connection, identifier)?;
                known.add_person(lookup, person);
            }
            ReadKey::Effect(id) => {
                let recorded = connection
                    .prepare_cached("SELECT 1 FROM effects WHERE id = ?1")?
                    .query_row([id.0], |_row| Ok(()))
                    .optional()?;
                known.add_effect(*id, recorded.is_some());
            }
            ReadKey::Tombstone(trace) => {
                let forgotten_at = self.tombstones.find(connection, trace)?;
                known.add_tombstone(trace.clone(), forgotten_at);
            }
        }
        Ok(())
    }
}
