//! Promises of [`Fetching`](crate::store::Fetching), and of history beside what is live.

use std::sync::Arc;

use crate::domain::{Class, Email, LaneKey, Link, ParticipantKey, ReadKey, Time};
use crate::store::{KvUpdate, StoreError, Verdict};

use super::Bench;
use super::forgetting::forget;
use super::script::{
    CAMPAIGN, Saying, arrival, at, claim, did, drain, inbox, lease, notification, settle, take,
    words,
};

fn key(id: &str) -> ParticipantKey {
    ParticipantKey::new(CAMPAIGN, id)
}

pub(crate) async fn a_preview_returns_what_an_accept_would_and_changes_nothing(bench: &impl Bench) {
    let store = bench.open().await;
    take(&store, "ann", "a", at(0)).await;
    let before = store.stats().await.unwrap();
    let asked =
        vec![did("ann", "a"), did("ann", "b"), did("bob", "c"), notification().named("unmappable")];
    let previews = store.preview(asked, at(1)).await.unwrap();
    let calls = |place: usize| -> usize {
        previews[place].as_ref().unwrap().lanes.iter().map(|lane| lane.calls.len()).sum()
    };
    assert_eq!((calls(0), calls(1), calls(2)), (0, 2, 2));
    assert_eq!(previews[3].as_ref().unwrap_err(), "data.what is missing");
    assert_eq!(store.stats().await.unwrap(), before);
    assert_eq!(inbox(&store, false).await.len(), 1);
    assert_eq!(store.person(&ReadKey::Participant(key("bob"))).await.unwrap(), None);
    let receipt = store.accept(arrival("later", at(2), did("bob", "c")), at(2)).await.unwrap();
    assert_eq!(receipt.calls, calls(2));
}

pub(crate) async fn history_waits_for_what_is_live_and_live_calls_raise_it(bench: &impl Bench) {
    let store = bench.open().await;
    for (person, effect) in [("ann", "a"), ("bob", "b"), ("cid", "c")] {
        let mut history = arrival(effect, at(0), did(person, effect));
        history.class = Class::History;
        store.accept(history, at(0)).await.unwrap();
    }
    take(&store, "dee", "d", at(5)).await;
    // A live call of a person raises their waiting calls.
    take(&store, "cid", "live", at(6)).await;
    let all = store.claim(claim(at(10))).await.unwrap();
    let order: Vec<&str> = all.iter().map(|leased| leased.key.value()).collect();
    assert_eq!(order, ["cid@example.com", "dee@example.com", "ann@example.com", "bob@example.com"]);
    assert!(all.iter().all(|leased| words(leased) == ["identify"]));
    assert_eq!(store.stats().await.unwrap(), bench.count().await);
}

pub(crate) async fn waiting_history_becomes_live_with_the_persons_next_live_call(
    bench: &impl Bench,
) {
    let store = bench.open().await;
    take(&store, "ann", "a", at(0)).await;
    drain(&store, at(1)).await;
    let mut history = arrival("h", at(2), did("ann", "h"));
    history.class = Class::History;
    store.accept(history, at(2)).await.unwrap();
    take(&store, "bob", "b", at(3)).await;
    let all = store.claim(claim(at(10))).await.unwrap();
    let order: Vec<&str> = all.iter().map(|leased| leased.key.value()).collect();
    assert_eq!(order, ["bob@example.com", "ann@example.com"]);
}

pub(crate) async fn concurrent_updates_of_a_note_happen_one_after_the_other(bench: &impl Bench) {
    let store = bench.open().await;
    assert_eq!(store.kv_get("count").await.unwrap(), None);
    let next: KvUpdate = Arc::new(|before: Option<&str>| {
        let count: u32 = before.map_or(0, |text| text.parse().unwrap());
        (count + 1).to_string()
    });
    let revising = (0..20).map(|_| {
        let (store, next) = (Arc::clone(&store), Arc::clone(&next));
        tokio::spawn(async move { store.kv_update("count", next).await.unwrap() })
    });
    let mut seen = Vec::new();
    for revised in revising.collect::<Vec<_>>() {
        seen.push(revised.await.unwrap().parse::<u32>().unwrap());
    }
    seen.sort_unstable();
    assert_eq!(seen, (1..=20).collect::<Vec<_>>());
    assert_eq!(store.kv_get("count").await.unwrap().as_deref(), Some("20"));
    assert_eq!(store.kv_get("other").await.unwrap(), None);
    drop(store);
    let store = bench.open().await;
    assert_eq!(store.kv_get("count").await.unwrap().as_deref(), Some("20"));
}

pub(crate) async fn work_that_panics_changes_nothing_and_stops_no_other_work(bench: &impl Bench) {
    let store = bench.open().await;
    for _ in 0..5 {
        let revised = store.kv_update("count", Arc::new(|_| panic!("the test says so"))).await;
        let error = revised.unwrap_err();
        assert!(matches!(error, StoreError::Contradiction { .. }), "{error:?}");
        assert_eq!(error.cause(), "the test says so");
    }
    assert_eq!(store.kv_get("count").await.unwrap(), None);
    take(&store, "ann", "a", at(0)).await;
}

pub(crate) async fn the_store_knows_when_it_was_made(bench: &impl Bench) {
    let store = bench.open().await;
    let made_at = store.made_at().await.unwrap();
    assert!(made_at > Time::default());
    drop(store);
    assert_eq!(bench.open().await.made_at().await.unwrap(), made_at);
}

pub(crate) async fn participants_are_listed_in_pages(bench: &impl Bench) {
    let store = bench.open().await;
    for name in ["ann", "bob", "cid"] {
        take(&store, name, name, at(0)).await;
    }
    let page = |after: Option<&'static str>| store.participants(CAMPAIGN, after, 2);
    assert_eq!(page(None).await.unwrap(), ["ann", "bob"]);
    assert_eq!(page(Some("bob")).await.unwrap(), ["cid"]);
    assert_eq!(page(Some("cid")).await.unwrap(), [""; 0]);
    assert_eq!(store.participants("other", None, 2).await.unwrap(), [""; 0]);
    let bob = LaneKey::from(Email::parse("bob@example.com").unwrap());
    assert_eq!(store.person(&ReadKey::Participant(key("bob"))).await.unwrap().unwrap().key, bob);
    assert!(store.person(&ReadKey::Lane(bob)).await.unwrap().is_some());
    let nobody = Email::parse("eve@example.com").unwrap().into();
    assert_eq!(store.person(&ReadKey::Lane(nobody)).await.unwrap(), None);
}

pub(crate) async fn a_participant_is_found_by_the_codes_of_its_links(bench: &impl Bench) {
    let store = bench.open().await;
    let link = |code: &str| Link { campaign: CAMPAIGN.to_owned(), code: code.to_owned() };
    let owner = async |code: &str| {
        let owner = store.person(&ReadKey::Link(link(code))).await.unwrap();
        owner.map(|person| person.key.value().to_owned())
    };
    let ann = || notification().participant("ann@example.com", "ann");
    store
        .accept(arrival("a", at(0), ann().coded(["annie", "a-1"]).identify()), at(0))
        .await
        .unwrap();
    for code in ["annie", "a-1"] {
        assert_eq!(owner(code).await.as_deref(), Some("ann@example.com"), "{code}");
    }
    assert_eq!((owner("ann").await, owner("Annie").await), (None, None));
    assert_eq!(store.participants(CAMPAIGN, None, 9).await.unwrap(), ["ann"]);
    // A planner finds them by a code as well.
    let by_code = || notification().participant("annie@example.com", "annie").effect("b", None);
    store.accept(arrival("b", at(1), by_code()), at(1)).await.unwrap();
    assert_eq!(owner("a-1").await.as_deref(), Some("annie@example.com"));
    let bob = notification().participant("bob@example.com", "bob").coded(["a-1", "b-1"]).identify();
    let bobby = notification().participant("bobby@example.com", "b-1").effect("e", None);
    store.accept(arrival("c", at(2), bob), at(2)).await.unwrap();
    store.accept(arrival("d", at(2), bobby), at(2)).await.unwrap();
    // A code may have another owner.
    assert_eq!(owner("a-1").await.as_deref(), Some("bobby@example.com"));
    assert_eq!(owner("annie").await.as_deref(), Some("annie@example.com"));
    // An erasure removes every code of the person, also one that they gave up.
    let less = notification().participant("bobby@example.com", "bob").coded(["b-2"]).identify();
    store.accept(arrival("e", at(3), less), at(3)).await.unwrap();
    forget(&store, "bobby", at(4)).await;
    assert_eq!((owner("a-1").await, owner("b-2").await), (None, None));
    assert_eq!(store.stats().await.unwrap(), bench.count().await);
}

pub(crate) async fn a_lane_has_something_pending_until_it_is_settled(bench: &impl Bench) {
    let store = bench.open().await;
    let lane = |name: &str| LaneKey::from(Email::parse(&format!("{name}@example.com")).unwrap());
    take(&store, "ann", "a", at(0)).await;
    assert!(store.has_pending(&lane("ann")).await.unwrap());
    assert!(!store.has_pending(&lane("bob")).await.unwrap());
    for _ in 0..2 {
        let leased = lease(&store, at(1)).await;
        assert!(store.has_pending(&lane("ann")).await.unwrap(), "it is under way");
        settle(&store, &leased, &Verdict::Delivered, at(1)).await;
    }
    assert!(!store.has_pending(&lane("ann")).await.unwrap());
    take(&store, "ann", "b", at(2)).await;
    drain(&store, at(2)).await;
    assert!(!store.has_pending(&lane("ann")).await.unwrap());
}
