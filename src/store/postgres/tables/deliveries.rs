//! The table `deliveries`: calls, put at the ends of lanes, and what becomes of them.

use crate::store::postgres::fault::Fault;
use crate::store::postgres::transaction::Transaction;
use crate::store::postgres::value::{Value, columns, number, text};
use crate::store::rows::{Changes, LaneRaise, NewRow, RowState};

/// Writes rows as they are from now on.
pub(super) async fn write(transaction: &Transaction, rows: &[RowState]) -> Result<(), Fault> {
    let sql = "UPDATE deliveries SET state = it.state, attempts = it.attempts,
             failing_since = it.failing_since, delivered_at = it.delivered_at,
             identify = CASE WHEN it.has_identify THEN identify END, identify_dead = it.identify_dead
         FROM unnest($1, $2, $3, $4, $5, $6, $7)
             AS it (id, state, attempts, failing_since, delivered_at, has_identify, identify_dead)
         WHERE deliveries.id = it.id";
    let columns = columns!(rows, it => it.id, it.state, it.attempts, it.failing_since,
        it.delivered_at, it.has_identify, it.identify_dead);
    transaction.write(sql, &columns).await
}

/// Writes calls that changed.
pub(super) async fn rewrite(
    transaction: &Transaction,
    calls: &[(i64, String, Option<String>)],
) -> Result<(), Fault> {
    let sql = "UPDATE deliveries SET call = it.call, identify = it.identify
         FROM unnest($1, $2, $3) AS it (id, call, identify) WHERE deliveries.id = it.id";
    let columns = columns!(calls, it => it.0, &*it.1, it.2.as_deref());
    transaction.write(sql, &columns).await
}

/// Removes rows with their attempts.
pub(super) async fn remove(transaction: &Transaction, ids: &[i64]) -> Result<(), Fault> {
    let halves: Vec<i64> = ids.iter().flat_map(|id| [2 * id, 2 * id + 1]).collect();
    transaction.write("DELETE FROM attempts WHERE delivery = ANY ($1)", &[&halves]).await?;
    transaction.write("DELETE FROM deliveries WHERE id = ANY ($1)", &[&ids.to_vec()]).await
}

/// Puts rows at the ends of lanes, and makes visitors' pending calls more urgent.
pub(super) async fn append(transaction: &Transaction, changes: &Changes) -> Result<(), Fault> {
    let Changes { appended, raised, .. } = changes;
    let visitors: Vec<String> = raised.iter().map(|it| text(&it.identifier)).collect();
    if !raised.is_empty() {
        // All lanes are held in their order first, so that no two transactions wait for each other.
        let sql = "SELECT id FROM lanes WHERE id = ANY ($1)
                 OR id IN (SELECT id FROM people WHERE identifier = ANY ($2))
             ORDER BY id FOR UPDATE";
        let ids: Vec<i64> = appended.keys().map(|it| it.0).collect();
        transaction.rows(sql, &[&ids, &visitors]).await?;
    }
    let lanes = columns!(appended, it => it.0.0, number(it.1.rows.len()), it.1.due_at, it.1.class);
    let rows: Vec<(i64, i64, &NewRow)> = appended
        .iter()
        .flat_map(|(lane, it)| (0..).zip(&it.rows).map(|(place, row)| (lane.0, place, row)))
        .collect();
    let rows = columns!(rows, it => it.0, it.1, it.2.webhook.map(|id| id.0), it.2.planned_at,
        it.2.event_at, &*it.2.call, it.2.class, it.2.identify.as_deref());
    // The lane's own row gives the places, so that their order is the order of commits. Lanes in
    // their order, so that nobody waits in a circle.
    let sql = "WITH lane AS (
             INSERT INTO lanes (id, class, due_at, next_seq)
             SELECT id, class, due_at, more
             FROM unnest($1, $2, $3, $4) AS new (id, more, due_at, class)
             ORDER BY id
             ON CONFLICT (id) DO UPDATE SET class = LEAST(lanes.class, excluded.class),
                 due_at = COALESCE(lanes.due_at, excluded.due_at),
                 next_seq = lanes.next_seq + excluded.next_seq
             RETURNING id, next_seq
         )
         INSERT INTO deliveries (lane, seq, webhook, planned_at, event_at, call, class, identify)
         SELECT new.lane, lane.next_seq - own.more + new.place, new.webhook, new.planned_at,
             new.event_at, new.call, new.class, new.identify
         FROM unnest($5, $6, $7, $8, $9, $10, $11, $12)
             AS new (lane, place, webhook, planned_at, event_at, call, class, identify)
         JOIN lane ON lane.id = new.lane
         JOIN unnest($1, $2) AS own (id, more) ON own.id = new.lane";
    transaction.write(sql, &[&lanes[..], &rows[..]].concat()).await?;
    let sql = "WITH own AS (
             SELECT lanes.id, MIN(it.class) AS class
             FROM unnest($1, $2) AS it (identifier, class)
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
    let classes: Vec<i16> = raised.iter().map(|it| it.class).collect();
    transaction.write(sql, &[&visitors, &classes, &LaneRaise::RAISED]).await
}
