//! Completeness of the relay's counts of a participant.
//!
//! What belongs here: the evidence for and against it. What doesn't: the counts, which the participant has,
//! and the attributes that depend on it (`mapping`).

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::Time;

/// The longest delay of a friend's webhook. A later one counts as lost.
const ON_ITS_WAY: Duration = Duration::from_secs(10 * 60);

/// The longest time since a join in which no friend's credit can have expired.
const JUST_JOINED: Duration = Duration::from_secs(60 * 60);

/// The number of reports kept.
const REPORTS: usize = 8;

/// Evidence that the relay has counted every friend of a participant.
///
/// Complete counts have a base: a join without referrals, or a full comparison. And GrowSurf never reported
/// more friends than the relay counted.
/// Any order of arrival ends in the same state, except for `agreed_at`, which only decides numbers.
#[skip_serializing_none]
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Completeness {
    /// True if the participant was seen to join without referrals.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    from_start: bool,
    /// The first sight of a join without referrals, until the time of joining is known.
    seen_at: Option<Time>,
    /// Start of the last full comparison, made while the counts were incomplete.
    compared_at: Option<Time>,
    /// GrowSurf's reports of more friends than were counted, oldest first. A report that another covers is
    /// dropped.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    excess: Vec<Report>,
    /// The last time at which the counts were known to be complete.
    agreed_at: Option<Time>,
}

/// GrowSurf's count of friends at a time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Report {
    at: Time,
    friends: i64,
}

impl Completeness {
    /// True if there is no evidence at all.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// True if the relay has counted every friend.
    pub fn is_complete(&self) -> bool {
        self.has_base() && self.excess.is_empty()
    }

    /// Notes that the participant was seen at `seen_at` to have joined without referrals.
    ///
    /// Counts only shortly after the join: later, GrowSurf's counts omit friends whose credit has expired. If
    /// the time of joining is unknown, it counts until it is known.
    pub fn joined_without_referrals(&mut self, seen_at: Time, joined: Option<Time>) {
        match joined {
            Some(joined) if seen_at.since(joined) >= JUST_JOINED => return,
            Some(_) => self.from_start = true,
            None => self.seen_at = Some(self.seen_at.map_or(seen_at, |it| it.min(seen_at))),
        }
        self.agreed_at = self.agreed_at.max(Some(seen_at));
    }

    /// Notes the time of joining.
    pub fn joined(&mut self, joined: Time) {
        if let Some(seen_at) = self.seen_at.take() {
            self.joined_without_referrals(seen_at, Some(joined));
        }
    }

    /// Notes GrowSurf's count of friends, which is more than the relay's.
    pub fn reported(&mut self, friends: i64, at: Time) {
        let report = Report { at, friends };
        let covers = |a: &Report, b: &Report| a.at >= b.at && a.friends >= b.friends;
        let is_old = self.compared_at.is_some_and(|compared_at| at < compared_at);
        if is_old || self.excess.iter().any(|it| covers(it, &report)) {
            return;
        }
        self.excess.retain(|it| !covers(&report, it));
        self.excess.push(report);
        self.excess.sort_by_key(|it| it.at);
        if self.excess.len() > REPORTS {
            // The merged report has the higher count and the later time, so it errs on the side of incomplete.
            let oldest = self.excess.remove(0);
            self.excess[0].friends = oldest.friends;
        }
    }

    /// Notes the relay's count of friends, and the time of the last sign-up.
    pub fn counted(&mut self, friends: i64, last: Option<Time>) {
        let reached = self.excess.extract_if(.., |it| it.friends <= friends).map(|it| it.at);
        // If friends signed up later, an earlier one may still be missing.
        let agreed_at = reached.filter(|at| last.is_none_or(|last| last <= *at)).max();
        self.agreed_at = self.agreed_at.max(agreed_at);
    }

    /// Notes a full comparison that began at `began_at`.
    pub fn compared(&mut self, began_at: Time) {
        if !self.is_complete() {
            self.compared_at = self.compared_at.max(Some(began_at));
            self.agreed_at = self.agreed_at.max(self.compared_at);
            self.excess.retain(|it| Some(it.at) >= self.compared_at);
        }
    }

    /// True if the friend who signed up at `at` is certainly number `friends`. `reported` is GrowSurf's count
    /// with this friend.
    ///
    /// The number is certain in two cases:
    /// - GrowSurf reports no more friends than the relay has counted.
    /// - The counts agreed shortly before `at`: missing friends signed up later, and their webhooks are on
    ///   their way.
    pub fn numbers(&self, friends: i64, reported: i64, at: Time) -> bool {
        let most = self.excess.iter().map(|it| it.friends).max().unwrap_or(0).max(reported);
        let agreed_lately = || self.agreed_at.is_some_and(|it| at <= it.plus(ON_ITS_WAY));
        self.has_base() && (most <= friends || agreed_lately())
    }

    /// True if the participant was seen to join without referrals, and nothing was missed since. A full
    /// comparison doesn't count.
    pub fn is_complete_from_start(&self) -> bool {
        (self.from_start || self.seen_at.is_some())
            && self.compared_at.is_none()
            && self.excess.is_empty()
    }

    /// Makes all evidence equally old.
    pub fn clear_times(&mut self) {
        for at in [&mut self.compared_at, &mut self.seen_at, &mut self.agreed_at] {
            *at = at.map(|_| Time::default());
        }
        self.excess.iter_mut().for_each(|it| it.at = Time::default());
    }

    fn has_base(&self) -> bool {
        self.from_start || self.seen_at.is_some() || self.compared_at.is_some()
    }
}
