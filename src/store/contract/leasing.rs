//! Promises of `claim`, `next_due` and `take_over`.

use std::time::Duration;

use crate::domain::{Destination, LaneKey, ParticipantKey, Time};
use crate::store::{ClaimRequest, DeadLetters, Store, Verdict};

use super::Bench;
use super::script::{
    CAMPAIGN, NEVER, Saying, arrival, at, claim, did, drain, lease, notification, settle, take,
    verdict, words,
};

pub(crate) async fn calls_of_a_lane_go_out_in_order_one_at_a_time(bench: &impl Bench) {
    let store = bench.open().await;
    take(&store, "ann", "a", at(0)).await;
    take(&store, "ann", "b", at(0)).await;
    let leased = lease(&store, at(1)).await;
    assert_eq!(words(&leased), ["identify"]);
    assert!(store.claim(claim(at(1))).await.unwrap().is_empty());
    // What comes in meanwhile waits for its turn.
    take(&store, "ann", "c", at(1)).await;
    assert!(store.claim(claim(at(2))).await.unwrap().is_empty());
    settle(&store, &leased, &Verdict::Delivered, at(2)).await;
    assert_eq!(drain(&store, at(2)).await, ["a", "identify", "b", "identify", "c"]);
}

pub(crate) async fn a_lease_gives_an_identify_and_the_tracks_behind_it_in_turn(bench: &impl Bench) {
    let store = bench.open().await;
    for effect in ["a", "b"] {
        take(&store, "ann", effect, at(0)).await;
    }
    let leased = store.claim(three_at(1)).await.unwrap().remove(0);
    assert!(leased.in_turn);
    assert_eq!(words(&leased), ["identify", "a"], "no second identify");
    // The first went, the second waits for its time: it stays first.
    let mut settlement = verdict(&leased, &Verdict::Delivered);
    settlement.results[1].verdict =
        Verdict::Retry { at: at(5), failing_since: Duration::from_secs(1) };
    store.settle(vec![settlement], NEVER, at(2)).await.unwrap();
    assert_eq!(store.stats().await.unwrap(), bench.count().await);
    assert!(store.claim(three_at(2)).await.unwrap().is_empty());
    let leased = store.claim(three_at(5)).await.unwrap().remove(0);
    assert_eq!((words(&leased), leased.deliveries[0].attempts), (vec!["a".to_owned()], 1));
    settle(&store, &leased, &Verdict::Delivered, at(5)).await;
    let one = store.claim(ClaimRequest { calls: 1, ..three_at(6) }).await.unwrap().remove(0);
    assert_eq!(words(&one), ["identify"], "no more than asked for in all");
    settle(&store, &one, &Verdict::NotAttempted, at(6)).await;
    let both = store.claim(three_at(6)).await.unwrap().remove(0);
    assert_eq!(words(&both), ["identify", "b"]);
    settle(&store, &both, &Verdict::Delivered, at(6)).await;
    assert_eq!(store.stats().await.unwrap(), bench.count().await);
    assert!(drain(&store, at(7)).await.is_empty());
}

fn three_at(second: i64) -> ClaimRequest {
    ClaimRequest { in_turn: 3, ..claim(at(second)) }
}

pub(crate) async fn lanes_out_and_back_are_kept_apart(bench: &impl Bench) {
    let store = bench.open().await;
    take(&store, "ann", "a", at(0)).await;
    let asks = |body: &'static str| {
        let notification = notification().participant("ann@example.com", "ann").named("back");
        store.accept(arrival(body, at(1), notification), at(1))
    };
    asks("1").await.unwrap();
    asks("2").await.unwrap();
    let of = |destination| ClaimRequest { destination, ..claim(at(2)) };
    assert_eq!(store.next_due(Destination::GrowSurf, true, at(2)).await.unwrap(), Some(at(1)));
    let out = store.claim(of(Destination::CustomerIo)).await.unwrap();
    assert!(out[0].key.email().is_some(), "{out:?}");
    assert_eq!(out.len(), 1);
    for left in [Some(at(3)), None] {
        let back = ClaimRequest { now: at(3), ..of(Destination::GrowSurf) };
        let mut leased = store.claim(back).await.unwrap();
        let leased = leased.pop().unwrap();
        let key = ParticipantKey::new(CAMPAIGN, "ann");
        assert_eq!(leased.key, LaneKey::Participant(key));
        assert_eq!(leased.deliveries.len(), 1);
        let verdict = Verdict::Dead { reason: "no".to_owned(), field: None };
        settle(&store, &leased, &verdict, at(3)).await;
        assert_eq!(store.next_due(Destination::GrowSurf, true, at(3)).await.unwrap(), left);
    }
    // A lane that was empty, and letters that are put back, still lead back.
    assert_eq!(store.redeliver(DeadLetters::All, at(4)).await.unwrap(), 2);
    asks("3").await.unwrap();
    assert!(
        store
            .claim(ClaimRequest { now: at(5), ..of(Destination::CustomerIo) })
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        store.claim(ClaimRequest { now: at(5), ..of(Destination::GrowSurf) }).await.unwrap().len(),
        1
    );
}

pub(crate) async fn a_claim_gives_no_more_calls_than_asked(bench: &impl Bench) {
    let store = bench.open().await;
    for person in ["ann", "bob", "cid"] {
        take(&store, person, person, at(0)).await;
    }
    let leases = store.claim(ClaimRequest { calls: 2, ..claim(at(1)) }).await.unwrap();
    assert_eq!(leases.len(), 2);
    assert_eq!(store.claim(ClaimRequest { calls: 2, ..claim(at(1)) }).await.unwrap().len(), 1);
    assert!(store.claim(ClaimRequest { calls: 0, ..claim(at(99)) }).await.unwrap().is_empty());
}

pub(crate) async fn the_longest_due_lane_goes_first(bench: &impl Bench) {
    let store = bench.open().await;
    for (person, second) in [("ann", 2), ("bob", 1), ("cid", 3)] {
        take(&store, person, person, at(second)).await;
    }
    assert!(store.claim(claim(at(0))).await.unwrap().is_empty());
    let leases = store.claim(claim(at(5))).await.unwrap();
    let people: Vec<_> = leases.iter().map(|leased| leased.key.value()).collect();
    assert_eq!(people, ["bob@example.com", "ann@example.com", "cid@example.com"]);
}

pub(crate) async fn a_lease_that_ends_makes_the_lane_due_and_fences_the_late_result(
    bench: &impl Bench,
) {
    let store = bench.open().await;
    take(&store, "ann", "a", at(0)).await;
    let slow = lease(&store, at(0)).await;
    assert!(store.claim(claim(at(59))).await.unwrap().is_empty());
    let quick = lease(&store, at(60)).await;
    assert_eq!(words(&quick), words(&slow));
    assert!(quick.token > slow.token);
    let late = vec![verdict(&slow, &Verdict::Delivered)];
    let settled = store.settle(late, NEVER, at(61)).await.unwrap();
    assert_eq!(settled, 1);
    assert!(store.claim(claim(at(61))).await.unwrap().is_empty());
    settle(&store, &quick, &Verdict::Delivered, at(62)).await;
    assert_eq!(drain(&store, at(62)).await, ["a"]);
}

pub(crate) async fn a_named_lane_is_given_due_or_not_unless_it_is_leased(bench: &impl Bench) {
    let store = bench.open().await;
    take(&store, "ann", "a", at(0)).await;
    take(&store, "bob", "b", at(0)).await;
    let named = |lane| ClaimRequest { lane: Some(lane), ..claim(at(1)) };
    for leased in store.claim(claim(at(0))).await.unwrap() {
        assert!(store.claim(named(leased.lane)).await.unwrap().is_empty());
        let later = Verdict::Retry { at: at(900), failing_since: Duration::ZERO };
        settle(&store, &leased, &later, at(1)).await;
        assert!(store.claim(claim(at(1))).await.unwrap().is_empty());
        let again = store.claim(named(leased.lane)).await.unwrap();
        assert_eq!((again.len(), again[0].lane), (1, leased.lane));
        settle(&store, &again[0], &Verdict::Delivered, at(1)).await;
        drain(&store, at(1)).await;
        assert!(store.claim(named(leased.lane)).await.unwrap().is_empty());
    }
}

/// Fills one lane with an identify and a track for each effect, at its time.
async fn lane(store: &Store, effects: &[(&str, Time)]) {
    for (effect, time) in effects {
        let notification =
            notification().participant("ann@example.com", "ann").effect(effect, Some(*time));
        store.accept(arrival(effect, at(1_000), notification), at(1_000)).await.unwrap();
    }
}

fn old(now: i64) -> ClaimRequest {
    ClaimRequest { old_before: at(500), ..claim(at(now)) }
}

pub(crate) async fn old_tracks_go_together(bench: &impl Bench) {
    let store = bench.open().await;
    lane(&store, &[("a", at(1)), ("b", at(2)), ("c", at(3)), ("new", at(900))]).await;
    let first = store.claim(old(1_000)).await.unwrap().remove(0);
    assert_eq!((words(&first), first.superseded.len()), (vec!["identify".to_owned()], 3));
    settle(&store, &first, &Verdict::Delivered, at(1_000)).await;
    let run = store.claim(ClaimRequest { calls: 2, ..old(1_000) }).await.unwrap().remove(0);
    assert_eq!(words(&run), ["a", "b"], "no more than asked");
    settle(&store, &run, &Verdict::NotAttempted, at(1_000)).await;
    let run = store.claim(old(1_000)).await.unwrap().remove(0);
    assert_eq!(words(&run), ["a", "b", "c"]);
    settle(&store, &run, &Verdict::Delivered, at(1_000)).await;
    assert_eq!(drain(&store, at(1_000)).await, ["new"]);
    assert_eq!(store.stats().await.unwrap().pending, 0);
}

pub(crate) async fn an_old_run_gives_its_last_identify_alone(bench: &impl Bench) {
    let store = bench.open().await;
    lane(&store, &[("a", at(1)), ("b", at(2))]).await;
    let again =
        notification().participant("ann@example.com", "ann").fact("first_name", "Ann").identify();
    store.accept(arrival("again", at(1_001), again), at(1_001)).await.unwrap();
    let first = store.claim(old(1_001)).await.unwrap().remove(0);
    assert_eq!(first.superseded.len(), 2);
    let [only] = &first.deliveries[..] else { panic!("{first:?}") };
    let crate::domain::Call::Identify { attributes } = &only.call else { panic!("{first:?}") };
    let name = attributes["first_name"].as_text();
    assert_eq!(name, Some("Ann"), "the last one, which carries the newest profile");
    // Given back untried, it is due again, with all that it makes superfluous.
    let mut untried = verdict(&first, &Verdict::NotAttempted);
    untried.results.truncate(1);
    store.settle(vec![untried], NEVER, at(1_002)).await.unwrap();
    let again = store.claim(old(1_002)).await.unwrap().remove(0);
    assert_eq!(again.superseded, first.superseded);
    settle(&store, &again, &Verdict::Delivered, at(1_002)).await;
    let run = store.claim(old(1_002)).await.unwrap().remove(0);
    assert_eq!(words(&run), ["a", "b"]);
}

pub(crate) async fn a_new_track_is_never_part_of_a_run(bench: &impl Bench) {
    let store = bench.open().await;
    lane(&store, &[("new", at(500)), ("a", at(1))]).await;
    let mut sent = Vec::new();
    while let Some(leased) = store.claim(old(1_000)).await.unwrap().pop() {
        assert!(leased.superseded.is_empty(), "an identify stays before the new track it is for");
        sent.push(words(&leased).join(" "));
        settle(&store, &leased, &Verdict::Delivered, at(1_000)).await;
    }
    assert_eq!(sent, ["identify", "new", "identify", "a"]);
}

pub(crate) async fn a_restart_takes_over_leases_and_the_living_keep_theirs(bench: &impl Bench) {
    let store = bench.open().await;
    assert_eq!(store.take_over(at(0)).await.unwrap(), 0);
    store.accept(arrival("x", at(0), did("ann", "a")), at(0)).await.unwrap();
    let lost = lease(&store, at(0)).await;
    let other = bench.open().await;
    assert_eq!(other.take_over(at(1)).await.unwrap(), 0, "another live one delivers");
    assert!(other.claim(claim(at(1))).await.unwrap().is_empty());
    drop(store);
    assert_eq!(other.take_over(at(2)).await.unwrap(), 1);
    let late = vec![verdict(&lost, &Verdict::Delivered)];
    assert_eq!(other.settle(late, NEVER, at(2)).await.unwrap(), 1);
    assert_eq!(drain(&other, at(2)).await, ["identify", "a"]);
}

pub(crate) async fn next_due_includes_retries_and_ends_of_leases(bench: &impl Bench) {
    let store = bench.open().await;
    assert_eq!(store.next_due(Destination::CustomerIo, true, at(0)).await.unwrap(), None);
    take(&store, "ann", "a", at(5)).await;
    assert_eq!(store.next_due(Destination::CustomerIo, true, at(0)).await.unwrap(), Some(at(5)));
    let leased = lease(&store, at(10)).await;
    assert_eq!(store.next_due(Destination::CustomerIo, true, at(0)).await.unwrap(), Some(at(70)));
    let later = Verdict::Retry { at: at(33), failing_since: Duration::ZERO };
    settle(&store, &leased, &later, at(11)).await;
    assert_eq!(store.next_due(Destination::CustomerIo, true, at(0)).await.unwrap(), Some(at(33)));
    drain(&store, at(33)).await;
    assert_eq!(store.next_due(Destination::CustomerIo, true, at(0)).await.unwrap(), None);
}

pub(crate) async fn a_clock_set_back_holds_up_no_lane_and_ends_no_lease(bench: &impl Bench) {
    let store = bench.open().await;
    let hour = Duration::from_secs(3_600);
    take(&store, "ann", "a", at(5_000)).await;
    let held = lease(&store, at(5_000)).await;
    take(&store, "bob", "b", at(5_000)).await;
    let refused = lease(&store, at(5_000)).await;
    take(&store, "cid", "c", at(5_000)).await;
    let later = Verdict::Retry { at: at(5_600), failing_since: Duration::ZERO };
    settle(&store, &refused, &later, at(5_000)).await;
    let now = at(5_001).minus(hour);
    assert!(store.claim(claim(now)).await.unwrap().is_empty());
    store.shift_due_times(Destination::CustomerIo, hour, now).await.unwrap();
    let other = lease(&store, now).await;
    assert_ne!(other.lane, refused.lane, "what is to wait waits as long as it would");
    settle(&store, &other, &Verdict::Dead { reason: String::new(), field: None }, now).await;
    drain(&store, now).await;
    assert!(store.claim(claim(at(5_599).minus(hour))).await.unwrap().is_empty());
    assert_eq!(lease(&store, at(5_600).minus(hour)).await.lane, refused.lane);
    settle(&store, &held, &Verdict::Delivered, now).await;
    assert_eq!(lease(&store, now).await.lane, held.lane, "its lease was still its own");
}
