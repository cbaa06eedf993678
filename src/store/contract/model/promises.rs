//! Promises that don't depend on how the use cases are written: nothing is lost, an effect happens once, a
//! person's calls go in order, and a lane has one lease at a time.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{Class, DeliveryId, LaneId, Leased, Receipt, Status, Time};
use crate::store::contract::script::word;
use crate::store::{ClaimRequest, Settlement, Verdict};

/// A planned call.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    /// Known once it was leased.
    id: Option<DeliveryId>,
    word: String,
    /// A track's own time.
    event_at: Option<Time>,
    class: Class,
}

impl Planned {
    pub(super) fn track(effect: &str, event_at: Time, class: Class) -> Self {
        Self { id: None, word: effect.to_owned(), event_at: Some(event_at), class }
    }

    fn identify(class: Class) -> Self {
        Self { id: None, word: "identify".to_owned(), event_at: None, class }
    }

    fn is_identify(&self) -> bool {
        self.event_at.is_none()
    }

    /// Notes its number, or checks it.
    fn is_given(&mut self, id: DeliveryId) {
        assert_eq!(*self.id.get_or_insert(id), id, "a delivery keeps its number");
    }
}

/// All that was planned, and what became of it.
#[derive(Default, Debug)]
pub(super) struct Promises {
    /// Calls that wait, by person, in order.
    waiting: BTreeMap<String, Vec<Planned>>,
    dead: BTreeMap<DeliveryId, (String, Planned)>,
    leases: BTreeMap<LaneId, (i64, Time)>,
    planned: BTreeSet<String>,
    happened: BTreeSet<String>,
    discarded: BTreeSet<String>,
}

impl Promises {
    /// Records the answer to a webhook. An accepted one leads to an identify and a track for each
    /// new effect; without effects to an identify alone.
    pub(super) fn accepted(&mut self, person: &str, receipt: &Receipt, tracks: Vec<Planned>) {
        let waiting = self.waiting.entry(person.to_owned()).or_default();
        let before = waiting.len();
        if receipt.status == Status::Accepted {
            if tracks.is_empty() {
                waiting.push(Planned::identify(Class::Live));
            }
            for track in tracks {
                if self.planned.insert(track.word.clone()) {
                    waiting.extend([Planned::identify(track.class), track]);
                }
            }
        }
        assert_eq!(waiting.len() - before, receipt.calls, "{receipt:?}");
    }

    /// Records the lease of a lane.
    pub(super) fn leased(&mut self, claim: &ClaimRequest, leased: &Leased) {
        let before = self.leases.insert(leased.lane, (leased.token, claim.until));
        assert!(before.is_none_or(|(_, until)| until <= claim.now), "leased twice: {leased:?}");
        assert!(before.is_none_or(|(token, _)| token < leased.token), "a token grows");
        let person = leased.key.value().strip_suffix("@example.com").unwrap();
        let waiting = self.waiting.get_mut(person).unwrap();
        let is_old = |it: &Planned| {
            it.event_at.is_some_and(|at| it.class == Class::Page || at < claim.old_before)
        };
        if leased.in_turn || word(&leased.deliveries[0]) != "identify" {
            assert!(leased.deliveries.len() <= waiting.len(), "{leased:?}");
            for (call, delivery) in waiting.iter_mut().zip(&leased.deliveries) {
                assert_eq!(call.word, word(delivery), "in order");
                assert!(leased.in_turn || is_old(call), "only old ones go side by side");
                call.is_given(delivery.id);
            }
        } else {
            // The last of some identifies goes alone, before old tracks between them.
            let identifies = leased.superseded.iter().chain([&leased.deliveries[0].id]);
            let mut waiting = waiting.iter_mut();
            for id in identifies {
                let before = waiting.by_ref().find(|call| call.is_identify() || !is_old(call));
                let call = before.expect("it waits");
                assert!(call.is_identify(), "overtaken: {call:?}");
                call.is_given(*id);
            }
        }
    }

    /// Records the end of a lease, or a late settlement.
    pub(super) fn settled(&mut self, settlement: &Settlement, is_fenced: bool) {
        let lease = self.leases.get(&settlement.lane);
        assert_eq!(lease.is_none_or(|(token, _)| *token != settlement.token), is_fenced);
        if is_fenced {
            return;
        }
        self.leases.remove(&settlement.lane);
        for result in &settlement.results {
            let is_it = |call: &Planned| call.id == Some(result.delivery);
            let mut found = self.waiting.iter_mut().filter_map(|(person, waiting)| {
                Some((person, waiting.iter().position(is_it)?, waiting))
            });
            let (person, place, waiting) = found.next().expect("it waits");
            match &result.verdict {
                Verdict::Delivered => {
                    let call = waiting.remove(place);
                    let is_new = call.is_identify() || self.happened.insert(call.word);
                    assert!(is_new, "an effect happens once");
                }
                Verdict::Dead { .. } => {
                    let letter = (person.clone(), waiting.remove(place));
                    self.dead.insert(result.delivery, letter);
                }
                Verdict::Retry { .. } | Verdict::Defer { .. } | Verdict::NotAttempted => {}
            }
        }
    }

    /// Records the end of all leases.
    pub(super) fn released(&mut self) {
        self.leases.clear();
    }

    /// Records dead letters that wait again behind the others, in their order.
    pub(super) fn redelivered(&mut self, ids: &[DeliveryId]) {
        for id in ids {
            let (person, call) = self.dead.remove(id).expect("it is dead");
            self.waiting.entry(person).or_default().push(Planned { id: None, ..call });
        }
    }

    /// Records discarded dead letters.
    pub(super) fn discarded(&mut self, ids: &[DeliveryId]) {
        let calls = ids.iter().map(|id| self.dead.remove(id).expect("it is dead").1);
        self.discarded.extend(calls.filter(|call| !call.is_identify()).map(|call| call.word));
    }

    /// Returns how many calls wait, and how many are dead.
    pub(super) fn numbers(&self) -> (u64, u64) {
        let number = |count: usize| u64::try_from(count).unwrap();
        (number(self.waiting.values().map(Vec::len).sum()), number(self.dead.len()))
    }

    /// Asserts that everything was delivered or discarded.
    pub(super) fn kept(&self) {
        assert_eq!(self.numbers(), (0, 0), "nothing waits: {self:?}");
        assert!(self.happened.is_disjoint(&self.discarded), "an effect happens once");
        let all: BTreeSet<String> = self.happened.union(&self.discarded).cloned().collect();
        assert_eq!(all, self.planned, "nothing is lost");
    }
}
