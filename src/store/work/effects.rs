//! Effects: shown with their calls and messages. Old messages are pruned.

use crate::domain::{Call, EventId, Message, Time};
use crate::store::rows::{Changes, WebhookCall, number};
use crate::store::unit::{Unit, Work};
use crate::store::{Effect, EffectDelivery, MessageStatus};

/// See [`Store::effect`](crate::store::Store::effect).
pub(in crate::store) struct FindEffect(pub(in crate::store) EventId);

impl Work for FindEffect {
    type Output = Option<Effect>;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<Option<Effect>, U::Fault> {
        let Some(webhook) = unit.effect_webhook(self.0).await? else { return Ok(None) };
        let calls = unit.webhook_calls(webhook).await?;
        let carriers = calls.into_iter().filter_map(|call| carrier(call, self.0)).collect();
        let messages = messages(unit.effect_messages(self.0).await?);
        Ok(Some(Effect { carriers, messages }))
    }
}

/// Returns a call as the carrier of an effect, if it is one.
fn carrier(row: WebhookCall, id: EventId) -> Option<EffectDelivery> {
    let Ok(Call::Track { name, event_id, at, .. }) = serde_json::from_str(&row.call) else {
        return None;
    };
    (event_id == id).then_some(EffectDelivery {
        delivery: row.delivery,
        state: row.state,
        name,
        happened_at: at,
        planned_at: Time::from_micros(row.planned_at),
        ended_at: row.ended_at.map(Time::from_micros),
    })
}

/// Returns messages from their metrics.
fn messages(mut rows: Vec<Message>) -> Vec<MessageStatus> {
    rows.sort_by(|a, b| (a.at, &a.delivery, &a.metric).cmp(&(b.at, &b.delivery, &b.metric)));
    let mut all: Vec<MessageStatus> = Vec::new();
    for Message { delivery, channel, metric, sender, at, event: _ } in rows {
        match all.iter_mut().find(|sent| sent.delivery == delivery) {
            Some(sent) => {
                sent.sender = sent.sender.take().or(sender);
                sent.metrics.push((metric, at));
            }
            None => {
                all.push(MessageStatus { delivery, channel, sender, metrics: vec![(metric, at)] });
            }
        }
    }
    all
}

/// See [`Store::prune_messages`](crate::store::Store::prune_messages).
pub(in crate::store) struct PruneMessages {
    pub(in crate::store) before: Time,
    pub(in crate::store) limit: usize,
}

impl Work for PruneMessages {
    type Output = usize;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<usize, U::Fault> {
        let removed_messages = unit.hold_messages(self.before.micros(), number(self.limit)).await?;
        let pruned = removed_messages.len();
        unit.write(Changes { removed_messages, ..Changes::default() }).await?;
        Ok(pruned)
    }
}
