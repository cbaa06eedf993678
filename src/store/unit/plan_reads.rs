//! Reads of plans: people, effects and tombstones by key.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::domain::{EventId, Link, ParticipantKey};
use crate::store::rows::PersonRow;

use super::UnitBase;

/// The hash that a tombstone is kept as.
pub(in crate::store) type Hash = [u8; 32];

/// Keys of the records that plans depend on.
#[derive(Clone, Debug, Default)]
pub(in crate::store) struct PlanKeys {
    /// Identifiers as their columns.
    pub(in crate::store) identifiers: BTreeSet<String>,
    /// Participants.
    pub(in crate::store) participants: BTreeSet<ParticipantKey>,
    /// Links.
    pub(in crate::store) links: BTreeSet<Link>,
    /// Effects.
    pub(in crate::store) effects: BTreeSet<EventId>,
    /// Tombstones.
    pub(in crate::store) tombstones: BTreeSet<Hash>,
}

/// The records that keys lead to.
#[derive(Debug, Default)]
pub(in crate::store) struct FoundRecords {
    /// Everyone found, each once.
    pub(in crate::store) people: Vec<PersonRow>,
    /// The number of the person of each participant that was asked for.
    pub(in crate::store) participants: Vec<(ParticipantKey, Option<i64>)>,
    /// The number of the person of each link that was asked for.
    pub(in crate::store) links: Vec<(Link, Option<i64>)>,
    /// Numbers reserved for the identifiers that nobody has. Only a read that holds reserves them.
    pub(in crate::store) reserved: Vec<(String, i64)>,
    /// The effects that the ledger has.
    pub(in crate::store) effects: HashSet<EventId>,
    /// The times of the tombstones that there are.
    pub(in crate::store) tombstones: HashMap<Hash, i64>,
    /// The check of the key that tombstones are made with; `None` if there was no tombstone after the
    /// people were held.
    pub(in crate::store) tombstone_check: Option<String>,
}

/// Reads of the tables `people`, `participants`, `links`, `effects` and `tombstones`.
pub(in crate::store) trait PlanReads: UnitBase {
    /// True if every read holds, so that people may be held in any order.
    const READS_HOLD: bool;

    /// Returns the records that keys lead to, as they are at this moment.
    fn records(
        &mut self,
        keys: &PlanKeys,
    ) -> impl Future<Output = Result<FoundRecords, Self::Fault>> + Send;

    /// Returns the records that keys lead to and holds the people, and the identifiers that nobody has.
    ///
    /// Postgres makes an empty row for each of those, sorted by identifier, and then locks all rows, sorted
    /// by number. So two transactions that meet wait for each other in one direction.
    ///
    /// # Errors
    /// A conflict if another transaction was in the way.
    fn hold_records(
        &mut self,
        keys: &PlanKeys,
    ) -> impl Future<Output = Result<FoundRecords, Self::Fault>> + Send;
}
