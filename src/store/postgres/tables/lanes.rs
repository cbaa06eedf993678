//! The tables `lanes` and `deliveries`: who is next, and the calls.

use crate::store::postgres::fault::Fault;
use crate::store::postgres::transaction::Transaction;
use crate::store::postgres::value::{Value, number, text};
use crate::store::rows::{Changes, LaneAppend, LaneRaise, NewRow};
use crate::store::unit::LaneRows;

impl LaneRows for Transaction {
    async fn has_pending(&mut self, identifier: &str) -> Result<bool, Fault> {
        let sql = "SELECT 1 FROM people JOIN deliveries ON deliveries.lane = people.id
             WHERE people.identifier = $1 AND deliveries.state = 0 LIMIT 1";
        Ok(self.row(sql, &[&text(identifier)]).await?.is_some())
    }
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
        let calls_of = |it: &LaneAppend| it.rows.iter().map(calls).map(|it| it.len()).sum();
        let more: Vec<i64> = appended.values().map(|it| number(calls_of(it))).collect();
        let due: Vec<i64> = appended.values().map(|it| it.due_at).collect();
        let classes: Vec<i16> = appended.values().map(|it| it.class).collect();
        let (mut lanes, mut places, mut rows) = (Vec::new(), Vec::new(), Vec::new());
        for (lane, append) in appended {
            for (place, row) in (0..).zip(append.rows.iter().flat_map(self::calls)) {
                lanes.push(lane.0);
                places.push(place);
                rows.push(row);
            }
        }
        let rows = || rows.iter();
        let webhooks: Vec<Option<uuid::Uuid>> =
            rows().map(|(_, _, it)| it.webhook.map(|id| id.0)).collect();
        let planned: Vec<i64> = rows().map(|(_, _, it)| it.planned_at).collect();
        let events: Vec<Option<i64>> = rows().map(|it| it.1).collect();
        let calls: Vec<&str> = rows().map(|it| it.0).collect();
        let own: Vec<i16> = rows().map(|(_, _, it)| it.class).collect();
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
             INSERT INTO deliveries (lane, seq, webhook, planned_at, event_at, call, class)
             SELECT new.lane, lane.next_seq - own.more + new.place, new.webhook, new.planned_at,
                 new.event_at, new.call, new.class
             FROM unnest($5::bigint[], $6::bigint[], $7::uuid[], $8::bigint[], $9::bigint[],
                     $10::text[], $11::smallint[])
                 AS new (lane, place, webhook, planned_at, event_at, call, class)
             JOIN lane ON lane.id = new.lane
             JOIN unnest($1::bigint[], $2::bigint[]) AS own (id, more) ON own.id = new.lane";
        let values: [&dyn Value; 11] = [
            &ids, &more, &due, &classes, &lanes, &places, &webhooks, &planned, &events, &calls,
            &own,
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

/// The calls of a row with their times, each of which is a row here.
fn calls(row: &NewRow) -> Vec<(&str, Option<i64>, &NewRow)> {
    let identify = row.identify.as_deref().map(|call| (call, None, row));
    identify.into_iter().chain(Some((&*row.call, row.event_at, row))).collect()
}
