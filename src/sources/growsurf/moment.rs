//! Moments: the times of events, within the bounds of sense.
//!
//! What belongs here: the bounds. What doesn't: reading numbers (`lenient`).

use std::time::Duration;

use crate::domain::Time;
use crate::sources::lenient::Field;

use super::missing;

/// Before this, in 2001, nothing was sent: such a time was written in another unit.
const EARLIEST: Time = Time::from_seconds(1_000_000_000);

/// The distance by which a moment may lie ahead of the receipt.
const AHEAD: Duration = Duration::from_secs(24 * 60 * 60);

/// Returns the moment in a field of this name. A time out of bounds is never replaced by another.
///
/// # Errors
/// The reason to park the body, naming the field.
pub fn moment(field: Field<Time>, name: &str, received_at: Time) -> Result<Time, String> {
    let moment = match field {
        Field::Read(moment) => moment,
        Field::Illegible => return Err(format!("{name} is no whole number of milliseconds")),
        Field::Missing => return Err(missing(name)),
    };
    if moment < EARLIEST {
        return Err(format!("{name} is before {EARLIEST}: it must be in milliseconds"));
    }
    if moment > received_at.plus(AHEAD) {
        return Err(format!("{name} is more than 24 hours after the receipt"));
    }
    Ok(moment)
}
