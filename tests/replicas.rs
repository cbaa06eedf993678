//! Several relays on one server: what holds although relays die, stand still and come back, and the
//! server does.
//!
//! `RELAY_TEST_CYCLES` says how often something of that happens (default 12), and `RELAY_TEST_SEED`
//! repeats a run.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, RwLock};
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::crash::number;
use crate::kit::ids::signature;
use crate::kit::network::{Network, State};
use crate::kit::postgres::Cluster;
use crate::kit::process::signal;
use crate::kit::relay::{Relay, SECRET, Setup};
use crate::kit::sandbox::{Event, Sandbox};
use crate::kit::webhooks::{Webhook, email, joined};
use crate::kit::{eventually, http, now_millis};
use crate::page;
use crate::promises::{assert_kept, assert_no_lane_waits};
use crate::ui_acts::{Browser, OPERATE, ended, refused, setup as with_pages};

const FAY: &[&str] = &["referral_program_joined fay@example.com"];

/// Returns a relay on a server of the test's own.
fn alone(sandbox: &Sandbox) -> (Cluster, Setup) {
    let cluster = Cluster::start(false);
    let address = format!("127.0.0.1:{}", cluster.port());
    let setup = Setup::new(sandbox).on(&cluster.database(), &address);
    (cluster, setup.set("server.answer_timeout", "500ms"))
}

#[test]
fn a_server_that_is_down_costs_a_503_and_nothing_else() {
    let sandbox = Sandbox::start();
    let (cluster, setup) = alone(&sandbox);
    let relay = setup.start();
    cluster.stop();
    let webhook = joined("fay");
    let refused = relay.send(&webhook);
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(refused.header("retry-after").parse::<u32>().unwrap() > 0);
    relay.answers("/readyz", 503);
    relay.answers("/healthz", 200);
    cluster.begin();
    relay.answers("/readyz", 200);
    relay.accept(&webhook);
    assert_kept(&relay, &sandbox, FAY);
}

#[test]
fn a_database_that_cannot_hold_every_text_is_refused() {
    let sandbox = Sandbox::start();
    let (cluster, setup) = alone(&sandbox);
    let sql = "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0";
    cluster.database().query(sql);
    let url = format!("postgres://relay@127.0.0.1:{}/latin?sslmode=disable", cluster.port());
    let refused = setup.set("store.url", url).command(&["serve"]).expect(1);
    assert!(refused.contains("holds LATIN1") && refused.contains("ENCODING 'UTF8'"), "{refused}");
}

#[test]
fn connections_that_the_server_ends_are_made_anew() {
    let sandbox = Sandbox::start();
    let cluster = Cluster::start(false);
    let database = cluster.database();
    let address = format!("127.0.0.1:{}", cluster.port());
    let relay = Setup::new(&sandbox).on(&database, &address).start();
    for round in 0..10 {
        database.end_connections();
        let webhook = joined("fay");
        // One that was under way may fail; then it gets an error.
        eventually(&format!("it is taken in round {round}"), || relay.send(&webhook).status == 200);
    }
    relay.answers("/readyz", 200);
    assert_kept(&relay, &sandbox, FAY);
}

/// One relay is cut off in every way; the other goes on, and both end well.
#[test]
fn a_relay_that_is_cut_off_from_the_server_comes_back_by_itself() {
    for trouble in [State::Stalls, State::Loses, State::Resets] {
        let sandbox = Sandbox::start();
        let cluster = Cluster::start(false);
        let server = format!("127.0.0.1:{}", cluster.port());
        let (database, network) = (cluster.database(), Network::to(&server));
        let setup = Setup::new(&sandbox)
            .set("server.answer_timeout", "500ms")
            .set("store.statement_timeout", "1s")
            .set("customerio.timeout", "400ms")
            .set("delivery.lease", "5500ms");
        let cut_off = setup.clone().on(&database, network.address()).start();
        let other = setup.on(&database, &server).start();
        cut_off.accept(&joined("ann"));
        network.is(trouble);
        assert_eq!(cut_off.send(&joined("bob")).status, 503, "{trouble:?}");
        cut_off.answers("/readyz", 503);
        assert_eq!(http::get(cut_off.url("/healthz")).status, 200, "{trouble:?}");
        other.accept(&joined("cid"));
        network.is(State::Passes);
        cut_off.answers("/readyz", 200);
        // It may have been taken in after all, and then is known.
        let answer = cut_off.send(&joined("bob").at(1_700_000_000_000));
        assert_eq!(answer.status, 200, "{trouble:?}: {answer:?}");
        cut_off.accept(&joined("dan"));
        let expected: Vec<String> = ["ann", "bob", "cid", "dan"]
            .map(|name| format!("referral_program_joined {}", email(name)))
            .into();
        assert_kept(&other, &sandbox, &expected.iter().map(String::as_str).collect::<Vec<_>>());
    }
}

#[test]
fn a_participants_budget_of_page_posts_is_one_for_all_relays() {
    let sandbox = Sandbox::start();
    let setup = page::setup(&sandbox, "page").set("page.shares_per_day", "7");
    let first = setup.set("page.clicks_per_day", "9").start();
    let second = first.start_beside();
    first.accept(&joined("rae"));
    let post = |relay: &Relay, path: &str, body: &serde_json::Value| {
        let request = http::client().post(relay.url(path)).header("Origin", page::ORIGIN);
        assert_eq!(http::send(request.body(body.to_string())).status, 202);
    };
    thread::scope(|scope| {
        for (number, relay) in (0..4).zip([&first, &second, &first, &second]) {
            scope.spawn(move || {
                for post_number in (10 * number)..(10 * number + 10) {
                    post(relay, "/v1/shares", &page::share("rae", post_number));
                    post(relay, "/v1/clicks", &page::click("rae", post_number));
                }
            });
        }
    });
    for (kind, most) in [("share", 7.0), ("click", 9.0)] {
        let of_both = |word| page::outcome(&first, kind, word) + page::outcome(&second, kind, word);
        assert_eq!((of_both("accepted"), of_both("budget")), (most, 40.0 - most), "{kind}");
    }
    first.drained();
    assert_eq!(sandbox.events_named("referral_shared").len(), 7);
    assert_eq!(first.setup().number("SELECT COUNT(*) FROM inbox"), 1 + 7 + 9);
    assert_no_lane_waits(&first);
}

#[test]
fn the_same_webhook_at_two_relays_at_once_has_its_effects_once() {
    let sandbox = Sandbox::start();
    let first = Relay::start(&sandbox);
    let second = first.start_beside();
    let statuses = Mutex::new(Vec::new());
    for number in 0..20 {
        let webhook = joined(&format!("fay{number}")).referred_by("rae");
        thread::scope(|scope| {
            for relay in [&first, &second, &first, &second] {
                scope.spawn(|| {
                    let status = relay.send(&webhook).json()["status"].clone();
                    statuses.lock().unwrap().push(status);
                });
            }
        });
    }
    let statuses = statuses.into_inner().unwrap();
    let accepted = statuses.iter().filter(|status| *status == "accepted").count();
    assert_eq!((accepted, statuses.len()), (20, 80), "{statuses:?}");
    first.drained();
    assert_eq!(sandbox.events().len(), 40);
    assert!(sandbox.events().iter().all(|event| event.shown["repeats"] == 0));
    assert_no_lane_waits(&first);
}

#[test]
fn friends_of_one_referrer_at_two_relays_at_once_are_numbered_without_gaps() {
    const EACH: i64 = 12;
    let sandbox = Sandbox::start();
    let first = Relay::start(&sandbox);
    let second = first.start_beside();
    first.accept(&joined("rae"));
    thread::scope(|scope| {
        for (sender, relay) in (0..4).zip([&first, &second, &first, &second]) {
            scope.spawn(move || {
                for number in 0..EACH {
                    let friend = joined(&format!("fay{number}of{sender}"));
                    // None is credited yet, so that no webhook counts ahead of another.
                    relay.accept(&friend.referred_by_with("rae", 0));
                }
            });
        }
    });
    first.drained();
    let events = sandbox.events_named("referral_friend_signed_up");
    let number = |event: &Event| event.data()["friend_number"].as_i64();
    let expected: Vec<Option<i64>> = (1..=4 * EACH).map(Some).collect();
    assert_eq!(events.iter().map(number).collect::<Vec<_>>(), expected);
    assert_eq!(sandbox.attributes(&email("rae"))["total_friends"], 4 * EACH);
    assert_no_lane_waits(&first);
}

#[test]
fn what_one_relay_finds_the_others_know() {
    let sandbox = Sandbox::start();
    sandbox.faults(json!([{"match": {"path": "/api/v1/customers"}, "status": 401}]));
    let first = Relay::start(&sandbox);
    let second = first.start_beside();
    first.logs("relays share the destination's pace");
    first.accept(&joined("fay"));
    first.destination_is("halted");
    second.destination_is("halted");
    sandbox.heal();
    first.destination_is("running");
    second.destination_is("running");
    assert_kept(&first, &sandbox, FAY);
}

/// Number of referrers that get friends at the same time.
const REFERRERS: usize = 6;

/// Sends the sign-ups of a referrer's friends one by one, each until a relay acknowledges it. Returns
/// their number.
fn befriend(
    referrer: usize,
    relays: &[RwLock<Relay>],
    acknowledged: &AtomicUsize,
    stop: &AtomicBool,
) -> usize {
    let mut reported = 0;
    while !stop.load(Ordering::Relaxed) {
        reported += 1;
        let name = format!("friend{reported}of{referrer}");
        let count = u64::try_from(reported).unwrap();
        let webhook = joined(&name).referred_by_with(&format!("rae{referrer}"), count);
        let mut turn = reported + referrer;
        eventually(&format!("{name} is acknowledged"), || {
            turn += 1;
            is_taken(&relays[turn % relays.len()], &webhook)
        });
        acknowledged.fetch_add(1, Ordering::Relaxed);
    }
    reported
}

/// Returns true if a relay acknowledges a webhook, in about the time that a load balancer waits.
fn is_taken(relay: &RwLock<Relay>, webhook: &Webhook) -> bool {
    // One that is being started again isn't asked.
    let Ok(relay) = relay.try_read() else { return false };
    let body = webhook.body();
    let signature = signature(SECRET, now_millis(), body.as_bytes());
    let request = relay.post("/webhooks/growsurf", body, Some(signature));
    drop(relay);
    let answer = http::try_send(request.timeout(Duration::from_secs(2)));
    answer.is_ok_and(|answer| {
        assert!([200, 503].contains(&answer.status), "{answer:?}");
        answer.status == 200
    })
}

#[test]
fn three_relays_lose_nothing_and_repeat_nothing_whatever_happens_to_them() {
    let cycles = number("RELAY_TEST_CYCLES", 12);
    let seed = number("RELAY_TEST_SEED", u64::try_from(now_millis()).unwrap());
    println!("RELAY_TEST_SEED={seed} RELAY_TEST_CYCLES={cycles}");
    let mut random = fastrand::Rng::with_seed(seed);
    let sandbox = Sandbox::start();
    sandbox.faults(json!([
        {"probability": 0.05, "seed": seed, "drop": "after"},
        {"probability": 0.05, "seed": seed + 1, "status": 500},
        {"probability": 0.2, "seed": seed + 2, "latency_ms": 15}
    ]));
    let (cluster, setup) = alone(&sandbox);
    let setup = setup.set("customerio.timeout", "400ms").set("delivery.lease", "5500ms");
    let relays: Vec<_> = (0..3).map(|_| RwLock::new(setup.clone().start())).collect();
    let (acknowledged, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (mut kills, mut pauses, mut crashes) = (0, 0, 0);
    let reported: Vec<usize> = thread::scope(|scope| {
        let senders: Vec<_> = (0..REFERRERS)
            .map(|referrer| {
                let (relays, acknowledged, stop) = (&relays, &acknowledged, &stop);
                scope.spawn(move || befriend(referrer, relays, acknowledged, stop))
            })
            .collect();
        for cycle in 0..cycles {
            let enough = acknowledged.load(Ordering::Relaxed) + random.usize(0..25);
            eventually("webhooks are acknowledged", || {
                acknowledged.load(Ordering::Relaxed) >= enough
            });
            let relay = &relays[random.usize(0..relays.len())];
            let pid = relay.read().unwrap().pid();
            thread::sleep(Duration::from_micros(random.u64(0..20_000)));
            match cycle % 6 {
                // Longer than its leases, so that what it does then is too late.
                2 => {
                    signal(pid, "STOP");
                    thread::sleep(Duration::from_secs(6));
                    signal(pid, "CONT");
                    pauses += 1;
                }
                5 => {
                    cluster.stop();
                    cluster.begin();
                    crashes += 1;
                }
                _ => {
                    signal(pid, "KILL");
                    let mut relay = relay.write().unwrap();
                    relay.kill();
                    relay.restart();
                    kills += 1;
                }
            }
        }
        stop.store(true, Ordering::Relaxed);
        senders.into_iter().map(|sender| sender.join().unwrap()).collect()
    });
    sandbox.heal();
    let relay = relays[0].read().unwrap();
    relay.drained();
    let events = sandbox.events();
    for (referrer, reported) in reported.iter().enumerate() {
        assert_friends(&events, referrer, *reported);
    }
    let ids: BTreeSet<&str> = events.iter().map(Event::id).collect();
    assert_eq!(ids.len(), events.len(), "an event id was applied twice");
    assert!(sandbox.activity("event_id_reused").is_empty());
    eventually("no lane is held", || {
        relay.setup().number("SELECT COUNT(*) FROM lanes WHERE due_at IS NOT NULL") == 0
    });
    assert_eq!(relay.dead_letters(), 0);
    println!(
        "{kills} kills, {pauses} pauses, {crashes} crashes of the server: {} webhooks were \
         acknowledged and none was lost; {} events took effect once each, in order",
        reported.iter().sum::<usize>(),
        events.len()
    );
}

/// Asserts that each friend arrived once, in order.
#[track_caller]
fn assert_friends(events: &[Event], referrer: usize, reported: usize) {
    let person = email(&format!("rae{referrer}"));
    let arrived: Vec<u64> = events
        .iter()
        .filter(|event| event.name() == "referral_friend_signed_up" && event.person() == person)
        .map(|event| event.data()["total_referrals"].as_u64().unwrap())
        .collect();
    let expected: Vec<u64> = (1..=u64::try_from(reported).unwrap()).collect();
    assert_eq!(arrived, expected, "{person}");
    for number in 1..=reported {
        let friend = email(&format!("friend{number}of{referrer}"));
        let joins = events.iter().filter(|event| event.person() == friend).count();
        assert_eq!(joins, 1, "{friend}");
    }
}

#[test]
fn another_relay_goes_on_with_the_redelivery_of_one_that_is_gone() {
    let sandbox = Sandbox::start();
    let setup = with_pages(&sandbox).set("customerio.timeout", "400ms");
    let mut first = setup.set("delivery.lease", "5500ms").start();
    let cause = refused(&first, &sandbox, 12);
    let second = first.start_beside();
    sandbox.faults(json!([{ "match": {"path": "/events"}, "latency_ms": 60_000 }]));
    let redeliver = format!("/ui/dead/{cause}/redeliver");
    Browser::new(&first, OPERATE).goes(&redeliver, "shown=12&typed=12");
    eventually("the first letter has its effect", || sandbox.events().len() == 1);
    let beside = Browser::new(&second, OPERATE);
    assert_eq!(beside.numbers("/ui/redelivery")["redelivery"]["state"], "trying");
    assert_eq!(beside.post(&redeliver, "shown=12&typed=12").status, 409, "one at a time for all");
    first.kill();
    sandbox.heal();
    let shown = ended(&beside, "done");
    assert_eq!(shown["put_back"], 12, "{shown}");
    second.drained();
    assert_eq!((second.dead_letters(), sandbox.events().len()), (0, 12));
}
