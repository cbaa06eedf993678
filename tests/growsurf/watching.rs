//! The watch over webhooks, GrowSurf's limits, and its troubles.

use serde_json::json;

use super::{arrived, services};
use crate::kit::growsurf::HOUR;
use crate::kit::http;
use crate::kit::relay::Setup;
use crate::kit::sandbox::on_calls;
use crate::kit::webhooks::joined;
use crate::kit::{eventually, now_millis};

#[test]
fn a_webhook_that_growsurf_switched_off_is_reported_and_enabled() {
    let (sandbox, growsurf) = services();
    growsurf.program(20, 30, 5);
    let setup = growsurf.asked_by(Setup::new(&sandbox)).set("sync.watch_every", "100ms");
    let relay = setup.start();
    let problem = |word: &str| format!("relay_growsurf_problems{{problem=\"{word}\"}}");
    eventually("it is looked at", || relay.metric(&problem("auto_disabled")) == Some(0.0));
    let check = relay.command(&["check"]).expect(0);
    assert!(check.contains("its webhook is on"), "{check}");
    relay.command(&["webhook", "status"]).expect(0);

    growsurf.change(
        0,
        &json!([
            { "configure": { "list": "webhooks", "id": "primary", "fields": {
                "isEnabled": false, "autoDisabledDueToFailures": true, "failureCount": 25,
                "events": [] } } },
            { "configure": { "list": "integrations", "id": "customerio",
                "fields": { "enabled": true } } },
        ]),
    );
    growsurf.change(30 * 60_000, &json!([{ "join": { "email": "unseen@example.com" } }]));
    for word in ["auto_disabled", "events", "double_writer"] {
        eventually(word, || relay.metric(&problem(word)) == Some(1.0));
    }
    let check = relay.command(&["check"]).expect(1);
    assert!(check.contains("switched its webhook off after 25 failures"), "{check}");
    assert!(check.contains("own Customer.io integration is on"), "{check}");
    relay.command(&["webhook", "status"]).expect(1);

    let text = relay.command(&["webhook", "enable"]).expect(0);
    assert!(text.contains("is on, subscribed to"), "{text}");
    eventually("it is over", || relay.metric(&problem("auto_disabled")) == Some(0.0));
    relay.command(&["webhook", "status"]).expect(0);
    relay.logs("switched its webhook off");
}

#[test]
fn two_processes_keep_to_one_budget_and_nobody_is_refused() {
    let (sandbox, growsurf) = services();
    // Fewer than GrowSurf's own, so that the test ends soon.
    growsurf.limits(40, 10_000, 100_000);
    growsurf.program(3_000, 30, 5);
    let setup = growsurf.asked_by(Setup::new(&sandbox));
    growsurf.ask("campaigns");
    // The budget is in the store.
    setup.clone().start().terminate();
    std::thread::scope(|scope| {
        let other = scope.spawn(|| setup.command(&["backfill", "--dry-run"]).expect(0));
        setup.command(&["backfill"]).expect(0);
        other.join().unwrap();
    });
    let shown = growsurf.requests();
    assert_eq!(shown["refused"], 0, "{}", shown["total"]);
    assert!(shown["most_in_flight"].as_u64().unwrap() <= 2, "{}", shown["most_in_flight"]);
}

#[test]
fn growsurfs_troubles_are_waited_for_and_its_refusals_explained() {
    let (sandbox, growsurf) = services();
    growsurf.program(250, 30, 5);
    let setup = growsurf.asked_by(Setup::new(&sandbox));
    growsurf.faults(&json!([
        { "match": { "path": "participants" }, "skip": 1, "times": 2, "status": 503 },
        { "match": { "path": "participants" }, "times": 1, "drop": "after" },
        { "match": { "path": "participants" }, "times": 1, "half_response": true },
        { "match": { "path": "referrals" }, "times": 1, "status": 429,
          "headers": { "Retry-After": "1" } },
    ]));
    setup.command(&["backfill"]).expect(0);
    growsurf.faults(&json!([]));
    let (_, effects) = growsurf.effects(0);
    assert_eq!(arrived(&sandbox, &growsurf), effects);

    let wrong = setup.clone().set("growsurf.api_key", "wrong-key-of-the-tests");
    let text = wrong.command(&["backfill"]).expect(1);
    assert!(text.contains("403") && text.contains("growsurf.api_key"), "{text}");
    assert!(!text.contains("wrong-key"), "{text}");
    let text = setup.clone().unset("growsurf.api_key").command(&["sync"]).expect(1);
    assert!(text.contains("RELAY__GROWSURF__API_KEY"), "{text}");
    let text = setup.command(&["sync", "--campaign", "nowhere"]).expect(1);
    assert!(text.contains("nowhere") && text.contains("no campaign of this id"), "{text}");
}

#[test]
fn an_event_that_waits_too_long_is_warned_of_and_counted_and_keeps_its_time() {
    let (sandbox, _) = services();
    sandbox.faults(json!(on_calls(json!({ "status": 503 }))));
    let relay = Setup::new(&sandbox).set("delivery.late_warning", "1s").start();
    let happened_at = now_millis() - 72 * HOUR + 1_500;
    relay.accept(&joined("fay").at(happened_at));
    relay.logs("events that are 72 hours old trigger no campaign");
    let ready = http::get(relay.operator_url("/readyz"));
    assert!(ready.status == 200 && ready.body.contains("oldest pending call"), "{ready:?}");
    eventually("it is late", || now_millis() > happened_at + 72 * HOUR + 1_000);
    sandbox.heal();
    relay.drained();
    let event = sandbox.event("referral_program_joined");
    assert_eq!(event.timestamp(), happened_at / 1_000);
    assert_eq!(relay.metric("relay_late_total"), Some(1.0));
}
