//! SIGKILL at any moment: what was acknowledged arrives, once and in order.
//!
//! `RELAY_TEST_CYCLES` says how often the relay is killed under load (default 15), and
//! `RELAY_TEST_SEED` repeats a run. The deaths at each single moment of a small scenario
//! are enumerated inside the library, by `src/tests/crash_points.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::kit::process::signal;
use crate::kit::relay::{Relay, Setup};
use crate::kit::sandbox::{Event, Sandbox};
use crate::kit::webhooks::{email, joined};
use crate::kit::{eventually, now_millis};
use crate::promises::{assert_lanes_in_order, assert_no_lane_waits};

#[test]
fn what_was_accepted_before_a_kill_is_delivered_after_it() {
    let sandbox = Sandbox::start();
    sandbox.faults(json!([{"match": {"path": "/api/v1/customers"}, "hang_ms": 60_000}]));
    let mut relay = Relay::start(&sandbox);
    for number in 0..10 {
        relay.accept(&joined(&format!("lane{number}")).referred_by("rae"));
    }
    eventually("a call is under way", || !sandbox.calls().is_empty());
    relay.kill();
    sandbox.heal();
    let restarted = Instant::now();
    relay.restart();
    relay.drained();
    assert!(restarted.elapsed() < Duration::from_secs(20), "it waited for a lease to end");
    assert_eq!(sandbox.events_named("referral_program_joined").len(), 10);
    assert_eq!(sandbox.events_named("referral_friend_signed_up").len(), 10);
    assert_eq!(sandbox.events().len(), 20);
    assert_eq!(relay.dead_letters(), 0);
}

#[test]
fn an_answer_that_a_kill_cut_off_has_no_double_effect() {
    let sandbox = Sandbox::start();
    // The effect comes at once, the answer never in time.
    sandbox.faults(json!([{"match": {"path": "/events"}, "latency_ms": 60_000}]));
    let mut relay = Relay::start(&sandbox);
    relay.accept(&joined("fay"));
    eventually("the effect is there", || sandbox.events().len() == 1);
    relay.kill();
    sandbox.heal();
    relay.restart();
    relay.drained();
    let event = sandbox.event("referral_program_joined");
    assert_eq!(event.shown["repeats"], 1, "the same id was sent again");
}

#[test]
fn a_store_that_was_never_closed_is_ready_again_at_once() {
    let sandbox = Sandbox::start();
    let mut relay = Relay::start(&sandbox);
    for round in 0..5 {
        relay.accept(&joined(&format!("lane{round}")));
        relay.kill();
        relay.restart();
        assert_eq!(crate::kit::http::get(relay.url("/readyz")).status, 200);
    }
    relay.drained();
    assert_eq!(sandbox.events().len(), 5);
}

#[test]
fn two_relays_share_a_store_and_one_outlives_the_other() {
    let sandbox = Sandbox::start();
    // Some calls hang, so that the one that is killed holds leases.
    let hang =
        json!({"match": {"path": "/api/"}, "probability": 0.1, "seed": 1, "hang_ms": 60_000});
    sandbox.faults(json!([hang, {"probability": 0.5, "seed": 2, "latency_ms": 20}]));
    let setup = Setup::new(&sandbox).set("customerio.timeout", "400ms");
    let mut first = setup.set("delivery.lease", "5500ms").start();
    let second = first.start_beside();
    for friend in 1..=30 {
        for referrer in ["rae", "sam"] {
            let webhook = joined(&format!("{referrer}{friend}"));
            let relay = if friend % 2 == 0 { &first } else { &second };
            relay.accept(&webhook.referred_by_with(referrer, friend));
        }
    }
    first.kill();
    second.drained();
    for referrer in ["rae", "sam"] {
        let events = sandbox.events_named("referral_friend_signed_up");
        let own = events.iter().filter(|event| event.person() == email(referrer));
        let reported: Vec<u64> =
            own.map(|event| event.data()["total_referrals"].as_u64().unwrap()).collect();
        assert_eq!(reported, (1..=30).collect::<Vec<_>>(), "{referrer}");
        assert_eq!(sandbox.attributes(&email(referrer))["total_referrals"], 30);
    }
    assert_eq!(sandbox.events().len(), 120);
    assert_eq!(second.dead_letters(), 0);
    assert!(sandbox.activity("dropped_older_update").is_empty());
}

/// Number of referrers that get friends at the same time.
const REFERRERS: usize = 6;

pub fn number(variable: &str, default: u64) -> u64 {
    let text = std::env::var(variable).ok();
    text.map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{variable}: {text:?}")))
}

/// The friends of one referrer.
#[derive(Default)]
struct Friends {
    /// Number of friends in webhooks.
    sent: usize,
    /// The numbers of those that were acknowledged.
    acknowledged: Vec<usize>,
}

/// Sends the sign-ups of one referrer's friends one by one, whatever happens to the relay.
fn befriend(
    referrer: usize,
    relay: &RwLock<Relay>,
    acknowledged: &AtomicUsize,
    stop: &AtomicBool,
) -> Friends {
    let mut friends = Friends::default();
    while !stop.load(Ordering::Relaxed) {
        friends.sent += 1;
        let name = format!("friend{}of{referrer}", friends.sent);
        let count = u64::try_from(friends.sent).unwrap();
        let webhook = joined(&name).referred_by_with(&format!("rae{referrer}"), count);
        // A relay that is dead is waited for: its successor has the lock for writing.
        let answer = relay.read().unwrap().try_send(&webhook);
        if let Ok(answer) = answer {
            assert_eq!(answer.status, 200, "{answer:?}");
            acknowledged.fetch_add(1, Ordering::Relaxed);
            friends.acknowledged.push(friends.sent);
        }
    }
    friends
}

/// Asserts the effects of a referrer's friends: of acknowledged friends all, of others all or none; each
/// once and in order.
#[track_caller]
fn assert_friends(sandbox: &Sandbox, events: &[Event], referrer: usize, friends: &Friends) {
    let person = email(&format!("rae{referrer}"));
    let reported: Vec<u64> = events
        .iter()
        .filter(|event| event.name() == "referral_friend_signed_up" && event.person() == person)
        .map(|event| event.data()["total_referrals"].as_u64().unwrap())
        .collect();
    assert!(reported.is_sorted_by(|a, b| a < b), "{person}: {reported:?}");
    let arrived: BTreeSet<u64> = reported.iter().copied().collect();
    let mut joins = BTreeMap::<&str, usize>::new();
    for event in events {
        *joins.entry(event.person()).or_default() += 1;
    }
    for number in 1..=friends.sent {
        let is_there = arrived.contains(&u64::try_from(number).unwrap());
        let friend = email(&format!("friend{number}of{referrer}"));
        let joins = joins.get(friend.as_str()).copied().unwrap_or(0);
        assert_eq!(joins, usize::from(is_there), "{friend}: twice, or a webhook in part");
        assert!(is_there || !friends.acknowledged.contains(&number), "{person} lost {number}");
    }
    let attributes = sandbox.attributes(&person);
    assert_eq!(attributes["total_referrals"].as_u64(), reported.last().copied(), "{person}");
}

#[test]
fn kills_at_random_moments_under_load_lose_nothing_and_repeat_nothing() {
    let cycles = number("RELAY_TEST_CYCLES", 15);
    let seed = number("RELAY_TEST_SEED", u64::try_from(now_millis()).unwrap());
    println!("RELAY_TEST_SEED={seed} RELAY_TEST_CYCLES={cycles}");
    let mut random = fastrand::Rng::with_seed(seed);
    let sandbox = Sandbox::start();
    sandbox.faults(json!([
        {"probability": 0.05, "seed": seed, "drop": "after"},
        {"probability": 0.05, "seed": seed + 1, "status": 500},
        {"probability": 0.05, "seed": seed + 2, "status": 429},
        {"probability": 0.2, "seed": seed + 3, "latency_ms": 15}
    ]));
    let relay = RwLock::new(Relay::start(&sandbox));
    let (acknowledged, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let friends: Vec<Friends> = thread::scope(|scope| {
        let senders: Vec<_> = (0..REFERRERS)
            .map(|referrer| {
                let (relay, acknowledged, stop) = (&relay, &acknowledged, &stop);
                scope.spawn(move || befriend(referrer, relay, acknowledged, stop))
            })
            .collect();
        for _ in 0..cycles {
            // At a moment that neither the relay nor the senders know of.
            let enough = acknowledged.load(Ordering::Relaxed) + random.usize(0..25);
            eventually("webhooks are acknowledged", || {
                acknowledged.load(Ordering::Relaxed) >= enough
            });
            let pid = relay.read().unwrap().pid();
            thread::sleep(Duration::from_micros(random.u64(0..20_000)));
            signal(pid, "KILL");
            let mut relay = relay.write().unwrap();
            relay.kill();
            relay.restart();
        }
        stop.store(true, Ordering::Relaxed);
        senders.into_iter().map(|sender| sender.join().unwrap()).collect()
    });
    let relay = relay.into_inner().unwrap();
    sandbox.heal();
    relay.drained();
    let events = sandbox.events();
    for (referrer, friends) in friends.iter().enumerate() {
        assert_friends(&sandbox, &events, referrer, friends);
    }
    let ids: BTreeSet<&str> = events.iter().map(Event::id).collect();
    assert_eq!(ids.len(), events.len(), "an event id was applied twice");
    assert_lanes_in_order(&sandbox);
    assert_no_lane_waits(&relay);
    assert_eq!(relay.dead_letters(), 0);
    let reported: usize = friends.iter().map(|friends| friends.sent).sum();
    let acknowledged = acknowledged.into_inner();
    let repeats: u64 = events.iter().map(|event| event.shown["repeats"].as_u64().unwrap()).sum();
    println!(
        "{cycles} kills: of {reported} webhooks {acknowledged} were acknowledged and none was lost; {} \
         events took effect once each, and {repeats} repeats of them were ignored",
        events.len()
    );
}
