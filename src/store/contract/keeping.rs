//! Promises about what is kept and what goes: inbox, replay, pruning, closing.

use std::time::Duration;

use crate::domain::{
    Call, Destination, Notification, Receipt, ReceivedWebhook, Scalar, Status, WebhookId,
};
use crate::store::{DeadLetters, InboxPage, Pruned, Store, StoreError, Verdict, Workspace};

use super::Bench;
use super::script::{
    Saying, arrival, at, bury, claim, did, drain, inbox, lease, notification, settle, take,
};

/// Accepts webhooks with delivered, pending, dead and parked work. Returns the id of the first one.
async fn one_of_each(store: &Store) -> WebhookId {
    let done = take(store, "ann", "a", at(0)).await;
    drain(store, at(0)).await;
    take(store, "bob", "b", at(1)).await;
    bury(store, at(1)).await;
    drain(store, at(1)).await;
    store
        .accept(arrival("parked", at(2), notification().named("unmappable")), at(2))
        .await
        .unwrap();
    store.accept(arrival("part", at(3), did("cid", "c").nobody()), at(3)).await.unwrap();
    drain(store, at(3)).await;
    take(store, "dan", "d", at(4)).await;
    done
}

pub(crate) async fn pruning_takes_delivered_work_and_nothing_else(bench: &impl Bench) {
    let store = bench.open().await;
    let done = one_of_each(&store).await;
    let stats = store.stats().await.unwrap();
    assert_eq!(store.pruned_until().await.unwrap(), Pruned::default());
    assert_eq!(store.prune(at(0), 100).await.unwrap(), 0, "not before its time");
    assert_eq!(store.prune(at(100), 100).await.unwrap(), 1);
    assert_eq!(store.prune(at(100), 100).await.unwrap(), 0);
    let pruned = Pruned { finished: Some(at(0)), parked: None };
    assert_eq!(store.pruned_until().await.unwrap(), pruned);
    let kept = inbox(&store, false).await;
    assert_eq!(kept.len(), 4);
    assert!(kept.iter().all(|webhook| webhook.id != done && !webhook.body.is_empty()));
    let gone = store.replay(done, Ok(did("ann", "a")), at(101), false).await;
    assert!(matches!(gone, Err(StoreError::NoSuchWebhook(id)) if id == done), "{gone:?}");
    assert_eq!(store.stats().await.unwrap(), stats);
    assert_eq!(bench.count().await, stats);
    assert_eq!(drain(&store, at(101)).await, ["identify", "d"]);
}

/// Returns a visitor does something, in a webhook of its own.
async fn visits(store: &Store, visitor: &str, effect: &str, second: i64) -> Receipt {
    let visit = did(visitor, effect).named("visit");
    let body = format!("{visitor} {effect} {second}");
    store.accept(arrival(&body, at(second), visit), at(second)).await.unwrap()
}

/// True if the store has a row for a visitor.
async fn knows(store: &Store, visitor: &str) -> bool {
    let notification = did(visitor, "unheard of").named("visit");
    let plan = store.preview(vec![notification], at(0)).await.unwrap().remove(0).unwrap();
    plan.lanes[0].person.id.is_some()
}

pub(crate) async fn pruning_takes_visitors_of_whom_nothing_is_left_unless_they_are_claimed(
    bench: &impl Bench,
) {
    let store = bench.open().await;
    for visitor in ["passer-by", "regular-1", "claimed-1"] {
        visits(&store, visitor, &format!("{visitor} a"), 0).await;
    }
    visits(&store, "regular-1", "regular-1 b", 50).await;
    let claim = arrival("claim", at(1), did("claimed-1", "c").named("claim"));
    store.accept(claim, at(1)).await.unwrap();
    drain(&store, at(50)).await;
    assert_eq!(store.prune(at(0), 100).await.unwrap(), 0);
    assert!(knows(&store, "passer-by").await, "not before its time");

    assert_eq!(store.prune(at(10), 100).await.unwrap(), 4);
    let known = async || {
        let mut known = Vec::new();
        for visitor in ["passer-by", "regular-1", "claimed-1"] {
            known.push(knows(&store, visitor).await);
        }
        known
    };
    assert_eq!(known().await, [false, true, true]);
    assert_eq!(store.prune(at(100), 100).await.unwrap(), 1);
    assert_eq!(known().await, [false, false, true]);
    assert_eq!(store.stats().await.unwrap(), bench.count().await);

    // A visitor who comes back is new, and their earlier effects aren't repeated.
    let again = visits(&store, "passer-by", "passer-by a", 200).await;
    assert_eq!((again.status, again.calls), (Status::Accepted, 0));
    assert_eq!(visits(&store, "passer-by", "passer-by b", 201).await.calls, 1);
    assert_eq!(drain(&store, at(201)).await, ["passer-by b"]);
}

pub(crate) async fn pruning_leaves_a_visitor_whose_calls_are_under_way_or_dead(bench: &impl Bench) {
    let store = bench.open().await;
    visits(&store, "dead-letter", "dead a", 0).await;
    bury(&store, at(0)).await;
    visits(&store, "under-way", "way a", 1).await;
    drain(&store, at(1)).await;
    visits(&store, "under-way", "way b", 2).await;
    let leased = lease(&store, at(2)).await;
    assert_eq!(store.prune(at(10), 100).await.unwrap(), 1);
    for visitor in ["dead-letter", "under-way"] {
        assert!(knows(&store, visitor).await, "{visitor}");
    }
    settle(&store, &leased, &Verdict::Delivered, at(10)).await;
    assert_eq!(store.redeliver(DeadLetters::All, at(10)).await.unwrap(), 1);
    assert_eq!(drain(&store, at(10)).await, ["dead a"]);
    assert_eq!(store.prune(at(10), 100).await.unwrap(), 2);
    for visitor in ["dead-letter", "under-way"] {
        assert!(!knows(&store, visitor).await, "{visitor}");
    }
    assert_eq!(store.stats().await.unwrap(), bench.count().await);
}

pub(crate) async fn parking_ends_with_its_time_and_the_bytes_stay_known(bench: &impl Bench) {
    let store = bench.open().await;
    one_of_each(&store).await;
    assert_eq!(store.prune_parked(at(2), 100).await.unwrap(), 0, "not before its time");
    // Part of this one is mapped, and died.
    let dead = did("eve", "e").nobody();
    store.accept(arrival("dead in part", at(3), dead), at(3)).await.unwrap();
    bury(&store, at(3)).await;
    let before = store.stats().await.unwrap();
    assert_eq!((before.parked, before), (3, bench.count().await));
    let wholly = inbox(&store, true).await[0].id;
    assert_eq!(store.prune_parked(at(100), 1).await.unwrap(), 1, "the oldest");
    assert_eq!(store.prune_parked(at(100), 100).await.unwrap(), 1, "not what died");
    assert_eq!(store.prune_parked(at(100), 100).await.unwrap(), 0);
    assert_eq!(store.stats().await.unwrap().parked, 1);
    assert_eq!(store.stats().await.unwrap(), bench.count().await);
    assert_eq!(inbox(&store, true).await.len(), 1);
    let gone = store.replay(wholly, Ok(did("ann", "z")), at(101), false).await;
    assert!(matches!(gone, Err(StoreError::NoSuchWebhook(_))), "{gone:?}");
    let again = store.accept(arrival("parked", at(102), did("ann", "z")), at(102)).await.unwrap();
    assert_eq!((again.status, again.id, again.calls), (Status::Duplicate, wholly, 0));
    let pruned = store.pruned_until().await.unwrap();
    assert_eq!(pruned, Pruned { finished: None, parked: Some(at(3)) }, "others are within reach");

    for number in 0..250 {
        let arrival = arrival(&format!("parked {number}"), at(200 + number), notification());
        let parked = ReceivedWebhook { decoded: Err("no".to_owned()), ..arrival };
        store.accept(parked, at(200 + number)).await.unwrap();
    }
    assert_eq!(store.prune_parked(at(200 + 240), 1_000).await.unwrap(), 240, "in pieces");
    assert_eq!((store.stats().await.unwrap().parked, inbox(&store, true).await.len()), (11, 11));
    assert_eq!(store.stats().await.unwrap(), bench.count().await);
}

pub(crate) async fn pruned_effects_never_happen_again(bench: &impl Bench) {
    let store = bench.open().await;
    store.accept(arrival("first", at(0), did("ann", "a")), at(0)).await.unwrap();
    drain(&store, at(0)).await;
    assert_eq!(store.prune(at(10), 10).await.unwrap(), 1);
    let same = store.accept(arrival("first", at(11), did("ann", "a")), at(11)).await.unwrap();
    assert_eq!(same.status, Status::Duplicate);
    let other = store.accept(arrival("other", at(11), did("ann", "a")), at(11)).await.unwrap();
    assert_eq!((other.status, other.calls), (Status::Accepted, 0));
}

pub(crate) async fn pruning_goes_no_further_than_its_limit(bench: &impl Bench) {
    let store = bench.open().await;
    for number in 0..250 {
        take(&store, "ann", &number.to_string(), at(number)).await;
    }
    drain(&store, at(300)).await;
    assert_eq!(store.prune(at(300), 2).await.unwrap(), 2);
    assert_eq!(store.pruned_until().await.unwrap().finished, Some(at(1)));
    assert_eq!(store.prune(at(240), 1_000).await.unwrap(), 238);
    assert_eq!(inbox(&store, false).await.len(), 10);
}

pub(crate) async fn a_replay_plans_only_what_is_new(bench: &impl Bench) {
    let store = bench.open().await;
    let id = take(&store, "ann", "a", at(0)).await;
    let same = store.replay(id, Ok(did("ann", "a")), at(5), false).await.unwrap();
    assert_eq!((same.id, same.status, same.calls), (id, Status::Accepted, 0));
    // A newer version reads more in the same bytes; its time is still the first receipt's.
    let more = did("ann", "a").effect("b", None);
    assert_eq!(store.replay(id, Ok(more), at(6), false).await.unwrap().calls, 2);
    assert_eq!(drain(&store, at(6)).await, ["identify", "a", "identify", "b"]);
    let unknown = WebhookId::new(at(0), u64::MAX);
    let none = store.replay(unknown, Ok(notification()), at(7), false).await;
    assert!(matches!(none, Err(StoreError::NoSuchWebhook(id)) if id == unknown), "{none:?}");
    let unread = store.replay(id, Err("event is unknown".to_owned()), at(8), false).await.unwrap();
    assert_eq!(unread.status, Status::Parked { reason: "event is unknown".to_owned() });
    assert_eq!(store.stats().await.unwrap(), bench.count().await);
    store.replay(id, Ok(did("ann", "a")), at(9), false).await.unwrap();
    assert_eq!(store.stats().await.unwrap().parked, 0);
}

pub(crate) async fn what_is_planned_again_is_planned_at_the_present_time(bench: &impl Bench) {
    let store = bench.open().await;
    let later = |person| did(person, person).named("later");
    let mut ids = Vec::new();
    for person in ["ann", "bob"] {
        let receipt = store.accept(arrival(person, at(0), later(person)), at(0)).await.unwrap();
        assert!(matches!(receipt.status, Status::Parked { .. }), "{receipt:?}");
        ids.push(receipt.id);
    }
    let early = store.replay(ids[0], Ok(later("ann")), at(59), false).await.unwrap();
    assert!(matches!(early.status, Status::Parked { .. }), "{early:?}");
    let replayed = store.replay(ids[0], Ok(later("ann")), at(60), false).await.unwrap();
    assert_eq!((replayed.status, replayed.calls), (Status::Accepted, 2));
    let resent = store.accept(arrival("bob", at(60), later("bob")), at(60)).await.unwrap();
    assert_eq!((resent.id, resent.status, resent.calls), (ids[1], Status::Accepted, 2));
}

pub(crate) async fn a_dry_replay_changes_nothing(bench: &impl Bench) {
    let store = bench.open().await;
    let mut parked = arrival("x", at(0), notification());
    parked.decoded = Err("event is unknown".to_owned());
    let id = store.accept(parked, at(0)).await.unwrap().id;
    let before = (
        store.stats().await.unwrap(),
        store.next_due(Destination::CustomerIo, true, at(0)).await.unwrap(),
    );
    for _ in 0..2 {
        let reading: Result<Notification, String> = Ok(did("ann", "a"));
        let receipt = store.replay(id, reading, at(5), true).await.unwrap();
        assert_eq!((receipt.status, receipt.calls), (Status::Accepted, 2));
    }
    assert_eq!(
        (
            store.stats().await.unwrap(),
            store.next_due(Destination::CustomerIo, true, at(0)).await.unwrap()
        ),
        before
    );
    assert_eq!(bench.count().await, before.0);
    assert_eq!(store.replay(id, Ok(did("ann", "a")), at(6), false).await.unwrap().calls, 2);
}

pub(crate) async fn the_inbox_is_read_in_pages(bench: &impl Bench) {
    let store = bench.open().await;
    let mut ids = Vec::new();
    for second in 0..5 {
        ids.push(take(&store, "ann", &second.to_string(), at(second)).await);
    }
    let page = InboxPage { after: None, since: None, parked: false, limit: 2 };
    let listed = |webhooks: Vec<crate::domain::Webhook>| -> Vec<WebhookId> {
        webhooks.into_iter().map(|webhook| webhook.id).collect()
    };
    assert_eq!(listed(store.inbox(page).await.unwrap()), ids[..2]);
    let next = InboxPage { after: Some(ids[1]), ..page };
    assert_eq!(listed(store.inbox(next).await.unwrap()), ids[2..4]);
    let since = InboxPage { since: Some(at(3)), ..page };
    assert_eq!(listed(store.inbox(since).await.unwrap()), ids[3..]);
    let within = at(3).plus(Duration::from_micros(1));
    let since = InboxPage { since: Some(within), after: Some(ids[0]), ..page };
    assert_eq!(listed(store.inbox(since).await.unwrap()), ids[4..]);
    let webhook = store.inbox(page).await.unwrap().remove(0);
    assert_eq!((webhook.received_at, webhook.event.as_deref()), (at(0), Some("TEST")));
    assert!(webhook.body.starts_with(b"ann 0"));
}

pub(crate) async fn the_destination_is_remembered(bench: &impl Bench) {
    let store = bench.open().await;
    assert_eq!(store.destination().await.unwrap().workspace, None);
    store.remember_workspace(Workspace { environment_id: 7 }).await.unwrap();
    store.remember_workspace(Workspace { environment_id: 8 }).await.unwrap();
    drop(store);
    let store = bench.open().await;
    let workspace = store.destination().await.unwrap().workspace;
    assert_eq!(workspace, Some(Workspace { environment_id: 8 }));
}

pub(crate) async fn the_store_keeps_its_first_secret(bench: &impl Bench) {
    let mut secrets = Vec::new();
    for second in 0..2 {
        let store = bench.open().await;
        let person = ["ann", "bob"][usize::try_from(second).unwrap()];
        take(&store, person, person, at(second)).await;
        let leased = lease(&store, at(second)).await;
        let Call::Identify { attributes, .. } = &leased.deliveries[0].call else { panic!() };
        secrets.push(attributes["key"].clone());
        settle(&store, &leased, &Verdict::Delivered, at(second)).await;
        drain(&store, at(second)).await;
    }
    assert_eq!(secrets[0], secrets[1]);
    assert_ne!(secrets[0], Scalar::from(hex::encode([0; 32])));
}

pub(crate) async fn a_closed_store_says_so(bench: &impl Bench) {
    let store = bench.open().await;
    // Work begun before is finished.
    let begun = {
        let store = store.clone();
        tokio::spawn(async move {
            store.accept(arrival("x", at(0), did("ann", "a")), at(0)).await.unwrap()
        })
    };
    assert_eq!(begun.await.unwrap().calls, 2);
    store.probe(at(0)).await.unwrap();
    store.close().await.unwrap();
    let closed = [
        store.probe(at(1)).await,
        store.stats().await.map(|_| ()),
        store.claim(claim(at(1))).await.map(|_| ()),
        store.accept(arrival("y", at(1), did("ann", "b")), at(1)).await.map(|_| ()),
        store.close().await,
    ];
    for result in closed {
        assert!(matches!(result, Err(StoreError::Closed)), "{result:?}");
    }
    let store = bench.open().await;
    assert_eq!(drain(&store, at(2)).await, ["identify", "a"]);
}
