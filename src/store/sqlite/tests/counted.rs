//! The store's numbers twice over, for tests: as it keeps them, and counted from the rows.

use rusqlite::Connection;

use crate::domain::Time;
use crate::store::Stats;
use crate::store::work::ReadStats;

use super::super::unit;

pub(crate) fn kept(connection: &mut Connection) -> Stats {
    unit::run(connection, &ReadStats).unwrap()
}

/// Returns the counters by counting rows. Panics if rows contradict each other.
pub(crate) fn counted(connection: &Connection) -> Stats {
    let number = |sql| -> i64 { connection.query_row(sql, [], |row| row.get(0)).unwrap() };
    let contradictions = "SELECT
        (SELECT COUNT(*) FROM lanes WHERE (due_at IS NOT NULL) <> EXISTS
            (SELECT 1 FROM deliveries WHERE lane = lanes.id AND state = 0))
        + (SELECT COUNT(*) FROM lanes WHERE due_at IS NULL AND leased = 1)
        + (SELECT COUNT(*) FROM deliveries WHERE (state = 2) <> (state <> 0 AND EXISTS
            (SELECT 1 FROM dead_letters WHERE delivery / 2 = deliveries.id)))
        + (SELECT COUNT(*) FROM deliveries WHERE identify_dead <> EXISTS
            (SELECT 1 FROM dead_letters WHERE delivery = 2 * deliveries.id))
        + (SELECT COUNT(*) FROM attempts WHERE NOT EXISTS
            (SELECT 1 FROM deliveries WHERE deliveries.id = delivery / 2))
        + (SELECT COUNT(*) FROM deliveries JOIN lanes ON lanes.id = lane
            WHERE seq >= next_seq)
        + (SELECT COUNT(*) FROM lanes WHERE class <> COALESCE(
            (SELECT MIN(class) FROM deliveries WHERE lane = lanes.id AND state = 0),
            MAX(class, 2)))
        + (SELECT COUNT(*) FROM links WHERE NOT EXISTS
            (SELECT 1 FROM people WHERE people.id = person))
        + (SELECT COUNT(*) FROM pragma_foreign_key_check)";
    assert_eq!(number(contradictions), 0);
    let oldest =
        number("SELECT COALESCE(MIN(planned_at), -1) FROM deliveries NOT INDEXED WHERE state = 0");
    let count = |sql| u64::try_from(number(sql)).unwrap();
    Stats {
        pending: count(
            "SELECT COUNT(*) + COUNT(CASE identify_dead WHEN 0 THEN identify END)
             FROM deliveries NOT INDEXED WHERE state = 0",
        ),
        oldest_pending: (oldest >= 0).then(|| Time::from_micros(oldest)),
        dead: count("SELECT COUNT(*) FROM dead_letters"),
        parked: count("SELECT COUNT(*) FROM inbox NOT INDEXED WHERE parked IS NOT NULL"),
    }
}
