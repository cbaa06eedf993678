//! The promise that a store does what a small model of it does, whatever happens in which order.
//!
//! What belongs here: the walk, which takes each step in the store and in the model and compares
//! all that the trait shows. What doesn't: what the contract means, which the model says (`lanes`).
//! `RELAY_TEST_CASES` says how many walks there are (default 60); proptest shortens one that fails.

mod lanes;

use std::cmp::Ordering;
use std::time::Duration;

use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::test_runner::{Config, TestRunner};

use crate::domain::{Class, Destination, Dropped, Email, Leased, ReceivedWebhook, Status};
use crate::store::copying::copy;
use crate::store::{ClaimRequest, DeadLetters, Settle, Settlement, Stats, Store, Verdict};

use super::Bench;
use super::script::{NEVER, Saying, arrival, at, attempt, claim, news, words};
use lanes::{Lanes, Taken};

#[derive(Clone, Copy, Debug)]
enum Step {
    Accept {
        person: u8,
        effect: u8,
        class: Class,
        old: bool,
        again: bool,
    },
    Claim {
        calls: usize,
        page: usize,
        in_turn: usize,
        old: bool,
        lane: Option<usize>,
    },
    Settle {
        lease: usize,
        delivered: usize,
        verdict: u8,
    },
    Wait {
        seconds: i64,
    },
    SetBack {
        seconds: i64,
    },
    Raise {
        person: u8,
        class: Class,
    },
    TakeOver,
    Restart,
    Redeliver,
    Discard,
    Prune {
        limit: usize,
    },
    /// To another store, by a copy.
    Move,
}

fn step() -> impl Strategy<Value = Step> {
    let any = proptest::bool::ANY;
    let lane = proptest::option::weighted(0.1, 0..3_usize);
    prop_oneof![
        6 => (0..3_u8, 0..20_u8, class(), any, proptest::bool::weighted(0.1)).prop_map(
            |(person, effect, class, old, again)| Step::Accept { person, effect, class, old, again }
        ),
        8 => (0..6_usize, 0..4_usize, 1..=4_usize, any, lane).prop_map(
            |(calls, page, in_turn, old, lane)| Step::Claim { calls, page, in_turn, old, lane }
        ),
        8 => (0..4_usize, 0..4_usize, 0..7_u8)
            .prop_map(|(lease, delivered, verdict)| Step::Settle { lease, delivered, verdict }),
        3 => (0..90_i64).prop_map(|seconds| Step::Wait { seconds }),
        1 => (1..50_i64).prop_map(|seconds| Step::SetBack { seconds }),
        1 => (0..3_u8, class()).prop_map(|(person, class)| Step::Raise { person, class }),
        1 => Just(Step::TakeOver),
        1 => Just(Step::Restart),
        1 => Just(Step::Redeliver),
        1 => Just(Step::Discard),
        1 => (0..4_usize).prop_map(|limit| Step::Prune { limit }),
    ]
}

fn class() -> impl Strategy<Value = Class> {
    prop_oneof![3 => Just(Class::Live), 1 => Just(Class::History), 2 => Just(Class::Page)]
}

pub(crate) fn the_store_does_what_the_model_does<B: Bench + 'static>(bench: impl Fn() -> B) {
    walk_often(step(), 60, |_| Box::new(bench()));
}

/// The same while the store moves again and again; `next` makes the one it moves to, given how often
/// it has.
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
    let mut walk = Walk { now: 1_000, leases: Vec::new(), model: Lanes::default() };
    let mut store = bench.open().await;
    // It holds the right to deliver, so that a later taking over isn't another's.
    store.take_over(at(walk.now)).await.unwrap();
    for (number, step) in steps.iter().enumerate() {
        if let Step::Restart = step {
            drop(store);
            store = bench.open().await;
        }
        if let Step::Move = step {
            drop(store);
            moves += 1;
            let to = next(moves);
            copy(&bench.place().await, &to.place().await, &mut |_step| ()).await.unwrap();
            walk.model.moved();
            bench = to;
            store = bench.open().await;
        }
        walk.take(&store, *step, number).await;
        walk.compare(&store).await;
        assert_eq!(store.stats().await.unwrap(), bench.count().await, "after step {number}");
    }
}

struct Walk {
    now: i64,
    /// Leases that were given and not settled yet, ended ones among them.
    leases: Vec<Leased>,
    model: Lanes,
}

impl Walk {
    async fn take(&mut self, store: &Store, step: Step, number: usize) {
        let now = at(self.now);
        match step {
            Step::Accept { person, effect, class, old, again } => {
                let happened = at(if old { self.now - 900 } else { self.now });
                let (name, effect) = (format!("p{person}"), format!("e{effect}"));
                let news = news().participant(&format!("{name}@example.com"), &name);
                let news = news.effect(&effect, Some(happened));
                let body = if again { format!("{name} {effect}") } else { number.to_string() };
                let arrival = ReceivedWebhook { class, ..arrival(&body, now, news) };
                let receipt = store.accept(arrival, now).await.unwrap();
                let taken = match receipt.status {
                    Status::Duplicate => Taken::Duplicate,
                    Status::Dropped(Dropped::Nothing) => Taken::Dropped,
                    _ => Taken::Calls(receipt.calls),
                };
                let expected = self.model.accept((&name, &effect), happened, &body, class, now);
                assert_eq!(taken, expected);
            }
            Step::Claim { calls, page, in_turn, old, lane } => {
                let old_before = at(if old { self.now - 500 } else { -1_000_000 });
                let lane = lane.and_then(|lane| self.leases.get(lane)).map(|leased| leased.lane);
                let claim = ClaimRequest { calls, page, in_turn, old_before, lane, ..claim(now) };
                let leases = store.claim(claim).await.unwrap();
                self.model.claim(&claim, &leases);
                self.leases.extend(leases);
            }
            Step::Settle { lease, delivered, verdict } => {
                if lease >= self.leases.len() {
                    return;
                }
                let settlement = verdicts(&self.leases.remove(lease), delivered, verdict, self.now);
                let fenced = self.model.settle(&settlement, now);
                let settled = store.settle(vec![settlement], NEVER, now).await.unwrap();
                assert_eq!(settled.fenced, usize::from(fenced));
            }
            Step::Wait { seconds } => self.now += seconds,
            Step::SetBack { seconds } => {
                self.now -= seconds;
                let by = Duration::from_secs(u64::try_from(seconds).unwrap());
                self.model.set_back(by, at(self.now));
                store.shift_due_times(Destination::CustomerIo, by, at(self.now)).await.unwrap();
            }
            Step::Raise { person, class } => {
                let name = format!("p{person}");
                if self.model.raise(&name, class) {
                    let email = Email::parse(&format!("{name}@example.com")).unwrap();
                    store.raise(&email.into(), class).await.unwrap();
                }
            }
            Step::TakeOver | Step::Restart | Step::Move => {
                assert_eq!(store.take_over(now).await.unwrap(), self.model.take_over(now));
            }
            Step::Redeliver => {
                let letters = self.model.redeliver(now);
                assert_eq!(store.redeliver(DeadLetters::All, now).await.unwrap(), letters);
            }
            Step::Discard => {
                let letters = self.model.discard();
                assert_eq!(store.discard(DeadLetters::All).await.unwrap(), letters);
            }
            Step::Prune { limit } => {
                let pruned = self.model.prune(now, limit);
                assert_eq!(store.prune(now, limit).await.unwrap(), pruned);
            }
        }
    }

    /// All that can be seen without changing anything.
    async fn compare(&self, store: &Store) {
        for page in [false, true] {
            let due = store.next_due(Destination::CustomerIo, page, at(0)).await.unwrap();
            assert_eq!(due, self.model.next_due(page));
        }
        let (pending, oldest_pending) = self.model.pending();
        let letters = store.dead_letters(None, 1_000).await.unwrap();
        let ids: Vec<_> = letters.iter().rev().map(|letter| letter.delivery.id).collect();
        assert_eq!(ids, self.model.dead());
        let dead = u64::try_from(ids.len()).unwrap();
        let stats = Stats { pending, oldest_pending, dead, parked: 0 };
        assert_eq!(store.stats().await.unwrap(), stats);
    }
}

/// The verdict for one delivery. Those to be sent before it in turn were delivered, and those behind
/// it only if it is; the others of a run are delivered, and those that it makes superfluous if it is.
fn verdicts(leased: &Leased, delivered: usize, verdict: u8, now: i64) -> Settlement {
    assert!(!words(leased).is_empty());
    let verdict = match verdict {
        0 => Verdict::NotAttempted,
        1 => Verdict::Retry { at: at(now + 30), failing_since: Duration::from_secs(7) },
        2 => Verdict::Dead { reason: "no".to_owned(), field: None },
        3 => Verdict::Defer { at: at(now + 1) },
        _ => Verdict::Delivered,
    };
    let place = if leased.in_turn { delivered.min(leased.deliveries.len() - 1) } else { 0 };
    let of = |number: usize| match number.cmp(&place) {
        Ordering::Equal => verdict.clone(),
        Ordering::Greater if leased.in_turn && verdict != Verdict::Delivered => {
            Verdict::NotAttempted
        }
        Ordering::Less | Ordering::Greater => Verdict::Delivered,
    };
    let superseded = if verdict == Verdict::Delivered { &leased.superseded[..] } else { &[] };
    let given = leased.deliveries.iter().enumerate();
    let given = given.map(|(number, delivery)| (delivery.id, of(number)));
    let given = given.chain(superseded.iter().map(|id| (*id, Verdict::Delivered)));
    let settle = |(delivery, verdict)| {
        let was_tried = !matches!(verdict, Verdict::NotAttempted | Verdict::Defer { .. });
        let attempt = was_tried.then(|| attempt(at(now), "no"));
        Settle { delivery, verdict, attempt }
    };
    let results = given.map(settle).collect();
    Settlement { lane: leased.lane, token: leased.token, results }
}
