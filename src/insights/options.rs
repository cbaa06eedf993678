//! `[insights]`: the schedule of the job and the time zone of weeks.

use std::time::Duration;

use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer};

use crate::options::{self, Expected};

/// The schedule, and the time zone of weeks.
#[derive(Clone, Debug, Deserialize)]
pub struct InsightsOptions {
    /// True if a running relay counts by itself.
    pub enabled: bool,
    /// The interval.
    pub every: Duration,
    /// The time zone in which a week begins on Monday.
    #[serde(deserialize_with = "time_zone")]
    pub time_zone: TimeZone,
}

fn time_zone<'de, D: Deserializer<'de>>(from: D) -> Result<TimeZone, D::Error> {
    options::text(from, |name| {
        let form = "an IANA time zone such as \"UTC\" or \"Europe/Berlin\"";
        TimeZone::get(name).map_err(|_| Expected::from(form))
    })
}
