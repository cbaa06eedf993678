//! Settle: ends leases with verdicts on their deliveries.
//!
//! What belongs here: the fence, the verdicts, and the lane's next due time. What doesn't: the verdict that an
//! attempt leads to (`delivery`).

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{Attempt, DeliveryId, Labelled, LaneId, Outcome, Time};
use crate::store::record::text;
use crate::store::rows::{
    Changes, DEAD, DELIVERED, Half, LaneRow, LetterRow, RowState, half, micros,
};
use crate::store::unit::{HeldLane, Unit, Work};
use crate::store::{AvailabilityClock, PastAttempt, Settle, Settlement, Verdict};

use super::classes::empty;

/// Implements [`Store::settle`](crate::store::Store::settle).
pub struct SettleLeases {
    pub settlements: Vec<Settlement>,
    pub accepting: AvailabilityClock,
    pub now: Time,
}

impl Work for SettleLeases {
    type Output = usize;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<usize, U::Fault> {
        let mut wanted: BTreeMap<LaneId, BTreeSet<i64>> = BTreeMap::new();
        for Settlement { lane, results, .. } in &self.settlements {
            let rows = results.iter().map(|result| half(result.delivery).0);
            wanted.entry(*lane).or_default().extend(rows);
        }
        let wanted = wanted.into_iter().map(|(lane, rows)| (lane, rows.into_iter().collect()));
        let wanted: Vec<(LaneId, Vec<i64>)> = wanted.collect();
        let held = unit.hold_lanes(&wanted).await?.into_iter();
        let mut held: BTreeMap<LaneId, HeldLane> = held.map(|it| (it.lane.id, it)).collect();
        let mut changes = Changes { accepting: Some(self.accepting), ..Changes::default() };
        let mut fenced = 0;
        for settlement in &self.settlements {
            let is_present = |it: &&HeldLane| it.lane.leased && it.lane.token == settlement.token;
            if held.get(&settlement.lane).filter(is_present).is_none() {
                fenced += 1;
                continue;
            }
            // A lease is ended once.
            let Some(HeldLane { mut lane, rows, rest }) = held.remove(&settlement.lane) else {
                continue;
            };
            let mut rows: BTreeMap<i64, RowState> =
                rows.into_iter().map(|row| (row.id, row)).collect();
            let due_at = settle(settlement, &mut rows, self.now, &mut changes);
            let due_at = unit.by_lanes(due_at, self.now);
            go_on(&mut lane, rows.values(), rest, due_at);
            changes.lanes.push(lane);
        }
        unit.write(changes).await?;
        Ok(fenced)
    }
}

/// Settles the deliveries of a lease. Returns when its lane is due again, if something is pending.
fn settle(
    settlement: &Settlement,
    rows: &mut BTreeMap<i64, RowState>,
    now: Time,
    changes: &mut Changes,
) -> Time {
    let mut due_at = now;
    let mut changed = BTreeSet::new();
    let mut results = settlement.results.iter().peekable();
    while let Some(result) = results.next() {
        if let Verdict::Retry { at, .. } | Verdict::Defer { at } = result.verdict {
            due_at = due_at.max(at);
        }
        let (id, own) = half(result.delivery);
        let Some(row) = rows.get_mut(&id) else { continue };
        changes.attempts.extend(attempt(result));
        if row.turn() != Some(own) {
            continue;
        }
        let Changes { counters, letters, .. } = &mut *changes;
        let mut deliver = |result: &Settle| {
            // An identify that a newer one supersedes ends without an attempt.
            let is_sent = result.attempt.is_some();
            *(if is_sent { &mut counters.delivered } else { &mut counters.replaced }) += 1;
            counters.pending -= 1;
        };
        match &result.verdict {
            Verdict::Delivered => {
                let is_behind = |next: &&Settle| {
                    next.verdict == Verdict::Delivered && half(next.delivery) == (id, Half::Call)
                };
                deliver(result);
                let behind = results.next_if(|next| own == Half::Identify && is_behind(next));
                if own == Half::Identify && behind.is_none() {
                    row.has_identify = false;
                    hand_over(row);
                } else {
                    behind.into_iter().for_each(&mut deliver);
                    row.state = if row.identify_dead { DEAD } else { DELIVERED };
                    row.delivered_at = Some(now.micros());
                }
            }
            Verdict::Retry { failing_since, .. } => {
                row.attempts = row.attempts.saturating_add(1);
                row.failing_since = Some(micros(*failing_since));
            }
            Verdict::Dead { reason, field } => {
                counters.pending -= 1;
                counters.dead += 1;
                letters.push(LetterRow {
                    delivery: result.delivery,
                    died_at: now.micros(),
                    reason: text(reason),
                    field: field.as_deref().map(text),
                    attempts: row.attempts.saturating_add(i32::from(result.attempt.is_some())),
                    http_status: result.attempt.as_ref().and_then(|attempt| attempt.http_status),
                });
                match own {
                    Half::Identify => {
                        row.identify_dead = true;
                        hand_over(row);
                    }
                    Half::Call => row.state = DEAD,
                }
            }
            Verdict::Defer { .. } | Verdict::NotAttempted => continue,
        }
        changed.insert(id);
    }
    changes.deliveries.extend(changed.iter().filter_map(|id| rows.get(id)).cloned());
    due_at
}

/// Makes it the turn of the call behind an identify; the row's attempts are that call's now.
fn hand_over(row: &mut RowState) {
    (row.attempts, row.failing_since) = (0, None);
}

/// Ends a lease. `rest` is the most urgent class of the lane's other pending rows.
fn go_on<'a>(
    lane: &mut LaneRow,
    rows: impl Iterator<Item = &'a RowState>,
    rest: Option<i16>,
    due_at: i64,
) {
    let pending = rows.filter(|row| row.turn().is_some()).map(|row| row.class);
    match pending.chain(rest).min() {
        Some(class) => {
            (lane.leased, lane.due_at, lane.class) = (false, Some(due_at), class);
        }
        None => empty(lane),
    }
}

/// Returns the attempt as it is kept, if it didn't deliver.
fn attempt(Settle { delivery, attempt, .. }: &Settle) -> Option<(DeliveryId, PastAttempt)> {
    let Attempt { at, took, http_status, outcome } = attempt.as_ref()?;
    let kept = || PastAttempt {
        at: *at,
        took: *took,
        http_status: *http_status,
        outcome: outcome.label().to_owned(),
        reason: text(outcome.reason().unwrap_or_default()),
    };
    (*outcome != Outcome::Delivered).then(|| (*delivery, kept()))
}
