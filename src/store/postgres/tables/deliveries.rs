//! The table `deliveries`: calls, put at the ends of lanes, and what becomes of them.

use crate::store::postgres::value::{boxed, number, rows, text};
use crate::store::rows::{Changes, LaneRaise, NewRow};

use super::Writes;

/// Writes rows as they are from now on.
pub fn write<'a>(writes: &mut Writes<'a>, changes: &'a Changes) {
    let sql = "UPDATE deliveries SET state = it.state, attempts = it.attempts,
             failing_since = it.failing_since, delivered_at = it.delivered_at,
             identify = CASE WHEN it.has_identify THEN identify END, identify_dead = it.identify_dead
         FROM unnest($1, $2, $3, $4, $5, $6, $7)
             AS it (id, state, attempts, failing_since, delivered_at, has_identify, identify_dead)
         WHERE deliveries.id = it.id";
    let rows = rows!(changes.deliveries, it => it.id, it.state, it.attempts, it.failing_since,
        it.delivered_at, it.has_identify, it.identify_dead);
    writes.add(sql, rows);
}

/// Writes calls that changed.
pub fn rewrite<'a>(writes: &mut Writes<'a>, changes: &'a Changes) {
    let sql = "UPDATE deliveries SET call = it.call, identify = it.identify
         FROM unnest($1, $2, $3) AS it (id, call, identify) WHERE deliveries.id = it.id";
    writes.add(sql, rows!(changes.calls, it => it.0, &*it.1, it.2.as_deref()));
}

/// Removes rows with their attempts.
pub fn remove<'a>(writes: &mut Writes<'a>, changes: &'a Changes) {
    let ids = &changes.removed_deliveries;
    let halves: Vec<i64> = ids.iter().flat_map(|id| [2 * id, 2 * id + 1]).collect();
    writes.add("DELETE FROM attempts WHERE delivery = ANY ($1)", vec![boxed(halves)]);
    writes.add("DELETE FROM deliveries WHERE id = ANY ($1)", vec![boxed(ids.clone())]);
}

/// Puts rows at the ends of lanes, and makes visitors' pending calls more urgent.
pub fn append<'a>(writes: &mut Writes<'a>, changes: &'a Changes) {
    let Changes { appended, raised, .. } = changes;
    if !raised.is_empty() {
        // All lanes are held in their order first, so that no two transactions wait for each other.
        let sql =
            "SELECT id FROM lanes WHERE id IN (SELECT id FROM people WHERE identifier = ANY ($1))
                 OR id = ANY ($2)
             ORDER BY id FOR UPDATE";
        let mut values = rows!(raised, it => text(&it.identifier));
        values.extend(rows!(appended, it => it.0.0));
        writes.add(sql, values);
    }
    let lanes = rows!(appended, it => it.0.0, number(it.1.rows.len()), it.1.due_at, it.1.class);
    let rows: Vec<(i64, i64, &NewRow)> = appended
        .iter()
        .flat_map(|(lane, it)| (0..).zip(&it.rows).map(|(place, row)| (lane.0, place, row)))
        .collect();
    let rows = rows!(rows, it => it.0, it.1, it.2.webhook.map(|id| id.0), it.2.planned_at,
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
    writes.add(sql, lanes.into_iter().chain(rows).collect());
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
    let mut values = rows!(raised, it => text(&it.identifier), it.class);
    values.push(boxed(LaneRaise::RAISED));
    writes.add(sql, values);
}
