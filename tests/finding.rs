//! Finding: `find`, `status`, `parked` and `dead-letters`, beside a running relay.

use serde_json::{Value, json};

use crate::kit::eventually;
use crate::kit::ids::event_id;
use crate::kit::now_millis;
use crate::kit::relay::{Relay, Setup};
use crate::kit::sandbox::Sandbox;
use crate::kit::webhooks::{email, joined};

const KEY: &str = "the-reporting-key-of-the-tests";
const HOSTILE: &str = "\u{1b}[31m\u{202e}<img onerror=x>";

fn found(relay: &Relay, what: &str) -> Value {
    serde_json::from_str(&relay.command(&["find", what, "--json"]).expect(0)).unwrap()
}

#[test]
fn a_sign_up_is_found_by_every_name_with_its_time_and_event() {
    let sandbox = Sandbox::start();
    let relay = Setup::new(&sandbox).set("customerio.reporting_keys", KEY).start();
    let answer = relay.must("accepted", &joined("fay").referred_by("gus"));
    let webhook = answer["id"].as_str().unwrap();
    relay.drained();
    let event = sandbox.event("referral_program_joined").id().to_owned();
    let report = json!({
        "event_id": "01report", "object_type": "email", "metric": "sent",
        "timestamp": now_millis() / 1_000,
        "data": { "identifiers": {"email": email("fay")}, "delivery_id": "RPIL",
            "trigger_event_id": event, "campaign_id": 19 },
    });
    let answer = relay.customerio_posts(
        "/webhooks/customerio/reporting",
        KEY,
        now_millis() / 1_000,
        report.to_string().as_bytes(),
    );
    assert_eq!(answer.json()["status"], "accepted", "{answer:?}");
    let printed = relay.command(&["find", &email("fay")]).expect(0);
    let first = printed.lines().next().unwrap();
    assert!(first.starts_with("The sign-up of f***@example.com in "), "{printed}");
    assert!(first.contains("arrived at Customer.io at 20") && first.contains(&event), "{printed}");
    for part in [webhook, "NEW_PARTICIPANT_ADDED", "referral_program_joined", "RPIL", "sent"] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
    assert!(!printed.contains(&email("fay")), "{printed}");
    let revealed = relay.command(&["find", &email("fay"), "--reveal"]).expect(0);
    assert!(revealed.contains(&email("fay")), "{revealed}");

    let person = found(&relay, &email("fay"));
    let participant = person["found"][0]["participants"][0].clone();
    assert_eq!(participant["participant"], "f***");
    let (campaign, id) = (&participant["campaign"], "fay");
    assert_eq!(participant["sign_up"]["event_id"], event);
    assert_eq!(participant["sign_up"]["call"]["state"], "delivered");
    assert_eq!(found(&relay, id)["found"][0]["number"], person["found"][0]["number"]);
    let key = format!("joined:{}:{id}", campaign.as_str().unwrap());
    for name in [&key, &event, &event.to_lowercase()] {
        let shown = found(&relay, name);
        assert_eq!(shown["found"][0]["kind"], "event", "{shown}");
        assert_eq!(shown["found"][0]["event_id"], event);
        let reasons = shown["found"][0]["why"]["reasons"].as_array().unwrap();
        let holding = reasons.iter().filter(|it| it["holds"] == true).map(|it| &it["reason"]);
        assert_eq!(holding.collect::<Vec<_>>(), ["started"], "{shown}");
        assert!(!shown.to_string().contains(&email("fay")), "{shown}");
    }
    let shown = found(&relay, webhook);
    let calls = shown["found"][0]["calls"].as_array().unwrap();
    let events = calls.iter().map(|call| &call["event"]).filter(|event| event.is_string());
    let events: Vec<&Value> = events.collect();
    assert_eq!(events, ["referral_program_joined", "referral_friend_signed_up"], "{shown}");
    assert_eq!(shown["found"][0]["people"].as_array().unwrap().len(), 2, "{shown}");

    for nothing in [&*email("nobody"), "nobody", &*event_id("joined:a:b"), "joined:a:b"] {
        let printed = relay.command(&["find", nothing]).expect(1);
        assert!(printed.contains("Nothing was found by"), "{printed}");
        assert!(!printed.contains(&email("nobody")), "{printed}");
    }
    relay.command(&["find"]).expect(64);
    relay.command(&["find", " "]).expect(64);
}

#[test]
fn a_call_that_waits_says_what_for_and_status_shows_the_destination() {
    let sandbox = Sandbox::start();
    sandbox.faults(json!([{ "status": 401 }]));
    let mut relay = Relay::start(&sandbox);
    relay.accept(&joined("fay"));
    relay.destination_is("halted");
    let status = |relay: &Relay, code| {
        let printed = relay.setup().command(&["status", "--json"]).expect(code);
        serde_json::from_str::<Value>(&printed).unwrap()
    };
    eventually("the halt is reported", || {
        status(&relay, 0)["destinations"][0]["state"] == "halted"
    });
    let shown = status(&relay, 0);
    assert!(shown["destinations"][0]["reason"].as_str().unwrap().contains("401"), "{shown}");
    assert_eq!((&shown["is_running"], &shown["queue"]["pending"]), (&json!(true), &json!(2)));
    assert!(shown["queue"]["passes_72_h_at"].is_string() && shown["last_webhook"].is_object());
    assert!(shown["store_bytes"].as_u64().unwrap() > 0, "{shown}");
    let printed = relay.command(&["find", &email("fay")]).expect(0);
    let first = printed.lines().next().unwrap();
    assert!(first.contains("hasn't arrived") && first.contains("halted since"), "{printed}");
    let printed = relay.command(&["status"]).expect(0);
    assert!(printed.contains("customerio has been halted since"), "{printed}");
    relay.terminate();
    eventually("no relay runs", || status(&relay, 1)["is_running"] == false);
    let printed = relay.setup().command(&["status"]).expect(1);
    assert!(printed.starts_with("No relay is running on this store"), "{printed}");
}

#[test]
fn parked_webhooks_are_listed_shown_replayed_and_discarded() {
    let sandbox = Sandbox::start();
    let relay = Setup::new(&sandbox).set("growsurf.ignore_emails", email("fay")).start();
    let parked =
        |name: &str| relay.must("parked", &joined(name))["id"].as_str().unwrap().to_owned();
    let fay = parked("fay");
    let odd = relay.must("parked", &joined("ann").with("/event", HOSTILE));
    let odd = odd["id"].as_str().unwrap();
    let printed = relay.command(&["parked", "list"]).expect(0);
    assert!(printed.contains(&fay) && printed.contains(odd), "{printed}");
    assert!(!printed.contains('\u{1b}') && !printed.contains('\u{202e}'), "{printed:?}");
    let page = relay.command(&["parked", "list", "--limit", "1", "--json"]).expect(0);
    let page: Value = serde_json::from_str(&page).unwrap();
    assert_eq!((&page["total"], &page["parked"][0]["id"]), (&json!(2), &json!(odd)));
    let older = relay.command(&["parked", "list", "--before", odd]).expect(0);
    assert!(older.contains(&fay) && !older.contains(odd), "{older}");
    let printed = relay.command(&["parked", "show", &fay]).expect(0);
    assert!(printed.contains("NEW_PARTICIPANT_ADDED") && printed.contains("***"), "{printed}");
    assert!(!printed.contains("@example.com"), "{printed}");
    let printed = relay.command(&["parked", "show", &fay, "--reveal"]).expect(0);
    assert!(printed.contains(&email("fay")), "{printed}");
    relay.command(&["parked", "show", "00000000-0000-7000-8000-000000000000"]).expect(1);
    relay.command(&["parked", "discard"]).expect(64);

    let relay = relay.restart_with(|setup| setup.unset("growsurf.ignore_emails"));
    let printed = relay.command(&["parked", "replay", &fay, "--dry-run"]).expect(0);
    assert!(printed.contains("1 of them would lead to 2 new calls"), "{printed}");
    let printed = relay.command(&["parked", "replay", &fay]).expect(0);
    assert!(printed.contains("1 of them led to 2 new calls, 0 still parked"), "{printed}");
    relay.drained();
    assert_eq!(sandbox.event("referral_program_joined").person(), email("fay"));
    let printed = relay.command(&["parked", "discard", &fay]).expect(1);
    assert!(printed.contains("not parked: 1 of the ids"), "{printed}");
    assert_eq!(
        relay.command(&["parked", "discard", "--all"]).expect(0),
        "1 parked webhook discarded.\n"
    );
    assert_eq!(relay.command(&["parked", "list"]).expect(0), "No webhook is parked.\n");
    let status: Value =
        serde_json::from_str(&relay.command(&["status", "--json"]).expect(0)).unwrap();
    assert_eq!(status["queue"]["parked"], 0);
    let printed = relay.command(&["replay"]).expect(0);
    assert!(printed.contains("0 still parked"), "{printed}");
}

#[test]
fn dead_letters_are_grouped_by_cause_and_redelivered_one_first() {
    let sandbox = Sandbox::start();
    let refuse = json!([{
        "match": {"path": "/events"}, "status": 400,
        "body": {"meta": {"errors": ["data is no good"]}}
    }]);
    sandbox.faults(refuse);
    let relay = Setup::new(&sandbox).set("delivery.batch_calls", "1").start();
    for name in ["ann", "bea", "cat"] {
        relay.accept(&joined(name).with("/data/firstName", HOSTILE));
    }
    eventually("they are dead", || relay.dead_letters() == 3);
    let causes = relay.command(&["dead-letters", "list", "--json"]).expect(0);
    let causes: Value = serde_json::from_str(&causes).unwrap();
    let cause = &causes["causes"][0];
    assert_eq!((&causes["total"], &cause["letters"]), (&json!(3), &json!(3)), "{causes}");
    assert_eq!((&cause["call"], &cause["http_status"]), (&json!("track"), &json!(400)), "{causes}");
    let name = cause["cause"].as_str().unwrap();
    let printed = relay.command(&["dead-letters", "list"]).expect(0);
    assert!(printed.contains(name) && printed.contains("data is no good"), "{printed}");
    assert!(printed.contains("fix: ") && !printed.contains("@example.com"), "{printed}");
    let listed = |options: &[&str]| {
        let arguments = [&["dead-letters", "list", "--json"][..], options].concat();
        let printed = relay.command(&arguments).expect(0);
        serde_json::from_str::<Value>(&printed).unwrap()["dead_letters"].as_array().unwrap().clone()
    };
    assert_eq!(listed(&["--cause", name]).len(), 3);
    assert_eq!(listed(&["--cause", "ffffffff"]).len(), 0);
    let beas = listed(&["--address", &email("bea")]);
    assert_eq!((beas.len(), &beas[0]["person"]), (1, &json!("b***@example.com")));
    let id = beas[0]["id"].to_string();
    let shown = relay.command(&["dead-letters", "show", &id]).expect(0);
    assert!(shown.contains("referral_program_joined") && !shown.contains("onerror"), "{shown}");
    let shown = relay.command(&["dead-letters", "show", &id, "--reveal"]).expect(0);
    assert!(!shown.contains('\u{1b}'), "{shown:?}");

    let printed = relay.command(&["dead-letters", "redeliver", "--all"]).expect(1);
    assert!(printed.contains("the first was refused again"), "{printed}");
    assert_eq!((relay.dead_letters(), sandbox.events().len()), (3, 0));
    sandbox.heal();
    let redeliver = ["dead-letters", "redeliver", "--all", "--cause", name];
    let printed = relay.command(&redeliver).expect(0);
    assert!(printed.starts_with("3 dead letters put back"), "{printed}");
    relay.drained();
    assert_eq!((relay.dead_letters(), sandbox.events().len()), (0, 3));
    relay.command(&["dead-letters", "redeliver", "7", "--cause", name]).expect(64);
    let unknown = ["dead-letters", "redeliver", "--all", "--cause", "ffffffff"];
    assert!(relay.command(&unknown).expect(1).contains("no dead letter has the cause ffffffff"));
}

#[test]
fn the_log_joins_a_webhook_with_its_attempts_and_its_dead_letter() {
    let sandbox = Sandbox::start();
    sandbox.faults(json!([{"match": {"path": "/events"}, "status": 400}]));
    let mut relay = Relay::start(&sandbox);
    let id = relay.accept(&joined("fay"));
    relay.drained();
    relay.terminate();
    let log = relay.whole_log();
    let lines: Vec<&String> = log.iter().filter(|line| line.contains(&id)).collect();
    let said = |part: &str| lines.iter().filter(|line| line.contains(part)).count();
    assert_eq!(said("accepted a webhook"), 1, "{lines:?}");
    assert_eq!(said("attempted a delivery"), 2, "{lines:?}");
    assert_eq!(said("a call is a dead letter"), 1, "{lines:?}");
    assert!(lines.iter().any(|it| it.contains("dead letter") && it.contains("WARN")), "{lines:?}");
}

#[test]
fn a_person_with_many_webhooks_is_shown_in_pages() {
    let sandbox = Sandbox::start();
    let relay = Relay::start(&sandbox);
    relay.accept(&joined("rae"));
    for number in 0..30 {
        relay.accept(&joined(&format!("friend{number}")).referred_by("rae"));
    }
    relay.drained();
    let first = found(&relay, &email("rae"));
    let person = &first["found"][0];
    assert_eq!(person["timeline"].as_array().unwrap().len(), 25, "{person}");
    assert_eq!(person["participants"][0]["friends"], 30);
    let before = person["before"].as_str().unwrap();
    let rest = relay.command(&["find", &email("rae"), "--before", before, "--json"]).expect(0);
    let rest: Value = serde_json::from_str(&rest).unwrap();
    let rest = &rest["found"][0];
    assert_eq!((rest["timeline"].as_array().unwrap().len(), &rest["before"]), (6, &Value::Null));
}

#[test]
fn an_event_waits_for_its_profile_and_says_what_refused_it() {
    let sandbox = Sandbox::start();
    sandbox.faults(json!([{ "status": 503 }]));
    // Few tries, so that the destination isn't called broken meanwhile.
    let setup = Setup::new(&sandbox).set("delivery.backoff_base", "2s");
    let relay = setup.set("delivery.backoff_cap", "2s").start();
    relay.accept(&joined("fay"));
    eventually("a try failed", || {
        let shown = found(&relay, &email("fay"));
        shown["answer"]
            .as_str()
            .unwrap()
            .contains("of the profile before it failed: customer.io answered 503")
    });
}

#[test]
fn late_events_and_discarded_letters_are_called_what_they_are() {
    let sandbox = Sandbox::start();
    sandbox.faults(json!([{"match": {"path": "rae%40example.com/events"}, "status": 400}]));
    let relay = Relay::start(&sandbox);
    let ago = now_millis() - 80 * 3_600_000;
    relay.accept(&joined("fay").with("/createdAt", ago).with("/data/createdAt", ago));
    let refused = relay.accept(&joined("rae"));
    relay.drained();
    let shown = found(&relay, &email("fay"));
    let why = &shown["found"][0]["participants"][0]["sign_up"]["why"]["reasons"];
    let holding = why.as_array().unwrap().iter().filter(|it| it["holds"] == true);
    assert_eq!(holding.map(|it| &it["reason"]).collect::<Vec<_>>(), ["late"], "{shown}");
    relay.command(&["dead-letters", "discard", "--all"]).expect(0);
    let shown = found(&relay, &refused);
    assert!(shown["answer"].as_str().unwrap().contains("letters were discarded"), "{shown}");
}
