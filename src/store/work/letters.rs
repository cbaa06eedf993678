//! Dead letters: listed, shown, redelivered and discarded.
//!
//! The last two go in pieces, each a transaction, so that a hundred thousand letters keep nobody waiting.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::domain::{Call, Class, DeliveryId, Planner, Time};
use crate::store::record::{self, unreadable};
use crate::store::rows::{
    Changes, DEAD, DELIVERED, DeliveryRow, Half, LetterRow, PENDING, PersonRow, Waiting, delivery,
    half, number,
};
use crate::store::unit::{Deliveries, Hold, Letters, Unit, Work, use_case};
use crate::store::{DeadLetter, DeadLetters, RedeliveryNote, Store, StoreError};

use super::append::{NewDelivery, append};
use super::classes::class;
use super::lanes::{hold_deliveries, keys};

/// Dead letters of one transaction.
const PIECE: usize = 500;

/// Returns dead letters as operators see them. One that is gone meanwhile is passed over.
pub async fn with_deliveries<U: Unit>(
    unit: &mut U,
    letters: Vec<LetterRow>,
) -> Result<Vec<DeadLetter>, U::Fault> {
    let rows: Vec<i64> = letters.iter().map(|letter| half(letter.delivery).0).collect();
    let rows = unit.deliveries(Deliveries::Rows(&rows)).await?;
    let keys = keys(unit, &rows).await?;
    let mut rows: HashMap<i64, DeliveryRow> =
        rows.into_iter().map(|row| (row.state.id, row)).collect();
    let mut found = Vec::with_capacity(letters.len());
    for LetterRow { delivery, died_at, reason, field, attempts, http_status } in letters {
        let (row, which) = half(delivery);
        let Some(row) = rows.get_mut(&row) else { continue };
        let lane = row.state.lane;
        let (Some(key), Some(waiting)) = (keys.get(&lane), row.take(which)) else { continue };
        found.push(DeadLetter {
            delivery: Waiting { attempts, failing_since: None, ..waiting }.read()?,
            lane,
            key: key.clone(),
            died_at: Time::from_micros(died_at),
            reason,
            field,
            http_status,
        });
    }
    Ok(found)
}

impl Store {
    /// Puts dead letters back at the ends of their lanes, as if never tried; those of the class page keep
    /// it, the others are live. Passes over ids that aren't dead letters. Returns how many it put back. The
    /// event id stays the same. An identify carries the present profile, so that it takes nothing back.
    ///
    /// Goes in pieces, up to the letter that is the newest at its start. If it fails, those put back stay so, and
    /// it can be called again.
    pub async fn redeliver(&self, which: DeadLetters, now: Time) -> Result<usize, StoreError> {
        let planner = Arc::clone(&self.planning.planner);
        let done = self.end_letters("put dead letters back", which, Some((planner, now))).await?;
        self.wake_others();
        Ok(done)
    }

    /// Puts some dead letters back as [`Store::redeliver`] does and revises a note, in one transaction. `revise`
    /// gets the note and the number of letters that go back; without a new text nothing changes. Returns the
    /// new text.
    pub async fn redeliver_noting(
        &self,
        ids: Vec<DeliveryId>,
        note: &str,
        revise: RedeliveryNote,
        now: Time,
    ) -> Result<Option<String>, StoreError> {
        let planner = Arc::clone(&self.planning.planner);
        let note = note.to_owned();
        let revised = use_case!(
            self.write("put dead letters back"),
            [ids: Vec<DeliveryId>, planner: Arc<dyn Planner>, now: Time, note: String,
                revise: RedeliveryNote] -> Option<String>,
            |unit| {
                let text = unit.hold_value(note).await?;
                let redeliver = (Arc::clone(planner), *now);
                let (mut changes, done) = ended(unit, ids, Some(&redeliver)).await?;
                let revised = revise(text.as_deref(), done);
                if revised.is_some() {
                    changes.values.push((note.clone(), revised.clone()));
                    unit.write(changes).await?;
                }
                Ok(revised)
            }
        )?;
        if revised.is_some() {
            self.wake_others();
        }
        Ok(revised)
    }

    /// Removes dead letters for good; their effects stay in the ledger. Returns how many. Goes in
    /// pieces.
    pub async fn discard(&self, which: DeadLetters) -> Result<usize, StoreError> {
        self.end_letters("discard dead letters", which, None).await
    }

    async fn end_letters(
        &self,
        doing: &'static str,
        which: DeadLetters,
        redeliver: Option<(Arc<dyn Planner>, Time)>,
    ) -> Result<usize, StoreError> {
        const LISTING: &str = "list dead letters";
        // One that is put back and dies again is newer than these.
        let newest = match &which {
            DeadLetters::All => {
                self.read(LISTING, LetterIds(Letters::Before(DeliveryId(i64::MAX), 1))).await?.pop()
            }
            DeadLetters::These(_) => None,
        };
        let (mut seen, mut sum, mut last) = (0, 0, DeliveryId(0));
        loop {
            let ids = match &which {
                DeadLetters::All => {
                    let mut ids =
                        self.read(LISTING, LetterIds(Letters::After(last, PIECE))).await?;
                    ids.retain(|id| Some(*id) <= newest);
                    ids
                }
                DeadLetters::These(ids) => ids.iter().skip(seen).take(PIECE).copied().collect(),
            };
            let Some(end) = ids.last() else { return Ok(sum) };
            (last, seen) = (*end, seen + ids.len());
            let redeliver = redeliver.clone();
            sum += use_case!(
                self.write(doing),
                [ids: Vec<DeliveryId>, redeliver: Option<(Arc<dyn Planner>, Time)>] -> usize,
                |unit| {
                    let (changes, done) = ended(unit, ids, redeliver.as_ref()).await?;
                    unit.write(changes).await?;
                    Ok(done)
                }
            )?;
        }
    }
}

struct LetterIds(Letters<'static>);

impl Work for LetterIds {
    type Output = Vec<DeliveryId>;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<Vec<DeliveryId>, U::Fault> {
        Ok(unit.letters(self.0).await?.into_iter().map(|letter| letter.delivery).collect())
    }
}

/// Returns the changes that end those of some deliveries that are dead letters, and their number.
async fn ended<U: Unit>(
    unit: &mut U,
    ids: &[DeliveryId],
    redeliver: Option<&(Arc<dyn Planner>, Time)>,
) -> Result<(Changes, usize), U::Fault> {
    let rows: BTreeSet<i64> = ids.iter().map(|id| half(*id).0).collect();
    let rows: Vec<i64> = rows.into_iter().collect();
    let held = hold_deliveries(unit, Deliveries::Rows(&rows)).await?;
    let lanes: Vec<i64> = held.iter().map(|row| row.state.lane.0).collect();
    let people = unit.people(&lanes, Hold::No).await?;
    let people: HashMap<i64, PersonRow> = people.into_iter().map(|row| (row.id, row)).collect();
    let dead = unit.letters(Letters::Of(&rows)).await?;
    let dead: BTreeSet<DeliveryId> = dead.into_iter().map(|letter| letter.delivery).collect();
    let mut changes = Changes::default();
    for row in held {
        let halves = [Half::Identify, Half::Call].map(|it| delivery(row.state.id, it));
        let mut taken = halves.to_vec();
        taken.retain(|id| ids.contains(id) && dead.contains(id));
        let Some(person) = people.get(&row.state.lane.0) else { continue };
        if let Some((planner, now)) = redeliver {
            let due_at = unit.by_lanes(*now, *now);
            for id in &taken {
                put_back(&mut changes, &row, person, *id, &**planner, due_at)?;
            }
        }
        if !taken.is_empty() {
            end(&mut changes, row, dead.contains(&halves[1]), taken);
        }
    }
    let done = changes.taken.len();
    changes.counters.dead -= number(done);
    changes.counters.discarded += if redeliver.is_none() { number(done) } else { 0 };
    Ok((changes, done))
}

/// Appends a dead letter to its lane again. An identify carries the present profile, so that it takes
/// nothing back.
fn put_back(
    changes: &mut Changes,
    row: &DeliveryRow,
    person: &PersonRow,
    id: DeliveryId,
    planner: &dyn Planner,
    due_at: i64,
) -> Result<(), StoreError> {
    let call = match half(id).1 {
        Half::Identify => None,
        Half::Call => {
            let call: Result<Call, _> = serde_json::from_str(&row.call);
            let call = call.map_err(|error| unreadable("a call", error))?;
            Some(call).filter(|call| !matches!(call, Call::Identify { .. }))
        }
    };
    let call = match call {
        Some(call) => call,
        None => Call::Identify { attributes: planner.profile(&record::person(person)?) },
    };
    let new = NewDelivery {
        lane: row.state.lane,
        webhook: row.webhook,
        // An operator puts it back, so it doesn't wait behind a backfill.
        class: match class(row.state.class) {
            Class::Page => Class::Page,
            Class::Live | Class::History => Class::Live,
        },
        call: &call,
        planned_at: Time::from_micros(row.planned_at),
        due_at,
    };
    append(changes, [new])
}

/// Removes halves of a row that were dead letters, and the row with them if nothing is left.
fn end(changes: &mut Changes, row: DeliveryRow, is_call_dead: bool, taken: Vec<DeliveryId>) {
    let DeliveryRow { state: mut row, call, identify, .. } = row;
    let goes = |half| taken.contains(&delivery(row.id, half));
    if goes(Half::Identify) {
        (row.has_identify, row.identify_dead) = (false, false);
    }
    let has_call = !call.is_empty() && !goes(Half::Call);
    if row.state != PENDING && !has_call && !row.has_identify {
        changes.removed_deliveries.push(row.id);
    } else {
        if goes(Half::Call) {
            changes.calls.push((row.id, String::new(), identify.filter(|_| row.has_identify)));
        }
        if row.state == DEAD && !row.identify_dead && !(has_call && is_call_dead) {
            row.state = DELIVERED;
        }
        changes.deliveries.push(row);
    }
    changes.taken.extend(taken);
}
