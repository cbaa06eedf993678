//! Promises of `settle`.

use std::time::Duration;

use crate::domain::Destination;
use crate::store::{AvailabilityClock, ClaimRequest, Settle, Settlement, Verdict};

use super::Bench;
use super::script::{
    NEVER, Saying, arrival, at, bury, claim, drain, lease, notification, settle, take, verdict,
    words,
};

pub(crate) async fn a_failed_call_stays_first_until_its_time(bench: &impl Bench) {
    let store = bench.open().await;
    take(&store, "ann", "a", at(0)).await;
    for (number, since) in [(1, 7), (2, 7)] {
        let leased = lease(&store, at(number * 100)).await;
        assert_eq!(words(&leased), ["identify"]);
        let failing_since = Duration::from_secs(since);
        let later = Verdict::Retry { at: at(number * 100 + 50), failing_since };
        settle(&store, &leased, &later, at(number * 100)).await;
        take(&store, "ann", &format!("meanwhile {number}"), at(number * 100 + 1)).await;
        assert!(store.claim(claim(at(number * 100 + 49))).await.unwrap().is_empty());
    }
    let leased = lease(&store, at(300)).await;
    assert_eq!(words(&leased), ["identify"]);
    assert_eq!(leased.deliveries[0].attempts, 2);
    assert_eq!(leased.deliveries[0].failing_since, Some(Duration::from_secs(7)));
}

pub(crate) async fn an_untried_call_is_due_at_once(bench: &impl Bench) {
    let store = bench.open().await;
    take(&store, "ann", "a", at(0)).await;
    let leased = lease(&store, at(1)).await;
    settle(&store, &leased, &Verdict::NotAttempted, at(2)).await;
    let again = lease(&store, at(2)).await;
    assert_eq!(again.deliveries, leased.deliveries);
    // A settlement that says nothing of a delivery leaves it untried, too.
    let nothing = Settlement { lane: again.lane, token: again.token, results: Vec::new() };
    store.settle(vec![nothing], NEVER, at(3)).await.unwrap();
    assert_eq!(lease(&store, at(3)).await.deliveries, leased.deliveries);
}

pub(crate) async fn a_dead_call_lets_its_lane_go_on(bench: &impl Bench) {
    let store = bench.open().await;
    take(&store, "ann", "a", at(0)).await;
    bury(&store, at(1)).await;
    assert_eq!(drain(&store, at(1)).await, ["a"]);
    let stats = store.stats().await.unwrap();
    assert_eq!((stats.pending, stats.dead), (0, 1));
}

pub(crate) async fn a_settlement_counts_once(bench: &impl Bench) {
    let store = bench.open().await;
    take(&store, "ann", "a", at(0)).await;
    let leased = lease(&store, at(0)).await;
    let twice = vec![verdict(&leased, &Verdict::Delivered), verdict(&leased, &Verdict::Delivered)];
    let settled = store.settle(twice, NEVER, at(1)).await.unwrap();
    assert_eq!(settled, 1);
    assert_eq!(store.stats().await.unwrap().pending, 1);
    assert_eq!(drain(&store, at(1)).await, ["a"]);
}

pub(crate) async fn a_run_can_end_in_part(bench: &impl Bench) {
    let store = bench.open().await;
    let mut reported = notification().participant("ann@example.com", "ann");
    for effect in ["a", "b", "c", "d"] {
        reported = reported.effect(effect, Some(at(0)));
    }
    store.accept(arrival("x", at(1_000), reported), at(1_000)).await.unwrap();
    let old = |now| ClaimRequest { old_before: at(500), ..claim(at(now)) };
    let identify = store.claim(old(1_000)).await.unwrap().remove(0);
    settle(&store, &identify, &Verdict::Delivered, at(1_000)).await;
    let run = store.claim(old(1_000)).await.unwrap().remove(0);
    assert_eq!(words(&run), ["a", "b", "c", "d"]);
    let verdicts = [
        Verdict::Delivered,
        Verdict::Retry { at: at(1_060), failing_since: Duration::ZERO },
        Verdict::Dead { reason: "no".to_owned(), field: None },
        Verdict::Retry { at: at(1_030), failing_since: Duration::ZERO },
    ];
    let results = run.deliveries.iter().zip(verdicts).map(|(delivery, verdict)| Settle {
        delivery: delivery.id,
        verdict,
        attempt: None,
    });
    let results = results.collect();
    let settlement = Settlement { lane: run.lane, token: run.token, results };
    store.settle(vec![settlement], NEVER, at(1_001)).await.unwrap();
    // No sooner than any of them asked.
    assert!(store.claim(old(1_059)).await.unwrap().is_empty());
    let rest = store.claim(old(1_060)).await.unwrap().remove(0);
    assert_eq!(words(&rest), ["b", "d"]);
    let stats = store.stats().await.unwrap();
    assert_eq!((stats.pending, stats.dead), (2, 1));
}

pub(crate) async fn the_availability_clock_is_stored(bench: &impl Bench) {
    let store = bench.open().await;
    assert_eq!(store.destination().await.unwrap().accepting, Duration::ZERO);
    let reading = Duration::from_micros(1_234_567);
    for (destination, reading) in
        [(Destination::CustomerIo, reading), (Destination::GrowSurf, 2 * reading)]
    {
        store.settle(Vec::new(), AvailabilityClock { destination, reading }, at(0)).await.unwrap();
    }
    drop(store);
    let store = bench.open().await;
    let kept = store.destination().await.unwrap();
    assert_eq!((kept.accepting, kept.accepting_back), (reading, 2 * reading));
}

pub(crate) async fn a_call_that_waits_for_another_is_due_later_and_counts_no_attempt(
    bench: &impl Bench,
) {
    let store = bench.open().await;
    take(&store, "ann", "a", at(0)).await;
    let leased = store.claim(ClaimRequest { in_turn: 2, ..claim(at(1)) }).await.unwrap().remove(0);
    let results = vec![
        Settle { delivery: leased.deliveries[0].id, verdict: Verdict::Delivered, attempt: None },
        Settle {
            delivery: leased.deliveries[1].id,
            verdict: Verdict::Defer { at: at(3) },
            attempt: None,
        },
    ];
    let settlement = Settlement { lane: leased.lane, token: leased.token, results };
    store.settle(vec![settlement], NEVER, at(2)).await.unwrap();
    assert!(store.claim(claim(at(2))).await.unwrap().is_empty());
    assert_eq!(store.next_due(Destination::CustomerIo, true, at(2)).await.unwrap(), Some(at(3)));
    let again = lease(&store, at(3)).await;
    assert_eq!(again.deliveries, leased.deliveries[1..]);
    settle(&store, &again, &Verdict::Delivered, at(3)).await;
    assert_eq!(store.stats().await.unwrap(), bench.count().await);
}
