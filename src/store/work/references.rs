//! References of leased calls: filled in as part of a claim.
//!
//! What belongs here: the record that a reference leads to, or the id in its place. What doesn't: the text
//! that takes its place (`domain`).

use std::collections::{BTreeSet, HashMap};

use crate::domain::{ErasureKey, LaneKey, Leased, Participant, ParticipantKey, Person, References};
use crate::store::planning::Planning;
use crate::store::record;
use crate::store::unit::{PlanKeys, Unit};

/// Completes leased calls with the participants that they refer to, as they are now.
pub async fn complete<U: Unit>(
    unit: &mut U,
    planning: &Planning,
    leases: &mut [Leased],
) -> Result<(), U::Fault> {
    let calls = leases.iter().flat_map(|lease| &lease.deliveries).map(|delivery| &delivery.call);
    let keys: BTreeSet<ParticipantKey> =
        calls.flat_map(|call| call.references()).cloned().collect();
    let known = match keys.is_empty() {
        true => References::default(),
        false => read(unit, planning, keys).await?,
    };
    for Leased { key, deliveries, .. } in leases {
        for delivery in deliveries {
            delivery.call.complete(key, &known);
        }
    }
    Ok(())
}

/// Reads participants. One whom nobody knows is shown by the id, unless they were erased.
async fn read<U: Unit>(
    unit: &mut U,
    planning: &Planning,
    keys: BTreeSet<ParticipantKey>,
) -> Result<References, U::Fault> {
    let addressee = |key: &ParticipantKey| record::column(&LaneKey::Participant(key.clone()));
    let hash = |key: &ParticipantKey| planning.hash(&ErasureKey::Participant(key.clone()));
    let identifiers = keys.iter().map(addressee).collect();
    let tombstones = keys.iter().map(hash).collect();
    let wanted =
        PlanKeys { participants: keys.clone(), identifiers, tombstones, ..PlanKeys::default() };
    let found = unit.records(&wanted).await?;
    let owners: HashMap<ParticipantKey, Option<i64>> = found.participants.into_iter().collect();
    let mut known = References::default();
    for key in keys {
        let owner = owners.get(&key).copied().flatten();
        let mut people = found.people.iter();
        let row = match owner {
            Some(id) => people.find(|row| row.id == id),
            None => people.find(|row| row.identifier == addressee(&key)),
        };
        let is_shown = || {
            let is_erased = found.tombstones.contains_key(&hash(&key));
            !is_erased && !key.participant.starts_with(Participant::HASHED)
        };
        match row {
            Some(row) => {
                let person: Person = record::person(row)?;
                known.add(key, &person);
            }
            None if is_shown() => known.add_unknown(key),
            None => {}
        }
    }
    Ok(known)
}
