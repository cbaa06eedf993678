//! The audit: each act of an operator leaves a record, whatever face it came by, and no record names a person.

use serde_json::{Value, json};

use crate::kit::http;
use crate::kit::pages::{OPERATE, VIEW, form, page, session, sign_in, started};
use crate::kit::relay::Relay;
use crate::kit::sandbox::Sandbox;
use crate::kit::webhooks::{email, joined};

/// Returns a page of the records as JSON.
#[track_caller]
fn records(relay: &Relay, cookie: &str, path: &str) -> Value {
    let request = http::client().get(relay.url(path)).header("Cookie", cookie);
    let answer = http::send(request.header("Accept", "application/json"));
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// Returns act, role, subject and outcome of each record, the newest first.
fn acts(records: &Value) -> Vec<[String; 4]> {
    let records = records["records"].as_array().unwrap().iter();
    let text = |it: &Value, key: &str| it[key].as_str().unwrap().to_owned();
    records.map(|it| ["act", "role", "subject", "outcome"].map(|key| text(it, key))).collect()
}

#[test]
fn every_act_leaves_a_record_and_none_names_a_person() {
    let sandbox = Sandbox::start();
    sandbox.faults(json!([{"match": {"path": "/events"}, "status": 400}]));
    let relay = started(&sandbox);
    let webhook = relay.accept(&joined("rae"));
    relay.accept(&joined("sue"));
    relay.must("parked", &joined("ann").with("/event", "UNHEARD_OF"));
    relay.drained();
    sign_in(&relay, "the-token-of-nobody");
    session(&relay, VIEW);
    let cookie = session(&relay, OPERATE);
    let post = |path: &str| http::send(form(&relay, path, "").header("Cookie", &cookie));
    assert_eq!(post(&format!("/ui/webhooks/{webhook}/reveal")).status, 200);

    let letters = relay.command(&["dead-letters", "list", "--all", "--json"]).expect(0);
    let letters: Value = serde_json::from_str(&letters).unwrap();
    let [sue, rae] = [0, 1].map(|place| letters["dead_letters"][place]["id"].to_string());
    assert_eq!(post(&format!("/ui/dead/letter/{sue}/redeliver")).status, 303);
    relay.drained();
    let admin = |request: reqwest::RequestBuilder| http::send(request.bearer_auth(OPERATE)).status;
    let path = format!("/admin/dead-letters/{rae}");
    assert_eq!(admin(http::client().get(relay.url(&path))), 200);
    assert_eq!(admin(http::client().post(relay.url(&format!("{path}/discard")))), 200);
    relay.command(&["find", &email("rae"), "--reveal"]).expect(0);
    relay.command(&["find", &email("rae")]).expect(0);
    relay.command(&["replay", "--parked"]).expect(0);
    relay.command(&["replay", "--parked", "--dry-run"]).expect(0);
    relay.command(&["parked", "discard", "--all"]).expect(0);
    relay.command(&["dead-letters", "discard", "--all"]).expect(0);
    relay.command(&["erase", &email("rae")]).expect(0);

    let all = records(&relay, &cookie, "/ui/audit");
    let mut recorded = acts(&all);
    recorded.reverse();
    let number = recorded[7][2].clone();
    assert!(number.starts_with("person "), "{recorded:?}");
    let (sue, rae) = (format!("dead letter {sue}"), format!("dead letter {rae}"));
    let webhook = format!("webhook {webhook}");
    let expected = [
        ["log_in", "none", "the pages", "refused"],
        ["log_in", "view", "the pages", "signed in"],
        ["log_in", "operate", "the pages", "signed in"],
        ["reveal", "operate", &webhook, "shown"],
        ["redeliver", "operate", &sue, "put back"],
        ["reveal", "operate", &rae, "shown"],
        ["discard", "operate", &rae, "discarded"],
        ["reveal", "operate", &number, "shown"],
        ["replay", "operate", "all parked webhooks", "1 planned again, 0 new calls"],
        ["discard", "operate", "all parked webhooks", "1 discarded"],
        ["discard", "operate", "all dead letters", "1 discarded"],
        ["erase", "operate", "r***@example.com", "erased"],
    ];
    assert_eq!(recorded, expected.map(|record| record.map(str::to_owned)));
    let [first, .., last] = &all["records"].as_array().unwrap()[..] else { panic!("{all}") };
    assert_eq!((&last["name"], &last["origin"]), (&json!("Kim"), &json!("127.0.0.1")));
    assert_eq!(first["origin"], "cli");
    assert!(relay.setup().holding("rae@example.com").is_empty(), "the audit holds nobody");

    let shown = page(&relay, "/ui/audit", &cookie).body;
    assert!(shown.contains("<h1>Audit</h1>") && shown.contains("r***@example.com"), "{shown}");
}

#[test]
fn only_operators_see_the_audit_which_is_read_in_pages() {
    let sandbox = Sandbox::start();
    let relay = started(&sandbox);
    let viewer = session(&relay, VIEW);
    assert_eq!(page(&relay, "/ui/audit", &viewer).status, 403);
    assert!(!page(&relay, "/ui", &viewer).body.contains("/ui/audit"));
    let cookie = session(&relay, OPERATE);
    assert!(page(&relay, "/ui", &cookie).body.contains("/ui/audit"));
    let webhook = relay.accept(&joined("rae"));
    for _ in 0..50 {
        let path = format!("/ui/webhooks/{webhook}/reveal");
        assert_eq!(http::send(form(&relay, &path, "").header("Cookie", &cookie)).status, 200);
    }
    let newest = records(&relay, &cookie, "/ui/audit");
    assert_eq!(acts(&newest).len(), 50);
    let older = records(&relay, &cookie, &format!("/ui/audit?before={}", newest["before"]));
    let signed_in = ["log_in", "operate", "the pages", "signed in"].map(str::to_owned);
    assert_eq!((acts(&older)[0].clone(), &older["before"]), (signed_in, &Value::Null));
}

#[test]
fn failed_tries_of_strangers_do_not_fill_the_audit() {
    let sandbox = Sandbox::start();
    let relay = started(&sandbox);
    let cookie = session(&relay, OPERATE);
    for _ in 0..8 {
        assert_eq!(sign_in(&relay, "the-token-of-nobody").status, 401);
    }
    let recorded = acts(&records(&relay, &cookie, "/ui/audit"));
    let refused = recorded.iter().filter(|record| record[3] == "refused").count();
    assert!((1..=3).contains(&refused), "{recorded:?}");
}
