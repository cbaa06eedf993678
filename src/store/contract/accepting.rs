//! Promises of `accept`.

use std::collections::BTreeSet;

use strum::VariantArray;

use crate::domain::{Call, ParticipantKey, ReadKey, Source, Status};
use crate::store::Verdict;

use super::Bench;
use super::script::{
    CAMPAIGN, Saying, arrival, at, claim, did, drain, inbox, lease, notification, settle, take,
    words,
};

pub(crate) async fn what_was_accepted_is_there_after_a_restart(bench: &impl Bench) {
    let store = bench.open().await;
    let id = take(&store, "ann", "joined", at(0)).await;
    drop(store);
    let store = bench.open().await;
    assert_eq!(inbox(&store, false).await[0].id, id);
    assert_eq!(drain(&store, at(1)).await, ["identify", "joined"]);
    store.close().await.unwrap();
    let store = bench.open().await;
    assert_eq!(drain(&store, at(2)).await, [""; 0]);
}

pub(crate) async fn the_same_bytes_twice_are_a_duplicate(bench: &impl Bench) {
    let store = bench.open().await;
    let first = store.accept(arrival("same", at(0), did("ann", "a")), at(0)).await.unwrap();
    assert_eq!((first.status, first.calls), (Status::Accepted, 2));
    let second = store.accept(arrival("same", at(1), did("ann", "b")), at(1)).await.unwrap();
    assert_eq!((second.status, second.calls), (Status::Duplicate, 0));
    assert_eq!(second.id, first.id);
    assert_eq!(drain(&store, at(2)).await, ["identify", "a"]);
}

pub(crate) async fn the_same_bytes_of_another_source_or_owner_are_another_webhook(
    bench: &impl Bench,
) {
    let store = bench.open().await;
    let mut ids = BTreeSet::new();
    for &source in Source::VARIANTS {
        for owner in [None, Some("camp"), Some("other")] {
            let taken = async |notification| {
                let mut arrival = arrival("same", at(0), notification);
                (arrival.webhook.source, arrival.webhook.owner) =
                    (source, owner.map(str::to_owned));
                store.accept(arrival, at(0)).await.unwrap()
            };
            let effect = format!("{source:?} {owner:?}");
            let first = taken(did("ann", &effect)).await;
            assert_eq!(first.status, Status::Accepted, "{effect}");
            assert!(ids.insert(first.id));
            let again = taken(did("ann", "again")).await;
            assert_eq!((again.status, again.id), (Status::Duplicate, first.id), "{effect}");
        }
    }
}

pub(crate) async fn a_webhook_comes_back_as_it_was_received(bench: &impl Bench) {
    let store = bench.open().await;
    let mut sent = Vec::new();
    for (number, &source) in Source::VARIANTS.iter().enumerate() {
        for body in [&b""[..], b"\0", b"\xef\xbb\xbf{}", b"\xff\xfe{\0}\0", b"[[1e400"] {
            let mut arrival = arrival("", at(0), notification());
            let webhook = &mut arrival.webhook;
            (webhook.source, webhook.body) = (source, body.to_vec());
            webhook.owner = (number % 2 == 0).then(|| format!("owner {number}"));
            webhook.event = Some("a\0b".to_owned());
            arrival.decoded = Err("it holds \0 somewhere".to_owned());
            sent.push(arrival.webhook.clone());
            let receipt = store.accept(arrival, at(0)).await.unwrap();
            assert!(matches!(receipt.status, Status::Parked { .. }));
        }
    }
    let kept = inbox(&store, true).await;
    for (mut sent, kept) in sent.into_iter().zip(kept) {
        sent.event = Some("a\u{fffd}b".to_owned());
        assert_eq!(kept, sent);
    }
}

pub(crate) async fn the_longest_id_is_kept_and_a_longer_one_parks_the_webhook(bench: &impl Bench) {
    let store = bench.open().await;
    // Bytes count, and some take more of them where they are kept.
    for (number, letter) in ["x", "é", "漢", "😀", "\u{1}", "\"", "\\"].into_iter().enumerate()
    {
        let longest = letter.repeat(200 / letter.len()) + &"y".repeat(200 % letter.len());
        let address = format!("p{number}@example.com");
        let taken = async |id: &str| {
            let body = format!("{number} {}", id.len());
            let notification =
                notification().participant(&address, id).effect(&format!("e{number}"), None);
            store.accept(arrival(&body, at(0), notification), at(0)).await.unwrap()
        };
        let longer = taken(&format!("{longest}z")).await;
        let reason = "data.id is longer than 200 bytes".to_owned();
        assert_eq!(longer.status, Status::Parked { reason }, "{letter:?}");
        let receipt = taken(&longest).await;
        assert_eq!((receipt.status, receipt.calls), (Status::Accepted, 2), "{letter:?}");
        let key = ParticipantKey::new(CAMPAIGN, &longest);
        let person = store.person(&ReadKey::Participant(key)).await.unwrap().unwrap();
        assert_eq!(person.key.value(), address);
    }
    let before = drain(&store, at(1)).await.len();
    assert_eq!(before, 14);
}

pub(crate) async fn what_cannot_be_read_is_parked_with_its_reason(bench: &impl Bench) {
    let store = bench.open().await;
    let mut unread = arrival("unread", at(0), notification());
    unread.decoded = Err("event is unknown".to_owned());
    let receipt = store.accept(unread, at(0)).await.unwrap();
    assert_eq!(receipt.status, Status::Parked { reason: "event is unknown".to_owned() });
    let unmappable = arrival("unmappable", at(1), notification().named("unmappable"));
    let receipt = store.accept(unmappable, at(1)).await.unwrap();
    assert_eq!(receipt.status, Status::Parked { reason: "data.what is missing".to_owned() });
    let parked = inbox(&store, true).await;
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
    let identify = lease(&store, at(50)).await;
    assert_eq!(identify.deliveries[0].webhook, Some(first.id));
    settle(&store, &identify, &Verdict::Delivered, at(50)).await;
    let track = lease(&store, at(50)).await;
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
    assert_eq!(inbox(&store, true).await.len(), 1);
    assert_eq!(store.stats().await.unwrap().parked, 1);
}

pub(crate) async fn a_planner_that_panics_parks_only_that_webhook(bench: &impl Bench) {
    let store = bench.open().await;
    let mut waiting = tokio::task::JoinSet::new();
    for number in 0..40 {
        let mut notification = did(&format!("p{number}"), &format!("e{number}"));
        if number == 17 {
            notification = notification.named("panic");
        }
        let (store, arrival) = (store.clone(), arrival(&number.to_string(), at(0), notification));
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

pub(crate) async fn a_plan_that_contradicts_the_store_parks_the_webhook_and_leaves_no_trace(
    bench: &impl Bench,
) {
    let store = bench.open().await;
    take(&store, "zed", "a", at(0)).await;
    // Ann is written before Zed is refused, because the script plans people in their order.
    let notification = did("ann", "b").participant("zed@example.com", "zed").effect("c", None);
    let both = arrival("x", at(1), notification.clone().named("contradiction"));
    let receipt = store.accept(both, at(1)).await.unwrap();
    assert!(matches!(receipt.status, Status::Parked { .. }), "{receipt:?}");
    assert_eq!(store.stats().await.unwrap().pending, 2);
    assert_eq!(bench.count().await, store.stats().await.unwrap());
    let receipt = store.accept(arrival("x", at(2), notification), at(2)).await.unwrap();
    assert_eq!((receipt.status, receipt.calls), (Status::Accepted, 4));
}

pub(crate) async fn an_effect_reported_many_times_at_once_happens_once(bench: &impl Bench) {
    let store = bench.open().await;
    let mut waiting = tokio::task::JoinSet::new();
    for number in 0..50 {
        let store = store.clone();
        let arrival = arrival(&format!("body {number}"), at(number), did("ann", "joined"));
        waiting.spawn(async move { store.accept(arrival, at(0)).await.unwrap().calls });
    }
    let calls: usize = waiting.join_all().await.into_iter().sum();
    assert_eq!(calls, 2);
    assert_eq!(drain(&store, at(100)).await, ["identify", "joined"]);
}

pub(crate) async fn an_effect_planned_twice_in_one_plan_happens_once(bench: &impl Bench) {
    let store = bench.open().await;
    let twice = did("ann", "a").effect("a", None);
    let receipt = store.accept(arrival("x", at(0), twice), at(0)).await.unwrap();
    assert_eq!((receipt.status, receipt.calls), (Status::Accepted, 3));
    assert_eq!(drain(&store, at(1)).await, ["identify", "a", "identify"]);
}

pub(crate) async fn webhooks_accepted_together_keep_their_order(bench: &impl Bench) {
    // More than share a commit, of which one is in the way of the others.
    const TOGETHER: usize = 300;
    const BROKEN: usize = 17;
    let store = bench.open().await;
    let group = (0..TOGETHER).map(|number| {
        let notification = did("ann", &format!("e{number}"));
        let notification =
            if number == BROKEN { notification.named("panic") } else { notification };
        arrival(&number.to_string(), at(0), notification)
    });
    let receipts = store.accept_in_order(group.collect(), at(0)).await.unwrap();
    assert_eq!(receipts.len(), TOGETHER);
    for (number, receipt) in receipts.into_iter().enumerate() {
        let is_parked = matches!(receipt.status, Status::Parked { .. });
        assert_eq!(is_parked, number == BROKEN, "{receipt:?}");
    }
    let mut tracks = drain(&store, at(1)).await;
    tracks.retain(|word| word != "identify");
    let numbers = (0..TOGETHER).filter(|number| *number != BROKEN);
    assert_eq!(tracks, numbers.map(|number| format!("e{number}")).collect::<Vec<_>>());
}

pub(crate) async fn a_participant_is_found_by_its_id_when_its_address_changed(bench: &impl Bench) {
    let store = bench.open().await;
    take(&store, "ann", "a", at(0)).await;
    let moved = notification().participant("ann@elsewhere.org", "ann").effect("b", None);
    store.accept(arrival("moved", at(1), moved), at(1)).await.unwrap();
    let leased = lease(&store, at(2)).await;
    // One lane, and even the calls planned before go to where the person is now.
    assert_eq!(leased.key.value(), "ann@elsewhere.org");
    settle(&store, &leased, &Verdict::Delivered, at(2)).await;
    assert_eq!(drain(&store, at(2)).await, ["a", "identify", "b"]);
}

pub(crate) async fn what_is_known_of_a_person_comes_back_whole(bench: &impl Bench) {
    let store = bench.open().await;
    take(&store, "ann", "a", at(0)).await;
    let before = lease(&store, at(0)).await;
    drop(store);
    let store = bench.open().await;
    drain(&store, at(100)).await;
    // The script repeats what the store returned, so this shows that nothing was lost.
    let again = notification().participant("ann@example.com", "ann").identify();
    store.accept(arrival("again", at(0), again), at(101)).await.unwrap();
    let after = store.claim(claim(at(102))).await.unwrap().remove(0);
    assert_eq!(words(&after), ["identify"]);
    assert_eq!(before.deliveries[0].call, after.deliveries[0].call);
    assert_eq!(before.lane, after.lane);
}

pub(crate) async fn an_address_given_up_in_a_batch_can_have_a_new_owner_in_it(bench: &impl Bench) {
    let store = bench.open().await;
    take(&store, "ann", "a", at(0)).await;
    let says = |id: &str, address: &str, effect: &str| {
        let notification =
            notification().participant(&format!("{address}@example.com"), id).effect(effect, None);
        arrival(effect, at(1), notification)
    };
    // One who was there gives up an address, and so does one who comes with the batch.
    let batch = vec![
        says("ann", "ann2", "b"),
        says("bob", "ann", "c"),
        says("bob", "bob", "d"),
        says("cid", "ann", "e"),
        says("bob", "bob2", "f"),
        says("dee", "bob", "g"),
    ];
    for receipt in store.accept_in_order(batch, at(1)).await.unwrap() {
        assert_eq!((receipt.status, receipt.calls), (Status::Accepted, 2));
    }
    assert_eq!(store.stats().await.unwrap(), bench.count().await);
    for (id, address) in [("ann", "ann2"), ("bob", "bob2"), ("cid", "ann"), ("dee", "bob")] {
        let key = ParticipantKey::new(CAMPAIGN, id);
        let person = store.person(&ReadKey::Participant(key)).await.unwrap().unwrap();
        assert_eq!(person.key.value(), format!("{address}@example.com"));
        assert_eq!(person.participants[0].growsurf_id.as_deref(), Some(id));
    }
}
