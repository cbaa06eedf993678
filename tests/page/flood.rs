//! A flood of posts from many addresses: what it may delay, and how much of it is stored.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{CLICKED, KEY, ORIGIN, VISITOR, claiming, click, outcome, post, setup, share};
use crate::kit::eventually;
use crate::kit::http;
use crate::kit::relay::{Relay, Setup};
use crate::kit::sandbox::Sandbox;
use crate::kit::webhooks::{email, joined};

const FRIEND: &str = "referral_friend_signed_up";

/// Number of clients that post at once.
const FLOODERS: u32 = 24;

/// Time within which a webhook is answered during a flood, and its calls delivered.
const ANSWERED: Duration = Duration::from_secs(1);
const DELIVERED: Duration = Duration::from_secs(5);

/// Returns a relay behind a proxy, whose pages may post shares.
fn behind_a_proxy(sandbox: &Sandbox) -> Setup {
    setup(sandbox, "page").set("server.trusted_proxies", "127.0.0.1")
}

/// Posts as the client of this number, whom no other post is of.
fn post_as(relay: &Relay, number: u32, path: &str, body: &Value) {
    let [_, a, b, c] = number.to_be_bytes();
    let request = http::client().post(relay.url(path)).header("Origin", ORIGIN);
    let request = request.header("X-Forwarded-For", format!("10.{a}.{b}.{c}"));
    let answer = http::send(request.body(body.to_string()));
    assert_eq!((answer.status, answer.body.as_str()), (202, ""), "{answer:?}");
}

/// Returns the click of a number on a participant's link, by a visitor of its own.
fn click_of(owner: &str, number: u32) -> Value {
    json!({
        "key": KEY, "anonymous_id": format!("visitor-{number:08}"),
        "click_id": format!("click-{number:08}"), "grsf": owner
    })
}

/// Posts what `next` says, by many at once, until `meanwhile` is done.
fn flooded<T>(
    relay: &Relay,
    next: impl Fn(u32) -> (&'static str, Value) + Sync,
    meanwhile: impl FnOnce() -> T,
) -> T {
    let (count, is_over) = (AtomicU32::new(0), AtomicBool::new(false));
    let work = || {
        while !is_over.load(Ordering::Relaxed) {
            let number = count.fetch_add(1, Ordering::Relaxed);
            let (path, body) = next(number);
            post_as(relay, number, path, &body);
        }
    };
    thread::scope(|scope| {
        for _ in 0..FLOODERS {
            scope.spawn(work);
        }
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(meanwhile));
        is_over.store(true, Ordering::Relaxed);
        ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Asserts that the webhook of a join is answered and delivered in time.
#[track_caller]
fn joins_promptly(
    relay: &Relay,
    sandbox: &Sandbox,
    name: &str,
    webhook: &crate::kit::webhooks::Webhook,
) {
    let began = Instant::now();
    relay.accept(webhook);
    let answered = began.elapsed();
    assert!(answered < ANSWERED, "{name} was answered after {answered:?}");
    let is_there = || {
        let events = sandbox.events_named("referral_program_joined");
        events.iter().any(|event| event.person() == email(name))
    };
    eventually("the event is there", is_there);
    let delivered = began.elapsed();
    assert!(delivered < DELIVERED, "{name} was delivered after {delivered:?}");
}

fn rows(relay: &Relay) -> i64 {
    relay.setup().number("SELECT COUNT(*) FROM inbox")
}

/// Returns the number of posts that of a kind had one of these outcomes, as a whole number.
fn posts(relay: &Relay, kind: &str, word: &str) -> i64 {
    format!("{}", outcome(relay, kind, word)).parse().unwrap()
}

#[test]
fn a_flood_delays_no_webhook_and_leaves_no_more_than_a_participants_budget() {
    let sandbox = Sandbox::start();
    let relay = behind_a_proxy(&sandbox)
        .set("page.total_posts_per_minute", "1000000")
        // Far less than the flood: its calls pile up.
        .set("customerio.calls_per_second", "80")
        .start();
    relay.accept(&joined("rae"));
    let next = |number: u32| match number % 8 {
        0 => ("/v1/shares", share("rae", 10_000 + number)),
        1 => ("/v1/clicks", click_of("nobody", number)),
        _ => ("/v1/clicks", click_of("rae", number)),
    };
    flooded(&relay, next, || {
        eventually("the flood has come", || outcome(&relay, "click", "accepted") > 100.0);
        for name in ["ann", "bob", "cid"] {
            joins_promptly(&relay, &sandbox, name, &joined(name).referred_by("rae"));
        }
        // A visitor's own clicks wait with the flood, until the visitor joins.
        for number in 1..=3 {
            post(&relay, "/v1/clicks", &click("ann", number));
        }
        joins_promptly(&relay, &sandbox, "fay", &claiming("fay", VISITOR));
        let began = Instant::now();
        eventually("fay is joined with what she did", || {
            sandbox.person(&email("fay")).unwrap()["anonymous_ids"] == json!([VISITOR])
        });
        assert!(began.elapsed() < DELIVERED, "joined after {:?}", began.elapsed());
        eventually("both budgets are spent", || {
            outcome(&relay, "click", "budget") > 0.0 && outcome(&relay, "share", "budget") > 0.0
        });
        // Rae's own lane holds all her shares by now.
        let before = sandbox.events_named(FRIEND).len();
        let began = Instant::now();
        joins_promptly(&relay, &sandbox, "zoe", &joined("zoe").referred_by("rae"));
        eventually("rae's event is there", || sandbox.events_named(FRIEND).len() > before);
        assert!(began.elapsed() < DELIVERED, "rae's event after {:?}", began.elapsed());
    });
    assert_eq!(posts(&relay, "share", "accepted"), 50);
    assert_eq!(posts(&relay, "click", "accepted"), 1_000 + 3);
    assert!(outcome(&relay, "click", "unknown") > 0.0);
    // Six webhooks and what was accepted; nothing of what was dropped.
    assert_eq!(rows(&relay), 6 + 50 + 1_003);
    assert_eq!(relay.setup().number("SELECT COUNT(*) FROM inbox WHERE parked IS NOT NULL"), 0);
    let pending = relay.count("relay_pending_calls");
    assert!(pending > 0.0, "the flood was over before it could delay anything");
    assert!(relay.setup().holding("nobody").is_empty());
}

#[test]
fn all_clients_together_post_only_so_much() {
    let sandbox = Sandbox::start();
    let relay = behind_a_proxy(&sandbox).set("page.total_posts_per_minute", "120").start();
    let names: Vec<String> = (0..10).map(|number| format!("p{number}")).collect();
    for name in &names {
        relay.accept(&joined(name));
    }
    let began = Instant::now();
    let next = |number: u32| {
        let name = &names[usize::try_from(number % 10).unwrap()];
        match number % 3 {
            0 => ("/v1/shares", share(name, 10_000 + number)),
            _ => ("/v1/clicks", click_of(name, number)),
        }
    };
    flooded(&relay, next, || {
        eventually("the total is spent", || outcome(&relay, "click", "total") > 200.0);
        joins_promptly(&relay, &sandbox, "ann", &joined("ann"));
    });
    let accepted = posts(&relay, "click", "accepted") + posts(&relay, "share", "accepted");
    // The next minute's.
    let most = 120 * i64::try_from(began.elapsed().as_secs() / 60 + 1).unwrap();
    assert!((100..=most).contains(&accepted), "{accepted}");
    assert_eq!(rows(&relay), 11 + accepted);
    // What is no post at all uses up nothing of it, and is dropped for its own reason.
    post(&relay, "/v1/clicks", &json!({"key": KEY}));
    assert_eq!(outcome(&relay, "click", "malformed"), 1.0);
}

#[test]
fn posts_that_lead_to_nothing_leave_the_total_to_others() {
    let sandbox = Sandbox::start();
    let setup = behind_a_proxy(&sandbox).set("page.total_posts_per_minute", "10");
    let relay = setup.set("page.clicks_per_day", "2").start();
    for name in ["rae", "fay"] {
        relay.accept(&joined(name));
    }
    for number in 0..40 {
        post_as(&relay, number, "/v1/clicks", &click_of("rae", number));
        post_as(&relay, 100 + number, "/v1/clicks", &click_of("nobody", number));
    }
    for number in 200..202 {
        post_as(&relay, number, "/v1/clicks", &click_of("fay", number));
    }
    let reported = ["accepted", "budget", "unknown", "total"].map(|it| posts(&relay, "click", it));
    assert_eq!(reported, [4, 38, 40, 0]);
    // And then they are looked at no more.
    for number in 300..330 {
        post_as(&relay, number, "/v1/clicks", &click_of("nobody", number));
    }
    let reported = ["unknown", "total"].map(|it| posts(&relay, "click", it));
    assert_eq!(reported, [62, 8]);
}

#[test]
fn calls_of_pages_take_a_quarter_of_the_pace_even_with_nothing_else_to_do() {
    let sandbox = Sandbox::start();
    let relay = behind_a_proxy(&sandbox).set("customerio.calls_per_second", "80").start();
    relay.accept(&joined("rae"));
    relay.drained();
    let began = Instant::now();
    for number in 0..60 {
        post_as(&relay, number, "/v1/clicks", &click_of("rae", number));
    }
    relay.drained();
    assert_eq!(sandbox.events_named(CLICKED).len(), 60);
    // At 20 a second, but for what was saved up.
    let took = began.elapsed();
    assert!(took > Duration::from_millis(2_500), "took {took:?}");
}

#[test]
fn a_participants_budget_outlives_restarts() {
    let sandbox = Sandbox::start();
    let setup = behind_a_proxy(&sandbox).set("page.shares_per_day", "3");
    let mut relay = setup.set("page.clicks_per_day", "2").start();
    relay.accept(&joined("rae"));
    let day = crate::kit::now_seconds() / 86_400;
    for number in 0..5 {
        post(&relay, "/v1/shares", &share("rae", number));
        post(&relay, "/v1/clicks", &click("rae", number));
    }
    assert_eq!(outcome(&relay, "share", "budget"), 2.0);
    assert_eq!(outcome(&relay, "click", "budget"), 3.0);
    relay.terminate();
    relay.restart();
    post(&relay, "/v1/shares", &share("rae", 9));
    post(&relay, "/v1/clicks", &click("rae", 9));
    if crate::kit::now_seconds() / 86_400 == day {
        assert_eq!(outcome(&relay, "share", "budget"), 1.0);
        assert_eq!(outcome(&relay, "click", "budget"), 1.0);
    }
    relay.drained();
    // A replay is bound by it, too, and finds nothing new.
    relay.command(&["replay"]).expect(0);
    assert_eq!(rows(&relay), 1 + 3 + 2);
}
