//! Reads of lanes, calls, the audit and single values in memory.

use crate::domain::{AuditEntry, DeliveryId, EventId, LaneId, Message, Time, WebhookId};
use crate::store::rows::{
    Counters, DeliveryRow, Half, LaneRow, LetterRow, MessageKey, PENDING, RowState, delivery, half,
    number,
};
use crate::store::unit::{AuditRows, CallRows, Deliveries, HeldLane, LaneRows, Letters, MetaRows};
use crate::store::{LaneStatus, PastAttempt};

use super::reads::page;
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
        Ok(pending.cloned().collect())
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

    async fn lane_states(
        &mut self,
        lanes: &[LaneId],
        count_to: i64,
    ) -> Result<Vec<LaneStatus>, Fault> {
        let lanes = lanes.iter().filter_map(|lane| self.now.lanes.get(lane));
        let status = lanes.map(|lane| {
            let oldest = self.now.pending(lane.id).next().map(|it| it.planned_at);
            LaneStatus {
                lane: lane.id,
                due_at: lane.due_at.map(Time::from_micros),
                is_leased: lane.leased,
                pending: number(page(self.now.pending(lane.id), count_to).count()),
                oldest: oldest.map(Time::from_micros),
            }
        });
        Ok(status.collect())
    }
}

impl MemoryUnit {
    fn with_identifier(&self, lane: &LaneRow) -> (LaneRow, String) {
        (lane.clone(), self.now.people[&lane.id.0].identifier.clone())
    }
}

impl CallRows for MemoryUnit {
    async fn deliveries(&mut self, which: Deliveries<'_>) -> Result<Vec<DeliveryRow>, Fault> {
        let rows = self.now.deliveries.values();
        Ok(match which {
            Deliveries::Rows(ids) => {
                rows.filter(|it| ids.contains(&it.state.id)).cloned().collect()
            }
            Deliveries::Of { webhooks, lanes, each } => {
                let is_meant =
                    |it: &&DeliveryRow| lanes.is_empty() || lanes.contains(&it.state.lane);
                let of = |id: &WebhookId| {
                    page(self.now.of_webhook(*id).filter(is_meant), each)
                        .cloned()
                        .collect::<Vec<_>>()
                };
                let mut found: Vec<DeliveryRow> = webhooks.iter().flat_map(of).collect();
                found.sort_by_key(|row| row.state.id);
                found
            }
            Deliveries::Unsettled { lane, limit } => {
                let is_unsettled = |DeliveryRow { state, .. }: &&DeliveryRow| {
                    let mut halves =
                        [Half::Identify, Half::Call].iter().map(|half| delivery(state.id, *half));
                    state.state == PENDING || halves.any(|id| self.now.letters.contains_key(&id))
                };
                page(self.now.lane(lane).filter(is_unsettled), limit).cloned().collect()
            }
            Deliveries::Waiting { after, limit } => {
                let key = |row: &DeliveryRow| (row.planned_at, row.state.id);
                let mut waiting: Vec<DeliveryRow> = rows.cloned().collect();
                waiting.retain(|row| row.state.state == PENDING && key(row) > after);
                waiting.sort_by_key(key);
                page(waiting.into_iter(), limit).collect()
            }
        })
    }

    async fn letters(&mut self, which: Letters<'_>) -> Result<Vec<LetterRow>, Fault> {
        let letters = &self.now.letters;
        Ok(match which {
            Letters::Of(rows) => {
                letters.values().filter(|it| rows.contains(&half(it.delivery).0)).cloned().collect()
            }
            Letters::Before(id, limit) => {
                letters.range(..id).rev().take(limit).map(|(_, letter)| letter.clone()).collect()
            }
            Letters::After(id, limit) => {
                letters.values().filter(|it| it.delivery > id).take(limit).cloned().collect()
            }
        })
    }

    async fn letter_kinds(&mut self, limit: usize) -> Result<Vec<(DeliveryId, String)>, Fault> {
        let kind = |id: &DeliveryId| {
            let (row, which) = half(*id);
            let kind = match which {
                Half::Identify => "identify",
                Half::Call => {
                    let call = &self.now.deliveries[&row].call;
                    call.split('"').nth(1).unwrap_or_default()
                }
            };
            (*id, kind.to_owned())
        };
        Ok(self.now.letters.keys().rev().take(limit).map(kind).collect())
    }

    async fn attempts(
        &mut self,
        deliveries: &[DeliveryId],
    ) -> Result<Vec<(DeliveryId, PastAttempt)>, Fault> {
        let mut attempts = self.now.attempts.clone();
        attempts.retain(|(id, _)| deliveries.contains(id));
        Ok(attempts)
    }

    async fn effect_webhook(&mut self, effect: EventId) -> Result<Option<WebhookId>, Fault> {
        Ok(self.now.effects.get(&effect).copied())
    }

    async fn effect_messages(&mut self, effects: &[EventId]) -> Result<Vec<Message>, Fault> {
        let messages = self.now.messages.values().filter(|it| effects.contains(&it.event));
        Ok(messages.cloned().collect())
    }

    async fn hold_messages(&mut self, before: i64, limit: i64) -> Result<Vec<MessageKey>, Fault> {
        let is_old = |(_, message): &(&MessageKey, &Message)| message.at.micros() < before;
        let mut old: Vec<_> = self.now.messages.iter().filter(is_old).collect();
        old.sort_by_key(|(_, message)| message.at);
        Ok(page(old.into_iter().map(|(key, _)| key.clone()), limit).collect())
    }
}

impl MetaRows for MemoryUnit {
    async fn values(&mut self, keys: &[String]) -> Result<Vec<Option<String>>, Fault> {
        Ok(keys.iter().map(|key| self.now.values.get(key).cloned()).collect())
    }

    async fn hold_value(&mut self, key: &str) -> Result<Option<String>, Fault> {
        Ok(self.now.values.get(key).cloned())
    }

    async fn counters(&mut self) -> Result<Counters, Fault> {
        Ok(self.now.counters)
    }

    async fn numbers(&mut self) -> Result<(Counters, Option<i64>), Fault> {
        let pending = self.now.deliveries.values().filter(|it| it.state.state == PENDING);
        Ok((self.now.counters, pending.map(|it| it.planned_at).min()))
    }

    async fn bytes(&mut self) -> Result<i64, Fault> {
        Ok(0)
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
