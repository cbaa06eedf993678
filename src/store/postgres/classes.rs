//! Classes: how a lane's class falls.

/// Returns the SQL of the class that a lane has after some of its calls went: that of its most urgent
/// pending call. Only a lane that is more urgent than those of pages can have fallen.
pub(super) fn fallen() -> &'static str {
    "CASE
         WHEN lanes.class >= 2 OR EXISTS (
             SELECT 1 FROM deliveries
             WHERE lane = lanes.id AND state = 0 AND deliveries.class = lanes.class
         ) THEN lanes.class
         WHEN lanes.class = 0 AND EXISTS (
             SELECT 1 FROM deliveries WHERE lane = lanes.id AND state = 0 AND deliveries.class = 1
         ) THEN 1
         ELSE 2 END"
}
