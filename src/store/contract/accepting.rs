//! Promises of `accept`.

use crate::domain::{Call, Status};
use crate::store::Verdict;

use super::Bench;
use super::script::{
    Saying, arrival, at, claim, did, drain, inbox, lease, news, settle, take, words,
};

pub(crate) async fn what_was_accepted_is_there_after_a_restart(bench: &impl Bench) {
    let store = bench.open().await;
    let id = take(&*store, "ann", "joined", at(0)).await;
    drop(store);
    let store = bench.open().await;
    assert_eq!(inbox(&*store, false).await[0].id, id);
    assert_eq!(drain(&*store, at(1)).await, ["identify", "joined"]);
    store.close().await.unwrap();
    let store = bench.open().await;
    assert_eq!(drain(&*store, at(2)).await, [""; 0]);
}

pub(crate) async fn the_same_bytes_twice_are_a_duplicate(bench: &impl Bench) {
    let store = bench.open().await;
    let first = store.accept(arrival("same", at(0), did("ann", "a")), at(0)).await.unwrap();
    assert_eq!((first.status, first.calls), (Status::Accepted, 2));
    let second = store.accept(arrival("same", at(1), did("ann", "b")), at(1)).await.unwrap();
    assert_eq!((second.status, second.calls), (Status::Duplicate, 0));
    assert_eq!(second.id, first.id);
    assert_eq!(drain(&*store, at(2)).await, ["identify", "a"]);
}

pub(crate) async fn what_cannot_be_read_is_parked_with_its_reason(bench: &impl Bench) {
    let store = bench.open().await;
    let mut unread = arrival("unread", at(0), news());
    unread.reading = Err("event is unknown".to_owned());
    let receipt = store.accept(unread, at(0)).await.unwrap();
    assert_eq!(receipt.status, Status::Parked { reason: "event is unknown".to_owned() });
    let unmappable = arrival("unmappable", at(1), news().named("unmappable"));
    let receipt = store.accept(unmappable, at(1)).await.unwrap();
    assert_eq!(receipt.status, Status::Parked { reason: "data.what is missing".to_owned() });
    let parked = inbox(&*store, true).await;
    let bodies: Vec<_> = parked.iter().map(|webhook| webhook.body.as_slice()).collect();
    assert_eq!(bodies, [&b"unread"[..], b"unmappable"]);
    assert_eq!(store.stats().await.unwrap().parked, 2);
}

pub(crate) async fn a_parked_webhook_arriving_again_is_planned_under_its_first_time(
    bench: &impl Bench,
) {
    let store = bench.open().await;
    let unmappable = did("ann", "a").named("unmappable");
    let first = store.accept(arrival("same", at(0), unmappable), at(0)).await.unwrap();
    let second = store.accept(arrival("same", at(50), did("ann", "a")), at(50)).await.unwrap();
    assert_eq!((second.status, second.calls), (Status::Accepted, 2));
    assert_eq!(second.id, first.id);
    assert_eq!(store.stats().await.unwrap().parked, 0);
    let identify = lease(&*store, at(50)).await;
    assert_eq!(identify.deliveries[0].webhook, Some(first.id));
    settle(&*store, &identify, &Verdict::Delivered, at(50)).await;
    let track = lease(&*store, at(50)).await;
    assert!(
        matches!(track.deliveries[0].call, Call::Track { at: time, .. } if time == at(0)),
        "{track:?}"
    );
    let third = store.accept(arrival("same", at(51), did("ann", "a")), at(51)).await.unwrap();
    assert_eq!(third.status, Status::Duplicate);
}

pub(crate) async fn a_webhook_mapped_in_part_is_accepted_and_parked(bench: &impl Bench) {
    let store = bench.open().await;
    let receipt = store.accept(arrival("part", at(0), did("ann", "a").nobody()), at(0)).await;
    let receipt = receipt.unwrap();
    assert_eq!((receipt.status, receipt.calls), (Status::Accepted, 2));
    assert_eq!(receipt.unmapped, ["data.referrer.email is missing"]);
    assert_eq!(inbox(&*store, true).await.len(), 1);
    assert_eq!(store.stats().await.unwrap().parked, 1);
}

pub(crate) async fn a_planner_that_panics_parks_only_that_webhook(bench: &impl Bench) {
    let store = bench.open().await;
    let mut waiting = tokio::task::JoinSet::new();
    for number in 0..40 {
        let mut news = did(&format!("p{number}"), &format!("e{number}"));
        if number == 17 {
            news = news.named("panic");
        }
        let (store, arrival) = (store.clone(), arrival(&number.to_string(), at(0), news));
        waiting.spawn(async move { (number, store.accept(arrival, at(0)).await.unwrap().status) });
    }
    for (number, status) in waiting.join_all().await {
        match status {
            Status::Parked { reason } => {
                assert_eq!((number, reason.contains("panic")), (17, true), "{reason}");
            }
            status => assert_eq!(status, Status::Accepted, "{number}"),
        }
    }
    assert_eq!(store.stats().await.unwrap().pending, 39 * 2);
}

pub(crate) async fn a_planner_that_never_ends_parks_the_webhook(bench: &impl Bench) {
    let store = bench.open().await;
    let receipt = store.accept(arrival("x", at(0), news().named("endless")), at(0)).await.unwrap();
    assert!(matches!(receipt.status, Status::Parked { .. }), "{receipt:?}");
}

pub(crate) async fn a_plan_that_contradicts_the_store_parks_the_webhook_and_leaves_no_trace(
    bench: &impl Bench,
) {
    let store = bench.open().await;
    take(&*store, "zed", "a", at(0)).await;
    // Ann is written before Zed is refused, because the script plans people in their order.
    let news = did("ann", "b").participant("zed@example.com", "zed").effect("c", None);
    let both = arrival("x", at(1), news.clone().named("contradiction"));
    let receipt = store.accept(both, at(1)).await.unwrap();
    assert!(matches!(receipt.status, Status::Parked { .. }), "{receipt:?}");
    assert_eq!(store.stats().await.unwrap().pending, 2);
    assert_eq!(bench.count().await, store.stats().await.unwrap());
    let receipt = store.accept(arrival("x", at(2), news), at(2)).await.unwrap();
    assert_eq!((receipt.status, receipt.calls), (Status::Accepted, 4));
}

pub(crate) async fn an_effect_told_many_times_at_once_happens_once(bench: &impl Bench) {
    let store = bench.open().await;
    let mut waiting = tokio::task::JoinSet::new();
    for number in 0..50 {
        let store = store.clone();
        let arrival = arrival(&format!("body {number}"), at(number), did("ann", "joined"));
        waiting.spawn(async move { store.accept(arrival, at(0)).await.unwrap().calls });
    }
    let calls: usize = waiting.join_all().await.into_iter().sum();
    assert_eq!(calls, 2);
    assert_eq!(drain(&*store, at(100)).await, ["identify", "joined"]);
}

pub(crate) async fn an_effect_that_one_plan_tells_twice_happens_once(bench: &impl Bench) {
    let store = bench.open().await;
    let twice = did("ann", "a").effect("a", None);
    let receipt = store.accept(arrival("x", at(0), twice), at(0)).await.unwrap();
    assert_eq!((receipt.status, receipt.calls), (Status::Accepted, 3));
    assert_eq!(drain(&*store, at(1)).await, ["identify", "a", "identify"]);
}

pub(crate) async fn a_participant_is_found_by_its_id_when_its_address_changed(bench: &impl Bench) {
    let store = bench.open().await;
    take(&*store, "ann", "a", at(0)).await;
    let moved = news().participant("ann@elsewhere.org", "ann").effect("b", None);
    store.accept(arrival("moved", at(1), moved), at(1)).await.unwrap();
    let leased = lease(&*store, at(2)).await;
    // One lane, and even the calls planned before go to where the person is now.
    assert_eq!(leased.identifier.value(), "ann@elsewhere.org");
    settle(&*store, &leased, &Verdict::Delivered, at(2)).await;
    assert_eq!(drain(&*store, at(2)).await, ["a", "identify", "b"]);
}

pub(crate) async fn what_is_known_of_a_person_comes_back_whole(bench: &impl Bench) {
    let store = bench.open().await;
    take(&*store, "ann", "a", at(0)).await;
    let before = lease(&*store, at(0)).await;
    drop(store);
    let store = bench.open().await;
    drain(&*store, at(100)).await;
    // The script says again what the store told it, so this shows that nothing was forgotten.
    let again = news().participant("ann@example.com", "ann").identify();
    store.accept(arrival("again", at(0), again), at(101)).await.unwrap();
    let after = store.claim(claim(at(102))).await.unwrap().remove(0);
    assert_eq!(words(&after), ["identify"]);
    assert_eq!(before.deliveries[0].call, after.deliveries[0].call);
    assert_eq!(before.lane, after.lane);
}
