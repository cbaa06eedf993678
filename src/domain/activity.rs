//! Activity: the times and weekly counts that insights need of a participant.
//!
//! What belongs here: minima of times, and counts that move with them. What doesn't: sums over people
//! (`insights`), and the counts that profiles show, which the participant has.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::{Money, ShareMethod, Time, Week};

/// The times and weekly counts of one participant, sparse.
///
/// Any order of arrival ends in the same state: of several times of one event the earliest stays.
#[skip_serializing_none]
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Activity {
    /// The first report of joining, from sources that don't know its time.
    pub joined: Option<Time>,
    /// The first conversion of a friend.
    pub first_conversion: Option<Time>,
    /// The conversion of this participant as a friend.
    pub converted: Option<Time>,
    /// The latest reported time of the conversion, while the referrer is unknown.
    converted_late: Option<Time>,
    /// The earliest reported value of the conversion.
    pub value: Option<ConversionValue>,
    /// Shares by method.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub shares: BTreeMap<ShareMethod, Shares>,
    /// The last weeks.
    #[serde(skip_serializing_if = "Weeks::is_empty")]
    pub weeks: Weeks,
}

/// The reported value of a conversion.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ConversionValue {
    /// The time that it was reported for.
    #[serde(rename = "t")]
    pub at: Time,
    #[serde(rename = "n")]
    pub minor: i64,
    /// The currency; empty if the source names none.
    #[serde(rename = "c", default, skip_serializing_if = "String::is_empty")]
    pub currency: String,
}

/// Shares of one method.
#[skip_serializing_none]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Shares {
    /// All shares, with those whose time is unknown.
    #[serde(rename = "n")]
    pub count: u64,
    /// Shares whose time is known.
    #[serde(rename = "d", skip_serializing_if = "is_zero")]
    pub dated: u64,
    /// The first share whose time is known.
    #[serde(rename = "f")]
    pub first: Option<Time>,
    /// The last one.
    #[serde(rename = "l")]
    pub last: Option<Time>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// An event that is counted by week.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Counted {
    /// A share of the participant's.
    Share,
    /// A friend's sign-up.
    Friend,
    /// A friend's conversion.
    Conversion,
}

/// The counts of one week.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct WeekCounts {
    pub shares: u32,
    pub friends: u32,
    pub conversions: u32,
}

/// Counts by week: those of the newest week that anything was reported for, and of 51 weeks before.
///
/// The newest week has an entry even if its events moved to an earlier one. So what is dropped doesn't depend on
/// the order of reports.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Weeks(#[serde(with = "compact")] BTreeMap<Week, WeekCounts>);

impl Activity {
    /// True if nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Adds shares without a time.
    pub fn share_before(&mut self, method: ShareMethod, count: u64) {
        let shares = self.shares.entry(method).or_default();
        shares.count = shares.count.saturating_add(count);
    }

    /// Adds a share.
    pub fn share(&mut self, method: ShareMethod, at: Time, week: Option<Week>) {
        let shares = self.shares.entry(method).or_default();
        shares.count = shares.count.saturating_add(1);
        shares.dated = shares.dated.saturating_add(1);
        shares.first = Some(shares.first.map_or(at, |first| first.min(at)));
        shares.last = shares.last.max(Some(at));
        self.weeks.add(Counted::Share, week);
    }

    /// Merges a report of the participant's conversion as a friend.
    pub fn convert(&mut self, at: Time, value: Option<Money>) {
        if let Some(Money { minor, currency }) = value {
            // Of two values of one time the greater stays.
            let reported = ConversionValue { at, minor, currency };
            let rank = |it: &ConversionValue| (it.at, -it.minor, it.currency.clone());
            let known = self.value.take().filter(|known| rank(known) <= rank(&reported));
            self.value = Some(known.unwrap_or(reported));
        }
        let latest = self.converted_late.or(self.converted).map_or(at, |known| known.max(at));
        self.converted = Some(self.converted.map_or(at, |known| known.min(at)));
        self.converted_late = Some(latest).filter(|_| self.converted != Some(latest));
    }

    /// Returns the earliest and the latest time of the conversion, for the referrer. They keep the latest one.
    pub fn credited(&mut self) -> Option<(Time, Time)> {
        let first = self.converted?;
        Some((first, self.converted_late.take().unwrap_or(first)))
    }

    /// Forgets the first report of joining once its time is known.
    pub fn settle(&mut self, joined: Option<Time>) {
        if joined.is_some() {
            self.joined = None;
        }
    }

    /// Removes the traces of reports that changed nothing else.
    pub fn clear_traces(&mut self) {
        self.converted_late = None;
        self.weeks.0.retain(|_, counts| *counts != WeekCounts::default());
    }
}

impl Weeks {
    /// The number of weeks that are kept.
    pub const KEPT: i32 = 52;

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the weeks with anything, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (Week, WeekCounts)> {
        let filled = self.0.iter().filter(|(_, counts)| **counts != WeekCounts::default());
        filled.map(|(week, counts)| (*week, *counts))
    }

    /// Counts an event in its week.
    pub fn add(&mut self, what: Counted, week: Option<Week>) {
        let Some(week) = week else { return };
        let count = self.0.entry(week).or_default().of(what);
        *count = count.saturating_add(1);
        self.prune();
    }

    /// Notes that an event of one week was reported for another. It counts in the earlier one.
    pub fn report(&mut self, what: Counted, known: Option<Week>, reported: Option<Week>) {
        let (Some(known), Some(reported)) = (known, reported) else { return };
        self.0.entry(reported).or_default();
        if reported < known
            && let Some(counts) = self.0.get_mut(&known)
            && let Some(left) = counts.of(what).checked_sub(1)
        {
            *counts.of(what) = left;
            self.add(what, Some(reported));
        }
        self.prune();
    }

    /// True if an event of a week may be among the counted ones: there is one, or the week was dropped.
    pub fn may_count(&self, what: Counted, week: Option<Week>) -> bool {
        let Some(week) = week else { return false };
        let is_dropped = self.0.keys().next_back().is_some_and(|newest| week < oldest(*newest));
        is_dropped || self.0.get(&week).copied().is_some_and(|mut counts| *counts.of(what) > 0)
    }

    fn prune(&mut self) {
        let Some(newest) = self.0.keys().next_back().copied() else { return };
        let oldest = oldest(newest);
        self.0.retain(|week, counts| {
            *week >= oldest && (*week == newest || *counts != WeekCounts::default())
        });
    }
}

/// Returns the first week that is kept, by the newest one.
fn oldest(newest: Week) -> Week {
    newest.plus(1 - Weeks::KEPT)
}

impl WeekCounts {
    fn of(&mut self, what: Counted) -> &mut u32 {
        match what {
            Counted::Share => &mut self.shares,
            Counted::Friend => &mut self.friends,
            Counted::Conversion => &mut self.conversions,
        }
    }
}

/// The form of weeks in a document: `{"2969":[1,0,2]}`.
mod compact {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer};

    use super::{Week, WeekCounts};

    pub(super) fn serialize<S: Serializer>(
        weeks: &BTreeMap<Week, WeekCounts>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_map(
            weeks.iter().map(|(week, it)| (week, (it.shares, it.friends, it.conversions))),
        )
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<BTreeMap<Week, WeekCounts>, D::Error> {
        let weeks = BTreeMap::<Week, (u32, u32, u32)>::deserialize(from)?;
        let counts = |(week, (shares, friends, conversions))| {
            (week, WeekCounts { shares, friends, conversions })
        };
        Ok(weeks.into_iter().map(counts).collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_document_is_small_and_reads_back() {
        let mut activity = Activity::default();
        assert_eq!(serde_json::to_string(&activity).unwrap(), "{}");
        activity.share_before(ShareMethod::Email, 2);
        activity.share(ShareMethod::Email, Time::from_seconds(1), Some(Week(7)));
        activity.weeks.add(Counted::Friend, Some(Week(8)));
        let text = serde_json::to_string(&activity).unwrap();
        let expected = r#"{"shares":{"email":{"n":3,"d":1,"f":1000000,"l":1000000}},"weeks":{"7":[1,0,0],"8":[0,1,0]}}"#;
        assert_eq!(text, expected);
        assert_eq!(serde_json::from_str::<Activity>(&text).unwrap(), activity);
    }

    #[test]
    fn weeks_before_the_last_52_are_dropped() {
        let mut weeks = Weeks::default();
        for week in [1, 100, 49, 48] {
            weeks.add(Counted::Share, Some(Week(week)));
        }
        let kept: Vec<Week> = weeks.iter().map(|(week, _)| week).collect();
        assert_eq!(kept, [Week(49), Week(100)]);
    }

    proptest! {
        #[test]
        fn in_any_order_an_event_counts_once_in_its_earliest_week(
            mut reports in proptest::collection::vec((0..4_usize, 0..120_i32), 1..12),
            seed in any::<u64>(),
        ) {
            let end = |reports: &[(usize, i32)]| {
                let (mut weeks, mut known) = (Weeks::default(), [None; 4]);
                for (event, week) in reports {
                    let week = Some(Week(*week));
                    match known[*event] {
                        None => weeks.add(Counted::Friend, week),
                        before => weeks.report(Counted::Friend, before, week),
                    }
                    known[*event] = known[*event].map_or(week, |it: Week| Some(it).min(week));
                }
                (weeks, known)
            };
            let (before, known) = end(&reports);
            let newest = reports.iter().map(|(_, week)| *week).max().unwrap();
            let kept = known.iter().flatten().filter(|week| week.0 > newest - 52).count();
            let counted: u32 = before.iter().map(|(_, counts)| counts.friends).sum();
            prop_assert_eq!(usize::try_from(counted).unwrap(), kept);
            fastrand::Rng::with_seed(seed).shuffle(&mut reports);
            prop_assert_eq!(end(&reports).0, before);
        }
    }
}
