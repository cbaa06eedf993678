//! Weeks: Monday to Sunday in a time zone.

use std::fmt;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use super::Time;

/// A week from Monday to Sunday, as the number of Mondays since Monday, 1970-01-05.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Week(pub i32);

impl Week {
    const FIRST_MONDAY: Date = jiff::civil::date(1970, 1, 5);

    /// Returns the week of a time in a zone; `None` if no calendar reaches it.
    pub fn of(time: Time, zone: &TimeZone) -> Option<Self> {
        let date =
            Timestamp::from_microsecond(time.micros()).ok()?.to_zoned_datetime(zone.clone()).date();
        let days = date.duration_since(Self::FIRST_MONDAY).as_hours() / 24;
        i32::try_from(days.div_euclid(7)).ok().map(Self)
    }

    /// Returns the week's Monday; `None` if no calendar reaches it.
    pub fn monday(self) -> Option<Date> {
        Self::FIRST_MONDAY.checked_add(self.0.weeks()).ok()
    }

    /// Returns the first moment of the week in a zone; `None` if no calendar reaches it.
    pub fn start(self, zone: &TimeZone) -> Option<Time> {
        let start = self.monday()?.to_zoned_datetime(zone.clone()).ok()?.timestamp();
        Some(Time::from_micros(start.as_microsecond()))
    }

    /// Returns the week that many weeks later.
    pub fn plus(self, weeks: i32) -> Self {
        Self(self.0.saturating_add(weeks))
    }
}

impl fmt::Display for Week {
    /// Writes the week as ISO 8601 does, such as `2020-W53`, or the number if no calendar reaches it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(monday) = self.monday() else { return write!(f, "week {}", self.0) };
        debug_assert_eq!(monday.weekday(), Weekday::Monday);
        let week = monday.iso_week_date();
        write!(f, "{:04}-W{:02}", week.year(), week.week())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn week(time: &str, zone: &str) -> Week {
        let time: Timestamp = time.parse().unwrap();
        Week::of(Time::from_micros(time.as_microsecond()), &TimeZone::get(zone).unwrap()).unwrap()
    }

    #[test]
    fn weeks_are_named_as_iso_8601_names_them() {
        for (time, name) in [
            ("1969-12-31T12:00:00Z", "1970-W01"),
            ("1970-01-04T23:59:59Z", "1970-W01"),
            ("1970-01-05T00:00:00Z", "1970-W02"),
            ("2005-01-01T12:00:00Z", "2004-W53"),
            ("2005-01-02T12:00:00Z", "2004-W53"),
            ("2005-12-31T12:00:00Z", "2005-W52"),
            ("2007-01-01T00:00:00Z", "2007-W01"),
            ("2008-12-28T23:59:59Z", "2008-W52"),
            ("2008-12-29T00:00:00Z", "2009-W01"),
            ("2010-01-03T12:00:00Z", "2009-W53"),
            ("2020-12-31T12:00:00Z", "2020-W53"),
            ("2021-01-03T23:59:59Z", "2020-W53"),
            ("2021-01-04T00:00:00Z", "2021-W01"),
            ("2026-12-31T12:00:00Z", "2026-W53"),
        ] {
            assert_eq!(week(time, "UTC").to_string(), name, "{time}");
        }
    }

    #[test]
    fn a_week_begins_at_midnight_on_monday_in_its_zone() {
        for (time, zone, name) in [
            ("2026-11-29T22:59:59Z", "Europe/Berlin", "2026-W48"),
            ("2026-11-29T23:00:00Z", "Europe/Berlin", "2026-W49"),
            ("2026-11-30T04:59:59Z", "America/New_York", "2026-W48"),
            ("2026-11-30T05:00:00Z", "America/New_York", "2026-W49"),
            // Clocks go forward on Sunday, 2026-03-29: Monday begins an hour earlier in UTC.
            ("2026-03-29T21:59:59Z", "Europe/Berlin", "2026-W13"),
            ("2026-03-29T22:00:00Z", "Europe/Berlin", "2026-W14"),
            // Clocks go back on Sunday, 2026-10-25.
            ("2026-10-25T22:59:59Z", "Europe/Berlin", "2026-W43"),
            ("2026-10-25T23:00:00Z", "Europe/Berlin", "2026-W44"),
        ] {
            assert_eq!(week(time, zone).to_string(), name, "{time} in {zone}");
        }
    }

    #[test]
    fn a_week_with_a_clock_change_is_an_hour_shorter_or_longer() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        for (time, hours) in [
            ("2026-03-29T12:00:00Z", 7 * 24 - 1),
            ("2026-10-25T12:00:00Z", 7 * 24 + 1),
            ("2026-06-03T12:00:00Z", 7 * 24),
        ] {
            let week = week(time, "Europe/Berlin");
            let (start, end) = (week.start(&berlin).unwrap(), week.plus(1).start(&berlin).unwrap());
            assert_eq!(end.since(start).as_secs(), hours * 3_600, "{week}");
            assert_eq!(Week::of(start, &berlin), Some(week));
        }
    }
}
