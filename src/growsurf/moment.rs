//! Moments: when something happened, if that can be believed.
//!
//! What belongs here: the bounds of what is believed. What doesn't: reading numbers (`lenient`).

use std::time::Duration;

use crate::domain::Time;

use super::lenient::Object;
use super::missing;

/// Before this, in 2001, nothing was sent: such a time was written in another unit.
const EARLIEST: Time = Time::from_seconds(1_000_000_000);

/// How far a moment may lie ahead of the receipt.
const AHEAD: Duration = Duration::from_secs(24 * 60 * 60);

/// The moment under `name`; the error names the `field`. What can't be believed is never given
/// another time.
pub fn moment(
    object: Object<'_>,
    name: &str,
    field: &str,
    received_at: Time,
) -> Result<Time, String> {
    let moment = object.time(name).ok_or_else(|| match object.has(name) {
        true => format!("{field} is no whole number of milliseconds"),
        false => missing(field),
    })?;
    if moment < EARLIEST {
        return Err(format!("{field} is before {EARLIEST}: it must be in milliseconds"));
    }
    if moment > received_at.plus(AHEAD) {
        return Err(format!("{field} is more than 24 hours after the receipt"));
    }
    Ok(moment)
}
