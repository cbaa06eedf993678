//! The overview and what every page has in common: alarms, traffic, lists, failures; and who may open what.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::kit::http::{self, Answer};
use crate::kit::now_millis;
use crate::kit::pages::{OPERATE, VIEW, form, page, session, started};
use crate::kit::relay::{Relay, Setup};
use crate::kit::sandbox::Sandbox;
use crate::kit::webhooks::{email, joined};

fn as_json(relay: &Relay, path: &str, cookie: &str) -> Answer {
    let request = http::client().get(relay.url(path)).header("Cookie", cookie);
    http::send(request.header("Accept", "application/json"))
}

#[test]
fn traffic_is_shown_by_the_hour_and_survives_a_restart() {
    let sandbox = Sandbox::start();
    let mut relay = started(&sandbox);
    relay.accept(&joined("ann"));
    relay.accept(&joined("bea"));
    relay.must("parked", &joined("cat").with("/event", "UNHEARD_OF"));
    relay.drained();
    relay.terminate();
    relay.restart();
    let cookie = session(&relay, VIEW);
    let shown = as_json(&relay, "/ui", &cookie).json();
    let sum = |kind: &str, outcome: &str| {
        let series = &shown["traffic"][kind];
        let outcomes = series["outcomes"].as_array().unwrap();
        let Some(place) = outcomes.iter().position(|it| it == outcome) else { return 0 };
        let hours = series["hours"].as_array().unwrap().iter();
        hours.map(|hour| hour["numbers"][place].as_i64().unwrap()).sum::<i64>()
    };
    assert_eq!((sum("webhooks", "accepted"), sum("webhooks", "parked")), (2, 1), "{shown}");
    assert!(sum("attempts", "delivered") >= 2, "{shown}");
    assert_eq!(shown["traffic"]["webhooks"]["hours"].as_array().unwrap().len(), 48);
    let html = page(&relay, "/ui", &cookie).body;
    assert!(html.contains("<rect class=\"series0\"") && html.contains("The numbers"), "{html}");
    assert!(html.contains("role=\"img\" aria-labelledby=\"webhooks\""), "{html}");
    assert_eq!(shown["recent"].as_array().unwrap().len(), 3);
}

#[test]
fn a_webhook_that_is_parked_in_part_is_called_so_in_every_list() {
    let sandbox = Sandbox::start();
    let relay = started(&sandbox);
    let long = "x".repeat(201);
    let part = joined("bob").referred_by("rae").with("/data/referrer/id", long.as_str());
    relay.accept(&part);
    relay.must("parked", &joined("ann").with("/event", "UNHEARD_OF"));
    relay.drained();
    let cookie = session(&relay, VIEW);
    for (path, rows) in [("/ui/webhooks", "webhooks"), ("/ui/parked", "parked")] {
        let list = as_json(&relay, path, &cookie).json();
        let outcomes = list[rows].as_array().unwrap().iter();
        let outcomes: Vec<&str> = outcomes.map(|it| it["outcome"].as_str().unwrap()).collect();
        assert_eq!(outcomes, ["parked", "parked in part"], "{path}: {list}");
    }
}

#[test]
fn a_dead_event_counts_as_one_and_a_late_profile_is_the_reason() {
    let sandbox = Sandbox::start();
    sandbox.faults(json!([
        {"match": {"path": "rae%40example.com/events"}, "status": 400},
        {"match": {"path": "customers/fay%40example.com", "method": "PUT"}, "times": 1, "status": 400},
    ]));
    let relay = started(&sandbox);
    let dead = relay.accept(&joined("rae"));
    relay.drained();
    let printed = relay.command(&["find", &dead]).expect(0);
    assert!(printed.contains("1 person, 1 event; 0 delivered, 0 waiting, 1 dead"), "{printed}");
    relay.accept(&joined("fay"));
    relay.drained();
    relay.command(&["dead-letters", "redeliver", "--all"]);
    relay.drained();
    let found: Value =
        serde_json::from_str(&relay.command(&["find", &email("fay"), "--json"]).expect(0)).unwrap();
    let why = &found["found"][0]["participants"][0]["sign_up"]["why"]["reasons"];
    let holding: Vec<&Value> =
        why.as_array().unwrap().iter().filter(|it| it["holds"] == true).collect();
    assert_eq!(holding.iter().map(|it| &it["reason"]).collect::<Vec<_>>(), ["profile"], "{why}");
    assert!(holding[0]["text"].as_str().unwrap().contains("arrived only later"), "{why}");
}

#[test]
fn a_pruned_webhook_is_known_as_such() {
    let sandbox = Sandbox::start();
    let setup = Setup::new(&sandbox).set("admin.token", OPERATE);
    let mut relay = setup.set("store.keep_payloads", "1ms").start();
    let id = relay.accept(&joined("fay"));
    relay.drained();
    relay.terminate();
    relay.restart();
    let found = crate::kit::eventually_some("it is pruned", || {
        let found = relay.command(&["find", &id]).stdout;
        found.contains("Webhooks of that time are pruned").then_some(found)
    });
    assert!(found.starts_with("By its id this webhook was received at 20"), "{found}");
    let cookie = session(&relay, OPERATE);
    let shown = page(&relay, &format!("/ui/webhooks/{id}"), &cookie);
    assert!(shown.status == 404 && shown.body.contains("are pruned"), "{shown:?}");
}

#[test]
fn five_lines_for_a_pager_are_shown_to_either_token() {
    let sandbox = Sandbox::start();
    let relay = started(&sandbox);
    let lines = |path: &str, token: &str| {
        http::send(http::client().get(relay.url(path)).bearer_auth(token))
    };
    assert_eq!(http::get(relay.url("/oncall.txt")).status, 401);
    assert_eq!(lines("/oncall.txt", "the-token-of-nobody").status, 401);
    for path in ["/oncall.txt", "/ui/oncall.txt"] {
        for token in [OPERATE, VIEW] {
            let answer = lines(path, token);
            assert_eq!(answer.status, 200, "{answer:?}");
            assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
            assert_eq!(answer.body.lines().count(), 5, "{answer:?}");
            assert!(answer.body.starts_with("OK nothing is wrong"), "{answer:?}");
        }
    }
    relay.must("parked", &joined("ann").with("/event", "UNHEARD_OF"));
    let answer = lines("/oncall.txt", VIEW);
    assert!(answer.body.starts_with("AMBER Parked webhooks: 1"), "{answer:?}");
    assert!(
        answer.body.ends_with("next: referral-relay replay --parked --dry-run\n"),
        "{answer:?}"
    );
}

#[test]
fn the_deadline_counts_from_the_event_and_not_from_planning() {
    let sandbox = Sandbox::start();
    sandbox.faults(json!([{"match": {"path": "/api/"}, "status": 503}]));
    let relay = started(&sandbox);
    let ago = now_millis() - 10 * 3_600_000;
    relay.accept(&joined("fay").with("/createdAt", ago).with("/data/createdAt", ago));
    let passes = crate::kit::eventually_some("it waits", || {
        let status = relay.command(&["status", "--json"]).expect(0);
        let status: Value = serde_json::from_str(&status).unwrap();
        status["queue"]["passes_72_h_at"].as_str().map(str::to_owned)
    });
    let expected = jiff::Timestamp::from_millisecond(ago + 72 * 3_600_000).unwrap();
    assert_eq!(passes.parse::<jiff::Timestamp>().unwrap(), expected);
    let cookie = session(&relay, VIEW);
    assert!(page(&relay, "/ui", &cookie).body.contains("passes 72 h at"));
}

#[test]
fn a_list_ends_where_it_ends_and_a_failure_has_a_menu() {
    let sandbox = Sandbox::start();
    let relay = started(&sandbox);
    for number in 0..50 {
        relay.accept(&joined(&format!("friend{number}")));
    }
    let cookie = session(&relay, VIEW);
    assert!(!page(&relay, "/ui/webhooks", &cookie).body.contains("Older"), "there are no more");
    relay.accept(&joined("one-more"));
    let list = as_json(&relay, "/ui/webhooks", &cookie).json();
    let path = format!("/ui/webhooks?before={}", list["before"].as_str().unwrap());
    let older = as_json(&relay, &path, &cookie).json();
    assert_eq!((older["webhooks"].as_array().unwrap().len(), &older["before"]), (1, &Value::Null));

    let lost = page(&relay, "/ui/people/999", &cookie);
    assert!(lost.status == 404 && lost.body.contains("aria-label=\"Pages\""), "{lost:?}");
    let denied = page(&relay, "/ui/audit", &cookie);
    assert!(denied.status == 403 && denied.body.contains("aria-label=\"Pages\""), "{denied:?}");
    let asset = http::get(relay.url("/ui/assets/nope"));
    assert!(asset.status == 404 && asset.body.contains("no file of this name"), "{asset:?}");
    assert_eq!(
        as_json(&relay, "/ui/assets/nope", "").header("content-type"),
        "application/problem+json"
    );
}

#[test]
fn a_search_answers_programs_as_json() {
    let sandbox = Sandbox::start();
    let relay = started(&sandbox);
    relay.accept(&joined("fay"));
    relay.drained();
    let cookie = session(&relay, VIEW);
    let search = |q: &str| {
        let request = form(&relay, "/ui/search", &format!("q={q}")).header("Cookie", &cookie);
        http::send(request.header("Accept", "application/json"))
    };
    let found = search("fay%40example.com");
    assert_eq!(found.status, 200, "{found:?}");
    let found = found.json();
    assert!(found["found"][0]["path"].as_str().unwrap().starts_with("/ui/people/"), "{found}");
    assert_eq!(found["found"][0]["name"], "f***@example.com");
    let nothing = search("nobody%40example.com");
    assert_eq!((nothing.status, &nothing.json()["found"]), (404, &json!([])));
}

/// The party that a route opens to.
#[derive(Clone, Copy, PartialEq, Debug)]
enum To {
    Anyone,
    /// Programs that show a token.
    Token,
    View,
    Operate,
}

/// Every route, by method.
const ROUTES: &[(&str, &str, To)] = &[
    ("GET", "/ui", To::View),
    ("GET", "/ui/", To::Anyone),
    ("POST", "/ui/search", To::View),
    ("GET", "/ui/people/{number}", To::View),
    ("POST", "/ui/people/{number}/reveal", To::Operate),
    ("GET", "/ui/webhooks", To::View),
    ("GET", "/ui/webhooks/{id}", To::View),
    ("POST", "/ui/webhooks/{id}/reveal", To::Operate),
    ("POST", "/ui/webhooks/{id}/dry-run", To::Operate),
    ("POST", "/ui/webhooks/{id}/replay", To::Operate),
    ("POST", "/ui/webhooks/{id}/discard", To::Operate),
    ("GET", "/ui/events/{id}", To::View),
    ("GET", "/ui/parked", To::View),
    ("POST", "/ui/parked/dry-run", To::Operate),
    ("POST", "/ui/parked/replay", To::Operate),
    ("POST", "/ui/parked/stop", To::Operate),
    ("POST", "/ui/parked/discard", To::Operate),
    ("GET", "/ui/calls", To::View),
    ("POST", "/ui/calls/{lane}/release", To::Operate),
    ("GET", "/ui/dead", To::View),
    ("GET", "/ui/dead/{cause}", To::View),
    ("POST", "/ui/dead/{cause}/redeliver", To::Operate),
    ("POST", "/ui/dead/{cause}/discard", To::Operate),
    ("GET", "/ui/redelivery", To::View),
    ("POST", "/ui/redelivery/stop", To::Operate),
    ("GET", "/ui/dead/letter/{id}", To::View),
    ("POST", "/ui/dead/letter/{id}/reveal", To::Operate),
    ("POST", "/ui/dead/letter/{id}/redeliver", To::Operate),
    ("POST", "/ui/dead/letter/{id}/discard", To::Operate),
    ("GET", "/ui/audit", To::Operate),
    ("GET", "/ui/books", To::View),
    ("GET", "/ui/books.csv", To::View),
    ("GET", "/ui/insights", To::View),
    ("GET", "/ui/insights.csv", To::View),
    ("GET", "/ui/explain", To::View),
    ("POST", "/ui/explain", To::View),
    ("GET", "/ui/setup", To::View),
    ("POST", "/ui/setup/look", To::Operate),
    ("GET", "/ui/settings", To::Operate),
    ("GET", "/ui/login", To::Anyone),
    ("POST", "/ui/login", To::Anyone),
    ("POST", "/ui/logout", To::Anyone),
    ("GET", "/ui/oncall.txt", To::Token),
    ("GET", "/oncall.txt", To::Token),
    ("GET", "/ui/{*rest}", To::View),
    ("GET", "/ui/assets/{name}", To::Anyone),
];

#[test]
fn every_route_opens_to_those_who_may() {
    let source = include_str!("../src/ui.rs");
    let routes = source.split(".route(").skip(1).map(|rest| rest.split('"').nth(1).unwrap());
    let routes: BTreeSet<&str> = routes.collect();
    let known: BTreeSet<&str> = ROUTES.iter().map(|(_, path, _)| *path).collect();
    assert_eq!(routes, known, "say here who may open a route");

    let sandbox = Sandbox::start();
    let relay = started(&sandbox);
    let (viewer, operator) = (session(&relay, VIEW), session(&relay, OPERATE));
    let roles = [("nobody", ""), ("a viewer", &*viewer), ("an operator", &*operator)];
    for (method, path, to) in ROUTES {
        let id = if path.contains("webhooks") {
            "019a3f4e-8a52-7cc1-a1b0-3f6d2c1e0b9a"
        } else {
            "999999"
        };
        let path =
            path.replace("{id}", id).replace("{number}", "999999").replace("{lane}", "999999");
        let path = path.replace("{cause}", "ffffffff").replace("{*rest}", "nowhere");
        let path = path.replace("{name}", "nope");
        for (who, cookie) in roles {
            let fields = "q=nobody&token=the-token-of-nobody&name=Kim&body=%7B%7D";
            let request = match *method {
                "GET" => http::client().get(relay.url(&path)),
                _ => form(&relay, &path, fields),
            };
            let answer = http::send(request.header("Cookie", cookie));
            let is_sent_away = answer.header("location") == "/ui/login" && path != "/ui/logout";
            let refused = match answer.status {
                303 if is_sent_away => "signs in first",
                401 if *to == To::Token => "shows a token first",
                403 => "may not",
                _ => "may",
            };
            let expected = match (to, who) {
                (To::Token, _) => "shows a token first",
                (To::View | To::Operate, "nobody") => "signs in first",
                (To::Operate, "a viewer") => "may not",
                _ => "may",
            };
            assert_eq!(refused, expected, "{method} {path} by {who}: {answer:?}");
        }
    }
}
