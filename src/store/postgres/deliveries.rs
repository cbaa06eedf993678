//! Deliveries: calls put at the end of lanes, and how one is read back.
//!
//! What belongs here: the row and its values. What doesn't: when a delivery's state changes
//! (`settle`, `dead`, `house`).

use std::collections::BTreeMap;

use futures_util::try_join;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::domain::{Call, Class, Delivery, DeliveryId, LaneId, Time, WebhookId};
use crate::store::StoreError;
use crate::store::head::Pending;
use crate::store::record::unreadable;
use crate::store::rows::Counters;
pub(super) use crate::store::rows::{duration, micros};

use super::classes::{Joins, PAGE, rank};
use super::fault::Fault;
use super::tables::meta::count;
use super::transaction::Transaction;
use super::value::{Value, number};

/// Values of `deliveries.state`.
pub(super) const PENDING: i16 = 0;
pub(super) const DELIVERED: i16 = 1;
pub(super) const DEAD: i16 = 2;

/// The columns that [`Waiting::of`] reads, of a table or subquery called `it`.
pub(super) const COLUMNS: &str = "it.id, it.call, it.webhook, it.planned_at, it.attempts, \
                                  it.failing_since, it.event_at, it.lane, it.class";

/// A call that is to be put at the end of a lane.
pub(super) struct NewCall<'a> {
    pub(super) lane: i64,
    pub(super) webhook: Option<Uuid>,
    pub(super) call: &'a Call,
    pub(super) class: Class,
    pub(super) event_at: Option<Time>,
    pub(super) planned_at: Time,
    /// The present time.
    pub(super) now: Time,
}

#[derive(Default)]
struct Rows {
    lanes: Vec<i64>,
    places: Vec<i64>,
    webhooks: Vec<Option<Uuid>>,
    planned: Vec<i64>,
    events: Vec<Option<i64>>,
    calls: Vec<String>,
    classes: Vec<i16>,
}

/// Puts calls at the ends of their lanes, which makes those due that aren't, don't wait, and
/// aren't leased.
pub(super) async fn append(
    transaction: &Transaction,
    calls: Vec<NewCall<'_>>,
) -> Result<(), Fault> {
    if calls.is_empty() {
        return Ok(());
    }
    let mut rows = Rows::default();
    // How many calls each lane gets, when it is due, and whether it hurries.
    let mut lanes: BTreeMap<i64, (i64, i64, i16)> = BTreeMap::new();
    for call in &calls {
        let due_at = call.now.micros().saturating_add(transaction.ahead_of(call.now));
        let class = rank(call.call.destination(), call.class);
        let (more, _, hurry) = lanes.entry(call.lane).or_insert((0, due_at, class));
        *hurry = class.min(*hurry);
        rows.lanes.push(call.lane);
        rows.places.push(*more);
        *more += 1;
        rows.webhooks.push(call.webhook);
        rows.planned.push(call.planned_at.micros());
        rows.events.push(call.event_at.map(Time::micros));
        let text = serde_json::to_string(call.call);
        rows.calls.push(text.map_err(|error| unreadable("a plan", error))?);
        rows.classes.push(class);
    }
    let joins = Joins::of(&calls);
    joins.hold(transaction, lanes.keys().copied()).await?;
    let ids: Vec<i64> = lanes.keys().copied().collect();
    let more: Vec<i64> = lanes.values().map(|it| it.0).collect();
    let due: Vec<i64> = lanes.values().map(|it| it.1).collect();
    let classes: Vec<i16> = lanes.values().map(|it| it.2).collect();
    // The lane's own row gives the places, so that their order is the order of commits. Lanes in
    // their order, so that nobody waits in a circle.
    let sql = "WITH lane AS (
             INSERT INTO lanes (id, class, due_at, next_seq)
             SELECT id, class, due_at, more
             FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $10::smallint[])
                 AS new (id, more, due_at, class)
             ORDER BY id
             ON CONFLICT (id) DO UPDATE SET class = LEAST(lanes.class, excluded.class),
                 due_at = COALESCE(lanes.due_at, excluded.due_at),
                 next_seq = lanes.next_seq + excluded.next_seq
             RETURNING id, next_seq
         )
         INSERT INTO deliveries (lane, seq, webhook, planned_at, event_at, call, class)
         SELECT new.lane, lane.next_seq - own.more + new.place, new.webhook, new.planned_at,
             new.event_at, new.call, new.class
         FROM unnest($4::bigint[], $5::bigint[], $6::uuid[], $7::bigint[], $8::bigint[], $9::text[],
                 $11::smallint[])
             AS new (lane, place, webhook, planned_at, event_at, call, class)
         JOIN lane ON lane.id = new.lane
         JOIN unnest($1::bigint[], $2::bigint[]) AS own (id, more) ON own.id = new.lane";
    let Rows { lanes, places, webhooks, planned, events, calls: texts, classes: own } = &rows;
    let values: [&dyn Value; 11] =
        [&ids, &more, &due, lanes, places, webhooks, planned, events, texts, &classes, own];
    let counters = Counters { pending: number(calls.len()), ..Counters::default() };
    try_join!(transaction.change(sql, &values), count(transaction, counters),)?;
    joins.raise(transaction).await
}

/// A call as its row holds it, not read yet.
pub(super) struct Waiting {
    pub(super) id: DeliveryId,
    pub(super) lane: LaneId,
    event_at: Option<i64>,
    call: String,
    webhook: Option<Uuid>,
    planned_at: i64,
    attempts: i32,
    failing_since: Option<i64>,
    class: i16,
}

impl Waiting {
    /// Of a row that begins with [`COLUMNS`].
    pub(super) fn of(row: &Row) -> Result<Self, Fault> {
        Ok(Self {
            id: DeliveryId(row.try_get(0)?),
            call: row.try_get(1)?,
            webhook: row.try_get(2)?,
            planned_at: row.try_get(3)?,
            attempts: row.try_get(4)?,
            failing_since: row.try_get(5)?,
            event_at: row.try_get(6)?,
            lane: LaneId(row.try_get(7)?),
            class: row.try_get(8)?,
        })
    }

    /// Reads the call.
    pub(super) fn read(self) -> Result<Delivery, StoreError> {
        let call = serde_json::from_str(&self.call);
        Ok(Delivery {
            id: self.id,
            call: call.map_err(|error| unreadable("a call", error))?,
            webhook: self.webhook.map(WebhookId),
            planned_at: Time::from_micros(self.planned_at),
            attempts: u32::try_from(self.attempts).unwrap_or(0),
            failing_since: self.failing_since.map(duration),
        })
    }
}

impl Pending for Waiting {
    fn id(&self) -> DeliveryId {
        self.id
    }

    fn event_at(&self) -> Option<Time> {
        self.event_at.map(Time::from_micros)
    }

    fn is_page(&self) -> bool {
        self.class == PAGE
    }
}
