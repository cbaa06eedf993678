//! Append: new deliveries as rows at the ends of lanes.
//!
//! An identify shares the row of the track behind it, because nearly every track has one, and a row costs more
//! to write than its contents.

use crate::domain::{Call, Class, Destination, LaneId, LaneKey, Time, WebhookId};
use crate::store::StoreError;
use crate::store::record::{self, unreadable};
use crate::store::rows::{Changes, LaneAppend, LaneRaise, NewRow};

use super::classes::rank;

/// A call that goes to the end of a lane.
pub struct NewDelivery<'a> {
    pub lane: LaneId,
    /// The webhook that led to it.
    pub webhook: Option<WebhookId>,
    /// The class, of calls to Customer.io.
    pub class: Class,
    pub call: &'a Call,
    /// The time at which it was planned first.
    pub planned_at: Time,
    /// The present time by the clock of lanes.
    pub due_at: i64,
}

/// Adds new deliveries to what a transaction writes, in their order: rows, lanes and kept numbers. A join
/// also makes the pending calls of its visitor as urgent as itself.
///
/// # Errors
/// A call that can't be written as text.
pub fn append<'a>(
    changes: &mut Changes,
    new: impl IntoIterator<Item = NewDelivery<'a>>,
) -> Result<(), StoreError> {
    for NewDelivery { lane, webhook, class, call, planned_at, due_at } in new {
        let own = rank(call.destination(), class);
        let append = changes.appended.entry(lane).or_insert_with(|| LaneAppend {
            class: own,
            due_at,
            rows: Vec::new(),
        });
        append.class = own.min(append.class);
        let text = serde_json::to_string(call).map_err(|error| unreadable("a plan", error))?;
        let planned_at = planned_at.micros();
        let event_at = call.happened_at().map(Time::micros);
        let new = NewRow { webhook, class: own, planned_at, event_at, identify: None, call: text };
        match append.rows.last_mut() {
            Some(last) if last.takes(&new) => {
                let identify = std::mem::replace(last, new).call;
                last.identify = Some(identify);
            }
            _ => append.rows.push(new),
        }
        if let Call::Join { anonymous_id, .. } = call {
            let visitor = LaneKey::Visitor(anonymous_id.clone());
            changes.raised.push(raise(&visitor, class));
        }
        changes.counters.pending += 1;
    }
    Ok(())
}

/// Returns the change that makes a visitor's pending calls as urgent as a class.
pub fn raise(visitor: &LaneKey, class: Class) -> LaneRaise {
    LaneRaise { identifier: record::column(visitor), class: rank(Destination::CustomerIo, class) }
}

impl NewRow {
    /// True of an identify whose row has room for the call behind it.
    fn takes(&self, next: &Self) -> bool {
        let same = |it: &Self| (it.webhook, it.class, it.planned_at);
        self.event_at.is_none() && next.event_at.is_some() && same(self) == same(next)
    }
}
