//! Effects: shown with their calls and messages. Old messages are pruned.

use crate::domain::{EventId, Message, Time};
use crate::store::rows::{Changes, number};
use crate::store::unit::{Unit, Work};
use crate::store::{Effect, MessageStatus};

use super::finding::calls;

/// See [`Store::effect`](crate::store::Store::effect).
pub(in crate::store) struct FindEffect {
    pub(in crate::store) id: EventId,
    pub(in crate::store) now: Time,
}

impl Work for FindEffect {
    type Output = Option<Effect>;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<Option<Effect>, U::Fault> {
        let Some(webhook) = unit.effect_webhook(self.id).await? else { return Ok(None) };
        let mut calls = calls(unit, &[webhook], &[], self.now).await?;
        calls.retain(|call| call.event_id() == Some(self.id));
        let messages = messages(unit.effect_messages(&[self.id]).await?);
        Ok(Some(Effect { webhook, calls, messages }))
    }
}

/// Returns messages from their metrics.
pub(super) fn messages(mut rows: Vec<Message>) -> Vec<MessageStatus> {
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
