//! The head of a lane: which of its pending calls go out under one lease.
//!
//! What belongs here: that choice. What doesn't: reading the
//! calls, and the lease.

use crate::domain::DeliveryId;
use crate::store::rows::Waiting;

use super::classes::PAGE;

/// What is asked for.
#[derive(Clone, Copy)]
pub(super) struct ClaimBudget {
    /// How many calls at most.
    pub(super) calls: usize,
    /// How many of them one after the other.
    pub(super) in_turn: usize,
    /// Tracks that happened before this have no order.
    pub(super) old_before: i64,
    /// True of a visitor's lane. Its tracks of pages keep their order; those of people have none, so that
    /// a flood of them is soon out of the way of what comes behind it.
    pub(super) is_visitor: bool,
}

/// What of a lane goes out now.
pub(super) struct Head {
    /// The calls, in order.
    pub(super) give: Vec<Waiting>,
    /// Whether each waits for the one before.
    pub(super) in_turn: bool,
    /// Identifies that the one given makes superfluous.
    pub(super) superseded: Vec<DeliveryId>,
}

impl Head {
    /// The first pending call, and if it is an identify, the tracks up to the next one, to be sent
    /// one after the other; or, where tracks are so old that their order is free, a run. Not more,
    /// because what isn't settled when the process dies is sent again from the first, and an
    /// identify that came again behind a newer one would take the profile back.
    ///
    /// A person's tracks that pages led to are taken for old ones.
    ///
    /// If it begins with an identify and holds an old track, its last identify goes alone: it
    /// carries the whole profile, so the ones before it are superfluous. Then the old tracks go
    /// together.
    pub(super) fn choose(room: ClaimBudget, mut calls: impl Iterator<Item = Waiting>) -> Self {
        let is_old = |call: &Waiting| {
            let is_page = call.class == PAGE && !room.is_visitor;
            call.event_at.is_some_and(|at| is_page || at < room.old_before)
        };
        let (mut read, mut old) = (Vec::new(), 0);
        let mut following = None;
        for call in calls.by_ref() {
            let begins_with_track = read.first().is_some_and(|it: &Waiting| it.event_at.is_some());
            let goes_on = match call.event_at {
                Some(_) => is_old(&call),
                None => !begins_with_track,
            };
            if !goes_on || (begins_with_track && old >= room.calls) {
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
                return Self { give: tracks, in_turn: false, superseded: Vec::new() };
            };
            let superseded = identifies.into_iter().map(|call| call.id).collect();
            return Self { give: vec![last], in_turn: false, superseded };
        }
        read.extend(following);
        let begins_with_identify = read.first().is_some_and(|first| first.event_at.is_none());
        let goes_along = |call: &Waiting| call.event_at.is_some() && !is_old(call);
        let most =
            if begins_with_identify { room.in_turn.min(room.calls) } else { 1.min(room.calls) };
        let alone = read.get(1).is_some_and(|second| !goes_along(second));
        read.truncate(if alone { 1.min(most) } else { most });
        while !alone
            && read.len() < most
            && let Some(call) = calls.next()
            && goes_along(&call)
        {
            read.push(call);
        }
        Self { give: read, in_turn: true, superseded: Vec::new() }
    }
}
