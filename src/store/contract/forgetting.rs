//! Promises of `forget`.

use crate::domain::{Call, Email, Facts, Notification, Scalar, Source, Status, Time};
use crate::store::{ClaimRequest, DeadLetters, Erased, Store, Verdict};

use super::Bench;
use super::script::{
    NEVER, Saying, arrival, at, attempt, bury, claim, did, drain, inbox, lease, notification,
    settle, take, words,
};

/// Bodies that name Ann, Ann beside Bob, and Bob.
const BODIES: [&str; 3] =
    [r#""ann@example.com""#, r#""bob@example.com by ann%40example.com""#, r#""bob@example.com""#];

fn address(person: &str) -> Email {
    Email::parse(&format!("{person}@example.com")).unwrap()
}

/// Returns all steps, with nothing under way.
pub(crate) async fn forget(store: &Store, person: &str, now: Time) -> Erased {
    let traced = store.find_subject(&address(person)).await.unwrap();
    let hushed = store.cancel_pending(&traced, now).await.unwrap();
    assert_eq!(hushed.under_way, None);
    store.erase(&traced, now).await.unwrap().and(hushed.erased)
}

/// Delivers an identify and the track behind it under one lease.
async fn deliver_in_turn(store: &Store, now: Time) -> Vec<String> {
    let claim = ClaimRequest { in_turn: 2, ..claim(now) };
    let leased = store.claim(claim).await.unwrap().remove(0);
    settle(store, &leased, &Verdict::Delivered, now).await;
    words(&leased)
}

/// Returns the join of Bob, referred by Ann.
fn bob_through_ann() -> Notification {
    let mut notification = did("bob", "bob");
    let ann = Scalar::from("ann@example.com");
    notification.people[0].facts.insert(Facts::REFERRER_EMAIL.to_owned(), ann);
    notification
}

async fn accept(
    store: &Store,
    body: &str,
    notification: Notification,
    now: Time,
) -> (Status, usize) {
    let receipt = store.accept(arrival(body, now, notification), now).await.unwrap();
    (receipt.status, receipt.calls)
}

pub(crate) async fn everything_of_a_person_goes_and_others_stay(bench: &impl Bench) {
    let store = bench.open().await;
    accept(&store, "ann@example.com none", did("ann", "0"), at(0)).await;
    deliver_in_turn(&store, at(0)).await;
    accept(&store, "ann@example.com one", did("ann", "a"), at(0)).await;
    bury(&store, at(0)).await;
    let leased = lease(&store, at(1)).await;
    let again = Verdict::Retry { at: at(2), failing_since: std::time::Duration::ZERO };
    let mut settlement = super::script::verdict(&leased, &again);
    settlement.results[0].attempt = Some(attempt(at(1), "busy"));
    store.settle(vec![settlement], NEVER, at(1)).await.unwrap();
    bury(&store, at(3)).await;
    accept(&store, "ann@example.com two", did("ann", "b"), at(4)).await;
    accept(&store, "bob@example.com", did("bob", "c"), at(4)).await;

    let erased = forget(&store, "ann", at(5)).await;
    let expected = Erased {
        people: 1,
        participants: 1,
        pending: 2,
        delivered: 2,
        dead: 2,
        attempts: 1,
        bodies: 3,
        tombstones: 2,
        log_emptied: true,
        ..Erased::default()
    };
    assert_eq!(erased, expected);
    let stats = store.stats().await.unwrap();
    assert_eq!((stats.pending, stats.dead), (2, 0));
    assert_eq!(stats, bench.count().await);
    assert_eq!(inbox(&store, false).await.len(), 1);
    assert_eq!(drain(&store, at(6)).await, ["identify", "c"]);
}

pub(crate) async fn an_erased_participant_never_comes_back(bench: &impl Bench) {
    let store = bench.open().await;
    accept(&store, "ann@example.com", did("ann", "a"), at(0)).await;
    let before = inbox(&store, false).await.remove(0);
    forget(&store, "ann", at(5)).await;
    // The very bytes, other bytes, and by another process.
    let same = accept(&store, "ann@example.com", did("ann", "a"), at(6)).await;
    assert_eq!(same, (Status::Duplicate, 0));
    let later = accept(&store, "ann@example.com later", did("ann", "b"), at(7)).await;
    assert_eq!(later, (Status::Accepted, 0));
    let gone = store.replay(before.id, Ok(did("ann", "a")), at(8), false).await;
    assert!(gone.is_err(), "{gone:?}");
    drop(store);
    let store = bench.open().await;
    assert_eq!(
        accept(&store, "ann@example.com again", did("ann", "c"), at(9)).await,
        (Status::Accepted, 0)
    );
    assert_eq!(inbox(&store, false).await, []);
    assert_eq!(drain(&store, at(10)).await, [""; 0]);
    // A new person has the address now.
    let new = notification().participant("ann@example.com", "ann2").effect("d", None);
    assert_eq!(accept(&store, "ann2", new, at(11)).await, (Status::Accepted, 2));
    assert_eq!(drain(&store, at(12)).await, ["identify", "d"]);
    assert_eq!(store.stats().await.unwrap(), bench.count().await);
}

pub(crate) async fn others_records_lose_references_to_the_person_and_nothing_else(
    bench: &impl Bench,
) {
    let store = bench.open().await;
    accept(&store, "ann@example.com", did("ann", "a"), at(0)).await;
    accept(&store, "bob@example.com by ann@example.com", bob_through_ann(), at(1)).await;
    let erased = forget(&store, "ann", at(5)).await;
    assert_eq!((erased.people_of_others, erased.calls_of_others), (1, 1));
    assert_eq!((erased.bodies, inbox(&store, false).await.len()), (2, 0));
    let leased = lease(&store, at(6)).await;
    let Call::Identify { attributes, .. } = &leased.deliveries[0].call else {
        panic!("{leased:?}")
    };
    assert!(attributes.contains_key("first_name"));
    assert!(!attributes.contains_key(Facts::REFERRER_EMAIL), "{attributes:?}");
    settle(&store, &leased, &Verdict::Delivered, at(6)).await;
    assert_eq!(drain(&store, at(7)).await, ["bob"]);
    // Their record lost it, too: what the script says next comes from there.
    let again = notification().participant("bob@example.com", "bob").identify();
    accept(&store, "bob again", again, at(8)).await;
    let leased = lease(&store, at(9)).await;
    let Call::Identify { attributes, .. } = &leased.deliveries[0].call else {
        panic!("{leased:?}")
    };
    assert!(!attributes.contains_key(Facts::REFERRER_EMAIL), "{attributes:?}");
}

pub(crate) async fn a_call_shows_whom_it_refers_to_as_they_are_when_it_is_sent(bench: &impl Bench) {
    let store = bench.open().await;
    let shown = async |now: Time| {
        let mut shown = None;
        for leased in store.claim(ClaimRequest { calls: 9, ..claim(now) }).await.unwrap() {
            let is_bobs = leased.key == address("bob").into();
            if let Call::Identify { attributes } = &leased.deliveries[0].call
                && is_bobs
            {
                assert!(attributes.contains_key("first_name"));
                shown = Some(attributes.get(Facts::REFERRER_ID).cloned());
            }
            let dead = Verdict::Dead { reason: "refused".to_owned(), field: None };
            settle(&store, &leased, if is_bobs { &dead } else { &Verdict::Delivered }, now).await;
        }
        store.redeliver(DeadLetters::All, now).await.unwrap();
        shown.expect("an identify of Bob's waits")
    };
    let bob = notification().participant("bob@example.com", "bob").fact(Facts::REFERRER_ID, "ann");
    accept(&store, "bob", bob.identify(), at(0)).await;
    assert_eq!(shown(at(0)).await, Some(Scalar::from("ann")), "nobody knows more of Ann");
    let ann = notification().participant("ann@example.com", "ann");
    let ann = ann.fact(Facts::EMAIL, "ann@example.com").identify();
    accept(&store, "ann@example.com", ann, at(100)).await;
    assert_eq!(shown(at(200)).await, Some(Scalar::from("ann@example.com")));
    forget(&store, "ann", at(300)).await;
    assert_eq!(shown(at(301)).await, None);
}

pub(crate) async fn a_call_in_flight_is_reported_until_it_is_settled_or_its_lease_ends(
    bench: &impl Bench,
) {
    let store = bench.open().await;
    take(&store, "ann", "a", at(0)).await;
    let leased = lease(&store, at(0)).await;
    let traced = store.find_subject(&address("ann")).await.unwrap();
    let hushed = store.cancel_pending(&traced, at(1)).await.unwrap();
    assert_eq!((hushed.erased.pending, hushed.under_way), (2, Some(at(60))));
    assert_eq!(store.stats().await.unwrap().pending, 0);
    // What was under way is settled, and changes nothing else.
    settle(&store, &leased, &Verdict::Delivered, at(2)).await;
    assert_eq!(store.stats().await.unwrap(), bench.count().await);
    assert_eq!(store.cancel_pending(&traced, at(3)).await.unwrap().under_way, None);
    take(&store, "ann", "b", at(4)).await;
    lease(&store, at(4)).await;
    assert_eq!(store.cancel_pending(&traced, at(5)).await.unwrap().under_way, Some(at(64)));
    assert_eq!(store.cancel_pending(&traced, at(64)).await.unwrap().under_way, None);
    assert_eq!(store.claim(claim(at(65))).await.unwrap(), []);
    assert_eq!(bench.count().await, store.stats().await.unwrap());
}

pub(crate) async fn a_result_that_comes_after_the_erasing_is_fenced_off(bench: &impl Bench) {
    let store = bench.open().await;
    take(&store, "ann", "a", at(0)).await;
    let leased = lease(&store, at(0)).await;
    let traced = store.find_subject(&address("ann")).await.unwrap();
    store.cancel_pending(&traced, at(1)).await.unwrap();
    store.erase(&traced, at(1)).await.unwrap();
    let late = vec![super::script::verdict(&leased, &Verdict::Delivered)];
    let settled = store.settle(late, NEVER, at(2)).await.unwrap();
    assert_eq!(settled, 1);
    assert_eq!(bench.count().await, store.stats().await.unwrap());
}

pub(crate) async fn a_repeated_erasure_finds_nothing(bench: &impl Bench) {
    let store = bench.open().await;
    accept(&store, "ann@example.com", did("ann", "a"), at(0)).await;
    accept(&store, "bob@example.com by ann@example.com", bob_through_ann(), at(1)).await;
    forget(&store, "ann", at(5)).await;
    let nothing = Erased { tombstones: 1, log_emptied: true, ..Erased::default() };
    assert_eq!(forget(&store, "ann", at(6)).await, nothing);
    assert_eq!(forget(&store, "nobody", at(6)).await, nothing);
}

pub(crate) async fn parked_webhooks_lose_them_as_well(bench: &impl Bench) {
    let store = bench.open().await;
    for body in BODIES {
        accept(&store, body, notification().named("unmappable"), at(0)).await;
    }
    let erased = forget(&store, "ann", at(5)).await;
    assert_eq!((erased.bodies, erased.unreadable), (2, 0));
    let parked = inbox(&store, true).await;
    let bodies: Vec<_> = parked.iter().map(|webhook| webhook.body.as_slice()).collect();
    assert_eq!(bodies, [BODIES[2].as_bytes()]);
    let stats = store.stats().await.unwrap();
    assert_eq!((stats.parked, stats), (1, bench.count().await));
}

pub(crate) async fn parked_webhooks_that_cannot_be_decoded_are_counted(bench: &impl Bench) {
    let store = bench.open().await;
    accept(&store, "ann@example.com", did("ann", "a"), at(0)).await;
    for body in [vec![0xff], vec![0xff, 0xfe]] {
        let mut unreadable = arrival("", at(1), notification());
        (unreadable.webhook.body, unreadable.decoded) = (body, Err("no JSON".to_owned()));
        store.accept(unreadable, at(1)).await.unwrap();
    }
    for person in ["ann", "ann", "nobody"] {
        assert_eq!(forget(&store, person, at(5)).await.unreadable, 2, "{person}");
    }
    assert_eq!(inbox(&store, true).await.len(), 2);
    assert_eq!(store.prune_parked(at(10), 10).await.unwrap(), 2);
    assert_eq!(forget(&store, "ann", at(11)).await.unreadable, 0);
}

pub(crate) async fn bodies_of_other_sources_than_growsurf_are_found_by_content(bench: &impl Bench) {
    let store = bench.open().await;
    for body in BODIES {
        let mut report = arrival(body, at(0), notification());
        report.webhook.source = Source::CustomerioReport;
        assert_eq!(store.accept(report, at(0)).await.unwrap().status, Status::Accepted);
    }
    let erased = forget(&store, "ann", at(5)).await;
    assert_eq!((erased.bodies, erased.unreadable), (2, 0));
    let left = inbox(&store, false).await;
    let bodies: Vec<_> = left.iter().map(|webhook| webhook.body.as_slice()).collect();
    assert_eq!(bodies, [BODIES[2].as_bytes()]);
}

pub(crate) async fn many_calls_and_webhooks_go_in_pieces(bench: &impl Bench) {
    let store = bench.open().await;
    for number in 0..120 {
        accept(
            &store,
            &format!("ann@example.com {number}"),
            did("ann", &format!("{number}")),
            at(0),
        )
        .await;
    }
    assert_eq!(deliver_in_turn(&store, at(1)).await, ["identify", "0"]);
    let erased = forget(&store, "ann", at(5)).await;
    assert_eq!((erased.pending, erased.delivered, erased.bodies), (238, 2, 120));
    assert_eq!(bench.count().await, store.stats().await.unwrap());
}
