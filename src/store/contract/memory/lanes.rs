//! Reads of lanes, dead letters, the audit and single values in memory.

use crate::domain::{AuditEntry, DeliveryId, LaneId, Time};
use crate::store::PastAttempt;
use crate::store::meta::Meta;
use crate::store::rows::{
    Counters, DeliveryRow, Half, LaneRow, LetterRow, PENDING, PersonLetters, RowState, Waiting,
    delivery, duration, half,
};
use crate::store::unit::{AuditRows, HeldLane, LaneRows, LetterRows, MetaRows};

use super::reads::{page, person};
use super::tables::Delivery;
use super::{Fault, MemoryUnit};

impl LaneRows for MemoryUnit {
    const LANES: usize = 2;
    const FEW: usize = 2;

    async fn due_lanes(
        &mut self,
        classes: &'static [i16],
        now: i64,
        limit: usize,
    ) -> Result<Vec<(LaneRow, String)>, Fault> {
        let is_due = |lane: &&LaneRow| {
            classes.contains(&lane.class) && lane.due_at.is_some_and(|due_at| due_at <= now)
        };
        let due = self.now.lanes.values().filter(is_due).map(|lane| self.with_identifier(lane));
        let mut due: Vec<(LaneRow, String)> = due.collect();
        due.sort_by_key(|(lane, identifier)| {
            let class = classes.iter().position(|class| *class == lane.class);
            let preferred = self.now.preferred.iter().position(|it| it == identifier);
            (class, lane.due_at, preferred.unwrap_or(usize::MAX))
        });
        due.truncate(limit);
        Ok(due)
    }

    async fn free_lane(&mut self, lane: LaneId) -> Result<Option<(LaneRow, String)>, Fault> {
        Ok(self.now.lanes.get(&lane).map(|lane| self.with_identifier(lane)))
    }

    async fn pending_rows(
        &mut self,
        lanes: &[LaneId],
        each: usize,
    ) -> Result<Vec<DeliveryRow>, Fault> {
        let pending = lanes.iter().flat_map(|lane| self.now.pending(*lane).take(each));
        Ok(pending.map(pending_row).collect())
    }

    async fn hold_lanes(&mut self, lanes: &[(LaneId, Vec<i64>)]) -> Result<Vec<HeldLane>, Fault> {
        let held = lanes.iter().filter_map(|(id, asked)| {
            let lane = self.now.lanes.get(id)?.clone();
            let is_asked = |state: &&RowState| asked.contains(&state.id);
            let rows = self.now.lane(*id).map(|it| &it.state).filter(is_asked).cloned().collect();
            let others = self.now.pending(*id).map(|it| &it.state).filter(|it| !is_asked(it));
            let rest = others.map(|state| state.class).min();
            Some(HeldLane { lane, rows, rest })
        });
        Ok(held.collect())
    }

    async fn hold_all_lanes(
        &mut self,
        classes: &'static [i16],
        leased: bool,
    ) -> Result<Vec<LaneRow>, Fault> {
        let lanes = self.now.lanes.values().filter(|lane| classes.contains(&lane.class));
        let lanes = lanes.filter(|lane| lane.due_at.is_some() && lane.leased == leased);
        Ok(lanes.cloned().collect())
    }

    async fn next_due(&mut self, classes: &'static [i16]) -> Result<Option<i64>, Fault> {
        let lanes = self.now.lanes.values().filter(|lane| classes.contains(&lane.class));
        Ok(lanes.filter_map(|lane| lane.due_at).min())
    }
}

/// Returns a pending row as a backend reads it.
pub(super) fn pending_row(Delivery { state, row }: &Delivery) -> DeliveryRow {
    DeliveryRow {
        id: state.id,
        lane: state.lane,
        webhook: row.webhook,
        class: state.class,
        planned_at: row.planned_at,
        event_at: row.event_at,
        attempts: state.attempts,
        failing_since: state.failing_since,
        call: row.call.clone(),
        identify: row.identify.clone().filter(|_| !state.identify_dead),
    }
}

impl MemoryUnit {
    fn with_identifier(&self, lane: &LaneRow) -> (LaneRow, String) {
        (lane.clone(), self.now.people[&lane.id.0].identifier.clone())
    }
}

impl LetterRows for MemoryUnit {
    async fn letters(&mut self, before: DeliveryId, limit: usize) -> Result<Vec<LetterRow>, Fault> {
        let letters = self.now.letters.range(..before).rev().take(limit).map(|(id, letter)| {
            let (row, which) = half(*id);
            let Delivery { state, row } = &self.now.deliveries[&row];
            let call = match which {
                Half::Identify => row.identify.clone().expect("it is a dead letter"),
                Half::Call => row.call.clone(),
            };
            LetterRow {
                delivery: Waiting {
                    id: *id,
                    event_at: row.event_at,
                    call,
                    webhook: row.webhook,
                    planned_at: row.planned_at,
                    attempts: letter.attempts,
                    failing_since: None,
                    class: state.class,
                },
                lane: state.lane,
                identifier: self.now.people[&state.lane.0].identifier.clone(),
                died_at: letter.died_at,
                reason: letter.reason.clone(),
                field: letter.field.clone(),
                http_status: self.now.attempts_of(*id).last().and_then(|it| it.http_status),
            }
        });
        Ok(letters.collect())
    }

    async fn attempts(
        &mut self,
        deliveries: &[DeliveryId],
    ) -> Result<Vec<(DeliveryId, PastAttempt)>, Fault> {
        let attempts = deliveries.iter().flat_map(|id| self.now.attempts_of(*id)).map(|it| {
            let attempt = PastAttempt {
                at: Time::from_micros(it.at),
                took: duration(it.took),
                http_status: it.http_status,
                outcome: it.outcome.to_owned(),
                reason: it.reason.clone(),
            };
            (it.delivery, attempt)
        });
        Ok(attempts.collect())
    }

    async fn letters_after(
        &mut self,
        last: DeliveryId,
        limit: usize,
    ) -> Result<Vec<DeliveryId>, Fault> {
        let after = self.now.letters.keys().filter(|id| **id > last);
        Ok(after.take(limit).copied().collect())
    }

    async fn hold_letters(&mut self, rows: &[i64]) -> Result<Vec<PersonLetters>, Fault> {
        let mut held = Vec::new();
        for id in rows {
            let Some(Delivery { state, row }) = self.now.deliveries.get(id) else { continue };
            let halves = [Half::Identify, Half::Call].map(|half| delivery(*id, half));
            let dead: Vec<DeliveryId> =
                halves.into_iter().filter(|id| self.now.letters.contains_key(id)).collect();
            if dead.is_empty() {
                continue;
            }
            held.push(PersonLetters {
                row: state.clone(),
                dead,
                webhook: row.webhook,
                planned_at: row.planned_at,
                call: row.call.clone(),
                person: person(&self.now.people[&state.lane.0])?,
            });
        }
        Ok(held)
    }
}

impl AuditRows for MemoryUnit {
    async fn audit_before(
        &mut self,
        before: i64,
        limit: i64,
    ) -> Result<Vec<(i64, AuditEntry)>, Fault> {
        let records = self.now.audit.range(..before).rev();
        Ok(page(records.map(|(number, entry)| (*number, entry.clone())), limit).collect())
    }

    async fn oldest_audit(&mut self, limit: i64) -> Result<Vec<(i64, i64)>, Fault> {
        let records = self.now.audit.iter();
        Ok(page(records.map(|(number, entry)| (*number, entry.at.micros())), limit).collect())
    }

    async fn traffic_since(&mut self, hour: i64) -> Result<Vec<(i64, String, i64)>, Fault> {
        let sums = self.now.traffic.range((hour, String::new())..);
        Ok(sums.map(|((hour, what), n)| (*hour, what.clone(), *n)).collect())
    }
}

impl MetaRows for MemoryUnit {
    async fn metas(&mut self, which: &[Meta]) -> Result<Vec<Option<String>>, Fault> {
        Ok(which.iter().map(|meta| self.now.metas.get(meta).cloned()).collect())
    }

    async fn hold_meta(&mut self, which: Meta) -> Result<Option<String>, Fault> {
        Ok(self.now.metas.get(&which).cloned())
    }

    async fn numbers(&mut self) -> Result<(Counters, Option<i64>), Fault> {
        let pending = self.now.deliveries.values().filter(|it| it.state.state == PENDING);
        Ok((self.now.counters, pending.map(|it| it.row.planned_at).min()))
    }

    async fn note(&mut self, name: &str) -> Result<Option<String>, Fault> {
        Ok(self.now.notes.get(name).cloned())
    }

    async fn hold_note(&mut self, name: &str) -> Result<Option<String>, Fault> {
        self.note(name).await
    }
}
