//! The model: lanes, leases, dead letters and the ledger as plain collections, one line a rule.
//!
//! Where the contract leaves a choice, such as which of the lanes that are due equally long goes
//! first, the model takes the store's, if it is one of those allowed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::domain::{Class, DeliveryId, LaneId, Leased, Time};
use crate::store::contract::script::word;
use crate::store::{ClaimRequest, Settlement, Verdict};

#[derive(Clone, Debug)]
struct Call {
    /// Known once it was given out for the first time.
    id: Option<DeliveryId>,
    word: String,
    class: Class,
    /// A track's own time.
    event_at: Option<Time>,
    planned_at: Time,
    attempts: u32,
    failing_since: Option<Duration>,
    webhook: usize,
}

#[derive(Default, Debug)]
struct Lane {
    id: Option<LaneId>,
    pending: Vec<Call>,
    due_at: Option<Time>,
    token: i64,
    leased: bool,
}

#[derive(Debug)]
struct Webhook {
    received_at: Time,
    /// How many of its calls are neither delivered nor discarded.
    open: usize,
    pruned: bool,
}

impl Lane {
    fn class(&self) -> Option<Class> {
        self.pending.iter().map(|call| call.class).min()
    }
}

/// What becomes of an arrival.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Taken {
    Duplicate,
    Dropped,
    /// It leads to so many calls.
    Calls(usize),
}

/// The model.
#[derive(Default, Debug)]
pub(super) struct Lanes {
    lanes: BTreeMap<String, Lane>,
    effects: BTreeSet<String>,
    bodies: BTreeSet<String>,
    webhooks: Vec<Webhook>,
    dead: BTreeMap<DeliveryId, (String, Call)>,
}

impl Lanes {
    pub(super) fn accept(
        &mut self,
        (person, effect): (&str, &str),
        happened: Time,
        body: &str,
        class: Class,
        now: Time,
    ) -> Taken {
        if self.bodies.contains(body) {
            return Taken::Duplicate;
        }
        if class == Class::Page && self.effects.contains(effect) {
            return Taken::Dropped;
        }
        self.bodies.insert(body.to_owned());
        let lane = self.lanes.entry(person.to_owned()).or_default();
        let webhook = self.webhooks.len();
        let is_new = self.effects.insert(effect.to_owned());
        let open = if is_new { 2 } else { 0 };
        self.webhooks.push(Webhook { received_at: now, open, pruned: false });
        if is_new {
            let identify = Call {
                id: None,
                word: "identify".to_owned(),
                class,
                event_at: None,
                planned_at: now,
                attempts: 0,
                failing_since: None,
                webhook,
            };
            let track =
                Call { word: effect.to_owned(), event_at: Some(happened), ..identify.clone() };
            lane.pending.extend([identify, track]);
            lane.due_at.get_or_insert(now);
        }
        Taken::Calls(open)
    }

    /// Sees that what a claim gave is what it may give, and leases it.
    pub(super) fn claim(&mut self, claim: &ClaimRequest, leases: &[Leased]) {
        let is_due = |lane: &Lane| lane.due_at.is_some_and(|due_at| due_at <= claim.now);
        let may_go = |lane: &Lane| match claim.lane {
            None => is_due(lane),
            Some(id) => {
                lane.id == Some(id) && !lane.pending.is_empty() && (!lane.leased || is_due(lane))
            }
        };
        let may_go_at = |lane: &Lane| may_go(lane).then_some((lane.class()?, lane.due_at?));
        let mut waiting: Vec<_> = self.lanes.values().filter_map(may_go_at).collect();
        waiting.sort();
        let mut room = claim.calls;
        if claim.lane.is_none() {
            let urgent = waiting.iter().filter(|(class, _)| *class < Class::Page).count();
            if urgent == 0 {
                room = room.min(claim.page);
            } else {
                waiting.truncate(urgent);
            }
        }
        for leased in leases {
            assert!(room > 0, "more than asked: {leases:?}");
            let person = leased.key.value().strip_suffix("@example.com").unwrap();
            let lane = self.lanes.get_mut(person).unwrap();
            assert!(may_go(lane), "not due: {leased:?} {lane:?}");
            let (class, due_at) = waiting.remove(0);
            assert_eq!((lane.class(), lane.due_at), (Some(class), Some(due_at)), "not its turn");
            assert_eq!(leased.class, class);
            assert_eq!(*lane.id.get_or_insert(leased.lane), leased.lane);
            assert!(leased.token > lane.token, "a token grows");
            let Head { given, in_turn, superseded } = head(&lane.pending, claim, room);
            assert_eq!(leased.in_turn, in_turn, "{leased:?} {lane:?}");
            assert_eq!(leased.deliveries.len(), given.len(), "{leased:?} {lane:?}");
            assert_eq!(leased.superseded.len(), superseded.len(), "{leased:?} {lane:?}");
            for (place, delivery) in given.iter().zip(&leased.deliveries) {
                let call = &mut lane.pending[*place];
                assert_eq!(*call.id.get_or_insert(delivery.id), delivery.id);
                assert_eq!(word(delivery), call.word);
                assert_eq!(delivery.planned_at, call.planned_at);
                assert_eq!(
                    (delivery.attempts, delivery.failing_since),
                    (call.attempts, call.failing_since)
                );
            }
            for (place, id) in superseded.iter().zip(&leased.superseded) {
                assert_eq!(lane.pending[*place].id.get_or_insert(*id), id);
            }
            (lane.token, lane.leased, lane.due_at) = (leased.token, true, Some(claim.until));
            room -= given.len().min(room);
        }
        assert!(room == 0 || waiting.is_empty(), "passed over: {waiting:?} {leases:?}");
    }

    /// Tells whether the settlement came too late.
    pub(super) fn settle(&mut self, settlement: &Settlement, now: Time) -> bool {
        let lane = self.lanes.iter_mut().find(|(_, lane)| lane.id == Some(settlement.lane));
        let (person, lane) = lane.unwrap();
        if !lane.leased || lane.token != settlement.token {
            return true;
        }
        let mut due_at = now;
        for result in &settlement.results {
            let is_it = |call: &Call| call.id == Some(result.delivery);
            let place = lane.pending.iter().position(is_it).unwrap();
            match &result.verdict {
                Verdict::Delivered => {
                    self.webhooks[lane.pending.remove(place).webhook].open -= 1;
                }
                Verdict::Retry { at, failing_since } => {
                    let call = &mut lane.pending[place];
                    call.attempts += 1;
                    call.failing_since = Some(*failing_since);
                    due_at = due_at.max(*at);
                }
                Verdict::Dead { .. } => {
                    let call = lane.pending.remove(place);
                    self.dead.insert(result.delivery, (person.clone(), call));
                }
                Verdict::Defer { at } => due_at = due_at.max(*at),
                Verdict::NotAttempted => {}
            }
        }
        lane.leased = false;
        lane.due_at = (!lane.pending.is_empty()).then_some(due_at);
        false
    }

    pub(super) fn set_back(&mut self, by: Duration, now: Time) {
        for lane in self.lanes.values_mut().filter(|lane| !lane.leased) {
            lane.due_at = lane.due_at.map(|due_at| due_at.minus(by).max(due_at.min(now)));
        }
    }

    pub(super) fn take_over(&mut self, now: Time) -> usize {
        let leased = self.lanes.values_mut().filter(|lane| lane.leased);
        leased.map(|lane| (lane.leased, lane.due_at) = (false, Some(now))).count()
    }

    /// Into another store. No lease goes along; its lane is due when it ends.
    pub(super) fn moved(&mut self) {
        self.lanes.values_mut().for_each(|lane| lane.leased = false);
    }

    pub(super) fn redeliver(&mut self, now: Time) -> usize {
        let dead = std::mem::take(&mut self.dead);
        let letters = dead.len();
        for (_, (person, call)) in dead {
            let lane = self.lanes.get_mut(&person).unwrap();
            let class = if call.class == Class::Page { Class::Page } else { Class::Live };
            lane.pending.push(Call { id: None, class, attempts: 0, failing_since: None, ..call });
            lane.due_at.get_or_insert(now);
        }
        letters
    }

    /// True if it raised anything. The store raises a row, which may hold a dead call of the lane as well,
    /// so it is asked only where there is none.
    pub(super) fn raise(&mut self, person: &str, to: Class) -> bool {
        let has_dead = self.dead.values().any(|(of, _)| of == person);
        let lane = self.lanes.get_mut(person).filter(|_| !has_dead);
        let Some(lane) = lane.filter(|lane| lane.class() > Some(to)) else { return false };
        lane.pending.iter_mut().for_each(|call| call.class = call.class.min(to));
        true
    }

    pub(super) fn discard(&mut self) -> usize {
        let dead = std::mem::take(&mut self.dead);
        for (_, call) in dead.values() {
            self.webhooks[call.webhook].open -= 1;
        }
        dead.len()
    }

    pub(super) fn prune(&mut self, before: Time, limit: usize) -> usize {
        let prunable = |it: &&mut Webhook| it.received_at < before && it.open == 0 && !it.pruned;
        let mut prunable: Vec<&mut Webhook> = self.webhooks.iter_mut().filter(prunable).collect();
        prunable.sort_by_key(|webhook| webhook.received_at);
        prunable.into_iter().take(limit).map(|webhook| webhook.pruned = true).count()
    }

    pub(super) fn next_due(&self, page: bool) -> Option<Time> {
        let counts = |lane: &&Lane| page || lane.class() < Some(Class::Page);
        self.lanes.values().filter(counts).filter_map(|lane| lane.due_at).min()
    }

    /// How many calls wait, and when the oldest was planned.
    pub(super) fn pending(&self) -> (u64, Option<Time>) {
        let pending = || self.lanes.values().flat_map(|lane| &lane.pending);
        let oldest = pending().map(|call| call.planned_at).min();
        (u64::try_from(pending().count()).unwrap(), oldest)
    }

    /// The dead letters, oldest first.
    pub(super) fn dead(&self) -> Vec<DeliveryId> {
        self.dead.keys().copied().collect()
    }
}

/// What of a lane goes out now, as places in it.
struct Head {
    given: Vec<usize>,
    in_turn: bool,
    /// The identifies that the given one makes superfluous.
    superseded: Vec<usize>,
}

fn head(pending: &[Call], claim: &ClaimRequest, room: usize) -> Head {
    // The model's lanes are of people.
    let is_old = |call: &Call| {
        call.event_at.is_some_and(|at| call.class == Class::Page || at < claim.old_before)
    };
    let begins_with_track = pending[0].event_at.is_some();
    let is_of_run = |call: &&Call| is_old(call) || (call.event_at.is_none() && !begins_with_track);
    let run = pending.iter().take_while(is_of_run).count();
    let (mut identifies, mut tracks): (Vec<usize>, Vec<usize>) =
        (0..run).partition(|place| pending[*place].event_at.is_none());
    if tracks.is_empty() {
        let is_new_track = |call: &&Call| call.event_at.is_some() && !is_old(call);
        let behind = pending[1..].iter().take_while(is_new_track).count();
        let along = if begins_with_track { 1 } else { 1 + behind };
        let given = (0..along.min(claim.in_turn).min(room)).collect();
        return Head { given, in_turn: true, superseded: Vec::new() };
    }
    let given = match identifies.pop() {
        Some(last) => vec![last],
        None => tracks.drain(..run.min(room)).collect(),
    };
    Head { given, in_turn: false, superseded: identifies }
}
