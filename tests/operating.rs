//! The operators' view: health, metrics, administration, logs.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::kit::http::{self, Answer};
use crate::kit::relay::{API_KEY, Relay, SECRET, SITE_ID, Setup};
use crate::kit::sandbox::Sandbox;
use crate::kit::webhooks::{
    commission_added, commission_adjusted, goal_reached, guide, joined, payout_issued, suspected,
};

const TOKEN: &str = "the-administrators-token";

#[test]
fn health_reports_liveness_and_readiness() {
    let sandbox = Sandbox::start();
    let relay = Relay::start(&sandbox);
    let healthz = http::get(relay.url("/healthz"));
    assert_eq!((healthz.status, healthz.json()), (200, json!({"status": "ok"})));
    for path in ["/readyz", "/health"] {
        let readyz = http::get(relay.url(path));
        assert_eq!((readyz.status, readyz.json()), (200, json!({"status": "ready"})), "{path}");
    }
}

#[test]
fn metrics_are_openmetrics_and_move() {
    let sandbox = Sandbox::start();
    sandbox.faults(
        json!([{"match": {"path": "rae%40example.com/events"}, "times": 1, "status": 400}]),
    );
    let relay = Relay::start(&sandbox);
    let value = |name: &str| relay.metric(name).unwrap_or_else(|| panic!("there is no {name}"));
    let accepted = "relay_webhooks_total{outcome=\"accepted\"}";
    assert_eq!(value(accepted), 0.0);
    let webhook = joined("fay");
    relay.accept(&webhook);
    relay.must("duplicate", &webhook);
    relay.must("parked", &joined("ann").with("/event", "UNHEARD_OF"));
    relay.drained();
    relay.accept(&joined("rae"));
    relay.drained();
    let refused = http::send(relay.post("/webhooks/growsurf", "{}", None));
    assert_eq!(refused.status, 401);

    let answer = http::get(relay.url("/metrics"));
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(answer.header("content-type"), content_type);
    assert!(answer.body.ends_with("# EOF\n"));
    for (name, expected) in [
        (accepted, 2.0),
        ("relay_webhooks_total{outcome=\"duplicate\"}", 1.0),
        ("relay_webhooks_total{outcome=\"parked\"}", 1.0),
        ("relay_webhooks_total{outcome=\"unauthorized\"}", 1.0),
        ("relay_webhooks_total{outcome=\"too_large\"}", 0.0),
        ("relay_calls_total{call=\"identify\",outcome=\"delivered\"}", 2.0),
        ("relay_calls_total{call=\"track\",outcome=\"delivered\"}", 1.0),
        ("relay_calls_total{call=\"track\",outcome=\"dead\"}", 1.0),
        ("relay_attempts_total{outcome=\"delivered\"}", 3.0),
        ("relay_attempts_total{outcome=\"rejected\"}", 1.0),
        ("relay_pending_calls", 0.0),
        ("relay_oldest_pending_age_seconds", 0.0),
        ("relay_dead_letters", 1.0),
        ("relay_parked_webhooks", 1.0),
        ("relay_destination_state{state=\"running\"}", 1.0),
        ("relay_destination_state{state=\"halted\"}", 0.0),
        ("relay_accept_duration_seconds_count", 4.0),
    ] {
        assert_eq!(value(name), expected, "{name}\n{}", answer.body);
    }
    assert!(!answer.body.contains("example.com"), "no personal data is a label");
}

#[test]
fn the_oldest_pending_call_has_an_age() {
    let sandbox = Sandbox::start();
    sandbox.faults(json!([{"match": {"path": "/customers"}, "status": 401}]));
    let relay = Relay::start(&sandbox);
    relay.accept(&joined("fay"));
    crate::kit::eventually("it grows older", || {
        relay.metric("relay_oldest_pending_age_seconds").unwrap() > 0.05
    });
    assert_eq!(relay.metric("relay_pending_calls"), Some(2.0));
}

#[test]
fn a_listener_for_operators_takes_metrics_and_administration_away() {
    let sandbox = Sandbox::start();
    let setup = Setup::new(&sandbox).set("server.operator_listen", "127.0.0.1:0");
    let relay = setup.set("admin.token", TOKEN).start();
    assert_eq!(http::get(relay.url("/metrics")).status, 404);
    assert_eq!(admin(&relay.url("/admin/dead-letters"), Some(TOKEN)).status, 404);
    assert_eq!(http::get(relay.operator_url("/metrics")).status, 200);
    let letters = relay.operator_url("/admin/dead-letters");
    assert_eq!(admin(&letters, Some(TOKEN)).status, 200);
    let webhooks = http::client().post(relay.operator_url("/webhooks/growsurf"));
    assert_eq!(http::send(webhooks).status, 404, "webhooks stay where the internet is");
    for path in ["/healthz", "/readyz", "/health"] {
        assert_eq!(http::get(relay.url(path)).status, 200);
        assert_eq!(http::get(relay.operator_url(path)).status, 200);
    }
    relay.accept(&joined("fay"));
    relay.drained();
}

fn admin(url: &str, token: Option<&str>) -> Answer {
    let request = http::client().get(url);
    http::send(match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    })
}

#[test]
fn administration_is_off_without_a_token() {
    let sandbox = Sandbox::start();
    let relay = Relay::start(&sandbox);
    let letters = relay.url("/admin/dead-letters");
    assert_eq!(admin(&letters, None).status, 404);
    assert_eq!(admin(&letters, Some("")).status, 404);
    assert_eq!(admin(&letters, Some(TOKEN)).status, 404);
}

#[test]
fn administration_requires_the_token_and_redelivers_dead_letters() {
    let sandbox = Sandbox::start();
    sandbox.faults(json!([{"match": {"path": "/events"}, "times": 2, "status": 400}]));
    let relay = Setup::new(&sandbox).set("admin.token", TOKEN).start();
    relay.accept(&joined("fay"));
    relay.drained();
    relay.accept(&joined("rae"));
    relay.drained();
    let letters = relay.url("/admin/dead-letters");
    for wrong in [None, Some(""), Some("wrong"), Some(&TOKEN[1..])] {
        let answer = admin(&letters, wrong);
        assert_eq!(answer.status, 401, "{wrong:?}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    let list = admin(&letters, Some(TOKEN)).json();
    let list = list["dead_letters"].as_array().unwrap().clone();
    assert_eq!(list.len(), 2);
    let people: Vec<&str> = list.iter().map(|one| one["person"].as_str().unwrap()).collect();
    assert_eq!(people, ["r***@example.com", "f***@example.com"], "newest first");
    let one = |letter: usize, verb: &str| format!("{letters}/{}{verb}", list[letter]["id"]);
    let shown = admin(&one(0, ""), Some(TOKEN)).json();
    assert_eq!(shown["call"]["name"], "referral_program_joined");
    assert_eq!(shown["attempts"][0]["http_status"], 400);

    let post = |url: String| http::send(http::client().post(url).bearer_auth(TOKEN)).status;
    assert_eq!(http::send(http::client().post(one(0, "/redeliver"))).status, 401);
    assert_eq!(post(one(0, "/redeliver")), 200);
    assert_eq!(post(one(1, "/discard")), 200);
    assert_eq!(post(one(1, "/discard")), 404);
    assert_eq!(post(format!("{letters}/999/redeliver")), 404);
    relay.drained();
    assert_eq!(relay.dead_letters(), 0);
    assert_eq!(sandbox.event_lines(), ["referral_program_joined rae@example.com"]);
}

#[test]
fn several_tokens_are_accepted_and_wrong_ones_are_counted_logged_and_slowed() {
    let sandbox = Sandbox::start();
    let both = format!("{TOKEN},the-next-administrators-token");
    let setup = Setup::new(&sandbox).set("admin.token", both);
    let mut relay = setup.set("api.token", "the-token-of-the-server").start();
    let letters = relay.url("/admin/dead-letters");
    for token in [TOKEN, "the-next-administrators-token"] {
        assert_eq!(admin(&letters, Some(token)).status, 200, "{token}");
    }
    let began = Instant::now();
    for wrong in ["the-token-of-the-server", "a-guessed-token-of-nobody", "guess"] {
        assert_eq!(admin(&letters, Some(wrong)).status, 401, "{wrong}");
    }
    assert!(began.elapsed() >= Duration::from_millis(3 * 250), "each was slowed");
    assert_eq!(admin(&letters, None).status, 401);
    let events = http::client().post(relay.url("/v1/events")).bearer_auth(TOKEN);
    assert_eq!(http::send(events).status, 401, "an administrator is no server");
    for (setting, reason, count) in
        [("admin", "wrong", 3.0), ("admin", "missing", 1.0), ("api", "wrong", 1.0)]
    {
        let labels = format!("setting=\"{setting}.token\",reason=\"{reason}\"");
        let metric = format!("relay_refused_tokens_total{{{labels}}}");
        assert_eq!(relay.metric(&metric), Some(count), "{metric}");
    }
    relay.terminate();
    let log = relay.whole_log();
    let reported: Vec<&String> =
        log.iter().filter(|it| it.contains("refused a wrong token")).collect();
    assert_eq!(reported.len(), 4, "{reported:?}");
    assert!(!log.iter().any(|line| line.contains("guess")), "{log:?}");
}

/// Returns a run in which as much as possible is logged.
fn busy_run(level: &str) -> Vec<String> {
    let sandbox = Sandbox::start();
    sandbox.faults(json!([
        {"match": {"path": "ann%40example.com"}, "times": 1, "status": 400,
         "body": {"meta": {"errors": ["ann@example.com is no good"]}}},
        {"match": {"path": "ben%40example.com"}, "times": 1, "status": 500,
         "body": format!("ben@example.com {API_KEY}")},
        {"match": {"path": "cleo%40example.com"}, "times": 1, "drop": "before"},
        {"match": {"path": "dora%40example.com"}, "times": 1, "status": 401,
         "body": {"meta": {"error": format!("{SITE_ID}:{API_KEY} of dora@example.com")}}},
        {"match": {"path": "/v2/batch"}, "times": 2, "batch_item_errors": [0, 1]}
    ]));
    let setup = Setup::new(&sandbox).set("log.level", level).set("admin.token", TOKEN);
    let mut relay = setup.start();
    for name in ["ann", "ben", "cleo", "dora", "eli", "flo"] {
        relay.accept(&joined(name).referred_by("rae"));
    }
    for webhook in [
        goal_reached("rae", "prew_1"),
        suspected("rae"),
        commission_added("comm_1", "ada", "dana"),
        commission_adjusted("comm_1", "ada", "dana"),
        payout_issued("po_1", "ada", 100, "USD"),
        guide("PARTICIPANT_CREATED", "gus").referred_by("rae"),
        // Names that limits have to cut.
        joined("hal").with("/data/firstName", "hal@example.com ".repeat(100)),
    ] {
        relay.accept(&webhook);
    }
    relay.must("parked", &joined("ivy").with("/event", "ivy@example.com"));
    relay
        .must("parked", &joined("jo").with("/data/email", "jo@jo@example.com").with("/data/id", 1));
    let refused = http::send(relay.post("/webhooks/growsurf", joined("kim").body(), None));
    assert_eq!(refused.status, 401);
    let _refused = admin(&relay.url("/admin/dead-letters?email=kim@example.com"), Some(TOKEN));
    relay.drained();
    relay.terminate();
    relay.whole_log()
}

/// Asserts that the log holds no address and no secret, in any form.
#[track_caller]
fn assert_nothing_private(log: &[String]) {
    let basic = "c2l0ZS1vZi10aGUtdGVzdHM6"; // "site-of-the-tests:" in base 64
    for line in log {
        for secret in [SECRET, API_KEY, TOKEN, basic] {
            assert!(!line.contains(secret), "a secret in: {line}");
        }
        let lower = line.to_lowercase().replace("%40", "@");
        for (place, _) in lower.match_indices("@example.com") {
            let before = &lower[..place];
            assert!(before.ends_with("***"), "an address in: {line}");
        }
    }
}

#[test]
fn logs_hold_no_address_and_no_secret() {
    let log = busy_run("info");
    assert!(log.len() > 50, "nothing was logged");
    assert_nothing_private(&log);
}

#[test]
fn logs_of_everything_hold_no_address_and_no_secret_either() {
    assert_nothing_private(&busy_run("trace"));
}

#[test]
fn json_logs_have_one_line_an_attempt_with_these_fields() {
    let sandbox = Sandbox::start();
    let mut relay = Relay::start(&sandbox);
    let id = relay.accept(&joined("fay"));
    relay.drained();
    relay.terminate();
    let log = relay.whole_log();
    let lines: Vec<serde_json::Value> =
        log.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let taken = lines.iter().find(|line| line["message"] == "accepted a webhook").unwrap();
    assert_eq!(taken["webhook.id"], id);
    assert_eq!(taken["calls"], 2);
    let attempts: Vec<_> =
        lines.iter().filter(|line| line["message"] == "attempted a delivery").collect();
    assert_eq!(attempts.len(), 2);
    for (attempt, call) in attempts.iter().zip(["identify", "track"]) {
        assert_eq!(attempt["call"], call);
        assert_eq!(attempt["attempt.outcome"], "delivered");
        assert_eq!(attempt["http.status"], 200);
        assert_eq!(attempt["person"], "f***@example.com");
    }
}
