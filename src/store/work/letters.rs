//! Dead letters: listed, shown, redelivered and discarded.
//!
//! The last two go in pieces, each a transaction, so that a hundred thousand letters keep nobody waiting.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::{Call, Class, DeliveryId, Planner, Time};
use crate::store::record::{self, unreadable};
use crate::store::rows::{
    Changes, DEAD, DELIVERED, Half, LetterRow, PENDING, PersonLetters, delivery, half, number,
};
use crate::store::unit::{Unit, Work};
use crate::store::{DeadLetter, DeadLetters, PastAttempt, RedeliveryNote, Store, StoreError};

use super::append::{NewDelivery, append};
use super::classes::class;

/// Dead letters of one transaction.
const PIECE: usize = 500;

/// See [`Store::dead_letters`](crate::store::Store::dead_letters).
pub(in crate::store) struct ListLetters {
    pub(in crate::store) before: Option<DeliveryId>,
    pub(in crate::store) limit: usize,
}

impl Work for ListLetters {
    type Output = Vec<DeadLetter>;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<Vec<DeadLetter>, U::Fault> {
        let before = self.before.unwrap_or(DeliveryId(i64::MAX));
        let rows = unit.letters(before, self.limit).await?;
        Ok(rows.into_iter().map(letter).collect::<Result<_, _>>()?)
    }
}

/// See [`Store::dead_letter`](crate::store::Store::dead_letter).
pub(in crate::store) struct ShowLetter(pub(in crate::store) DeliveryId);

impl Work for ShowLetter {
    type Output = Option<(DeadLetter, Vec<PastAttempt>)>;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<Self::Output, U::Fault> {
        let newest = unit.letters(DeliveryId(self.0.0.saturating_add(1)), 1).await?.pop();
        match newest {
            Some(row) if row.delivery.id == self.0 => {
                let attempts = unit.attempts(&[self.0]).await?.into_iter();
                Ok(Some((letter(row)?, attempts.map(|(_, attempt)| attempt).collect())))
            }
            _ => Ok(None),
        }
    }
}

fn letter(row: LetterRow) -> Result<DeadLetter, StoreError> {
    let LetterRow { delivery, lane, identifier, died_at, reason, field, http_status } = row;
    Ok(DeadLetter {
        delivery: delivery.read()?,
        lane,
        key: record::lane_key(&identifier)?,
        died_at: Time::from_micros(died_at),
        reason,
        field,
        http_status,
    })
}

/// Puts dead letters back at the ends of their lanes. See
/// [`Store::redeliver`](crate::store::Store::redeliver).
pub(in crate::store) async fn redeliver(
    store: &Store,
    which: DeadLetters,
    planner: Arc<dyn Planner>,
    now: Time,
) -> Result<usize, StoreError> {
    in_pieces(store, "put dead letters back", which, Some((planner, now))).await
}

/// See [`Store::discard`](crate::store::Store::discard).
pub(in crate::store) async fn discard(
    store: &Store,
    which: DeadLetters,
) -> Result<usize, StoreError> {
    in_pieces(store, "discard dead letters", which, None).await
}

async fn in_pieces(
    store: &Store,
    doing: &'static str,
    which: DeadLetters,
    redeliver: Option<(Arc<dyn Planner>, Time)>,
) -> Result<usize, StoreError> {
    let newest = match &which {
        DeadLetters::All => store.read("list dead letters", NewestLetter).await?,
        DeadLetters::These(_) => None,
    };
    let (mut seen, mut sum, mut last) = (0, 0, DeliveryId(0));
    loop {
        let ids = match &which {
            DeadLetters::All => {
                store.read("list dead letters", LettersAfter { last, newest }).await?
            }
            DeadLetters::These(ids) => ids.iter().skip(seen).take(PIECE).copied().collect(),
        };
        let Some(end) = ids.last() else { return Ok(sum) };
        (last, seen) = (*end, seen + ids.len());
        sum += store.write(doing, EndLetters { ids, redeliver: redeliver.clone() }).await?;
    }
}

/// Finds the newest dead letter. One that is put back and dies again is newer.
struct NewestLetter;

impl Work for NewestLetter {
    type Output = Option<DeliveryId>;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<Option<DeliveryId>, U::Fault> {
        let newest = unit.letters(DeliveryId(i64::MAX), 1).await?.pop();
        Ok(newest.map(|row| row.delivery.id))
    }
}

/// Finds the next piece of dead letters after one of them, oldest first, up to the newest.
struct LettersAfter {
    last: DeliveryId,
    newest: Option<DeliveryId>,
}

impl Work for LettersAfter {
    type Output = Vec<DeliveryId>;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<Vec<DeliveryId>, U::Fault> {
        let mut ids = unit.letters_after(self.last, PIECE).await?;
        ids.retain(|id| Some(*id) <= self.newest);
        Ok(ids)
    }
}

/// Ends those of some deliveries that are dead letters. Returns how many.
struct EndLetters {
    ids: Vec<DeliveryId>,
    /// The planner of their identifies, and the present time; `None` discards them.
    redeliver: Option<(Arc<dyn Planner>, Time)>,
}

impl Work for EndLetters {
    type Output = usize;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<usize, U::Fault> {
        let (changes, done) = ended(unit, &self.ids, self.redeliver.as_ref()).await?;
        unit.write(changes).await?;
        Ok(done)
    }
}

/// See [`Store::redeliver_noting`](crate::store::Store::redeliver_noting).
pub(in crate::store) struct RedeliverNoting {
    pub(in crate::store) ids: Vec<DeliveryId>,
    pub(in crate::store) planner: Arc<dyn Planner>,
    pub(in crate::store) now: Time,
    pub(in crate::store) note: String,
    pub(in crate::store) revise: RedeliveryNote,
}

impl Work for RedeliverNoting {
    type Output = Option<String>;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<Option<String>, U::Fault> {
        let note = unit.hold_note(&self.note).await?;
        let redeliver = (Arc::clone(&self.planner), self.now);
        let (mut changes, done) = ended(unit, &self.ids, Some(&redeliver)).await?;
        let revised = (self.revise)(note.as_deref(), done);
        if let Some(text) = &revised {
            changes.notes.push((self.note.clone(), text.clone()));
            unit.write(changes).await?;
        }
        Ok(revised)
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
    let asked: BTreeSet<DeliveryId> = ids.iter().copied().collect();
    let mut changes = Changes::default();
    let mut done = 0;
    for letters in unit.hold_letters(&rows).await? {
        let taken: Vec<DeliveryId> =
            letters.dead.iter().copied().filter(|id| asked.contains(id)).collect();
        if let Some((planner, now)) = redeliver {
            let due_at = unit.by_lanes(*now, *now);
            for id in &taken {
                put_back(&mut changes, &letters, *id, &**planner, due_at)?;
            }
        }
        done += taken.len();
        end(&mut changes, letters, taken);
    }
    changes.counters.dead -= number(done);
    Ok((changes, done))
}

/// Appends a dead letter to its lane again. An identify carries the present profile, so that it takes
/// nothing back.
fn put_back(
    changes: &mut Changes,
    letters: &PersonLetters,
    id: DeliveryId,
    planner: &dyn Planner,
    due_at: i64,
) -> Result<(), StoreError> {
    let identify = || Call::Identify { attributes: planner.profile(&letters.person) };
    let call = match half(id).1 {
        Half::Identify => identify(),
        Half::Call => {
            let call = serde_json::from_str(&letters.call);
            match call.map_err(|error| unreadable("a call", error))? {
                Call::Identify { .. } => identify(),
                call => call,
            }
        }
    };
    let new = NewDelivery {
        lane: letters.row.lane,
        webhook: letters.webhook,
        // Whoever puts it back doesn't want it to wait behind a backfill.
        class: match class(letters.row.class) {
            Class::Page => Class::Page,
            Class::Live | Class::History => Class::Live,
        },
        call: &call,
        planned_at: Time::from_micros(letters.planned_at),
        due_at,
    };
    append(changes, [new])
}

/// Removes halves of a row that were dead letters, and the row with them if nothing is left.
fn end(changes: &mut Changes, letters: PersonLetters, taken: Vec<DeliveryId>) {
    let PersonLetters { mut row, dead, call, .. } = letters;
    let own = delivery(row.id, Half::Call);
    let goes = |half| taken.contains(&delivery(row.id, half));
    if goes(Half::Identify) {
        (row.has_identify, row.identify_dead) = (false, false);
    }
    let has_call = !call.is_empty() && !goes(Half::Call);
    if row.state != PENDING && !has_call && !row.has_identify {
        changes.removed_deliveries.push(row.id);
    } else {
        if goes(Half::Call) {
            changes.emptied.push(row.id);
        }
        let is_dead = row.identify_dead || (has_call && dead.contains(&own));
        if row.state == DEAD && !is_dead {
            row.state = DELIVERED;
        }
        changes.deliveries.push(row);
    }
    changes.taken.extend(taken);
}
