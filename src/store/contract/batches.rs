//! The promise that webhooks that share a transaction lead to what they lead to one by one.
//! `RELAY_TEST_CASES` says how many batches there are (default 48).

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::Strategy;
use proptest::test_runner::{Config, TestRunner};

use crate::domain::{
    Email, Notification, ParticipantKey, Person, ReadKey, ReceivedWebhook, Status,
};
use crate::store::{Stats, Store, StoreError, Verdict};

use super::Bench;
use super::script::{
    CAMPAIGN, Saying, arrival, at, claim, did, drain, inbox, notification, settle, words,
};

/// A webhook about up to two participants, each with one of a few addresses and effects.
#[derive(Clone, Debug)]
struct Report {
    who: Vec<(u8, u8, u8)>,
    manner: u8,
}

fn report() -> impl Strategy<Value = Report> {
    let who = proptest::collection::vec((0..5_u8, 0..4_u8, 0..8_u8), 1..3);
    (who, 0..12_u8).prop_map(|(mut who, manner)| {
        // A participant is one person in a webhook.
        who.dedup_by_key(|(id, ..)| *id);
        Report { who, manner }
    })
}

fn says(Report { who, manner }: &Report) -> Notification {
    let reported = who.iter().fold(notification(), |notification, (id, address, effect)| {
        let notification =
            notification.participant(&format!("a{address}@example.com"), &format!("p{id}"));
        notification.effect(&format!("e{effect}"), None)
    });
    match manner {
        0 => reported.named("unmappable"),
        1 => reported.named("panic"),
        2 => reported.nobody(),
        _ => reported,
    }
}

pub(crate) fn a_batch_leads_to_what_its_webhooks_lead_to_one_by_one<B: Bench>(
    bench: impl Fn() -> B,
) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let cases = std::env::var("RELAY_TEST_CASES").map_or(48, |cases| cases.parse().unwrap());
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let some = proptest::collection::vec(report(), 0..5);
    let batch = proptest::collection::vec(report(), 1..8);
    let result = TestRunner::new(config).run(&(some, batch), |(before, batch)| {
        runtime.as_ref().unwrap().block_on(async {
            let (apart, together) = (bench(), bench());
            let apart = outcome(&apart, &before, batch.chunks(1)).await;
            let together = outcome(&together, &before, batch.chunks(batch.len())).await;
            assert_eq!(together, apart);
        });
        Ok(())
    });
    result.unwrap();
}

/// All that a store shows in the end.
#[derive(PartialEq, Debug)]
struct Seen {
    receipts: Vec<(Status, usize)>,
    people: Vec<Option<Person>>,
    calls: Vec<(String, Vec<String>)>,
    stats: Stats,
}

async fn outcome<'a>(
    bench: &impl Bench,
    before: &'a [Report],
    batches: impl Iterator<Item = &'a [Report]>,
) -> Seen {
    let store = bench.open().await;
    let mut receipts = Vec::new();
    let mut count = 0;
    for batch in before.chunks(1).chain(batches) {
        let group = batch.iter().map(|reported| {
            count += 1;
            arrival(&format!("body {count}"), at(count), says(reported))
        });
        let group: Vec<ReceivedWebhook> = group.collect();
        for receipt in store.accept_in_order(group, at(100)).await.unwrap() {
            receipts.push((receipt.status, receipt.calls));
        }
    }
    let stats = store.stats().await.unwrap();
    assert_eq!(stats, bench.count().await);
    let mut people = Vec::new();
    for key in keys() {
        people.push(store.person(&key).await.unwrap().map(comparable));
    }
    let calls = calls(&store).await;
    Seen { receipts, people, calls, stats }
}

/// Returns a person without what differs from store to store: numbers, of which some stay free, and
/// the secret that the script keeps as a key.
fn comparable(mut person: Person) -> Person {
    person.id = None;
    person.participants.iter_mut().for_each(|it| it.key.clear());
    person
}

fn keys() -> Vec<ReadKey> {
    let participants = (0..5).map(|id| {
        let participant = format!("p{id}");
        ReadKey::Participant(ParticipantKey { campaign: CAMPAIGN.to_owned(), participant })
    });
    let addresses = (0..4).map(|id| {
        let email = Email::parse(&format!("a{id}@example.com")).unwrap();
        ReadKey::Lane(email.into())
    });
    participants.chain(addresses).collect()
}

/// Returns all calls by whom they go to, in order.
async fn calls(store: &Store) -> Vec<(String, Vec<String>)> {
    let mut calls = BTreeMap::<String, Vec<String>>::new();
    loop {
        let leases = store.claim(claim(at(200))).await.unwrap();
        if leases.is_empty() {
            return calls.into_iter().collect();
        }
        for leased in leases {
            let to = leased.key.value().to_owned();
            calls.entry(to).or_default().extend(words(&leased));
            settle(store, &leased, &Verdict::Delivered, at(200)).await;
        }
    }
}

pub(crate) async fn the_same_bytes_twice_in_a_batch_are_one_webhook(bench: &impl Bench) {
    let store = bench.open().await;
    let batch = vec![
        arrival("same", at(0), did("ann", "a")),
        arrival("later", at(0), did("bob", "b").named("unmappable")),
        arrival("same", at(1), did("ann", "c")),
        arrival("later", at(1), did("bob", "b")),
        arrival("later", at(2), did("bob", "d")),
    ];
    let receipts = store.accept_in_order(batch, at(2)).await.unwrap();
    let reason = "data.what is missing".to_owned();
    let became: Vec<_> = receipts.iter().map(|it| (it.status.clone(), it.calls)).collect();
    let expected = [
        (Status::Accepted, 2),
        (Status::Parked { reason }, 0),
        (Status::Duplicate, 0),
        (Status::Accepted, 2),
        (Status::Duplicate, 0),
    ];
    assert_eq!(became, expected);
    let ids: Vec<_> = receipts.iter().map(|it| it.id).collect();
    assert_eq!(ids, [ids[0], ids[1], ids[0], ids[1], ids[1]]);
    assert_eq!(store.stats().await.unwrap(), bench.count().await);
    assert_eq!(drain(&store, at(3)).await.len(), 4);
}

pub(crate) async fn closing_answers_everybody(bench: &impl Bench) {
    let store = bench.open().await;
    let (mut waiting, mut closing) = (tokio::task::JoinSet::new(), None);
    for number in 0..600 {
        let arrival = arrival(&number.to_string(), at(0), did(&format!("p{number}"), "a"));
        let taking = store.clone();
        waiting.spawn(async move { taking.accept(arrival, at(0)).await });
        if number == 500 {
            let store = store.clone();
            closing = Some(tokio::spawn(async move { store.close().await }));
        }
    }
    let answers = tokio::time::timeout(Duration::from_secs(60), waiting.join_all()).await.unwrap();
    closing.unwrap().await.unwrap().unwrap();
    let refused = answers.iter().flat_map(|it| it.as_ref().err());
    for error in refused {
        assert!(matches!(error, StoreError::Closed), "{error:?}");
    }
    let accepted = answers.iter().flatten().filter(|it| it.status == Status::Accepted).count();
    let store = bench.open().await;
    assert_eq!(inbox(&store, false).await.len(), accepted);
}
