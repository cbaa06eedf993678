//! Identity of a person at Customer.io: by address, or by an id from participant metadata.

use serde_json::{Value, json};

use crate::kit::http;
use crate::kit::relay::{Relay, Setup};
use crate::kit::sandbox::{Sandbox, on_calls};
use crate::kit::webhooks::{
    Webhook, campaign_ended, commission_added, goal_reached, guide, joined, suspected,
};

/// Returns a relay that identifies by `metadata.userId`.
fn by_user_id(sandbox: &Sandbox, is_trusted: bool) -> Relay {
    let setup = Setup::new(sandbox).set("customerio.identify_by", "metadata.userId");
    setup.set("customerio.trust_metadata_id", is_trusted.to_string()).start()
}

fn with_user_id(webhook: Webhook, id: impl Into<Value>) -> Webhook {
    webhook.with("/data/metadata/userId", id)
}

#[test]
fn people_are_identified_by_their_address_trimmed_and_in_lower_case() {
    let sandbox = Sandbox::start();
    let relay = Relay::start(&sandbox);
    relay.accept(&joined("fay").with("/data/email", " Fay@Example.COM "));
    relay.accept(&guide("PARTICIPANT_CREATED", "fay"));
    relay.accept(&joined("plus").with("/data/email", "Plus+Tag/x?y#z%41&'@example.com"));
    relay.drained();
    let people = sandbox.people();
    let emails: Vec<&Value> = people.iter().map(|person| &person["email"]).collect();
    assert_eq!(emails, [&json!("fay@example.com"), &json!("plus+tag/x?y#z%41&'@example.com")]);
    assert_eq!(sandbox.events_named("referral_program_joined").len(), 2);
    assert!(sandbox.activity("unencoded_path").is_empty());
}

#[test]
fn an_id_from_metadata_identifies_without_the_address_until_it_is_trusted() {
    let sandbox = Sandbox::start();
    let relay = by_user_id(&sandbox, false);
    relay.accept(&with_user_id(joined("fay"), "user-1"));
    relay.accept(&with_user_id(joined("rae"), 4711));
    relay.drained();
    let mut ids: Vec<Value> = sandbox.people().iter().map(|person| person["id"].clone()).collect();
    ids.sort_by_key(ToString::to_string);
    assert_eq!(ids, [json!("4711"), json!("user-1")]);
    for person in sandbox.people() {
        assert_eq!(person["email"], Value::Null);
        assert_eq!(person["attributes"]["last_name"], "Tester");
        assert_eq!(person["events"], 1);
    }
}

#[test]
fn a_trusted_id_comes_with_the_address() {
    let sandbox = Sandbox::start();
    let relay = by_user_id(&sandbox, true);
    relay.accept(&with_user_id(joined("fay"), "user-1"));
    relay.drained();
    let person = sandbox.person("user-1").unwrap();
    assert_eq!(person["email"], "fay@example.com");
}

#[test]
fn ids_that_urls_and_shapes_would_mistake_reach_the_right_person() {
    let ids = [
        "a@b",
        "@",
        "cio_x",
        "cio_",
        ".",
        "..",
        "a b",
        "50%",
        "%40",
        "a%2Fb",
        "a/b",
        "a?b#c",
        "ü",
        "+4915112345",
        "-",
        "~",
        "\\",
        "{\"id\":1}",
    ];
    let sandbox = Sandbox::start();
    let relay = by_user_id(&sandbox, false);
    for (number, id) in ids.iter().enumerate() {
        relay.accept(&with_user_id(joined(&format!("p{number}")), *id));
    }
    relay.drained();
    assert_eq!(relay.dead_letters(), 0);
    let mut expected: Vec<(String, u64)> = ids.iter().map(|id| ((*id).to_owned(), 1)).collect();
    let mut people: Vec<(String, u64)> = sandbox
        .people()
        .iter()
        .map(|person| {
            let id = person["id"].as_str().unwrap_or_else(|| panic!("{person}"));
            (id.to_owned(), person["events"].as_u64().unwrap())
        })
        .collect();
    expected.sort();
    people.sort();
    assert_eq!(people, expected);
    for kind in ["unencoded_path", "dropped_unknown_cio_id", "attribute_update_failure"] {
        assert!(sandbox.activity(kind).is_empty(), "{kind}");
    }
}

#[test]
fn the_first_id_of_a_participant_stays() {
    let sandbox = Sandbox::start();
    let relay = by_user_id(&sandbox, false);
    relay.accept(&with_user_id(joined("fay"), "user-1"));
    // A browser wrote another id into the metadata.
    let stolen = suspected("fay").with("/data/participant/metadata/userId", "user-of-another");
    relay.accept(&stolen);
    let reward = goal_reached("fay", "prew_1");
    relay.accept(&reward.with("/data/participant/metadata/userId", "user-of-another"));
    relay.drained();
    let ids: Vec<Value> = sandbox.people().iter().map(|person| person["id"].clone()).collect();
    assert_eq!(ids, [json!("user-1")]);
    assert_eq!(sandbox.event("referral_reward_claimed").person(), "user-1");
}

#[test]
fn nobody_is_guessed_where_the_id_is_missing() {
    let sandbox = Sandbox::start();
    let relay = by_user_id(&sandbox, true);
    for webhook in [
        joined("fay"),
        with_user_id(joined("fay"), " "),
        with_user_id(joined("fay"), true),
        with_user_id(joined("fay"), "x".repeat(151)),
        guide("PARTICIPANT_CREATED", "fay"),
    ] {
        let reason = relay.must("parked", &webhook)["reason"].clone();
        assert!(reason.as_str().unwrap().contains("metadata.userId"), "{reason}");
    }
    // A referrer without an id is left out, the friend isn't.
    relay.accept(&with_user_id(joined("ann"), "user-ann").referred_by("rae"));
    relay.drained();
    assert_eq!(sandbox.event_lines(), ["referral_program_joined user-ann"]);
}

#[test]
fn a_participant_who_changes_their_address_stays_the_same_person() {
    let sandbox = Sandbox::start();
    let relay = Relay::start(&sandbox);
    let first = joined("fay");
    relay.accept(&first);
    let moved = suspected("fay").with("/data/participant/email", "fay.new@example.org");
    relay.accept(&moved.at(first.seconds() * 1_000 + 1_000));
    relay.drained();
    assert_eq!(sandbox.people().len(), 1);
    let attributes = sandbox.attributes("fay.new@example.org");
    assert_eq!(attributes["fraud_risk_level"], "HIGH");
    assert_eq!(sandbox.person("fay@example.com"), None);
    assert!(sandbox.activity("attribute_update_failure").is_empty());
}

#[test]
fn an_id_that_is_too_long_costs_its_own_part_and_the_rest_arrives() {
    let sandbox = Sandbox::start();
    let setup = Setup::new(&sandbox).set("mapping.events.referral_campaign_ended", "ended");
    let relay = setup.start();
    let long = || "x".repeat(201);
    for (whole, place) in [("fay", "/data/id"), ("rae", "/data/campaign/id")] {
        let reason = relay.must("parked", &joined(whole).with(place, long()))["reason"].clone();
        assert!(reason.as_str().unwrap().ends_with("id is longer than 200 bytes"), "{reason}");
    }
    relay.accept(&joined("bob").referred_by("ann").with("/data/referrer/id", long()));
    relay.accept(&joined("cid").with("/data/referredBy", long()));
    relay.accept(&joined("dan").with("/data/vanityKeys", json!([long()])));
    relay.accept(&campaign_ended(&["eve", "gus"]).with("/data/winners/0/id", long()));
    let commission = commission_added("c1", "hal", "ivy");
    relay.accept(&commission.with("/data/referredParticipant/id", long()));
    relay.drained();
    let expected = ["bob", "cid", "dan"]
        .map(|name| format!("referral_program_joined {}", crate::kit::webhooks::email(name)));
    let reported = sandbox.event_lines();
    assert!(expected.iter().all(|event| reported.contains(event)), "{reported:?}");
    let people = sandbox.people();
    let mut emails: Vec<&str> = people.iter().map(|it| it["email"].as_str().unwrap()).collect();
    emails.sort_unstable();
    let arrived = ["bob", "cid", "dan", "gus", "hal"].map(crate::kit::webhooks::email);
    assert_eq!(emails, arrived, "{reported:?}");
    assert_eq!(relay.count("relay_parked_webhooks"), 7.0, "each of them, in part or whole");
}

#[test]
fn no_id_of_a_batch_stands_in_what_the_relay_says_of_its_answer() {
    let sandbox = Sandbox::start();
    for status in [400, 408, 429, 503] {
        let error = "person user-4455667788 (fay@example.com) has a bad attribute";
        let body = json!({"meta": {"error": error}});
        sandbox.faults(json!(on_calls(json!({"status": 503}))));
        let mut relay = by_user_id(&sandbox, false);
        relay.accept(&with_user_id(joined("fay"), "user-4455667788"));
        for number in 0..6 {
            let name = format!("friend{number}");
            relay.accept(&with_user_id(joined(&name), format!("user-1000{number}")));
        }
        relay.logs("attempted a delivery");
        let named = json!({"identifier": "user-4455667788"});
        sandbox.faults(json!([{"match": named, "status": status, "body": body}]));
        relay.logs(&format!("\"http.status\":{status}"));
        relay.logs("has a bad attribute");
        let shown = ["/readyz", "/health"].map(|path| http::get(relay.url(path)).body).concat();
        let letters = relay.command(&["dead-letters", "list"]);
        relay.terminate();
        let log = relay.whole_log().join("\n");
        let is_batch = |it: &Value| it.to_string().contains("/v2/batch");
        assert!(sandbox.requests().iter().any(is_batch), "{status}: nothing was sent together");
        for said in [&log, &shown, &letters.stdout, &letters.stderr] {
            assert!(!said.contains("user-4455667788"), "{status}: {said}");
        }
        assert!(log.contains("person u*** (f***@example.com) has"), "{status}: {log}");
    }
}
