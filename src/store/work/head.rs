//! The head of a lane: the choice of the pending calls that go out under one lease.

use crate::domain::DeliveryId;
use crate::store::rows::Waiting;

use super::classes::PAGE;

/// The budget of one lane.
#[derive(Clone, Copy)]
pub struct ClaimBudget {
    /// The greatest number of calls.
    pub calls: usize,
    /// The greatest number of calls that are sent one after the other.
    pub in_turn: usize,
    /// The time before which tracks are old.
    pub old_before: i64,
    /// True of a visitor's lane. Its tracks of pages keep their order. Those of people are old ones, so that a
    /// flood of them is soon out of the way of the calls behind it.
    pub is_visitor: bool,
}

/// The calls of a lane that go out now.
pub struct Head {
    /// The calls, in order.
    pub deliveries: Vec<Waiting>,
    /// True if each waits for the one before.
    pub in_turn: bool,
    /// Identifies that the given one supersedes.
    pub superseded: Vec<DeliveryId>,
}

impl Head {
    /// Chooses from a lane's pending calls:
    /// - an identify and the new tracks up to the next identify, in turn; or a new track alone;
    /// - a run of old tracks, together;
    /// - if there is an identify before an old track, the last identify of the run alone. It carries the whole
    ///   profile, so it supersedes the others.
    ///
    /// Not more: calls that aren't settled when the process dies are sent again from the first, and an identify
    /// sent again behind a newer one would take the profile back.
    pub fn choose(budget: ClaimBudget, mut calls: impl Iterator<Item = Waiting>) -> Self {
        let is_old = |call: &Waiting| {
            let is_page = call.class == PAGE && !budget.is_visitor;
            call.event_at.is_some_and(|at| is_page || at < budget.old_before)
        };
        let (mut read, mut old) = (Vec::new(), 0);
        let mut following = None;
        for call in calls.by_ref() {
            let begins_with_track = read.first().is_some_and(|it: &Waiting| it.event_at.is_some());
            let goes_on = match call.event_at {
                Some(_) => is_old(&call),
                None => !begins_with_track,
            };
            if !goes_on || (begins_with_track && old >= budget.calls) {
                following = Some(call);
                break;
            }
            old += usize::from(call.event_at.is_some());
            read.push(call);
        }
        if old > 0 {
            let (tracks, mut identifies): (Vec<_>, Vec<_>) =
                read.into_iter().partition(|call| call.event_at.is_some());
            let Some(last) = identifies.pop() else {
                return Self { deliveries: tracks, in_turn: false, superseded: Vec::new() };
            };
            let superseded = identifies.into_iter().map(|call| call.id).collect();
            return Self { deliveries: vec![last], in_turn: false, superseded };
        }
        read.extend(following);
        let begins_with_identify = read.first().is_some_and(|first| first.event_at.is_none());
        let goes_along = |call: &Waiting| call.event_at.is_some() && !is_old(call);
        let most = budget.calls.min(if begins_with_identify { budget.in_turn } else { 1 });
        let alone = read.get(1).is_some_and(|second| !goes_along(second));
        read.truncate(if alone { 1.min(most) } else { most });
        while !alone
            && read.len() < most
            && let Some(call) = calls.next()
            && goes_along(&call)
        {
            read.push(call);
        }
        Self { deliveries: read, in_turn: true, superseded: Vec::new() }
    }
}
