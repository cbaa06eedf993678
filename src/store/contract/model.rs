//! The promise that a store does what the model does, whatever happens in which order.
//!
//! What belongs here: the walk, which takes each step in the store and in a store in [`memory`](super::memory),
//! and compares all that is shown. Both run the same use cases, so what a use case owes is checked beside them
//! (`promises`). `RELAY_TEST_CASES` says how many walks there are (default 60); proptest shortens one that fails.

mod promises;
mod steps;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::test_runner::{Config, TestRunner};

use crate::domain::{
    Class, DeliveryId, Destination, Email, LaneId, LaneKey, Leased, ParticipantKey, ReadKey,
    ReceivedWebhook, Time,
};
use crate::store::copying::copy;
use crate::store::{AvailabilityClock, ClaimRequest, DeadLetter, DeadLetters, Store};

use super::Bench;
use super::effects::event;
use super::memory::Memory;
use super::script::{CAMPAIGN, Saying, arrival, at, claim, did, inbox, notification};
use promises::{Planned, Promises};
use steps::{Report, Step, step, verdicts};

pub(crate) fn the_store_does_what_the_model_does<B: Bench + 'static>(bench: impl Fn() -> B) {
    walk_often(step(), 60, |_| Box::new(bench()));
}

/// Returns the same while the store moves again and again; `next` makes the one it moves to, given
/// how often it has.
pub(crate) fn moved_stores_do_what_the_model_does(next: impl Fn(usize) -> Box<dyn Bench>) {
    walk_often(prop_oneof![20 => step(), 1 => Just(Step::Move)], 30, next);
}

fn walk_often(
    step: impl Strategy<Value = Step>,
    usual: u32,
    next: impl Fn(usize) -> Box<dyn Bench>,
) {
    let cases = std::env::var("RELAY_TEST_CASES").map_or(usual, |cases| cases.parse().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let steps = proptest::collection::vec(step, 1..60);
    let walked = std::cell::Cell::new(0);
    let result = TestRunner::new(config).run(&steps, |steps| {
        runtime.block_on(walk(&next, &steps));
        walked.set(walked.get() + steps.len());
        Ok(())
    });
    result.unwrap();
    println!("the model and the store took {} steps in {cases} walks", walked.get());
}

async fn walk(next: &impl Fn(usize) -> Box<dyn Bench>, steps: &[Step]) {
    let (mut bench, mut moves) = (next(0), 0);
    let store = bench.open().await;
    let memory = Memory::with_secret(store.planning.hash_key);
    let model = memory.open().await;
    let mut walk = Walk {
        store,
        model,
        memory,
        second: 1_000,
        number: 0,
        leases: Vec::new(),
        ids: BTreeMap::new(),
        promises: Promises::default(),
    };
    // They hold the right to deliver, so that a later taking over isn't another's.
    walk.take(&Step::TakeOver).await;
    for step in steps {
        walk.number += 1;
        if let Step::Restart | Step::Move = step {
            drop((walk.store, walk.model));
            if let Step::Move = step {
                moves += 1;
                let to = next(moves);
                copy(&bench.place().await, &to.place().await, &mut |_step| ()).await.unwrap();
                walk.memory.end_leases();
                bench = to;
            }
            walk.store = bench.open().await;
            walk.model = walk.memory.open().await;
        }
        walk.take(step).await;
        walk.compare().await;
        assert_eq!(walk.store.stats().await.unwrap(), bench.count().await, "{step:?}");
        assert_eq!(walk.model.stats().await.unwrap(), walk.memory.count().await, "{step:?}");
        let books = walk.store.books().await.unwrap();
        assert_eq!(books.differences(), (0, 0), "{step:?}: {books:?}");
    }
    walk.end().await;
}

struct Walk {
    store: Arc<Store>,
    model: Arc<Store>,
    memory: Memory,
    second: i64,
    /// The number of the step.
    number: u64,
    /// Leases of both that were given and not settled yet, ended ones among them.
    leases: Vec<(Leased, Leased)>,
    /// The model's number of each of the store's deliveries that was leased.
    ids: BTreeMap<DeliveryId, DeliveryId>,
    promises: Promises,
}

/// Does the same with the store and the model, and returns what both give.
macro_rules! both {
    ($walk:expr, |$store:ident| $work:expr) => {{
        let $store = &*$walk.store;
        let done = $work.await.unwrap();
        let $store = &*$walk.model;
        assert_eq!(done, $work.await.unwrap(), "the model");
        done
    }};
}

impl Walk {
    /// Returns the present time. No two steps have the same, so that each order by time is one.
    fn now(&self) -> Time {
        at(self.second).plus(Duration::from_micros(self.number))
    }

    async fn take(&mut self, step: &Step) {
        let now = self.now();
        match step {
            Step::Accept(reported) => self.accept(reported).await,
            Step::Claim { calls, page, in_turn, old, lane } => {
                let old_before = at(if *old { self.second - 500 } else { -1_000_000 });
                let lanes = lane.and_then(|lane| self.leases.get(lane));
                let lanes = lanes.map(|(store, model)| (store.lane, model.lane)).unzip();
                let (calls, page, in_turn) = (*calls, *page, *in_turn);
                let claim = ClaimRequest { calls, page, in_turn, old_before, ..claim(now) };
                self.claim(claim, lanes).await;
            }
            Step::Settle { lease, delivered, verdict } => {
                if *lease < self.leases.len() {
                    let (store, model) = self.leases.remove(*lease);
                    let settled =
                        |leased| vec![verdicts(leased, *delivered, *verdict, self.second)];
                    let reading = Duration::from_secs(self.number);
                    let clock = AvailabilityClock { destination: Destination::CustomerIo, reading };
                    let done = self.store.settle(settled(&store), clock, now).await.unwrap();
                    let expected = self.model.settle(settled(&model), clock, now).await.unwrap();
                    assert_eq!(done, expected, "the model");
                    self.promises.settled(&settled(&store)[0], done == 1);
                }
            }
            Step::Wait { seconds } => self.second += seconds,
            Step::SetBack { seconds } => {
                self.second -= seconds;
                let by = Duration::from_secs(u64::try_from(*seconds).unwrap());
                let (destination, now) = (Destination::CustomerIo, at(self.second));
                both!(self, |store| store.shift_due_times(destination, by, now));
            }
            Step::Raise { person, class } => {
                let email = Email::parse(&format!("p{person}@example.com")).unwrap();
                let person = LaneKey::from(email);
                both!(self, |store| store.raise(&person, *class));
            }
            Step::TakeOver | Step::Restart | Step::Move => {
                both!(self, |store| store.take_over(now));
                self.promises.released();
            }
            Step::Redeliver { one } => {
                let (letters, expected, ids) = self.letters(*one).await;
                let done = self.store.redeliver(letters, now).await.unwrap();
                assert_eq!(done, self.model.redeliver(expected, now).await.unwrap(), "the model");
                self.promises.redelivered(&ids);
            }
            Step::Discard { one } => {
                let (letters, expected, ids) = self.letters(*one).await;
                let done = self.store.discard(letters).await.unwrap();
                assert_eq!(done, self.model.discard(expected).await.unwrap(), "the model");
                self.promises.discarded(&ids);
            }
            Step::Prune { parked: false, limit } => {
                both!(self, |store| store.prune(now, *limit));
            }
            Step::Prune { parked: true, limit } => {
                both!(self, |store| store.prune_parked(at(self.second - 50), *limit));
            }
            Step::Replay { is_dry_run } => {
                for webhook in inbox(&self.store, true).await {
                    let effect = format!("replayed {}", self.number);
                    let notification = || Ok(did("p0", &effect));
                    let receipt = both!(self, |store| store.replay(
                        webhook.id,
                        notification(),
                        now,
                        *is_dry_run
                    ));
                    if !is_dry_run {
                        let track = Planned::track(&effect, webhook.received_at, Class::Live);
                        self.promises.accepted("p0", &receipt, vec![track]);
                    }
                }
            }
        }
    }

    async fn accept(&mut self, reported: &[Report]) {
        let now = self.now();
        let arrivals = reported.iter().zip(0..).map(|(it, place)| {
            let (name, effect) = (format!("p{}", it.person), format!("e{}", it.effect));
            let happened = at(if it.old { self.second - 900 } else { self.second });
            let mut tracks = vec![Planned::track(&effect, happened, it.class)];
            let notification = notification().participant(&format!("{name}@example.com"), &name);
            let notification = match it.manner {
                0 => notification.effect(&effect, Some(happened)).named("unmappable"),
                1 => notification.effect(&effect, Some(happened)).nobody(),
                2 => {
                    tracks.clear();
                    notification.identify()
                }
                3 => {
                    let (other, long_ago) = (format!("{effect} before"), at(0));
                    tracks.push(Planned::track(&other, long_ago, it.class));
                    notification.effect(&effect, Some(happened)).effect(&other, Some(long_ago))
                }
                _ => notification.effect(&effect, Some(happened)),
            };
            let number = format!("{} {place}", self.number);
            // The same bytes twice in a batch are planned behind it.
            let body = if it.again && place == 0 { format!("{name} {effect}") } else { number };
            // Webhooks of one step come one after the other.
            let received_at = now.plus(Duration::from_millis(place));
            let arrival =
                ReceivedWebhook { class: it.class, ..arrival(&body, received_at, notification) };
            (arrival, (name, tracks))
        });
        let (arrivals, planned): (Vec<_>, Vec<_>) = arrivals.unzip();
        let receipts = both!(self, |store| store.accept_in_order(arrivals.clone(), now));
        for (receipt, (name, tracks)) in receipts.iter().zip(planned) {
            self.promises.accepted(&name, receipt, tracks);
        }
    }

    async fn claim(&mut self, claim: ClaimRequest, lanes: (Option<LaneId>, Option<LaneId>)) {
        let leases = self.store.claim(ClaimRequest { lane: lanes.0, ..claim }).await.unwrap();
        // Which of those that are due equally long goes first is the store's choice.
        let chosen = leases.iter().map(|leased| format!("email:{}", leased.key.value()));
        self.memory.prefer(chosen.collect());
        let expected = self.model.claim(ClaimRequest { lane: lanes.1, ..claim }).await.unwrap();
        let shown = |leases: &[Leased]| leases.iter().map(without_ids).collect::<Vec<_>>();
        assert_eq!(shown(&leases), shown(&expected), "the model");
        for (leased, expected) in leases.into_iter().zip(expected) {
            for (id, expected) in ids(&leased).into_iter().zip(ids(&expected)) {
                assert_eq!(*self.ids.entry(id).or_insert(expected), expected, "the model");
            }
            self.promises.leased(&claim, &leased);
            self.leases.push((leased, expected));
        }
    }

    /// Returns all dead letters or the oldest: the store's, the model's, and which of the store's they are.
    async fn letters(&self, one: bool) -> (DeadLetters, DeadLetters, Vec<DeliveryId>) {
        let mut ids: Vec<DeliveryId> = self
            .store
            .dead_letters(None, 1_000)
            .await
            .unwrap()
            .iter()
            .map(|it| it.delivery.id)
            .collect();
        ids.reverse();
        if !one {
            return (DeadLetters::All, DeadLetters::All, ids);
        }
        ids.truncate(1);
        let expected = ids.iter().map(|id| self.ids[id]).collect();
        (DeadLetters::These(ids.clone()), DeadLetters::These(expected), ids)
    }

    /// Compares what each step may change.
    async fn compare(&self) {
        for page in [false, true] {
            both!(self, |store| store.next_due(Destination::CustomerIo, page, at(0)));
        }
        let stats = both!(self, |store| store.stats());
        assert_eq!((stats.pending, stats.dead), self.promises.numbers());
        let letters = self.store.dead_letters(None, 1_000).await.unwrap();
        assert!(letters.is_sorted_by(|a, b| a.delivery.id > b.delivery.id), "newest first");
        let numbered = |mut letter: DeadLetter, id| {
            (letter.lane, letter.delivery.id) = (LaneId(0), id);
            (id, letter)
        };
        let letters = letters.into_iter().map(|it| (self.ids[&it.delivery.id], it));
        let letters: BTreeMap<_, _> = letters.map(|(id, it)| numbered(it, id)).collect();
        let expected = self.model.dead_letters(None, 1_000).await.unwrap();
        let expected = expected.into_iter().map(|it| (it.delivery.id, it));
        assert_eq!(letters, expected.map(|(id, it)| numbered(it, id)).collect(), "the model");
    }

    /// Compares everything else, and sees that all that waits is delivered in the end.
    async fn end(mut self) {
        both!(self, |store| async { Ok::<_, ()>(inbox(store, false).await) });
        both!(self, |store| async { Ok::<_, ()>(inbox(store, true).await) });
        both!(self, |store| store.pruned_until());
        for number in 0..3 {
            let participant = format!("p{number}");
            let key = ParticipantKey { campaign: CAMPAIGN.to_owned(), participant };
            both!(self, |store| async {
                let person = store.person(&ReadKey::Participant(key.clone())).await;
                person.map(|person| person.map(|it| (it.key, it.participants)))
            });
        }
        for number in 0..20 {
            both!(self, |store| async {
                let effect = store.effect(event(&format!("e{number}")), at(0)).await;
                effect.map(|effect| {
                    effect.map(|mut effect| {
                        for call in &mut effect.calls {
                            (call.delivery, call.lane) = (DeliveryId(0), LaneId(0));
                            // Only a server has a clock of its own.
                            call.waits_in = None;
                        }
                        effect
                    })
                })
            });
        }
        self.second += 10_000;
        self.take(&Step::Redeliver { one: false }).await;
        loop {
            let before = self.leases.len();
            let now = self.now();
            self.claim(claim(now), (None, None)).await;
            if self.leases.len() == before {
                break;
            }
            while self.leases.len() > before {
                self.take(&Step::Settle { lease: before, delivered: 0, verdict: u8::MAX }).await;
            }
        }
        self.compare().await;
        let known: BTreeSet<&DeliveryId> = self.ids.values().collect();
        assert_eq!(known.len(), self.ids.len(), "two deliveries are one to the model");
        self.promises.kept();
    }
}

fn ids(leased: &Leased) -> Vec<DeliveryId> {
    let given = leased.deliveries.iter().map(|delivery| delivery.id);
    given.chain(leased.superseded.iter().copied()).collect()
}

fn without_ids(leased: &Leased) -> Leased {
    let mut leased = Leased { lane: LaneId(0), ..leased.clone() };
    leased.deliveries.iter_mut().for_each(|delivery| delivery.id = DeliveryId(0));
    leased.superseded.fill(DeliveryId(0));
    leased
}
