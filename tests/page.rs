//! Unauthenticated posts of pages: clicks until the visitor is known, and shares.

mod flood;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::kit::http::{self, Answer};
use crate::kit::ids::event_id;
use crate::kit::relay::{Relay, Setup};
use crate::kit::sandbox::{Event, Sandbox};
use crate::kit::webhooks::{CAMPAIGN, Webhook, email, joined};
use crate::kit::{eventually, now_millis};

pub const ORIGIN: &str = "https://shop.example.com";
const KEY: &str = "pk_spring";
const VISITOR: &str = "7d5b3b0e-7f0c-4b7c-9a53-0f6b1c3d2e1a";
const CLICKED: &str = "referral_link_clicked";

pub fn setup(sandbox: &Sandbox, shares_from: &str) -> Setup {
    Setup::new(sandbox).set("page.origins", ORIGIN).file(&format!(
        "[[growsurf.campaigns]]\nid = \"{CAMPAIGN}\"\npage_key = \"{KEY}\"\n\
         shares_from = \"{shares_from}\"\n"
    ))
}

pub fn click(owner: &str, number: u32) -> Value {
    json!({
        "key": KEY, "anonymous_id": VISITOR, "click_id": format!("click-{number:04}"),
        "grsf": owner, "page": format!("{ORIGIN}/landing?email=fay@example.com")
    })
}

pub fn share(name: &str, number: u32) -> Value {
    json!({
        "key": KEY, "share_id": format!("share-{number:04}"), "participant": name,
        "channel": "facebook"
    })
}

/// Returns a join with a visitor's id.
fn claiming(name: &str, visitor: &str) -> Webhook {
    joined(name).with("/data/metadata/cioAnonymousId", visitor)
}

#[track_caller]
fn post_from(relay: &Relay, origin: Option<&str>, path: &str, body: &str) -> Answer {
    let request = http::client().post(relay.url(path)).header("Content-Type", "text/plain");
    let request = match origin {
        Some(origin) => request.header("Origin", origin),
        None => request,
    };
    http::send(request.body(body.to_owned()))
}

/// Posts from the shop's page; whatever it is, the answer is the same.
#[track_caller]
fn post(relay: &Relay, path: &str, body: &Value) {
    let answer = post_from(relay, Some(ORIGIN), path, &body.to_string());
    assert_eq!((answer.status, answer.body.as_str()), (202, ""), "{answer:?}");
    assert_eq!(answer.header("access-control-allow-origin"), ORIGIN);
    assert_eq!(answer.header("vary"), "Origin");
}

pub fn outcome(relay: &Relay, kind: &str, outcome: &str) -> f64 {
    relay.count(&format!("relay_page_posts_total{{kind=\"{kind}\",outcome=\"{outcome}\"}}"))
}

/// Asserts that all clicks are this person's.
#[track_caller]
fn are_all_of(sandbox: &Sandbox, name: &str, clicks: usize) {
    let owner = sandbox.person(&email(name)).unwrap();
    let events = sandbox.events_named(CLICKED);
    assert_eq!(events.len(), clicks);
    for event in &events {
        assert_eq!(event.shown["anonymous_id"], VISITOR);
        assert_eq!(event.shown["cio_id"], owner["cio_id"], "{event:?}");
    }
    assert_eq!(owner["anonymous_ids"], json!([VISITOR]));
}

fn is_nobodys(event: &Event) -> bool {
    event.shown["cio_id"].is_null() && event.shown["anonymous_id"] == VISITOR
}

#[test]
fn a_click_is_a_visitors_until_they_join_and_theirs_from_then_on() {
    let sandbox = Sandbox::start();
    let relay = setup(&sandbox, "sync").start();
    relay.accept(&joined("rae"));
    post(&relay, "/v1/clicks", &click("rae", 1));
    relay.drained();
    let event = sandbox.event(CLICKED);
    assert!(is_nobodys(&event), "{event:?}");
    assert_eq!(event.shown["invite"], false);
    assert_eq!(event.id(), event_id(&format!("page_clicked:{CAMPAIGN}:click-0001")));
    let data = event.data();
    assert_eq!((&data["channel"], &data["referral_code"]), (&json!("page"), &json!("rae")));
    assert_eq!(
        (&data["campaign_id"], &data["page"]),
        (&json!(CAMPAIGN), &json!(format!("{ORIGIN}/landing")))
    );
    assert_eq!(sandbox.people().len(), 1, "a visitor is nobody yet");

    relay.accept(&claiming("fay", VISITOR));
    relay.drained();
    are_all_of(&sandbox, "fay", 1);
    // Posted again it is no other click, and a later one is hers as well.
    post(&relay, "/v1/clicks", &click("rae", 1));
    post(&relay, "/v1/clicks", &click("rae", 2));
    relay.drained();
    are_all_of(&sandbox, "fay", 2);
    assert_eq!(outcome(&relay, "click", "accepted"), 2.0);
    assert_eq!(outcome(&relay, "click", "nothing"), 1.0);
    let joins = |body: &Value| body["anonymous_id"] == VISITOR && body["_update"] == true;
    let joins = sandbox.requests().iter().filter(|request| joins(&request["body"])).count();
    assert_eq!(joins, 2, "one for the claim, one for the click after it");
    assert!(relay.setup().holding("?email=").is_empty());
}

#[test]
fn a_link_may_carry_a_vanity_key_in_place_of_the_id() {
    let sandbox = Sandbox::start();
    let relay = setup(&sandbox, "page").start();
    let vanity = |name: &str, keys: Value| joined(name).with("/data/vanityKeys", keys);
    relay.accept(&vanity("rae", json!(["rae-s", "Rae_2"])));
    for (number, code) in (1..).zip(["rae", "rae-s", "Rae_2", "rae_2", "sam"]) {
        post(&relay, "/v1/clicks", &click(code, number));
    }
    post(&relay, "/v1/shares", &share("rae-s", 1));
    relay.drained();
    let clicks = sandbox.events_named(CLICKED);
    assert_eq!(clicks.len(), 3);
    assert!(clicks.iter().all(|it| it.data()["referral_code"] == "rae-s"), "{clicks:?}");
    assert_eq!(sandbox.events_named("referral_shared").len(), 1);
    assert_eq!(outcome(&relay, "click", "unknown"), 2.0);
    // What is kept names her by her id alone, so it is found when she is erased.
    assert!(relay.setup().holding("\"participant\":\"rae-s\"").is_empty());
    // A key that she gave up is nobody's.
    relay.accept(&vanity("rae", json!(["Rae_2"])).at(now_millis() + 1_000));
    post(&relay, "/v1/clicks", &click("rae-s", 8));
    assert_eq!(outcome(&relay, "click", "unknown"), 3.0);
    relay.command(&["erase", &email("rae")]).expect(0);
    post(&relay, "/v1/clicks", &click("Rae_2", 9));
    assert_eq!(outcome(&relay, "click", "unknown"), 4.0);
}

#[test]
fn joining_waits_until_the_visitors_events_are_there() {
    let sandbox = Sandbox::start();
    let relay = setup(&sandbox, "sync").start();
    relay.accept(&joined("rae"));
    relay.drained();
    // Its events fail for a while, and nothing else does.
    sandbox.faults(json!([{"match": {"path": "/api/v1/events"}, "status": 503, "times": 4}]));
    post(&relay, "/v1/clicks", &click("rae", 1));
    relay.accept(&claiming("fay", VISITOR));
    eventually("fay has joined", || sandbox.person(&email("fay")).is_some());
    relay.drained();
    assert_eq!(sandbox.uses(0), 4);
    are_all_of(&sandbox, "fay", 1);
    let order: Vec<bool> = sandbox
        .requests()
        .iter()
        .filter(|request| request["applied"] == true && request["body"]["anonymous_id"] == VISITOR)
        .map(|request| request["path"] == "/api/v1/events")
        .collect();
    assert_eq!(order, [true, false], "the event, then who it was");
    assert_eq!(relay.dead_letters(), 0);
}

#[test]
fn of_two_who_claim_the_same_visitor_the_first_wins() {
    let sandbox = Sandbox::start();
    let relay = setup(&sandbox, "sync").start();
    relay.accept(&joined("rae"));
    relay.accept(&claiming("fay", VISITOR));
    relay.accept(&claiming("bob", VISITOR));
    // Nor does the first one claim another.
    relay.accept(&claiming("fay", "another-visitor").at(now_millis() + 1_000));
    post(&relay, "/v1/clicks", &click("rae", 1));
    relay.drained();
    are_all_of(&sandbox, "fay", 1);
    assert_eq!(sandbox.person(&email("bob")).unwrap()["anonymous_ids"], json!([]));
    assert!(sandbox.activity("anonymous_id_taken").is_empty());
    // A relay that forgets nothing at a restart.
    let mut relay = relay;
    relay.terminate();
    relay.restart();
    relay.accept(&claiming("bob", VISITOR).at(now_millis() + 2_000));
    relay.drained();
    are_all_of(&sandbox, "fay", 1);
}

#[test]
fn whatever_is_wrong_with_a_post_is_answered_alike_and_leaves_nothing() {
    let sandbox = Sandbox::start();
    let relay = setup(&sandbox, "sync").start();
    relay.accept(&joined("rae"));
    let kept = || relay.setup().number("SELECT COUNT(*) FROM inbox");
    let people = || relay.setup().number("SELECT COUNT(*) FROM people");
    let before = (kept(), people());
    let changed = |field: &str, value: Value| {
        let mut body = click("rae", 1);
        body[field] = value;
        body.to_string()
    };
    let valid = click("rae", 1).to_string();
    for (origin, path, body, reason) in [
        (Some(ORIGIN), "/v1/clicks", click("nobody", 1).to_string(), "unknown"),
        (Some(ORIGIN), "/v1/clicks", changed("key", json!("pk_another")), "key"),
        (Some(ORIGIN), "/v1/clicks", changed("anonymous_id", json!("")), "malformed"),
        (Some(ORIGIN), "/v1/clicks", "{".to_owned(), "malformed"),
        (Some(ORIGIN), "/v1/clicks", changed("page", json!("x".repeat(5_000))), "too_large"),
        (Some("https://evil.example"), "/v1/clicks", valid.clone(), "origin"),
        (Some("null"), "/v1/clicks", valid.clone(), "origin"),
        (None, "/v1/clicks", valid, "origin"),
        (Some(ORIGIN), "/v1/shares", share("rae", 1).to_string(), "shares_off"),
    ] {
        let kind = if path == "/v1/clicks" { "click" } else { "share" };
        let counted = outcome(&relay, kind, reason);
        let answer = post_from(&relay, origin, path, &body);
        assert_eq!((answer.status, answer.body.as_str()), (202, ""), "{reason}: {answer:?}");
        let is_allowed = origin == Some(ORIGIN);
        let reported = answer.header("access-control-allow-origin");
        assert_eq!(reported, if is_allowed { ORIGIN } else { "" }, "{reason}");
        assert_eq!(outcome(&relay, kind, reason), counted + 1.0, "{reason}");
    }
    assert_eq!((kept(), people()), before);
    relay.drained();
    assert!(sandbox.events_named(CLICKED).is_empty());
}

#[test]
fn the_time_of_an_answer_hides_the_effect_of_a_post() {
    let sandbox = Sandbox::start();
    let relay = setup(&sandbox, "page").start();
    relay.accept(&joined("rae"));
    for (path, body) in [
        ("/v1/clicks", click("rae", 1)),
        ("/v1/clicks", click("rae", 1)),
        ("/v1/clicks", click("nobody", 2)),
        ("/v1/shares", share("rae", 1)),
        ("/v1/shares", share("nobody", 2)),
        ("/v1/clicks", json!({})),
    ] {
        let began = Instant::now();
        post(&relay, path, &body);
        assert!(began.elapsed() >= Duration::from_millis(50), "{body}");
    }
}

#[test]
fn a_page_of_another_site_is_dropped() {
    let sandbox = Sandbox::start();
    let relay = setup(&sandbox, "sync").start();
    relay.accept(&joined("rae"));
    for (number, page) in
        (1..).zip(["https://evil.example/phish", &format!("{ORIGIN}/a@b.example")])
    {
        let mut body = click("rae", number);
        body["page"] = json!(page);
        post(&relay, "/v1/clicks", &body);
    }
    relay.drained();
    let clicks = sandbox.events_named(CLICKED);
    assert_eq!(clicks.len(), 2);
    assert!(clicks.iter().all(|it| it.data().get("page").is_none()), "{clicks:?}");
    assert!(relay.setup().holding("evil.example").is_empty());
}

#[test]
fn each_client_posts_only_so_often() {
    let sandbox = Sandbox::start();
    let setup = setup(&sandbox, "sync").set("page.posts_per_minute", "3");
    let relay = setup.set("server.trusted_proxies", "127.0.0.1").start();
    relay.accept(&joined("rae"));
    let post_for = |client: &str, number: u32| {
        let request = http::client().post(relay.url("/v1/clicks")).header("Origin", ORIGIN);
        let request = request.header("X-Forwarded-For", client);
        // What the client says of itself, which proxies pass on, makes it nobody else.
        let request = request.header("Forwarded", format!("for=198.51.100.{number}"));
        http::send(request.body(click("rae", number).to_string())).status
    };
    for number in 0..5 {
        assert_eq!(post_for("2001:db8:1:2::1", number), 202);
    }
    assert_eq!(post_for("2001:db8:1:2::2", 5), 202, "the same network");
    assert_eq!(post_for("203.0.113.9", 6), 202);
    assert_eq!(outcome(&relay, "click", "rate"), 3.0);
    relay.drained();
    assert_eq!(sandbox.events_named(CLICKED).len(), 4);
}

#[test]
fn a_share_counts_once_and_only_if_pages_report_shares() {
    let sandbox = Sandbox::start();
    let relay = setup(&sandbox, "page").start();
    relay.accept(&joined("rae"));
    for number in [1, 1, 2] {
        post(&relay, "/v1/shares", &share("rae", number));
    }
    post(&relay, "/v1/shares", &share("nobody", 3));
    relay.drained();
    let shared = sandbox.events_named("referral_shared");
    assert_eq!(shared.len(), 2);
    assert_eq!(shared[0].person(), email("rae"));
    assert_eq!(shared[0].id(), event_id(&format!("page_shared:{CAMPAIGN}:rae:share-0001")));
    let data = shared[0].data();
    assert_eq!(
        (&data["share_method"], &data["share_channel"]),
        (&json!("social"), &json!("facebook"))
    );
    // GrowSurf reported three before, and the same two by now.
    assert_eq!(sandbox.attributes(&email("rae"))["total_shares"], 5);
    relay.accept(&joined("rae").with("/data/shareCount", 5));
    relay.drained();
    assert_eq!(sandbox.attributes(&email("rae"))["total_shares"], 5);
    let replayed = relay.command(&["replay"]).expect(0);
    relay.drained();
    assert_eq!(sandbox.events_named("referral_shared").len(), 2, "{replayed}");
    assert_eq!(sandbox.attributes(&email("rae"))["total_shares"], 5);
}

#[test]
fn browsers_get_their_permissions_and_the_script() {
    let sandbox = Sandbox::start();
    let relay = setup(&sandbox, "sync").start();
    let preflight = |origin: &str| {
        let method = reqwest::Method::OPTIONS;
        let request = http::client().request(method, relay.url("/v1/clicks"));
        http::send(request.header("Origin", origin))
    };
    let allowed = preflight(ORIGIN);
    assert_eq!((allowed.status, allowed.header("access-control-allow-origin")), (204, ORIGIN));
    assert_eq!(allowed.header("access-control-allow-methods"), "POST");
    assert_eq!(allowed.header("access-control-allow-headers"), "content-type");
    assert_ne!(allowed.header("access-control-max-age"), "");
    let refused = preflight("https://evil.example");
    assert_eq!((refused.status, refused.header("access-control-allow-origin")), (204, ""));
    assert_eq!(http::get(relay.url("/v1/clicks")).status, 405);

    let script = http::get(relay.url("/relay.js"));
    assert_eq!(script.status, 200);
    assert_eq!(script.header("content-type"), "text/javascript; charset=utf-8");
    assert_eq!(script.header("cache-control"), "public, max-age=3600");
    assert_eq!(script.header("x-content-type-options"), "nosniff");
    let request = http::client().get(relay.url("/relay.js"));
    let again = http::send(request.header("If-None-Match", script.header("etag")));
    assert_eq!((again.status, again.body.as_str()), (304, ""));

    let closed = Relay::start(&sandbox);
    for path in ["/v1/clicks", "/v1/shares", "/relay.js"] {
        assert_eq!(post_from(&closed, Some(ORIGIN), path, "{}").status, 404, "{path}");
    }
}

#[test]
fn an_erased_person_is_erased_as_a_visitor() {
    let sandbox = Sandbox::start();
    let relay = setup(&sandbox, "sync").start();
    relay.accept(&joined("rae"));
    post(&relay, "/v1/clicks", &click("rae", 1));
    relay.accept(&claiming("fay", VISITOR));
    relay.drained();
    assert!(!relay.setup().holding(VISITOR).is_empty());
    let receipt = relay.command(&["erase", &email("fay"), "--json"]).expect(0);
    let receipt: Value = serde_json::from_str(&receipt).unwrap();
    assert_eq!(receipt["erased"]["people"], 2, "{receipt}");
    assert_eq!(relay.setup().holding(VISITOR), Vec::<String>::new());
    // Nor does what is kept of the click bring anything back.
    relay.command(&["replay"]).expect(0);
    assert_eq!(relay.setup().holding(VISITOR), Vec::<String>::new());
    assert_eq!(relay.count("relay_parked_webhooks"), 0.0);
}

#[test]
fn check_reports_a_proxy_that_isnt_listed() {
    let sandbox = Sandbox::start();
    let relay = setup(&sandbox, "sync").start();
    let known = relay.setup().clone().set("server.listen", relay.address());
    assert!(known.command(&["check"]).expect(0).contains("if there is one, list the proxy"));
    for number in 1..=50 {
        post(&relay, "/v1/clicks", &click("rae", number));
    }
    relay.logs("every recent post of pages came from one private address");
    let printed = known.command(&["check"]).expect(1);
    assert!(
        printed.contains("every recent post of pages came from one private address"),
        "{printed}"
    );
}
