//! Promises of reads for operators.

use std::time::Duration;

use crate::domain::{
    DeliveryId, Email, LaneId, Link, ParticipantKey, PersonId, ReadKey, Source, WebhookId,
};
use crate::store::{
    ClaimRequest, DeliveryState, Entries, Settle, Settlement, Store, Verdict, WaitingCall,
    WebhookStatus,
};

use super::Bench;
use super::effects::reported;
use super::script::{
    CAMPAIGN, NEVER, Saying, arrival, at, attempt, bury, claim, did, drain, lease, notification,
    take,
};

fn key(name: &str) -> ReadKey {
    let email = Email::parse(&format!("{name}@example.com")).unwrap();
    ReadKey::Lane(email.into())
}

async fn person(store: &Store, name: &str) -> PersonId {
    let found = store.people(vec![key(name)]).await.unwrap();
    assert_eq!(found.len(), 1);
    found[0].1.id.unwrap()
}

/// Returns the ids of webhooks, and the events of the calls that each led to.
fn ids_and_calls(webhooks: &[WebhookStatus]) -> Vec<(WebhookId, Vec<&str>)> {
    let events = |it: &WebhookStatus| it.calls.len();
    assert!(webhooks.iter().all(|it| events(it) > 0));
    let names = |it| {
        let WebhookStatus { calls, .. }: &WebhookStatus = it;
        calls.iter().map(|call| call.event_name().unwrap_or(call.kind())).collect()
    };
    webhooks.iter().map(|it| (it.entry.id, names(it))).collect()
}

pub(crate) async fn a_persons_webhooks_are_listed_backwards_with_their_own_calls(
    bench: &impl Bench,
) {
    let store = &*bench.open().await;
    let first = take(store, "ann", "a", at(0)).await;
    take(store, "bob", "b", at(1)).await;
    let both = did("ann", "c").participant("bob@example.com", "bob").effect("d", None);
    let both = store.accept(arrival("both", at(2), both), at(2)).await.unwrap().id;
    let last = take(store, "ann", "e", at(3)).await;
    let ann = person(store, "ann").await;
    let page = store.mentions(vec![ann], None, 2, at(4)).await.unwrap();
    let calls = |word| vec!["identify", word];
    assert_eq!(ids_and_calls(&page), [(last, calls("e")), (both, calls("c"))]);
    let rest = store.mentions(vec![ann], Some(both), 2, at(4)).await.unwrap();
    assert_eq!(ids_and_calls(&rest), [(first, calls("a"))]);
    assert!(store.mentions(vec![ann], Some(first), 2, at(4)).await.unwrap().is_empty());
    let bob = person(store, "bob").await;
    let of_both = store.mentions(vec![ann, bob], None, 3, at(4)).await.unwrap();
    let all = vec!["identify", "c", "identify", "d"];
    let ids: Vec<WebhookId> = of_both.iter().map(|it| it.entry.id).collect();
    assert_eq!((ids.len(), &ids[..2]), (3, &[last, both][..]));
    assert_eq!(ids_and_calls(&of_both)[1].1, all);
}

pub(crate) async fn a_webhook_shows_the_state_of_each_call(bench: &impl Bench) {
    let store = &*bench.open().await;
    let id = take(store, "ann", "a", at(0)).await;
    let leased = lease(store, at(1)).await;
    let retry = Verdict::Retry { at: at(60), failing_since: Duration::ZERO };
    let attempt = Some(attempt(at(1), "busy"));
    let results = vec![Settle { delivery: leased.deliveries[0].id, verdict: retry, attempt }];
    let settlement = Settlement { lane: leased.lane, token: leased.token, results };
    store.settle(vec![settlement], NEVER, at(1)).await.unwrap();
    let shown = async |second| store.webhook(id, at(second)).await.unwrap().unwrap();
    let status = shown(2).await;
    assert_eq!((status.entry.source, status.entry.received_at), (Source::Growsurf, at(0)));
    assert_eq!(status.entry.event.as_deref(), Some("TEST"));
    assert_eq!(status.entry.parked, None);
    let [identify, track] = &status.calls[..] else { panic!("{status:?}") };
    assert_eq!((identify.kind(), identify.state), ("identify", DeliveryState::Pending));
    assert_eq!(identify.key.value(), "ann@example.com");
    assert_eq!(identify.attempts[0].reason, "busy");
    assert_eq!((track.event_name(), track.attempts.len()), (Some("a"), 0));
    let lane = track.waits_in.as_ref().unwrap();
    assert_eq!((lane.due_at, lane.is_leased, lane.oldest), (Some(at(60)), false, Some(at(0))));
    bury(store, at(60)).await;
    drain(store, at(61)).await;
    let message = reported("a", "m1", "sent", at(62));
    store.accept(arrival("report", at(63), message), at(63)).await.unwrap();
    let status = shown(64).await;
    let [identify, track] = &status.calls[..] else { panic!("{status:?}") };
    let death = identify.death.as_ref().unwrap();
    assert_eq!((identify.state, death.died_at), (DeliveryState::Dead, at(60)));
    assert_eq!((death.reason.as_str(), death.field.as_deref()), ("no", Some("name")));
    assert_eq!((track.state, track.delivered_at), (DeliveryState::Delivered, Some(at(61))));
    assert_eq!((&track.waits_in, track.messages[0].delivery.as_str()), (&None, "m1"));
    let other = WebhookId::new(at(0), 7);
    assert_eq!(store.webhook(other, at(64)).await.unwrap(), None);
}

pub(crate) async fn people_are_found_by_any_key_and_campaigns_are_listed(bench: &impl Bench) {
    let store = &*bench.open().await;
    assert!(store.campaigns().await.unwrap().is_empty());
    let coded = did("ann", "a").coded(["anns-code"]);
    store.accept(arrival("ann", at(0), coded), at(0)).await.unwrap();
    take(store, "bob", "b", at(1)).await;
    assert_eq!(store.campaigns().await.unwrap(), [CAMPAIGN]);
    let campaign = CAMPAIGN.to_owned();
    let participant = ParticipantKey { campaign: campaign.clone(), participant: "ann".to_owned() };
    let keys = vec![
        ReadKey::Participant(participant),
        ReadKey::Link(Link { campaign: campaign.clone(), code: "anns-code".to_owned() }),
        key("nobody"),
        key("bob"),
    ];
    let found = store.people(keys.clone()).await.unwrap();
    let names: Vec<_> = found.iter().map(|(key, it)| (key, it.key.value())).collect();
    assert_eq!(names, [(&keys[0], "ann@example.com"), (&keys[3], "bob@example.com")]);
    let [code] = &store.people(vec![keys[1].clone()]).await.unwrap()[..] else { panic!() };
    assert_eq!(code.1, found[0].1);
}

pub(crate) async fn a_lane_shows_what_it_waits_for(bench: &impl Bench) {
    let store = &*bench.open().await;
    take(store, "ann", "a", at(0)).await;
    take(store, "ann", "b", at(1)).await;
    let people = vec![person(store, "ann").await];
    let lane = async |second| {
        let lanes = store.lanes(people.clone(), at(second)).await.unwrap();
        let [lane] = &lanes[..] else { panic!("{lanes:?}") };
        lane.clone()
    };
    let waiting = lane(2).await;
    assert_eq!((waiting.pending, waiting.oldest), (2, Some(at(0))));
    assert_eq!((waiting.due_at, waiting.is_leased), (Some(at(0)), false));
    let leases = store.claim(claim(at(3))).await.unwrap();
    assert_eq!(leases.len(), 1);
    let leased = lane(3).await;
    assert!(leased.is_leased && leased.due_at > Some(at(3)), "{leased:?}");
    let nobody = PersonId(people[0].0 + 1_000);
    assert_eq!(store.lanes(vec![nobody], at(3)).await.unwrap(), []);
    assert_ne!(leases[0].deliveries[0].id, DeliveryId(0));
}

pub(crate) async fn parked_webhooks_are_listed_newest_first_and_the_newest_of_a_source_is_found(
    bench: &impl Bench,
) {
    let store = &*bench.open().await;
    assert_eq!(store.newest(Source::Growsurf).await.unwrap(), None);
    let mut parked = Vec::new();
    for second in 0..3 {
        let notification = notification().named("unmappable");
        let arrival = arrival(&format!("parked {second}"), at(second), notification);
        parked.push(store.accept(arrival, at(second)).await.unwrap().id);
    }
    let accepted = take(store, "ann", "a", at(5)).await;
    let ids = async |before, limit| {
        let page = store.entries(Entries::Parked, before, limit).await.unwrap();
        assert!(page.iter().all(|it| it.parked.as_deref() == Some("data.what is missing")));
        page.into_iter().map(|it| it.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(None, 2).await, [parked[2], parked[1]]);
    assert_eq!(ids(Some(parked[1]), 2).await, [parked[0]]);
    let newest = store.newest(Source::Growsurf).await.unwrap().unwrap();
    assert_eq!(newest.id, accepted);
    assert_eq!(store.newest(Source::Server).await.unwrap(), None);
    let recent = store.entries(Entries::All, None, 2).await.unwrap();
    assert_eq!(recent.iter().map(|entry| entry.id).collect::<Vec<_>>(), [accepted, parked[2]]);
    let recent = store.entries(Entries::All, Some(parked[1]), 2).await.unwrap();
    assert_eq!(recent.iter().map(|entry| entry.id).collect::<Vec<_>>(), [parked[0]]);
}

pub(crate) async fn waiting_calls_come_in_the_order_of_planning_and_a_lanes_wait_is_released(
    bench: &impl Bench,
) {
    let store = &*bench.open().await;
    take(store, "ann", "a", at(0)).await;
    take(store, "bob", "b", at(0)).await;
    take(store, "ann", "c", at(1)).await;
    let words = |calls: &[WaitingCall]| -> Vec<String> {
        calls.iter().map(|it| format!("{} {}", it.key.value(), it.place.planned_at)).collect()
    };
    let first = store.waiting(None, 2, at(2)).await.unwrap();
    let rest = store.waiting(first.last().map(|it| it.place), 2, at(2)).await.unwrap();
    let all = store.waiting(None, 10, at(2)).await.unwrap();
    assert_eq!([words(&first), words(&rest)].concat(), words(&all));
    let zero = at(0);
    let expected = [
        format!("ann@example.com {zero}"),
        format!("bob@example.com {zero}"),
        format!("ann@example.com {}", at(1)),
    ];
    assert_eq!(words(&all), expected);
    assert!(all.iter().all(|it| it.has_identify && it.attempts == 0 && it.last.is_none()));

    let lane = all[0].lane.lane;
    assert!(!store.release_wait(lane, at(2)).await.unwrap(), "it is due");
    let of_lane = ClaimRequest { lane: Some(lane), ..claim(at(2)) };
    let leased = store.claim(of_lane).await.unwrap().remove(0);
    assert!(!store.release_wait(lane, at(2)).await.unwrap(), "it is under way");
    let verdict = Verdict::Retry { at: at(100), failing_since: Duration::ZERO };
    let delivery = leased.deliveries[0].id;
    let results = vec![Settle { delivery, verdict, attempt: Some(attempt(at(2), "not now")) }];
    let settlement = Settlement { lane, token: leased.token, results };
    store.settle(vec![settlement], NEVER, at(2)).await.unwrap();
    let waiting = &store.waiting(None, 1, at(3)).await.unwrap()[0];
    assert_eq!((waiting.attempts, waiting.lane.due_at), (1, Some(at(100))));
    assert_eq!(waiting.last.as_ref().unwrap().reason, "not now");
    assert!(store.release_wait(lane, at(4)).await.unwrap());
    let waiting = &store.waiting(None, 1, at(4)).await.unwrap()[0];
    assert_eq!((waiting.attempts, waiting.lane.due_at), (1, Some(at(4))), "the tries count on");
    assert!(!store.release_wait(LaneId(lane.0 + 1_000), at(4)).await.unwrap(), "there is none");
    drain(store, at(5)).await;
    assert_eq!(store.waiting(None, 10, at(6)).await.unwrap(), []);
}
