//! The table `deliveries`: calls, put at the ends of lanes, and what becomes of them.

use tokio_postgres::Row;
use uuid::Uuid;

use crate::domain::{LaneId, WebhookId};
use crate::store::postgres::fault::Fault;
use crate::store::postgres::transaction::Transaction;
use crate::store::postgres::value::{Value, number, text};
use crate::store::rows::{Changes, DeliveryRow, LaneRaise, RowState};

/// Reads a row whose columns are its id, the call, the webhook's id, `planned_at`, `attempts`,
/// `failing_since`, `event_at`, the identify that goes out, `class` and `lane`.
pub(super) fn row(row: &Row) -> Result<DeliveryRow, Fault> {
    let webhook: Option<Uuid> = row.try_get(2)?;
    Ok(DeliveryRow {
        id: row.try_get(0)?,
        call: row.try_get(1)?,
        webhook: webhook.map(WebhookId),
        planned_at: row.try_get(3)?,
        attempts: row.try_get(4)?,
        failing_since: row.try_get(5)?,
        event_at: row.try_get(6)?,
        identify: row.try_get(7)?,
        class: row.try_get(8)?,
        lane: LaneId(row.try_get(9)?),
    })
}

/// Reads the state of a row that begins with its columns, in the order of the fields.
pub(super) fn state(row: &Row) -> Result<RowState, Fault> {
    Ok(RowState {
        id: row.try_get(0)?,
        lane: LaneId(row.try_get(1)?),
        state: row.try_get(2)?,
        class: row.try_get(3)?,
        attempts: row.try_get(4)?,
        failing_since: row.try_get(5)?,
        delivered_at: row.try_get(6)?,
        has_identify: row.try_get(7)?,
        identify_dead: row.try_get(8)?,
    })
}

/// Writes rows as they are from now on.
pub(super) async fn write(transaction: &Transaction, rows: &[RowState]) -> Result<(), Fault> {
    if rows.is_empty() {
        return Ok(());
    }
    let ids: Vec<i64> = rows.iter().map(|it| it.id).collect();
    let states: Vec<i16> = rows.iter().map(|it| it.state).collect();
    let attempts: Vec<i32> = rows.iter().map(|it| it.attempts).collect();
    let failing: Vec<Option<i64>> = rows.iter().map(|it| it.failing_since).collect();
    let delivered: Vec<Option<i64>> = rows.iter().map(|it| it.delivered_at).collect();
    let identifies: Vec<bool> = rows.iter().map(|it| it.has_identify).collect();
    let dead: Vec<bool> = rows.iter().map(|it| it.identify_dead).collect();
    let sql = "UPDATE deliveries SET state = it.state, attempts = it.attempts,
             failing_since = it.failing_since, delivered_at = it.delivered_at,
             identify = CASE WHEN it.has_identify THEN identify END, identify_dead = it.identify_dead
         FROM unnest($1::bigint[], $2::smallint[], $3::integer[], $4::bigint[], $5::bigint[],
                 $6::boolean[], $7::boolean[])
             AS it (id, state, attempts, failing_since, delivered_at, has_identify, identify_dead)
         WHERE deliveries.id = it.id";
    let values: [&dyn Value; 7] =
        [&ids, &states, &attempts, &failing, &delivered, &identifies, &dead];
    transaction.change(sql, &values).await?;
    Ok(())
}

/// Removes the own calls of rows.
pub(super) async fn empty(transaction: &Transaction, ids: &[i64]) -> Result<(), Fault> {
    if !ids.is_empty() {
        let sql = "UPDATE deliveries SET call = '' WHERE id = ANY ($1)";
        transaction.change(sql, &[&ids.to_vec()]).await?;
    }
    Ok(())
}

/// Puts rows at the ends of lanes, and makes visitors' pending calls more urgent.
pub(super) async fn append(transaction: &Transaction, changes: &Changes) -> Result<(), Fault> {
    let Changes { appended, raised, .. } = changes;
    let ids: Vec<i64> = appended.keys().map(|it| it.0).collect();
    let visitors: Vec<String> = raised.iter().map(|it| text(&it.identifier)).collect();
    if !raised.is_empty() {
        // All lanes are held in their order first, so that no two transactions wait for each other.
        let sql = "SELECT id FROM lanes WHERE id = ANY ($1)
                 OR id IN (SELECT id FROM people WHERE identifier = ANY ($2))
             ORDER BY id FOR UPDATE";
        transaction.rows(sql, &[&ids, &visitors]).await?;
    }
    if !appended.is_empty() {
        let more: Vec<i64> = appended.values().map(|it| number(it.rows.len())).collect();
        let due: Vec<i64> = appended.values().map(|it| it.due_at).collect();
        let classes: Vec<i16> = appended.values().map(|it| it.class).collect();
        let (mut lanes, mut places, mut rows) = (Vec::new(), Vec::new(), Vec::new());
        for (lane, append) in appended {
            for (place, row) in (0..).zip(&append.rows) {
                lanes.push(lane.0);
                places.push(place);
                rows.push(row);
            }
        }
        let rows = || rows.iter();
        let webhooks: Vec<Option<Uuid>> = rows().map(|it| it.webhook.map(|id| id.0)).collect();
        let planned: Vec<i64> = rows().map(|it| it.planned_at).collect();
        let events: Vec<Option<i64>> = rows().map(|it| it.event_at).collect();
        let calls: Vec<&str> = rows().map(|it| &*it.call).collect();
        let identifies: Vec<Option<&str>> = rows().map(|it| it.identify.as_deref()).collect();
        let own: Vec<i16> = rows().map(|it| it.class).collect();
        // The lane's own row gives the places, so that their order is the order of commits. Lanes in
        // their order, so that nobody waits in a circle.
        let sql = "WITH lane AS (
                 INSERT INTO lanes (id, class, due_at, next_seq)
                 SELECT id, class, due_at, more
                 FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::smallint[])
                     AS new (id, more, due_at, class)
                 ORDER BY id
                 ON CONFLICT (id) DO UPDATE SET class = LEAST(lanes.class, excluded.class),
                     due_at = COALESCE(lanes.due_at, excluded.due_at),
                     next_seq = lanes.next_seq + excluded.next_seq
                 RETURNING id, next_seq
             )
             INSERT INTO deliveries
                 (lane, seq, webhook, planned_at, event_at, call, class, identify)
             SELECT new.lane, lane.next_seq - own.more + new.place, new.webhook, new.planned_at,
                 new.event_at, new.call, new.class, new.identify
             FROM unnest($5::bigint[], $6::bigint[], $7::uuid[], $8::bigint[], $9::bigint[],
                     $10::text[], $11::smallint[], $12::text[])
                 AS new (lane, place, webhook, planned_at, event_at, call, class, identify)
             JOIN lane ON lane.id = new.lane
             JOIN unnest($1::bigint[], $2::bigint[]) AS own (id, more) ON own.id = new.lane";
        let values: [&dyn Value; 12] = [
            &ids,
            &more,
            &due,
            &classes,
            &lanes,
            &places,
            &webhooks,
            &planned,
            &events,
            &calls,
            &own,
            &identifies,
        ];
        transaction.change(sql, &values).await?;
    }
    if raised.is_empty() {
        return Ok(());
    }
    let classes: Vec<i16> = raised.iter().map(|it| it.class).collect();
    let sql = "WITH own AS (
             SELECT lanes.id, MIN(it.class) AS class
             FROM unnest($1::text[], $2::smallint[]) AS it (identifier, class)
             JOIN people ON people.identifier = it.identifier
             JOIN lanes ON lanes.id = people.id
             WHERE due_at IS NOT NULL AND lanes.class > it.class AND lanes.class < 3
             GROUP BY lanes.id
         ), lane AS (
             UPDATE lanes SET class = own.class FROM own WHERE lanes.id = own.id
         )
         UPDATE deliveries SET class = own.class
         FROM own CROSS JOIN LATERAL (
             SELECT id FROM deliveries AS it
             WHERE it.lane = own.id AND state = 0 AND it.class > own.class
             ORDER BY seq LIMIT $3
         ) AS waiting
         WHERE deliveries.id = waiting.id";
    transaction.change(sql, &[&visitors, &classes, &LaneRaise::RAISED]).await?;
    Ok(())
}
