//! Promises about the classes of calls and lanes, and about arrivals of the class page.

use crate::domain::{
    AnonymousId, Class, Destination, Dropped, Email, LaneKey, Leased, ParticipantKey, ReadKey,
    ReceivedWebhook, Status, Time,
};
use crate::store::{ClaimRequest, DeadLetters, Store, Verdict};

use super::Bench;
use super::script::{
    CAMPAIGN, Saying, arrival, at, bury, claim, did, drain, inbox, lease, notification, settle,
    take, words,
};

/// Accepts an event of one person, as a call of this class.
async fn take_as(store: &Store, class: Class, person: &str, effect: &str, now: Time) {
    let arrival = arrival(&format!("{person} {effect} {now}"), now, did(person, effect));
    let receipt = store.accept(ReceivedWebhook { class, ..arrival }, now).await.unwrap();
    assert_eq!(receipt.status, Status::Accepted);
}

/// Accepts a page's click of a visitor.
async fn click(store: &Store, visitor: &str, effect: &str, now: Time) {
    let arrival = arrival(effect, now, did(visitor, effect).named("visit"));
    let receipt =
        store.accept(ReceivedWebhook { class: Class::Page, ..arrival }, now).await.unwrap();
    assert_eq!(receipt.status, Status::Accepted);
}

/// Claims lanes of other classes than page; returns their calls.
async fn urgent(store: &Store, now: Time) -> Vec<String> {
    let leases = store.claim(ClaimRequest { page: 0, ..claim(now) }).await.unwrap();
    leases.iter().flat_map(words).collect()
}

/// Delivers all that is due of other classes than page; returns the calls, in order.
async fn drain_urgent(store: &Store, class: Class, now: Time) -> Vec<String> {
    let mut sent = Vec::new();
    loop {
        let leases = store.claim(ClaimRequest { page: 0, ..claim(now) }).await.unwrap();
        if leases.is_empty() {
            return sent;
        }
        for leased in leases {
            assert_eq!(leased.class, class);
            sent.extend(words(&leased));
            settle(store, &leased, &Verdict::Delivered, now).await;
        }
    }
}

pub(crate) async fn page_lanes_go_last_and_only_as_many_calls_as_asked(bench: &impl Bench) {
    let store = bench.open().await;
    for (class, name) in
        [(Class::Page, "ann"), (Class::Page, "bob"), (Class::History, "cid"), (Class::Live, "dee")]
    {
        take_as(&store, class, name, name, at(0)).await;
    }
    let people = |leases: &[Leased]| -> Vec<String> {
        leases.iter().map(|it| it.key.value().split('@').next().unwrap().to_owned()).collect()
    };
    let first = store.claim(claim(at(1))).await.unwrap();
    assert_eq!(people(&first), ["dee", "cid"], "page lanes wait even where there is room");
    let classes: Vec<Class> = first.iter().map(|leased| leased.class).collect();
    assert_eq!(classes, [Class::Live, Class::History]);
    assert!(urgent(&store, at(1)).await.is_empty());
    assert_eq!(store.next_due(Destination::CustomerIo, false, at(1)).await.unwrap(), Some(at(61)));
    assert_eq!(store.next_due(Destination::CustomerIo, true, at(1)).await.unwrap(), Some(at(0)));
    let page = ClaimRequest { page: 1, in_turn: 8, ..claim(at(1)) };
    let second = store.claim(page).await.unwrap();
    assert_eq!((second.len(), second[0].class), (1, Class::Page));
    assert_eq!(words(&second[0]), ["identify"], "no more than asked");
    assert_eq!(store.claim(page).await.unwrap().len(), 1);
    assert_eq!(store.stats().await.unwrap(), bench.count().await);
}

pub(crate) async fn a_lane_is_as_urgent_as_its_most_urgent_call_and_falls_back(bench: &impl Bench) {
    let store = bench.open().await;
    take_as(&store, Class::Page, "ann", "page 1", at(0)).await;
    take_as(&store, Class::Live, "ann", "live", at(1)).await;
    take_as(&store, Class::History, "ann", "history", at(2)).await;
    take_as(&store, Class::Page, "ann", "page 2", at(3)).await;
    // What was put in before goes before, and as urgently.
    let mut sent = Vec::new();
    let expected = [
        // The later identify, which carries the whole profile.
        (Class::Live, "identify"),
        (Class::Live, "page 1"),
        (Class::Live, "live"),
        (Class::History, "identify"),
        (Class::History, "history"),
        (Class::Page, "identify"),
        (Class::Page, "page 2"),
    ];
    for (class, word) in expected {
        let leased = lease(&store, at(10)).await;
        sent.push((leased.class, words(&leased).remove(0)));
        settle(&store, &leased, &Verdict::Delivered, at(10)).await;
        assert_eq!(store.stats().await.unwrap(), bench.count().await);
        assert_eq!(sent.last().unwrap(), &(class, word.to_owned()));
    }
    // An empty lane is as urgent as what comes next.
    take_as(&store, Class::Page, "ann", "page 3", at(11)).await;
    assert!(urgent(&store, at(12)).await.is_empty());
}

pub(crate) async fn a_persons_tracks_of_pages_are_soon_out_of_the_way(bench: &impl Bench) {
    let store = bench.open().await;
    for number in 0..20 {
        take_as(&store, Class::Page, "ann", &format!("page {number}"), at(number)).await;
    }
    take_as(&store, Class::Live, "ann", "live", at(30)).await;
    let first = lease(&store, at(31)).await;
    assert_eq!((words(&first), first.superseded.len()), (vec!["identify".to_owned()], 20));
    settle(&store, &first, &Verdict::Delivered, at(31)).await;
    let run = lease(&store, at(32)).await;
    assert_eq!((run.deliveries.len(), run.in_turn, run.class), (20, false, Class::Live));
    settle(&store, &run, &Verdict::Delivered, at(32)).await;
    assert_eq!(words(&lease(&store, at(33)).await), ["live"]);
    // A visitor's keep their order.
    for number in 0..3 {
        click(&store, "visitor-1", &format!("click {number}"), at(0)).await;
    }
    let first = lease(&store, at(34)).await;
    assert_eq!((words(&first), first.in_turn), (vec!["click 0".to_owned()], true));
    assert_eq!(store.stats().await.unwrap(), bench.count().await);
}

pub(crate) async fn a_lanes_class_outlives_leases_and_restarts(bench: &impl Bench) {
    let store = bench.open().await;
    assert_eq!(store.take_over(at(0)).await.unwrap(), 0);
    take_as(&store, Class::Page, "ann", "page", at(0)).await;
    take_as(&store, Class::Live, "bob", "live", at(0)).await;
    take_as(&store, Class::Page, "bob", "more", at(0)).await;
    let live = lease(&store, at(1)).await;
    let page = lease(&store, at(1)).await;
    assert_eq!((live.class, page.class), (Class::Live, Class::Page));
    // Both leases end without a settlement.
    assert_eq!(urgent(&store, at(61)).await, ["identify"]);
    assert_eq!(lease(&store, at(61)).await.class, Class::Page);
    drop(store);
    let store = bench.open().await;
    assert_eq!(store.take_over(at(62)).await.unwrap(), 2);
    let again = store.claim(claim(at(62))).await.unwrap();
    assert_eq!((again.len(), again[0].class), (1, Class::Live));
    settle(&store, &again[0], &Verdict::NotAttempted, at(63)).await;
    assert_eq!(urgent(&store, at(64)).await, ["identify"], "nothing urgent went");
    assert_eq!(store.stats().await.unwrap(), bench.count().await);
}

pub(crate) async fn a_redelivered_call_of_a_page_stays_one(bench: &impl Bench) {
    let store = bench.open().await;
    for (class, name) in [(Class::Page, "ann"), (Class::History, "bob")] {
        take_as(&store, class, name, name, at(0)).await;
        bury(&store, at(1)).await;
        bury(&store, at(1)).await;
    }
    assert_eq!(store.redeliver(DeadLetters::All, at(2)).await.unwrap(), 4);
    assert_eq!(store.stats().await.unwrap(), bench.count().await);
    let first = lease(&store, at(3)).await;
    assert_eq!((first.key.value(), first.class), ("bob@example.com", Class::Live));
    assert!(urgent(&store, at(3)).await.is_empty());
    let second = lease(&store, at(3)).await;
    assert_eq!((second.key.value(), second.class), ("ann@example.com", Class::Page));
}

pub(crate) async fn a_join_makes_the_visitors_calls_as_urgent_as_itself(bench: &impl Bench) {
    let store = bench.open().await;
    for number in 0..3 {
        click(&store, "visitor-1", &format!("click {number}"), at(0)).await;
        click(&store, "visitor-2", &format!("other {number}"), at(0)).await;
    }
    assert!(urgent(&store, at(1)).await.is_empty());
    let both = did("ann", "joined").participant("none@example.com", "visitor-1").named("join");
    let mut history = arrival("joined", at(1), both);
    history.class = Class::History;
    assert_eq!(store.accept(history, at(1)).await.unwrap().calls, 3);
    assert_eq!(store.stats().await.unwrap(), bench.count().await);
    // A click that comes later waits, until the join is found to wait for it.
    click(&store, "visitor-1", "late", at(2)).await;
    let mut sent = drain_urgent(&store, Class::History, at(3)).await;
    sent.sort();
    assert_eq!(sent, ["click 0", "click 1", "click 2", "identify", "join", "joined"]);
    let visitor = LaneKey::Visitor(AnonymousId::parse("visitor-1").unwrap());
    store.raise(&visitor, Class::Live).await.unwrap();
    assert_eq!(store.stats().await.unwrap(), bench.count().await);
    assert_eq!(drain_urgent(&store, Class::Live, at(4)).await, ["late"]);
    // An empty lane isn't raised, and none is lowered.
    store.raise(&visitor, Class::Live).await.unwrap();
    click(&store, "visitor-1", "later", at(5)).await;
    take_as(&store, Class::Live, "bob", "b", at(5)).await;
    let bob = Email::parse("bob@example.com").unwrap().into();
    store.raise(&bob, Class::Page).await.unwrap();
    assert_eq!(drain_urgent(&store, Class::Live, at(6)).await, ["identify", "b"]);
    assert_eq!(store.stats().await.unwrap(), bench.count().await);
}

pub(crate) async fn what_a_page_posts_is_dropped_where_it_leads_to_nothing(bench: &impl Bench) {
    let store = bench.open().await;
    take(&store, "ann", "a", at(0)).await;
    drain(&store, at(0)).await;
    let before = store.stats().await.unwrap();
    let readings = [
        (Ok(did("ann", "a")), Dropped::Nothing),
        (Ok(did("bob", "a")), Dropped::Nothing),
        (Ok(did("ann", "b").named("unmappable")), Dropped::Unknown),
        (Ok(did("ann", "b").named("panic")), Dropped::Unknown),
        (Ok(did("ann", "b").nobody()), Dropped::Unknown),
        (Ok(did("ann", "b").named("contradiction")), Dropped::Unknown),
        (Err("click_id is missing".to_owned()), Dropped::Unknown),
    ];
    let mut number = 0;
    for (reading, why) in readings {
        number += 1;
        let arrival = arrival(&format!("post {number}"), at(1), notification());
        let posted = ReceivedWebhook { class: Class::Page, decoded: reading, ..arrival };
        let receipt = store.accept(posted, at(1)).await.unwrap();
        assert_eq!((receipt.status, receipt.calls), (Status::Dropped(why), 0), "{number}");
    }
    assert_eq!(store.stats().await.unwrap(), before);
    assert_eq!(inbox(&store, false).await.len(), 1);
    let bob = ParticipantKey::new(CAMPAIGN, "bob");
    assert_eq!(store.person(&ReadKey::Participant(bob)).await.unwrap(), None);
    assert_eq!(store.stats().await.unwrap(), bench.count().await);
    // The same bytes count, once they lead to something.
    take_as(&store, Class::Page, "ann", "b", at(2)).await;
    assert_eq!(drain(&store, at(3)).await, ["identify", "b"]);
}
