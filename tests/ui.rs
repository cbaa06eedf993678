//! The operator's pages over HTTP: who may sign in, what a page says of itself, and nobody else's reach.

mod accessibility;
mod journeys;
mod pictures;
mod privacy;

use std::collections::{BTreeMap, VecDeque};

use serde_json::json;

use crate::kit::http;
use crate::kit::pages::{OPERATE, VIEW, form, page, session, sign_in, started};
use crate::kit::relay::{Relay, Setup};
use crate::kit::sandbox::Sandbox;
use crate::kit::webhooks::{goal_reached, joined};

/// Fills a store with one of everything: people, a friend, a reward, a delivered and a refused call, a parked
/// webhook. Waits until all of it has arrived.
fn filled(sandbox: &Sandbox, relay: &Relay) {
    sandbox.faults(json!([
        {"match": {"path": "rae%40example.com/events"}, "times": 1, "status": 400,
         "body": "{\"meta\": {\"error\": \"Rae Tester has no plan PROMO_20_OFF\"}}"},
        {"match": {"path": "ned%40example.com"}, "times": 1, "status": 500},
    ]));
    relay.accept(&joined("rae"));
    relay.drained();
    relay.accept(&joined("fay").referred_by("rae"));
    relay.accept(&joined("ned"));
    relay.accept(&goal_reached("rae", "reward-1"));
    relay.must("parked", &joined("ann").with("/event", "UNHEARD_OF"));
    relay.drained();
    assert_eq!(relay.dead_letters(), 1);
}

/// Returns the paths of the pages that a session can reach by links from the Overview and from people's pages, at
/// most two of each kind.
fn crawl(relay: &Relay, cookie: &str) -> Vec<String> {
    let (mut found, mut kinds) = (Vec::new(), BTreeMap::new());
    let mut open = VecDeque::from(["/ui".to_owned()]);
    let people = (1..9).map(|person| format!("/ui/people/{person}"));
    open.extend(people.filter(|path| page(relay, path, cookie).status == 200));
    while let Some(path) = open.pop_front() {
        let kind: Vec<&str> = path
            .split(['/', '?', '='])
            .map(|part| if part.contains(|it: char| it.is_ascii_digit()) { "#" } else { part })
            .collect();
        let seen = kinds.entry(kind.join("/")).or_insert(0);
        if *seen == 2 || found.contains(&path) {
            continue;
        }
        *seen += 1;
        let shown = page(relay, &path, cookie);
        assert_eq!(shown.status, 200, "{path}: {shown:?}");
        if !shown.header("content-type").starts_with("text/html") {
            continue;
        }
        let links = shown.body.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
        let is_page = |link: &&str| link.starts_with("/ui") && !link.starts_with("/ui/assets/");
        open.extend(links.filter(is_page).map(|link| link.replace("&#38;", "&")));
        found.push(path);
    }
    found
}

#[test]
fn a_token_opens_a_session_and_nothing_else_does() {
    let sandbox = Sandbox::start();
    let relay = started(&sandbox);
    let answer = http::get(relay.url("/ui"));
    assert_eq!((answer.status, answer.header("location")), (303, "/ui/login"));
    let programs = http::client().get(relay.url("/ui")).header("Accept", "application/json");
    assert_eq!(http::send(programs).status, 401);

    for token in [OPERATE, VIEW] {
        let cookie = session(&relay, token);
        let answer = page(&relay, "/ui", &cookie);
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.body.contains("<h1>Overview</h1>") && answer.body.contains("Kim"));
        assert_eq!(answer.header("cache-control"), "no-store");
        let changed = format!("{}x", cookie);
        assert_eq!(page(&relay, "/ui", &changed).status, 303);
    }
    let wrong = sign_in(&relay, "the-token-of-nobody");
    assert_eq!(wrong.status, 401);
    assert!(wrong.body.contains("admin.token") && !wrong.body.contains("the-token-of-nobody"));
    assert_eq!(wrong.header("set-cookie"), "");
    let nameless = http::send(form(&relay, "/ui/login", &format!("token={OPERATE}&name=+")));
    assert_eq!(nameless.status, 422);

    let cookie = session(&relay, OPERATE);
    let out = http::send(form(&relay, "/ui/logout", "").header("Cookie", cookie));
    assert_eq!((out.status, out.header("location")), (303, "/ui/login"));
    assert!(out.header("set-cookie").contains("Max-Age=0"));
}

#[test]
fn behind_https_the_cookie_is_secure() {
    let sandbox = Sandbox::start();
    let setup = Setup::new(&sandbox).set("admin.token", OPERATE);
    let behind = setup.clone().set("server.trusted_proxies", "127.0.0.1").start();
    let direct = setup.start();
    for (relay, protocols, is_secure) in [
        (&behind, "https", true),
        (&behind, "HTTPS, http", true),
        (&behind, "http", false),
        (&direct, "https", false),
    ] {
        let request = form(relay, "/ui/login", &format!("token={OPERATE}&name=Kim"));
        let answer = http::send(request.header("X-Forwarded-Proto", protocols));
        let cookie = answer.header("set-cookie");
        assert!(cookie.contains("HttpOnly"), "{answer:?}");
        assert_eq!(cookie.contains("; Secure"), is_secure, "{protocols}");
    }
}

#[test]
fn only_so_many_tries_are_taken_in_a_minute() {
    let sandbox = Sandbox::start();
    let relay = started(&sandbox);
    let tries_until_refused = || {
        let tries = (1..50).find(|_| sign_in(&relay, "the-token-of-nobody").status == 429);
        tries.expect("tries are refused at last")
    };
    assert!(tries_until_refused() > 10, "ten are taken at once");
    // On a slow machine a try may have been paid off meanwhile.
    let waits = |_| tries_until_refused() > 0 && sign_in(&relay, OPERATE).status == 429;
    assert!((0..5).any(waits), "a right token has to wait as well");
}

#[test]
fn another_site_cannot_act_with_a_session() {
    let sandbox = Sandbox::start();
    let relay = started(&sandbox);
    let cookie = session(&relay, OPERATE);
    let host = relay.address();
    let post = || http::client().post(relay.url("/ui/logout"));
    for (headers, status) in [
        (&[("Sec-Fetch-Site", "same-origin")][..], 303),
        (&[("Sec-Fetch-Site", "same-site")], 403),
        (&[("Sec-Fetch-Site", "cross-site")], 403),
        (&[("Origin", &format!("http://{host}"))], 303),
        (&[("Origin", "https://example.com")], 403),
        (&[("Origin", "null")], 403),
        (&[], 403),
    ] {
        let request = headers.iter().fold(post(), |it, (name, value)| it.header(*name, *value));
        let answer = http::send(request.header("Cookie", &cookie));
        assert_eq!(answer.status, status, "{headers:?}");
        assert_eq!(answer.body.contains("Sec-Fetch-Site"), status == 403);
    }
}

#[test]
fn pages_load_only_what_the_relay_serves() {
    let sandbox = Sandbox::start();
    let relay = started(&sandbox);
    let cookie = session(&relay, VIEW);
    let overview = page(&relay, "/ui", &cookie);
    let login = http::get(relay.url("/ui/login"));
    let lost = page(&relay, "/ui/nowhere", &cookie);
    assert_eq!((login.status, lost.status), (200, 404));
    for answer in [&overview, &login, &lost] {
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "same-origin");
        let mut links =
            answer.body.split("=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
        assert!(links.all(|it| !it.contains("//")), "{}", answer.body);
    }
    let assets = overview.body.split('"').filter(|it| it.starts_with("/ui/assets/"));
    let mut bytes = overview.body.len();
    for path in assets {
        let asset = http::get(relay.url(path));
        assert_eq!(asset.status, 200, "{path}");
        assert!(asset.header("cache-control").contains("immutable"), "{path}");
        bytes += asset.body.len();
    }
    assert!(bytes < 110_000, "{bytes}");
}

#[test]
fn the_overview_shows_what_waits_and_what_was_refused() {
    let sandbox = Sandbox::start();
    sandbox.faults(
        json!([{"match": {"path": "rae%40example.com/events"}, "times": 1, "status": 400}]),
    );
    let relay = started(&sandbox);
    let cookie = session(&relay, VIEW);
    let shown = |relay: &Relay| {
        let request = http::client().get(relay.url("/ui")).header("Cookie", &cookie);
        http::send(request.header("Accept", "application/json")).json()
    };
    let empty = shown(&relay);
    assert_eq!((&empty["queue"]["pending"], &empty["alarms"]), (&json!(0), &json!([])));
    relay.accept(&joined("rae"));
    relay.must("parked", &joined("ann").with("/event", "UNHEARD_OF"));
    relay.drained();
    let numbers = shown(&relay);
    assert_eq!((&numbers["queue"]["dead"], &numbers["queue"]["parked"]), (&json!(1), &json!(1)));
    let levels: Vec<&str> = numbers["alarms"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["level"].as_str().unwrap())
        .collect();
    assert_eq!(levels, ["amber", "amber"], "{numbers}");
    assert_eq!(numbers["destinations"][0]["state"], "running");
    let page = page(&relay, "/ui", &cookie);
    assert!(page.body.contains("referral-relay dead-letters list"), "{}", page.body);
}

#[test]
fn without_a_token_or_on_a_public_address_there_are_no_pages() {
    let sandbox = Sandbox::start();
    let relay = Setup::new(&sandbox).start();
    assert_eq!(http::get(relay.url("/ui/login")).status, 404);
    let public = Setup::new(&sandbox).set("admin.token", OPERATE).set("server.listen", "0.0.0.0:0");
    let relay = public.clone().start();
    assert_eq!(http::get(relay.url("/ui/login")).status, 404);
    let relay = public.set("admin.ui", "on").start();
    assert_eq!(http::get(relay.url("/ui/login")).status, 200);
}

/// Searches, and returns the page that it leads to.
#[track_caller]
fn find(relay: &Relay, cookie: &str, q: &str) -> String {
    let answer = http::send(form(relay, "/ui/search", &format!("q={q}")).header("Cookie", cookie));
    assert_eq!(answer.status, 303, "{q}: {answer:?}");
    answer.header("location").to_owned()
}

#[test]
fn a_search_leads_to_a_person_a_webhook_and_an_event() {
    let sandbox = Sandbox::start();
    let relay = started(&sandbox);
    let webhook = relay.accept(&joined("fay"));
    relay.drained();
    let cookie = session(&relay, OPERATE);
    let person = find(&relay, &cookie, "fay%40example.com");
    assert!(person.starts_with("/ui/people/") && !person.contains("fay"), "{person}");
    let shown = page(&relay, &person, &cookie).body;
    assert!(shown.contains("arrived at Customer.io") && shown.contains("referral_program_joined"));
    assert!(!shown.contains("fay@example.com"), "{shown}");

    let event = shown.split("/ui/events/").nth(1).unwrap().split('"').next().unwrap();
    let path = find(&relay, &cookie, event);
    assert_eq!(path, format!("/ui/events/{event}"));
    let shown = page(&relay, &path, &cookie).body;
    assert!(shown.contains("Why did it start no campaign?"), "{shown}");
    let path = find(&relay, &cookie, &webhook);
    assert_eq!(path, format!("/ui/webhooks/{webhook}"));
    let shown = page(&relay, &path, &cookie).body;
    assert!(shown.contains("NEW_PARTICIPANT_ADDED") && !shown.contains("fay@example.com"));
    assert!(page(&relay, "/ui/webhooks", &cookie).body.contains(&path));

    let nothing = form(&relay, "/ui/search", "q=nobody%40example.com").header("Cookie", &cookie);
    let nothing = http::send(nothing);
    assert_eq!(nothing.status, 404);
    assert!(nothing.body.contains("Only exact matches") && !nothing.body.contains("nobody"));
    for path in ["/ui/people/999", "/ui/events/x", "/ui/dead/letter/7", "/ui/dead/none"] {
        assert_eq!(page(&relay, path, &cookie).status, 404, "{path}");
    }
}

#[test]
fn only_operators_reveal_and_act() {
    let sandbox = Sandbox::start();
    sandbox.faults(
        json!([{"match": {"path": "rae%40example.com/events"}, "times": 1, "status": 400}]),
    );
    let relay = started(&sandbox);
    let webhook = relay.accept(&joined("rae"));
    relay.drained();
    let (operator, viewer) = (session(&relay, OPERATE), session(&relay, VIEW));
    let post =
        |path: &str, cookie: &str| http::send(form(&relay, path, "").header("Cookie", cookie));
    let person = find(&relay, &viewer, "rae%40example.com");
    let causes = page(&relay, "/ui/dead", &viewer).body;
    let cause = causes.split("href=\"/ui/dead/").nth(1).unwrap().split('"').next().unwrap();
    let letters = page(&relay, &format!("/ui/dead/{cause}"), &viewer).body;
    let letter = letters.split("href=\"").find(|it| it.starts_with("/ui/dead/letter/")).unwrap();
    let letter = letter.split('"').next().unwrap().to_owned();
    for path in [person, format!("/ui/webhooks/{webhook}"), letter.clone()] {
        let masked = page(&relay, &path, &operator);
        assert!(masked.status == 200 && !masked.body.contains("rae@example.com"), "{path}");
        let reveal = format!("{path}/reveal");
        assert_eq!(post(&reveal, &viewer).status, 403, "{reveal}");
        assert!(!page(&relay, &path, &viewer).body.contains("Reveal"), "{path}");
        let revealed = post(&reveal, &operator);
        assert!(revealed.status == 200 && revealed.body.contains("rae@example.com"), "{reveal}");
    }
    for act in ["redeliver", "discard"] {
        assert_eq!(post(&format!("{letter}/{act}"), &viewer).status, 403, "{act}");
    }
    assert_eq!(post(&format!("{letter}/redeliver"), &operator).status, 303);
    relay.drained();
    assert_eq!(relay.dead_letters(), 0);
    assert_eq!(post(&format!("{letter}/discard"), &operator).status, 404);
    assert!(page(&relay, "/ui/dead", &viewer).body.contains("None."));
}

#[test]
fn hostile_names_stay_text() {
    let sandbox = Sandbox::start();
    let relay = started(&sandbox);
    let cookie = session(&relay, OPERATE);
    let hostile = "<img src=x onerror=alert(1)>\"'></script><svg/onload=1>{{7*7}}\u{202e}";
    let event = format!("EVENT {hostile}");
    let parked = joined("fay").with("/event", event.as_str()).with("/data/firstName", hostile);
    let id = relay.must("parked", &parked)["id"].as_str().unwrap().to_owned();
    let path = format!("/ui/webhooks/{id}");
    let post = form(&relay, &format!("{path}/reveal"), "").header("Cookie", &cookie);
    let revealed = http::send(post).body;
    assert!(revealed.contains("&#60;img") && revealed.contains("\\u202e"), "{revealed}");
    let pages = ["/ui/parked", &path].map(|path| page(&relay, path, &cookie).body);
    for shown in pages.iter().chain([&revealed]) {
        assert!(*shown == revealed || !shown.contains("7*7"), "{shown}");
        assert!(!shown.contains('\u{202e}'), "{shown}");
        for element in ["<img", "<svg", "onerror=alert(1)>", "\"'>"] {
            assert!(!shown.contains(element), "{element}: {shown}");
        }
    }
}

#[test]
fn every_refusal_is_a_page_or_a_problem_document() {
    let sandbox = Sandbox::start();
    let relay = started(&sandbox);
    let cookie = session(&relay, VIEW);
    let get = |path: &str| http::client().get(relay.url(path));
    let large = format!("q={}", "a".repeat(70_000));
    let requests = || {
        [
            (get("/ui/people/abc"), 400),
            (get("/ui/people/99999999999999999999"), 400),
            (get("/ui/people/999"), 404),
            (get("/ui/people/1?before=x"), 400),
            (get("/ui/webhooks/xyz"), 400),
            (get("/ui/webhooks?before=x"), 400),
            (get("/ui/events/%ff"), 400),
            (get("/ui/search"), 405),
            (form(&relay, "/ui/nowhere", ""), 405),
            (form(&relay, "/ui/search", ""), 422),
            (form(&relay, "/ui/search", "q=a&q=b"), 422),
            (form(&relay, "/ui/search", &large), 413),
            (form(&relay, "/ui/people/1/reveal", ""), 403),
            (form(&relay, "/ui/login", "name=Kim"), 422),
            (http::client().post(relay.url("/ui/logout")), 403),
        ]
    };
    for (kind, accept) in [
        ("text/html; charset=utf-8", "text/html"),
        ("application/problem+json", "application/json"),
    ] {
        for (request, status) in requests() {
            let request = request.header("Cookie", &cookie).header("Accept", accept);
            let answer = http::send(request);
            assert_eq!(
                (answer.status, answer.header("content-type")),
                (status, kind),
                "{answer:?}"
            );
            assert!(answer.header("content-security-policy").starts_with("default-src 'none'"));
            assert_eq!(answer.header("cache-control"), "no-store");
            assert!(accept == "application/json" || answer.body.contains("<main"), "{answer:?}");
        }
    }
}

#[test]
fn masked_pages_hide_addresses_in_names_of_events_and_keys() {
    let sandbox = Sandbox::start();
    let relay = started(&sandbox);
    let cookie = session(&relay, VIEW);
    for event in ["JOINED fay@example.com", "JOINED%40example.com"] {
        let odd = joined("ann").with("/event", event).with("/data/metadata/fay@example.com", true);
        let id = relay.must("parked", &odd)["id"].as_str().unwrap().to_owned();
        for path in [&*format!("/ui/webhooks/{id}"), "/ui/webhooks", "/ui/parked"] {
            let shown = page(&relay, path, &cookie);
            assert_eq!(shown.status, 200);
            for part in ["fay@example.com", "%40example.com"] {
                assert!(!shown.body.contains(part), "{path}: {}", shown.body);
            }
        }
    }
}

#[test]
fn a_made_up_cause_is_no_command_to_copy() {
    let sandbox = Sandbox::start();
    let relay = started(&sandbox);
    let cookie = session(&relay, OPERATE);
    let shown = page(&relay, "/ui/dead/x%3B%20rm?before=1", &cookie);
    assert!(!shown.body.contains("x; rm"), "{}", shown.body);
}

#[test]
fn shipped_proxies_hide_the_pages_beside_the_admin_api() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/config/deploy");
    for (file, rule) in [
        (
            "Caddyfile",
            "@operator path /metrics /admin /admin/* /ui /ui/* /oncall.txt\n\trespond @operator 404",
        ),
        ("nginx.conf", "location ~ ^/(metrics|admin|ui|oncall.txt)(/|$) {\n        return 404;"),
    ] {
        let text = std::fs::read_to_string(format!("{folder}/{file}")).unwrap();
        assert!(text.contains(rule), "{file}");
    }
}
