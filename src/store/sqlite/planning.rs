//! Planning: asks the planner until it has a plan, and answers its questions from the store.
//!
//! What belongs here: the rounds of question and answer, and what becomes of a planner that fails
//! or panics. What doesn't: writing anything (`accept` applies the plan).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension};

use crate::domain::{Known, Lookup, News, Plan, Planner, Redact, Time, Unplanned};

use super::fault::{Fault, panic_text};
use super::people;
use super::tombstones::Tombstones;

/// A plan asks for all it can in each round, so a few rounds are enough for any news. More of
/// them mean that it asks the same thing again and again.
const ROUNDS: usize = 16;

/// Makes plans from what the store knows.
pub(super) struct Planning {
    pub(super) planner: Arc<dyn Planner>,
    pub(super) hash_key: [u8; 32],
    pub(super) tombstones: Tombstones,
    pub(super) redact: Redact,
}

/// A plan, or the reason why the webhook is parked.
pub(super) type Planned = Result<Plan, String>;

impl Planning {
    /// What the news leads to. Only reads, so there is nothing to undo when it fails.
    pub(super) fn plan(
        &self,
        connection: &Connection,
        reading: &Result<News, String>,
        received_at: Time,
    ) -> Result<Planned, Fault> {
        let news = match reading {
            Ok(news) => news,
            Err(reason) => return Ok(Err(reason.clone())),
        };
        let mut known = Known::new(self.hash_key);
        if self.tombstones.any(connection)? {
            known.somebody_was_forgotten();
        }
        for _ in 0..ROUNDS {
            let plan = || self.planner.plan(news, received_at, &known);
            match catch_unwind(AssertUnwindSafe(plan)) {
                Ok(Ok(plan)) => return Ok(Ok(plan)),
                Ok(Err(Unplanned::Unmappable(reason))) => return Ok(Err(reason)),
                Ok(Err(Unplanned::Needs(lookups))) => {
                    for lookup in lookups {
                        self.answer(connection, &mut known, lookup)?;
                    }
                }
                Err(panic) => {
                    return Ok(Err(format!(
                        "internal: planning panicked: {}",
                        panic_text(&*panic)
                    )));
                }
            }
        }
        Ok(Err(format!("internal: no plan after {ROUNDS} rounds of questions")))
    }

    fn answer(
        &self,
        connection: &Connection,
        known: &mut Known,
        lookup: Lookup,
    ) -> Result<(), Fault> {
        match &lookup {
            Lookup::Participant(key) => {
                let person = people::by_participant(connection, key)?;
                known.found(lookup, person);
            }
            Lookup::Identifier(identifier) => {
                let person = people::by_identifier(connection, identifier)?;
                known.found(lookup, person);
            }
            Lookup::Effect(id) => {
                let recorded = connection
                    .prepare_cached("SELECT 1 FROM effects WHERE id = ?1")?
                    .query_row([id.0], |_row| Ok(()))
                    .optional()?;
                known.effect(*id, recorded.is_some());
            }
            Lookup::Tombstone(trace) => {
                let forgotten_at = self.tombstones.find(connection, trace)?;
                known.buried(trace.clone(), forgotten_at);
            }
        }
        Ok(())
    }
}
