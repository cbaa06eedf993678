//! Customer.io's reporting webhooks: whose they are, and what they lead to.

use serde_json::{Value, json};

use crate::kit::http::{self, Answer};
use crate::kit::ids::event_id;
use crate::kit::now_millis;
use crate::kit::relay::{Relay, Setup};
use crate::kit::sandbox::Sandbox;
use crate::kit::webhooks::{email, joined};

const KEY: &str = "reporting-key";

fn setup(sandbox: &Sandbox) -> Setup {
    Setup::new(sandbox).set("customerio.reporting_keys", "former-key, reporting-key")
}

fn relay(sandbox: &Sandbox) -> Relay {
    setup(sandbox).start()
}

/// Returns the report of a click on the own referral link in a mail.
fn clicked(event_id: &str, name: &str) -> Value {
    json!({
        "event_id": event_id,
        "object_type": "email",
        "metric": "clicked",
        "timestamp": now_millis() / 1000,
        "data": {
            "customer_id": "",
            "identifiers": {"id": null, "email": email(name), "cio_id": "d9c106000001"},
            "delivery_id": "RPILAgUBcRhIBqSp7kiPekGBIeVh",
            "campaign_id": 19,
            "recipient": email(name),
            "href": format!("https://shop.example.com?grsf={name}&utm_source=mail"),
            "link_id": 1
        }
    })
}

#[track_caller]
fn post_at(relay: &Relay, seconds: i64, key: &str, body: &str) -> Answer {
    post_bytes_at(relay, seconds, key, body.as_bytes())
}

#[track_caller]
fn post_bytes_at(relay: &Relay, seconds: i64, key: &str, body: &[u8]) -> Answer {
    relay.customerio_posts("/webhooks/customerio/reporting", key, seconds, body)
}

/// Posts a report, and returns the status in the answer.
#[track_caller]
fn post(relay: &Relay, report: &Value) -> String {
    let answer = post_at(relay, now_millis() / 1000, KEY, &report.to_string());
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["status"].as_str().unwrap().to_owned()
}

#[test]
fn a_click_on_a_referral_link_reported_three_times_is_one_event() {
    let sandbox = Sandbox::start();
    let relay = relay(&sandbox);
    relay.accept(&joined("fay"));
    let report = clicked("01REPORT", "fay");
    assert_eq!(post(&relay, &report), "accepted");
    assert_eq!(post(&relay, &report), "duplicate");
    // The same report, written in another way.
    let mut again = report;
    again["data"]["link_id"] = json!(2);
    assert_eq!(post(&relay, &again), "accepted");
    relay.drained();
    let click = sandbox.event("referral_link_clicked");
    assert_eq!(click.person(), email("fay"));
    assert_eq!(click.id(), event_id("link_clicked:01REPORT"));
    let data = click.data();
    assert_eq!(data["channel"], "email");
    assert_eq!(data["delivery_id"], "RPILAgUBcRhIBqSp7kiPekGBIeVh");
    assert_eq!(
        (&data["message_source"], &data["message_source_id"]),
        (&json!("campaign"), &json!("19"))
    );
    assert_eq!(data["referral_code"], "fay");
}

#[test]
fn an_id_that_is_too_long_is_left_out_with_the_reason_and_the_rest_arrives() {
    let sandbox = Sandbox::start();
    let relay = relay(&sandbox);
    relay.accept(&joined("fay"));
    let answer = |report: &Value| {
        let answer = post_at(&relay, now_millis() / 1000, KEY, &report.to_string());
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    };
    let places = [("delivery_id", ""), ("campaign_id", ""), ("id", "/identifiers")];
    for (number, (name, within)) in places.into_iter().enumerate() {
        for bytes in [201, 2_000, 5_000] {
            let mut report = clicked(&format!("01REPORT{number}-{bytes}"), "fay");
            let data = report.pointer_mut(&format!("/data{within}")).unwrap();
            data[name] = json!("b".repeat(bytes));
            assert_eq!(answer(&report)["status"], "accepted");
            let field = format!("data{}.{name}", within.replace('/', "."));
            relay.logs(&format!("{field} is longer than 200 bytes"));
            relay.drained();
            let click = sandbox.events_named("referral_link_clicked").pop().unwrap();
            assert_eq!(click.id(), event_id(&format!("link_clicked:01REPORT{number}-{bytes}")));
            let has = |name: &str| click.data().get(name).is_some();
            assert_eq!(has("delivery_id"), name != "delivery_id", "{}", click.data());
            assert_eq!(has("message_source_id"), name != "campaign_id", "{}", click.data());
        }
    }
    assert_eq!(relay.metric("relay_parked_webhooks"), Some(9.0));
    // Nothing is left out of a report that leads to nothing.
    for bytes in [201, 5_000] {
        let mut report = clicked(&format!("opened-{bytes}"), "fay");
        report["metric"] = json!("m".repeat(bytes));
        report["data"]["identifiers"]["id"] = json!("b".repeat(bytes));
        assert_eq!(answer(&report)["status"], "accepted");
        report["event_id"] = json!("b".repeat(bytes));
        report["metric"] = json!("clicked");
        let answer = answer(&report);
        assert_eq!(answer["reason"], "event_id is longer than 200 bytes", "{answer}");
    }
}

#[test]
fn what_the_relay_doesnt_know_is_kept_and_never_blocks_what_is_behind_it() {
    let sandbox = Sandbox::start();
    let relay = relay(&sandbox);
    for (object, metric) in [("email", "opened"), ("pigeon", "landed"), ("webhook", "failed")] {
        let mut report = clicked(&format!("01{object}"), "nobody");
        (report["object_type"], report["metric"]) = (json!(object), json!(metric));
        assert_eq!(post(&relay, &report), "accepted", "{object} {metric}");
    }
    assert_eq!(post(&relay, &json!({"metric": "sent"})), "parked");
    assert_eq!(relay.setup().number("SELECT COUNT(*) FROM inbox"), 4);
    assert_eq!(relay.setup().number("SELECT COUNT(*) FROM people"), 0, "nobody was made");
    // Parked ones are read again as what they are.
    let printed = relay.setup().command(&["replay", "--parked"]).expect(0);
    assert!(printed.contains("event_id is missing"), "{printed}");
}

#[test]
fn an_unreadable_body_is_parked_with_its_reason_and_erased_with_the_person_it_names() {
    let sandbox = Sandbox::start();
    let relay = relay(&sandbox);
    relay.accept(&joined("fay"));
    let now = now_millis() / 1000;
    let deep = format!("{}{}", "[".repeat(1_000), "]".repeat(1_000));
    let cut = format!("{{\"event_id\": \"01CUT\", \"data\": {{\"recipient\": \"{}\"", email("fay"));
    let mut torn = cut.clone().into_bytes();
    torn.extend([b'"', 0xff]);
    for body in [b"".as_slice(), b"[]", b"\"01TEXT\"", deep.as_bytes(), cut.as_bytes(), &torn] {
        let answer = post_bytes_at(&relay, now, KEY, body);
        let printed = String::from_utf8_lossy(body);
        assert_eq!((answer.status, &answer.json()["status"]), (200, &json!("parked")), "{printed}");
        assert!(!answer.json()["reason"].as_str().unwrap().contains("fay"), "{answer:?}");
    }
    let reports = "SELECT COUNT(*) FROM inbox WHERE source = 'customerio_report'";
    assert_eq!(relay.setup().number(reports), 6);
    relay.drained();
    let printed = relay.setup().command(&["replay", "--parked"]).expect(0);
    assert!(printed.contains("not JSON") && printed.contains("not an object"), "{printed}");
    assert!(!relay.setup().holding(&email("fay")).is_empty());
    relay.setup().command(&["erase", &email("fay")]).expect(0);
    assert_eq!(relay.setup().holding(&email("fay")), Vec::<String>::new());
}

#[test]
fn only_customer_io_is_believed_and_only_where_there_is_a_key() {
    let sandbox = Sandbox::start();
    let relay = relay(&sandbox);
    let body = clicked("01REPORT", "fay").to_string();
    let now = now_millis() / 1000;
    assert_eq!(post_at(&relay, now, "former-key", &body).status, 200);
    assert_eq!(post_at(&relay, now, "another-key", &body).status, 401);
    let days = |days: i64| now - days * 24 * 60 * 60;
    assert_eq!(post_at(&relay, days(7), KEY, &body).status, 200);
    assert_eq!(post_at(&relay, days(9), KEY, &body).status, 401);
    let closed = Relay::start(&sandbox);
    assert_eq!(post_at(&closed, now, KEY, &body).status, 404);
}

#[test]
fn an_effect_shows_the_messages_that_it_led_to() {
    let sandbox = Sandbox::start();
    let relay = setup(&sandbox).set("admin.token", "the-token-of-the-administrator").start();
    relay.accept(&joined("fay"));
    relay.drained();
    let event = sandbox.event("referral_program_joined").id().to_owned();
    for (metric, ago) in [("opened", 10), ("sent", 60), ("opened", 5)] {
        let mut report = clicked(&format!("01{metric}{ago}"), "fay");
        report["metric"] = json!(metric);
        report["timestamp"] = json!(now_millis() / 1000 - ago);
        report["data"]["trigger_event_id"] = json!(event);
        assert_eq!(post(&relay, &report), "accepted");
    }
    let shown = |id: &str, token: &str| {
        let request = http::client().get(relay.url(&format!("/admin/effects/{id}")));
        http::send(request.bearer_auth(token))
    };
    let answer = shown(&event.to_lowercase(), "the-token-of-the-administrator");
    assert_eq!(answer.status, 200, "{answer:?}");
    let effect = answer.json();
    assert_eq!(effect["event_id"], event);
    let delivery = &effect["call"];
    assert_eq!(
        (&delivery["state"], &delivery["event"]),
        (&json!("delivered"), &json!("referral_program_joined"))
    );
    assert!(delivery["delivered_at"].is_string(), "{delivery}");
    assert_eq!(effect["why"]["reasons"][0]["holds"], true, "{effect}");
    let message = &effect["messages"][0];
    assert_eq!(message["delivery_id"], "RPILAgUBcRhIBqSp7kiPekGBIeVh");
    assert_eq!(
        (&message["channel"], &message["message_source"], &message["message_source_id"]),
        (&json!("email"), &json!("campaign"), &json!("19"))
    );
    let metrics = message["metrics"].as_array().unwrap();
    let words: Vec<&str> = metrics.iter().map(|it| it["metric"].as_str().unwrap()).collect();
    assert_eq!(words, ["sent", "opened"]);
    assert!(!effect.to_string().contains("fay@example.com"), "{effect}");

    let printed = relay.setup().command(&["effect", &event]).expect(0);
    for part in [&*event, "referral_program_joined", "delivered", "campaign 19", "sent", "opened"] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
    let other = event_id("joined:nowhere:nobody");
    assert_eq!(shown(&other, "the-token-of-the-administrator").status, 404);
    assert_eq!(shown("fay", "the-token-of-the-administrator").status, 400);
    assert_eq!(shown(&event, "another").status, 401);
    let printed = relay.setup().command(&["effect", &other]).expect(1);
    assert!(printed.contains("Nothing was found by") && printed.contains("event id"), "{printed}");
    relay.setup().command(&["find", "nobody-here"]).expect(1);
}

#[test]
fn a_webhook_of_growsurfs_is_never_a_report() {
    let sandbox = Sandbox::start();
    let relay = relay(&sandbox);
    relay.accept(&joined("fay"));
    let mut forged = joined("fay");
    forged.0 = json!({
        "event": "email_clicked",
        "from": "customerio_reporting",
        "body": clicked("01REPORT", "fay")
    });
    relay.must("parked", &forged);
    relay.setup().command(&["replay", "--parked"]).expect(0);
    relay.drained();
    assert_eq!(sandbox.event_lines(), [format!("referral_program_joined {}", email("fay"))]);
}

#[test]
fn an_erased_person_is_erased_in_reports() {
    let sandbox = Sandbox::start();
    let relay = relay(&sandbox);
    relay.accept(&joined("fay"));
    let mut opened = clicked("01OPENED", "fay");
    opened["metric"] = json!("opened");
    for report in [clicked("01CLICKED", "fay"), opened.clone()] {
        post(&relay, &report);
    }
    relay.drained();
    assert!(!relay.setup().holding(&email("fay")).is_empty());
    relay.setup().command(&["erase", &email("fay")]).expect(0);
    opened["event_id"] = json!("01LATER");
    post(&relay, &opened);
    assert_eq!(relay.setup().holding(&email("fay")), Vec::<String>::new());
}
