//! Forgetting a person: what is gone, what stays, and what doesn't bring them back.

use serde_json::{Value, json};

use crate::kit::http;
use crate::kit::ids::{report_signature, signature};
use crate::kit::relay::{Relay, SECRET, Setup};
use crate::kit::sandbox::Sandbox;
use crate::kit::webhooks::{
    CAMPAIGN, Webhook, campaign_ended, commission_added, email, goal_reached, guide, joined,
    suspected,
};
use crate::kit::{eventually, now_millis, now_seconds};

/// Erases a person beside the relay; returns the receipt.
#[track_caller]
fn forget(relay: &Relay, name: &str, options: &[&str]) -> Value {
    let address = email(name);
    let arguments = [&["erase", &address, "--json"][..], options].concat();
    let finished = relay.command(&arguments);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(!finished.stdout.contains(&address), "{}", finished.stdout);
    serde_json::from_str(&finished.stdout).unwrap()
}

/// Returns all webhooks about `fay`, whom `rae` referred and who referred `bob`.
fn story() -> Vec<Webhook> {
    vec![
        joined("rae"),
        joined("fay").referred_by("rae"),
        guide("PARTICIPANT_CREATED", "fay").referred_by("rae"),
        joined("bob").referred_by("fay"),
        guide("PARTICIPANT_REFERRED", "bob").referred_by("fay"),
        suspected("fay"),
        goal_reached("fay", "r1"),
        goal_reached("rae", "r2")
            .with("/data/participant/referee", joined("fay").0["data"].clone()),
        commission_added("c1", "rae", "fay"),
        commission_added("c2", "fay", "bob"),
        campaign_ended(&["rae", "fay", "bob"]),
        joined("fay").with("/event", "PARTICIPANT_TELEPORTED"),
    ]
}

/// Returns a new participant with the address of an erased one.
fn newcomer(name: &str, id: &str) -> Webhook {
    joined(name).with("/data/id", id).with("/data/createdAt", now_millis())
}

#[test]
fn an_erased_person_is_in_no_file_and_no_webhook_brings_them_back() {
    let sandbox = Sandbox::start();
    let relay = Relay::start(&sandbox);
    let story = story();
    for webhook in &story {
        assert_eq!(relay.send(webhook).status, 200);
    }
    relay.drained();
    assert_ne!(relay.setup().holding(&email("fay")), [""; 0]);

    let receipt = forget(&relay, "fay", &[]);
    assert_eq!(receipt["erased"]["people"], 1, "{receipt}");
    assert_eq!(receipt["log_emptied"], true, "{receipt}");
    assert_eq!(relay.setup().holding(&email("fay")), [""; 0], "{receipt}");
    assert_eq!(relay.setup().holding("Fay"), [""; 0], "{receipt}");
    assert_ne!(relay.setup().holding(&email("bob")), [""; 0]);

    let before = (sandbox.event_lines().len(), sandbox.calls().len());
    // GrowSurf's retry of the same bytes, the same with new bytes, and a replay of everything.
    for webhook in &story {
        assert_eq!(relay.send(webhook).status, 200);
        let changed = webhook.clone().with("/unknown", "makes other bytes");
        // An unreadable body isn't recognised as theirs, and the guide's join, which has neither id nor
        // time, is a new person.
        let event = webhook.0["event"].as_str().unwrap();
        if !["PARTICIPANT_TELEPORTED", "PARTICIPANT_CREATED"].contains(&event) {
            relay.must("accepted", &changed);
        }
    }
    let replayed = relay.command(&["replay"]).expect(0);
    assert!(replayed.contains("to 0 new calls"), "{replayed}");
    relay.drained();
    assert_eq!((sandbox.event_lines().len(), sandbox.calls().len()), before);
    assert_eq!(relay.setup().holding(&email("fay")), [""; 0]);
    assert_eq!(relay.count("relay_dead_letters"), 0.0);

    // Another participant joins with the address.
    relay.accept(&newcomer("fay", "fay2"));
    relay.drained();
    let events = sandbox.events_named("referral_program_joined");
    let new = events.iter().filter(|event| event.data()["referral_code"] == "fay2");
    assert_eq!(new.count(), 1);
}

#[test]
fn parked_bodies_are_searched_and_those_that_cannot_be_decoded_are_counted() {
    let sandbox = Sandbox::start();
    let relay = Relay::start(&sandbox);
    relay.accept(&joined("fay"));
    relay.drained();
    let text = json!({"data": {"email": email("fay")}}).to_string();
    let units = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    for body in [
        json!(format!("hello {}, bye", email("fay"))).to_string().into_bytes(),
        json!(text).to_string().into_bytes(),
        format!("\u{feff}{text}").into_bytes(),
        units(&format!("\u{feff}{text}")),
        // These two can't be decoded.
        units(&text),
        vec![0x1f, 0x8b, 8, 0],
    ] {
        let proof = signature(SECRET, now_millis(), &body);
        let answer = http::send(relay.post("/webhooks/growsurf", body, Some(proof))).json();
        assert_eq!(answer["status"], "parked", "{answer}");
    }
    let receipt = forget(&relay, "fay", &[]);
    assert_eq!(receipt["unreadable_parked_webhooks"], 2, "{receipt}");
    assert_eq!(receipt["erased"]["webhook_bodies"], 5, "{receipt}");
    assert_eq!(relay.count("relay_parked_webhooks"), 2.0);
    assert_eq!(relay.setup().holding(&email("fay")), [""; 0]);
    let printed = relay.command(&["erase", &email("fay")]).expect(0);
    assert!(printed.contains("Nothing of f") && printed.contains("2 parked webhooks"), "{printed}");
    assert!(printed.contains("store.keep_parked"), "{printed}");
}

#[test]
fn a_longer_address_belongs_to_another_person() {
    let sandbox = Sandbox::start();
    sandbox.faults(json!([{"status": 503}]));
    let relay = Relay::start(&sandbox);
    for name in ["fay", "marifay"] {
        relay.accept(&joined(name).referred_by("rae"));
    }
    let receipt = forget(&relay, "fay", &[]);
    assert_eq!(receipt["erased"]["calls_of_others"], 1, "{receipt}");
    sandbox.heal();
    relay.drained();
    let reported = sandbox.events_named("referral_friend_signed_up");
    let friends: Vec<_> =
        reported.iter().map(|event| event.data()["friend_email"].clone()).collect();
    assert!(friends.contains(&json!(email("marifay"))), "{friends:?}");
    assert_eq!(sandbox.events_named("referral_program_joined").len(), 1);
}

#[test]
fn what_is_pending_for_others_goes_out_without_them() {
    let sandbox = Sandbox::start();
    sandbox.faults(json!([{"status": 503}]));
    let relay = Relay::start(&sandbox);
    relay.accept(&joined("rae"));
    relay.accept(&joined("fay").referred_by("rae"));
    relay.accept(&joined("bob").referred_by("fay"));
    let receipt = forget(&relay, "fay", &[]);
    assert!(receipt["erased"]["pending_calls"].as_u64().unwrap() >= 4, "{receipt}");
    assert!(receipt["erased"]["calls_of_others"].as_u64().unwrap() >= 3, "{receipt}");
    sandbox.heal();
    relay.drained();
    assert_eq!(sandbox.person(&email("fay")), None);
    let signed_up = sandbox.event("referral_friend_signed_up");
    assert_eq!(signed_up.person(), email("rae"));
    assert!(signed_up.data().get("friend_email").is_none(), "{:?}", signed_up.data());
    assert!(signed_up.data().get("friend_name").is_none(), "{:?}", signed_up.data());
    assert!(sandbox.attributes(&email("bob")).get("referred_by").is_none());
}

#[test]
fn a_call_under_way_is_waited_for() {
    let sandbox = Sandbox::start();
    sandbox.faults(json!([{"latency_ms": 2_000}]));
    let relay = Relay::start(&sandbox);
    relay.accept(&joined("fay"));
    eventually("a call is under way", || sandbox.uses(0) > 0);
    let impatient = relay.command(&["erase", &email("fay"), "--wait", "1ms"]);
    let printed = impatient.expect(1);
    assert!(printed.contains("--wait") && !printed.contains(&email("fay")), "{printed}");
    let receipt = forget(&relay, "fay", &[]);
    assert_eq!(receipt["erased"]["people"], 1, "{receipt}");
    assert_eq!(relay.count("relay_pending_calls"), 0.0);
    // Nothing more is sent than was under way.
    let calls = || sandbox.calls().iter().filter(|call| call.person() == email("fay")).count();
    let before = calls();
    sandbox.heal();
    relay.accept(&joined("bob"));
    relay.drained();
    assert_eq!(calls(), before);
}

#[test]
fn customer_io_deletes_and_suppresses_them_first() {
    let sandbox = Sandbox::start();
    let relay = Relay::start(&sandbox);
    relay.accept(&joined("fay"));
    relay.drained();
    sandbox.faults(json!([{"match": {"path": "suppress"}, "status": 503, "times": 1}]));
    let help = relay.command(&["erase", "--help"]).expect(0);
    assert!(help.contains("stays suppressed there until the suppression is lifted"), "{help}");
    let refused = relay.command(&["erase", &email("fay"), "--delete-in-customerio"]).expect(1);
    assert!(refused.contains("503") && refused.contains("run the command again"), "{refused}");
    sandbox.heal();
    let receipt = forget(&relay, "fay", &["--delete-in-customerio"]);
    assert_eq!(receipt["erased"]["people"], 1, "{receipt}");
    assert_eq!(receipt["customerio"]["deleted"], json!(["f***@example.com"]));
    assert_eq!(sandbox.person(&email("fay")), None);
    assert_ne!(sandbox.activity("suppressed"), [Value::Null; 0]);
}

#[test]
fn an_id_that_anybody_could_claim_deletes_nobody_at_customer_io() {
    let sandbox = Sandbox::start();
    let setup = Setup::new(&sandbox).set("customerio.identify_by", "metadata.companyName");
    let relay = setup.start();
    relay.accept(&joined("fay").with("/data/metadata/companyName", "of-another-person"));
    relay.drained();
    let receipt = forget(&relay, "fay", &["--delete-in-customerio"]);
    // Found by the address among their facts.
    assert_eq!(receipt["erased"]["people"], 1, "{receipt}");
    assert_eq!(receipt["customerio"]["not_deleted"], json!(["o***"]));
    assert_ne!(sandbox.person("of-another-person"), None);
    relay.accept(&joined("fay").with("/data/metadata/companyName", "another"));
    relay.drained();
    assert_eq!(sandbox.person("another"), None);
}

#[test]
fn a_repeated_erasure_finds_nothing_and_says_so() {
    let sandbox = Sandbox::start();
    let relay = Relay::start(&sandbox);
    relay.accept(&joined("fay"));
    relay.drained();
    let first = relay.command(&["erase", " Fay@Example.com "]).expect(0);
    assert!(first.contains("Erased f***@example.com at "), "{first}");
    assert!(first.contains("Older backups still hold"), "{first}");
    let second = relay.command(&["erase", &email("fay")]).expect(0);
    assert!(second.contains("Nothing of f***@example.com was found"), "{second}");
}

#[test]
fn the_guides_shape_recognises_a_new_participant_by_a_later_join() {
    let sandbox = Sandbox::start();
    let relay = Relay::start(&sandbox);
    relay.accept(&guide("PARTICIPANT_CREATED", "fay"));
    relay.drained();
    forget(&relay, "fay", &[]);
    relay.accept(&guide("CAMPAIGN_REFERRAL_CONVERTED", "fay"));
    relay.drained();
    assert_eq!(sandbox.events().len(), 1);
    assert_eq!(relay.setup().holding(&email("fay")), [""; 0]);
    // After the very bytes of the erased join.
    relay.must("duplicate", &guide("PARTICIPANT_CREATED", "fay"));
    relay.accept(&guide("PARTICIPANT_CREATED", "fay").with("/participant/lastName", "Newcomer"));
    relay.drained();
    assert_eq!(sandbox.events_named("referral_program_joined").len(), 2);
}

/// The key of Customer.io's signatures, and the token of the user's own backend.
const KEY: &str = "a-key-of-all-of-them";

/// Returns a setup that accepts reports of other sources than GrowSurf.
fn setup_for_others(sandbox: &Sandbox) -> Setup {
    let setup = Setup::new(sandbox).set("api.token", KEY);
    setup.set("customerio.reporting_keys", KEY).set("customerio.action_keys", KEY)
}

/// Posts the report of another source than GrowSurf.
#[track_caller]
fn post(relay: &Relay, path: &str, body: &Value) {
    let (now, body) = (now_seconds(), body.to_string());
    let proof = report_signature(KEY, now, body.as_bytes());
    let post = http::client().post(relay.url(path)).bearer_auth(KEY).body(body);
    let post = post.header("x-cio-timestamp", now.to_string()).header("x-cio-signature", proof);
    let answer = http::send(post);
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[test]
fn erased_reports_of_other_sources_replay_to_nothing() {
    let sandbox = Sandbox::start();
    let relay = setup_for_others(&sandbox).start();
    relay.accept(&joined("fay"));
    relay.accept(&joined("bob"));
    let post = |path: &str, body: &Value| post(&relay, path, body);
    let reported = |who: (&str, &str), id: &str| {
        let mut reported =
            json!({"event": "purchase", "campaign": CAMPAIGN, "id": id, "product": "Pro"});
        reported[who.0] = json!(who.1);
        reported
    };
    let asked = |who: (&str, &str)| {
        let mut asked =
            json!({"type": "trigger_referral", "campaign": CAMPAIGN, "dedupe_key": "k"});
        asked[who.0] = json!(who.1);
        asked
    };
    let address = email("fay");
    for who in [("email", address.as_str()), ("participant_id", "fay")] {
        post("/v1/events", &reported(who, who.0));
    }
    post("/v1/events", &reported(("participant_id", "bob"), "of-bob"));
    // Without an API key of GrowSurf's they are parked.
    for who in [("email", address.as_str()), ("participant", "fay"), ("participant", "bob")] {
        post("/webhooks/customerio/action", &asked(who));
    }
    for (object, metric) in [("email", "clicked"), ("customer", "unsubscribed")] {
        let report = json!({
            "event_id": metric, "object_type": object, "metric": metric,
            "timestamp": now_seconds(),
            "data": {
                "identifiers": {"id": null, "email": address, "cio_id": "d9c1"},
                "delivery_id": "D1", "recipient": address,
                "href": "https://shop.example.com?grsf=fay"
            }
        });
        post("/webhooks/customerio/reporting", &report);
    }
    relay.drained();
    let before = sandbox.events().len();
    forget(&relay, "fay", &[]);

    let replayed = relay.command(&["replay"]).expect(0);
    assert!(replayed.contains("to 0 new calls"), "{replayed}");
    assert!(!replayed.contains("missing") && !replayed.contains("one of"), "{replayed}");
    assert_eq!(relay.count("relay_parked_webhooks"), 1.0, "bob's ask: {replayed}");
    relay.drained();
    assert_eq!(sandbox.events().len(), before);
    let kept = ["server", "customerio_action", "customerio_report"].map(|source| {
        let sql =
            format!("SELECT COUNT(*) FROM inbox WHERE body IS NOT NULL AND source = '{source}'");
        relay.setup().number(&sql)
    });
    assert_eq!(kept, [1, 1, 0], "bob's are left");
}

#[test]
fn reports_name_no_erased_person() {
    let sandbox = Sandbox::start();
    let relay = setup_for_others(&sandbox).start();
    relay.accept(&joined("fay"));
    relay.accept(&joined("bob"));
    let report = |id: &str, metric: &str, data: &Value| {
        let report = json!({
            "event_id": id, "object_type": "email", "metric": metric,
            "timestamp": now_seconds(), "data": data,
        });
        post(&relay, "/webhooks/customerio/reporting", &report);
    };
    let ghost = email("ghost");
    report("1", "sent", &json!({"identifiers": {"id": null, "email": ghost}, "recipient": ghost}));
    report("2", "sent", &json!({"identifiers": {"id": "42", "email": null}, "recipient": ghost}));
    let href = "https://shop.example.com/?utm_source=mail&grsf=fay#top";
    report("3", "clicked", &json!({"identifiers": {"email": email("bob")}, "href": href}));
    relay.drained();

    let receipt = forget(&relay, "ghost", &[]);
    assert_eq!(receipt["erased"]["webhook_bodies"], 2, "{receipt}");
    assert_eq!(relay.setup().holding(&ghost), [""; 0]);
    forget(&relay, "fay", &[]);
    assert_eq!(relay.setup().holding("grsf=fay"), [""; 0]);
    let kept = "SELECT COUNT(*) FROM inbox WHERE body IS NOT NULL AND source = 'customerio_report'";
    assert_eq!(relay.setup().number(kept), 0, "a body that names them goes whole");
}

#[test]
fn an_action_that_erasure_would_change_is_dropped() {
    let sandbox = Sandbox::start();
    let relay = setup_for_others(&sandbox).start();
    relay.accept(&joined("bob"));
    let ask = json!({
        "type": "update_participant", "campaign": CAMPAIGN, "dedupe_key": "k",
        "email": email("bob"), "metadata": {"buddy": email("ghost")},
    });
    // Without an API key of GrowSurf's it is parked, and a replay could remove bob's buddy there.
    post(&relay, "/webhooks/customerio/action", &ask);
    assert_eq!(relay.count("relay_parked_webhooks"), 1.0);
    let receipt = forget(&relay, "ghost", &[]);
    assert_eq!(receipt["erased"]["webhook_bodies"], 1, "{receipt}");
    assert_eq!(relay.count("relay_parked_webhooks"), 0.0);
}

#[test]
fn an_address_is_read_from_standard_input_and_the_old_name_of_the_command_works() {
    let sandbox = Sandbox::start();
    let relay = Relay::start(&sandbox);
    let page = relay.setup().command_with(&["erase", "-"], "fay@example.com\n").expect(0);
    assert!(page.contains("Nothing of f***@example.com was found"), "{page}");
    relay.command(&["forget", "fay@example.com"]).expect(0);
}

/// Values of `fay`, in every writing that may occur.
const VALUES: [&str; 10] = [
    "fay@example.com",
    "FAY@EXAMPLE.COM",
    "fay%40example.com",
    "fay&#64;example.com",
    "fay\\u0040example.com",
    "fay-4ever",
    "Fayette",
    "Quillfeather",
    "Quill Holdings",
    "d9c1-visitor",
];

#[test]
fn no_value_of_an_erased_person_is_left_in_any_encoding_or_sent() {
    let sandbox = Sandbox::start();
    sandbox.faults(json!([{"status": 503}]));
    let setup = Setup::new(&sandbox).set("api.token", KEY);
    let setup = setup.file("[mapping.metadata]\nbuddy = \"buddy\"\nnote = \"note\"\n");
    let relay = setup.start();
    let fay = joined("fay")
        .with("/data/firstName", "Fayette")
        .with("/data/lastName", "Quillfeather")
        .with("/data/vanityKeys", json!(["fay-4ever"]))
        .with("/data/metadata/companyName", "Quill Holdings")
        .with("/data/metadata/cioAnonymousId", "d9c1-visitor");
    relay.accept(&joined("rae"));
    relay.accept(&fay.referred_by("rae"));
    let bob = joined("bob").referred_by("fay");
    let bob = bob
        .with("/data/metadata/buddy", "fay%40example.com")
        .with("/data/metadata/note", "write to FAY@EXAMPLE.COM, or fay&#64;example.com");
    relay.accept(&bob);
    relay.accept(&joined("gus").with("/data/referredBy", "fay-4ever"));
    relay.accept(&goal_reached("rae", "r1"));
    let escaped = joined("ned").with("/event", "PARTICIPANT_TELEPORTED");
    let escaped = escaped.with("/data/note", email("fay")).body();
    let escaped = escaped.replace("fay@", "fay\\u0040");
    let proof = signature(SECRET, now_millis(), escaped.as_bytes());
    let answer = http::send(relay.post("/webhooks/growsurf", escaped, Some(proof))).json();
    assert_eq!(answer["status"], "parked", "{answer}");
    let sale = json!({
        "event": "purchase", "campaign": CAMPAIGN, "email": email("bob"), "id": "o1",
        "product": "a gift for fay%40example.com",
    });
    post(&relay, "/v1/events", &sale);
    for value in VALUES {
        assert_ne!(relay.setup().holding(value), [""; 0], "{value}");
    }

    forget(&relay, "fay", &[]);
    for value in VALUES {
        assert_eq!(relay.setup().holding(value), [""; 0], "{value}");
    }
    let before = sandbox.requests().len();
    sandbox.heal();
    relay.drained();
    let replayed = relay.command(&["replay"]).expect(0);
    assert!(replayed.contains("to 0 new calls"), "{replayed}");
    let sent = sandbox.requests();
    assert!(sent.len() > before);
    let sent = serde_json::to_string(&sent[before..]).unwrap();
    for value in VALUES {
        assert!(!sent.contains(value), "{value}: {sent}");
    }
    let names = |name: &str| sandbox.events_named(name).len();
    assert_eq!((names("referral_friend_signed_up"), names("referral_reward_claimed")), (1, 1));
    assert_eq!(names("referral_program_joined"), 3);
    assert!(sandbox.attributes(&email("bob")).get("buddy").is_none());
}
