//! Classes: how a lane's class falls.

use rusqlite::Connection;

use crate::domain::LaneId;

use super::fault::Fault;

/// Gives a lane the class of its most urgent pending call, after some of them went. Only a lane that
/// is more urgent than those of pages can have fallen.
pub(super) fn fall(connection: &Connection, LaneId(lane): LaneId) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "UPDATE lanes SET class = CASE
                 WHEN EXISTS (
                     SELECT 1 FROM deliveries INDEXED BY deliveries_pending
                     WHERE lane = ?1 AND state = 0 AND deliveries.class = lanes.class
                 ) THEN class
                 WHEN class = 0 AND EXISTS (
                     SELECT 1 FROM deliveries INDEXED BY deliveries_pending
                     WHERE lane = ?1 AND state = 0 AND deliveries.class = 1
                 ) THEN 1
                 ELSE 2 END
             WHERE id = ?1 AND class < 2",
        )?
        .execute([lane])?;
    Ok(())
}
