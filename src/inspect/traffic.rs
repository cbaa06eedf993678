//! Traffic: webhooks and attempts by the hour and outcome.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_with::{DisplayFromStr, serde_as};

use crate::domain::Time;
use crate::store::Traffic;

/// Microseconds of an hour.
const HOUR: i64 = 3_600 * 1_000_000;

/// The traffic of some hours.
#[derive(Clone, Debug, Serialize)]
pub struct TrafficView {
    /// Webhooks by outcome.
    pub webhooks: Series,
    /// Attempts of calls by outcome.
    pub attempts: Series,
}

/// Numbers by the hour.
#[derive(Clone, Debug, Serialize)]
pub struct Series {
    /// The outcomes, in the order of the numbers.
    pub outcomes: Vec<String>,
    /// Every hour, the oldest first.
    pub hours: Vec<Hour>,
}

/// The numbers of an hour.
#[serde_as]
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Hour {
    /// Its beginning.
    #[serde_as(as = "DisplayFromStr")]
    pub hour: Time,
    pub numbers: Vec<i64>,
}

impl TrafficView {
    /// Makes the view of the hours between two times.
    pub(super) fn of(traffic: Vec<Traffic>, since: Time, now: Time) -> Self {
        let series = |kind: &str| Series::of(&traffic, kind, since, now);
        Self { webhooks: series("webhook"), attempts: series("attempt") }
    }
}

impl Series {
    fn of(traffic: &[Traffic], kind: &str, since: Time, now: Time) -> Self {
        let mut sums: BTreeMap<(&str, i64), i64> = BTreeMap::new();
        for Traffic { hour, what, n } in traffic {
            if let Some((_, outcome)) = what.split_once(' ').filter(|(it, _)| *it == kind) {
                *sums.entry((outcome, hour.micros().div_euclid(HOUR))).or_default() += n;
            }
        }
        let mut outcomes: Vec<&str> = sums.keys().map(|(outcome, _)| *outcome).collect();
        outcomes.dedup();
        let [first, last] = [since, now].map(|time| time.micros().div_euclid(HOUR));
        let hours = (first + 1..=last).map(|hour| {
            let number = |outcome: &&str| sums.get(&(*outcome, hour)).copied().unwrap_or(0);
            let hour_at = Time::from_micros(hour * HOUR);
            Hour { hour: hour_at, numbers: outcomes.iter().map(number).collect() }
        });
        let hours = hours.collect();
        Self { outcomes: outcomes.into_iter().map(str::to_owned).collect(), hours }
    }

    /// Returns the hours in which something happened, the newest first.
    pub fn busy(&self) -> impl Iterator<Item = &Hour> {
        self.hours.iter().rev().filter(|hour| hour.numbers.iter().any(|n| *n > 0))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn every_hour_has_a_number_of_each_outcome() {
        let now = Time::from_micros(1_000 * HOUR + HOUR / 2);
        let at = |hour, what: &str, n| Traffic {
            hour: Time::from_micros(hour * HOUR),
            what: what.to_owned(),
            n,
        };
        let traffic = vec![
            at(999, "attempt retry", 9),
            at(999, "webhook accepted", 2),
            at(1_000, "webhook accepted", 3),
            at(1_000, "webhook parked", 1),
        ];
        let since = now.minus(Duration::from_secs(3 * 3_600));
        let view = TrafficView::of(traffic, since, now);
        assert_eq!(view.webhooks.outcomes, ["accepted", "parked"]);
        let numbers: Vec<&[i64]> = view.webhooks.hours.iter().map(|it| &*it.numbers).collect();
        assert_eq!(numbers, [&[0, 0][..], &[2, 0], &[3, 1]]);
        assert_eq!(view.webhooks.busy().count(), 2);
        assert_eq!((view.attempts.outcomes.len(), view.attempts.hours.len()), (1, 3));
    }
}
