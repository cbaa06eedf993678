//! The promise that kept numbers equal counted ones, whatever happens in which order.

use std::time::Duration;

use proptest::prelude::{Strategy, prop_oneof};
use proptest::test_runner::{Config, TestRunner};

use crate::domain::{Destination, Leased};
use crate::store::{
    AvailabilityClock, ClaimRequest, DeadLetters, Settle, Settlement, Store, Verdict,
};

use super::Bench;
use super::script::{Saying, arrival, at, attempt, claim, did, inbox, news};

#[derive(Clone, Copy, Debug)]
enum Step {
    Accept { person: u8, effect: u8, manner: u8 },
    Claim { calls: usize, old: bool },
    Settle { verdict: u8 },
    Wait { seconds: i64 },
    Redeliver,
    Discard,
    Prune { limit: usize },
    Replay { dry_run: bool },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..3_u8, 0..12_u8, 0..5_u8)
            .prop_map(|(person, effect, manner)| Step::Accept { person, effect, manner }),
        6 => (0..6_usize, proptest::bool::ANY).prop_map(|(calls, old)| Step::Claim { calls, old }),
        8 => (0..5_u8).prop_map(|verdict| Step::Settle { verdict }),
        2 => (0..90_i64).prop_map(|seconds| Step::Wait { seconds }),
        1 => proptest::strategy::Just(Step::Redeliver),
        1 => proptest::strategy::Just(Step::Discard),
        1 => (0..4_usize).prop_map(|limit| Step::Prune { limit }),
        1 => proptest::bool::ANY.prop_map(|dry_run| Step::Replay { dry_run }),
    ]
}

pub(crate) fn numbers_kept_equal_numbers_counted<B: Bench>(bench: impl Fn() -> B) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut runner =
        TestRunner::new(Config { cases: 48, failure_persistence: None, ..Config::default() });
    let steps = proptest::collection::vec(step(), 1..40);
    let result = runner.run(&steps, |steps| {
        runtime.block_on(walk(&bench(), &steps));
        Ok(())
    });
    result.unwrap();
}

async fn walk(bench: &impl Bench, steps: &[Step]) {
    let store = bench.open().await;
    let mut leases = Vec::new();
    let mut now = 0;
    for (number, step) in steps.iter().enumerate() {
        take_step(&store, *step, number, &mut now, &mut leases).await;
        assert_eq!(store.stats().await.unwrap(), bench.count().await, "after step {number}");
    }
}

async fn take_step(
    store: &Store,
    step: Step,
    number: usize,
    now: &mut i64,
    leases: &mut Vec<Leased>,
) {
    match step {
        Step::Accept { person, effect, manner } => {
            let happened = at(*now - i64::from(effect) * 20);
            let told = did(&format!("p{person}"), &format!("now {effect}"))
                .effect(&format!("then {effect}"), Some(happened));
            let told = match manner {
                0 => told.named("unmappable"),
                1 => told.nobody(),
                2 => news().participant(&format!("p{person}@example.com"), "x").identify(),
                _ => told,
            };
            let body = if manner == 3 { format!("same {effect}") } else { format!("{number}") };
            store.accept(arrival(&body, at(*now), told), at(*now)).await.unwrap();
        }
        Step::Claim { calls, old } => {
            let old_before = if old { at(*now - 100) } else { at(-1_000_000) };
            let claim = ClaimRequest { calls, old_before, ..claim(at(*now)) };
            leases.extend(store.claim(claim).await.unwrap());
        }
        Step::Settle { verdict } => {
            let Some(leased) = leases.pop() else { return };
            let settlement = verdicts(&leased, verdict, *now);
            store
                .settle(
                    vec![settlement],
                    AvailabilityClock {
                        way: Destination::CustomerIo,
                        reading: Duration::from_secs(1),
                    },
                    at(*now),
                )
                .await
                .unwrap();
        }
        Step::Wait { seconds } => *now += seconds,
        Step::Redeliver => {
            store.redeliver(DeadLetters::All, at(*now)).await.unwrap();
        }
        Step::Discard => {
            let first = store.dead_letters(None, 1).await.unwrap();
            let ids = first.iter().map(|letter| letter.delivery.id).collect();
            store.discard(DeadLetters::These(ids)).await.unwrap();
        }
        Step::Prune { limit } => {
            store.prune(at(*now), limit).await.unwrap();
            store.prune_parked(at(*now - 50), limit).await.unwrap();
        }
        Step::Replay { dry_run } => {
            for webhook in inbox(store, true).await {
                let reading = Ok(did("p0", &format!("replayed {number}")));
                store.replay(webhook.id, reading, at(*now), dry_run).await.unwrap();
            }
        }
    }
}

/// The verdict for the first delivery; the others of a run are delivered.
fn verdicts(leased: &Leased, verdict: u8, now: i64) -> Settlement {
    let mut verdict = Some(match verdict {
        0 => Verdict::NotAttempted,
        1 => Verdict::Retry { at: at(now + 30), failing_since: Duration::ZERO },
        2 => Verdict::Dead { reason: "no".to_owned(), field: None },
        _ => Verdict::Delivered,
    });
    let given = leased.deliveries.iter().map(|delivery| Settle {
        delivery: delivery.id,
        verdict: verdict.take().unwrap_or(Verdict::Delivered),
        attempt: Some(attempt(at(now), "no")),
    });
    Settlement { lane: leased.lane, token: leased.token, results: given.collect() }
}
