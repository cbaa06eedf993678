//! Erase: a person goes, in small transactions, and a tombstone keeps them from coming back.
//!
//! What belongs here: the pieces and their order. What doesn't: the search for names in a text (`domain`), and
//! overwriting erased rows, which each backend does.
//!
//! Others refer to a person and hold nothing of theirs, but in free texts. So one pass over the records finds
//! the person and everyone whose texts name them. The index of mentions leads to webhooks. Those that are parked
//! or of other sources than GrowSurf are searched, because they may name someone without a record.

use std::collections::HashSet;
use std::sync::Arc;

use crate::domain::{
    Call, DeliveryId, Email, ErasureKey, ErasureSubject, LaneId, PersonId, Planner, Time, WebhookId,
};
use crate::store::meta::{ERASED_AT, TOMBSTONE_CHECK};
use crate::store::planning::Planning;
use crate::store::rows::{Changes, DeliveryRow, Half, PersonRow, delivery, number};
use crate::store::unit::{Deliveries, Hold, Letters, Unit, use_case};
use crate::store::{CancelResult, Erased, ErasureTarget, Store, StoreError, record};

use super::classes::empty;
use super::lanes::hold_deliveries;
use super::naming::{find_mentions, search_bodies, search_people};

/// Webhooks, calls or records of one transaction.
const PIECE: usize = 100;

const DOING: &str = "erase a person";

/// Erasing has three steps: [`find_subject`](Self::find_subject), [`cancel_pending`](Self::cancel_pending) until
/// nothing is under way, and [`erase`](Self::erase). Each can be repeated. Until the last one has ended the person
/// is found by the same address.
impl Store {
    /// Returns the person who has an address or had it, and all that names them. Reads all people.
    pub async fn find_subject(&self, email: &Email) -> Result<ErasureTarget, StoreError> {
        let subject = ErasureSubject::with_address(email.clone());
        let mut target = ErasureTarget { people: [].into(), subject };
        // A person may have had several addresses, and each may lead to more.
        loop {
            let before = target.subject.clone();
            for person in search_people(self, &target.subject).await?.theirs {
                target.subject.add_identifiers_of(&person);
                target.people.extend(person.id.map(|id| (id, person.key)));
            }
            if target.subject == before {
                return Ok(target);
            }
        }
    }

    /// Removes the person's pending calls and dead letters. Goes in pieces. Leased calls stay under way until
    /// their lease ends, and its settlement changes nothing else.
    pub async fn cancel_pending(
        &self,
        target: &ErasureTarget,
        now: Time,
    ) -> Result<CancelResult, StoreError> {
        let mut cancelled = CancelResult::default();
        for id in target.people.keys() {
            loop {
                let lane = LaneId(id.0);
                let (is_last, erased, under_way) = use_case!(
                    self.write("remove a person's calls"),
                    [lane: LaneId, now: Time] -> (bool, Erased, Option<Time>),
                    |unit| cancel(unit, *lane, *now).await
                )?;
                cancelled.erased = cancelled.erased.and(erased);
                cancelled.under_way = cancelled.under_way.max(under_way);
                if is_last {
                    break;
                }
            }
        }
        Ok(cancelled)
    }

    /// Erases the person: the record, lane, calls and attempts; the bodies of webhooks that name them; and
    /// their part of others' records and calls. The hashes of effects and webhooks stay.
    ///
    /// From then on tombstones, keyed hashes with the time, keep the person from coming back: the participant
    /// ids for ever, the addresses for everyone who joined before.
    ///
    /// Goes in pieces; the one that takes the record sets the tombstones. The storage overwrites erased rows.
    pub async fn erase(&self, target: &ErasureTarget, now: Time) -> Result<Erased, StoreError> {
        let swept = sweep(self, target).await?;
        let (planning, target) = (Arc::clone(&self.planning), target.clone());
        let (target, taken) = use_case!(
            self.write(DOING),
            [planning: Arc<Planning>, target: ErasureTarget, now: Time] -> (ErasureTarget, Erased),
            |unit| take_person(unit, planning, target, *now).await
        )?;
        // What was accepted meanwhile may name them; from now on nothing can.
        let again = sweep(self, &target).await?;
        let log_emptied = self.overwrite_erased().await?;
        // The second sweep has counted the unreadable ones again.
        Ok(Erased { unreadable: 0, log_emptied, ..swept }.and(taken).and(again))
    }
}

/// Takes them out of others' records, and drops what names them.
async fn sweep(store: &Store, target: &ErasureTarget) -> Result<Erased, StoreError> {
    let mut erased = Erased::default();
    let target = Arc::new(target.clone());
    let others = search_people(store, &target.subject).await?.others;
    let own = target.people.keys().map(|id| id.0).collect();
    let mut found = find_mentions(store, own, None).await?;
    found.extend(find_mentions(store, others.clone(), Some(target.subject.clone())).await?);
    let (named, unreadable) = search_bodies(store, &target).await?;
    found.extend(named);
    erased.unreadable = unreadable;
    for piece in others.chunks(PIECE) {
        let (people, target) = (piece.to_vec(), Arc::clone(&target));
        let planner = Arc::clone(&store.planning.planner);
        erased.people_of_others += use_case!(
            store.write(DOING),
            [people: Vec<i64>, target: Arc<ErasureTarget>, planner: Arc<dyn Planner>] -> u64,
            |unit| {
                let mut changes = Changes { is_erasing: true, ..Changes::default() };
                for row in unit.people(people, Hold::Wait).await? {
                    if let Some(left) = planner.without(&record::person(&row)?, &target.subject) {
                        changes.people.push(PersonRow { state: record::state(&left)?, ..row });
                    }
                }
                let cut = count(changes.people.len());
                unit.write(changes).await?;
                Ok(cut)
            }
        )?;
    }
    let found: Vec<WebhookId> = found.into_iter().collect();
    for piece in found.chunks(PIECE) {
        let (webhooks, target) = (piece.to_vec(), Arc::clone(&target));
        let dropped = use_case!(
            store.write(DOING),
            [webhooks: Vec<WebhookId>, target: Arc<ErasureTarget>] -> Erased,
            |unit| {
                let mut changes = Changes { is_erasing: true, ..Changes::default() };
                let (erased, own) = drop_webhooks(unit, target, webhooks, &mut changes).await?;
                let erased = erased.and(remove(unit, &own, &mut changes).await?);
                unit.write(changes).await?;
                Ok(erased)
            }
        )?;
        erased = erased.and(dropped);
    }
    Ok(erased)
}

/// Drops the bodies of webhooks, and what names the person in calls to others. Returns the rows of the person's own
/// deliveries as well, which are to be removed.
async fn drop_webhooks<U: Unit>(
    unit: &mut U,
    target: &ErasureTarget,
    webhooks: &[WebhookId],
    changes: &mut Changes,
) -> Result<(Erased, Vec<DeliveryRow>), U::Fault> {
    let mut erased = Erased::default();
    for webhook in unit.hold_webhooks(&[], webhooks).await? {
        changes.dropped.push(webhook.id);
        changes.counters.parked -= i64::from(webhook.is_parked);
        erased.bodies += 1;
    }
    let all = Deliveries::Of { webhooks, lanes: &[], each: i64::MAX };
    let is_own = |row: &DeliveryRow| target.people.contains_key(&PersonId(row.state.lane.0));
    let (own, others): (Vec<_>, Vec<_>) =
        hold_deliveries(unit, all).await?.into_iter().partition(is_own);
    for row in others {
        let call = cut(&target.subject, Some(&*row.call).filter(|call| !call.is_empty()))?;
        let identify = cut(&target.subject, row.identify.as_deref())?;
        let named = [&call, &identify].into_iter().flatten().count();
        if named > 0 {
            erased.calls_of_others += count(named);
            let call = call.unwrap_or(row.call);
            changes.calls.push((row.state.id, call, identify.or(row.identify)));
        }
    }
    let people = target.people.keys().map(|id| id.0);
    changes.removed_mentions.extend(people.flat_map(|id| webhooks.iter().map(move |it| (id, *it))));
    Ok((erased, own))
}

/// Returns a call without a person, if it names them.
fn cut(subject: &ErasureSubject, text: Option<&str>) -> Result<Option<String>, StoreError> {
    let unreadable = |error| record::unreadable("a call", error);
    let Some(text) = text else { return Ok(None) };
    let mut call: Call = serde_json::from_str(text).map_err(unreadable)?;
    let is_cut = subject.cut_call(&mut call);
    is_cut.then(|| serde_json::to_string(&call).map_err(unreadable)).transpose()
}

/// Removes rows of deliveries with all that is known of them.
async fn remove<U: Unit>(
    unit: &mut U,
    rows: &[DeliveryRow],
    changes: &mut Changes,
) -> Result<Erased, U::Fault> {
    let ids: Vec<i64> = rows.iter().map(|row| row.state.id).collect();
    let halves = ids.iter().flat_map(|id| [Half::Identify, Half::Call].map(|it| delivery(*id, it)));
    let halves: Vec<DeliveryId> = halves.collect();
    let attempts = unit.attempts(&halves).await?.len();
    let dead: Vec<DeliveryId> =
        unit.letters(Letters::Of(&ids)).await?.iter().map(|letter| letter.delivery).collect();
    let mut erased =
        Erased { dead: count(dead.len()), attempts: count(attempts), ..Erased::default() };
    for DeliveryRow { state, call, .. } in rows {
        let has_identify = state.has_identify && !state.identify_dead;
        let call_is_gone = call.is_empty() || dead.contains(&delivery(state.id, Half::Call));
        erased.count_row(state.state, has_identify, call_is_gone);
    }
    changes.removed_deliveries.extend(ids);
    changes.taken.extend(dead);
    let less = |number: u64| -i64::try_from(number).unwrap_or(i64::MAX);
    let (pending, dead) = (less(erased.pending), less(erased.dead));
    changes.counters.pending += pending;
    changes.counters.dead += dead;
    changes.counters.erased -= pending + dead;
    Ok(erased)
}

/// Removes pending calls and dead letters of a lane. Returns true if they were the last, and when the lane's
/// lease ends, if it has one.
async fn cancel<U: Unit>(
    unit: &mut U,
    id: LaneId,
    now: Time,
) -> Result<(bool, Erased, Option<Time>), U::Fault> {
    let held = unit.hold_lanes(&[(id, Vec::new())]).await?;
    let unsettled = Deliveries::Unsettled { lane: id, limit: number(PIECE) };
    let rows = unit.deliveries(unsettled).await?;
    let is_last = rows.len() < PIECE;
    let mut changes = Changes { is_erasing: true, ..Changes::default() };
    let erased = remove(unit, &rows, &mut changes).await?;
    let mut under_way = None;
    if let Some(mut lane) = held.into_iter().next().map(|held| held.lane)
        && is_last
    {
        let by_lanes = unit.by_lanes(now, now);
        let until = lane.due_at.filter(|until| lane.leased && *until > by_lanes);
        let skew = unit.clock_skew(now);
        under_way = until.map(|until| Time::from_micros(until.saturating_sub(skew)));
        if under_way.is_none() {
            empty(&mut lane);
            changes.lanes.push(lane);
        }
    }
    unit.write(changes).await?;
    Ok((is_last, erased, under_way))
}

/// Takes what is left of the person, in one transaction with the tombstones. Returns all that names them.
async fn take_person<U: Unit>(
    unit: &mut U,
    planning: &Planning,
    target: &ErasureTarget,
    now: Time,
) -> Result<(ErasureTarget, Erased), U::Fault> {
    let mut target = target.clone();
    let ids: Vec<i64> = target.people.keys().map(|id| id.0).collect();
    let mut changes = Changes { is_erasing: true, ..Changes::default() };
    let mut erased = Erased::default();
    for row in unit.people(&ids, Hold::Wait).await? {
        let person = record::person(&row)?;
        // They may have got another identifier since they were found.
        target.subject.add_identifiers_of(&person);
        changes.removed_participants.extend(person.keys().map(|key| (key, row.id)));
        changes.removed_people.push(PersonId(row.id));
        erased.people += 1;
    }
    erased.participants = count(changes.removed_participants.len());
    let webhooks = unit.mentioning(&ids).await?;
    let (dropped, mut rows) = drop_webhooks(unit, &target, &webhooks, &mut changes).await?;
    let removed: HashSet<i64> = rows.iter().map(|row| row.state.id).collect();
    for id in &ids {
        let all = Deliveries::Unsettled { lane: LaneId(*id), limit: i64::MAX };
        let unsettled = unit.deliveries(all).await?.into_iter();
        rows.extend(unsettled.filter(|row| !removed.contains(&row.state.id)));
    }
    erased = erased.and(dropped).and(remove(unit, &rows, &mut changes).await?);
    let participants = target.subject.participants.iter().cloned();
    let addresses = target.subject.emails.iter().cloned().map(ErasureKey::Address);
    for key in participants.map(ErasureKey::Participant).chain(addresses) {
        changes.tombstones.push((planning.hash(&key), now.micros()));
    }
    erased.tombstones = count(changes.tombstones.len());
    let check = Some(planning.tombstones.check());
    changes.values.push((TOMBSTONE_CHECK.to_owned(), check));
    changes.values.push((ERASED_AT.to_owned(), Some(now.micros().to_string())));
    unit.write(changes).await?;
    Ok((target, erased))
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
