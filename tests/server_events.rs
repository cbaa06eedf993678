//! Events of the user's own backend, server to server.

use serde_json::{Value, json};

use crate::kit::http::{self, Answer};
use crate::kit::ids::event_id;
use crate::kit::relay::{Relay, Setup};
use crate::kit::sandbox::Sandbox;
use crate::kit::webhooks::{CAMPAIGN, email, joined};

const TOKEN: &str = "a-token-of-the-shop";

fn setup(sandbox: &Sandbox) -> Setup {
    Setup::new(sandbox).set("api.token", TOKEN)
}

#[track_caller]
fn post(relay: &Relay, token: &str, event: &Value) -> Answer {
    let request = http::client().post(relay.url("/v1/events")).bearer_auth(token);
    http::send(request.body(event.to_string()))
}

#[track_caller]
fn report(relay: &Relay, event: &Value) -> Value {
    let answer = post(relay, TOKEN, event);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn converted() -> Value {
    json!({
        "event": "referral_converted", "campaign": CAMPAIGN, "email": email("fay"),
        "conversion_value": 49.5, "currency": "EUR", "product": "Pro"
    })
}

#[test]
fn only_the_server_reports_conversions_to_customer_io_if_the_settings_say_so() {
    let sandbox = Sandbox::start();
    let file =
        format!("[[growsurf.campaigns]]\nid = \"{CAMPAIGN}\"\nconversions_from = \"server\"\n");
    let relay = setup(&sandbox).file(&file).start();
    relay.accept(&joined("fay").referred_by("rae"));
    assert_eq!(report(&relay, &converted())["status"], "accepted");
    assert_eq!(report(&relay, &converted())["status"], "duplicate");
    let mut again = converted();
    again["conversion_value"] = json!(99);
    assert_eq!(report(&relay, &again)["status"], "accepted");
    relay.drained();
    let event = sandbox.event("referral_converted");
    assert_eq!(event.id(), event_id(&format!("converted:{CAMPAIGN}:fay")));
    let data = event.data();
    assert_eq!(data["conversion_value"], 49.5);
    assert_eq!((&data["currency"], &data["product"]), (&json!("EUR"), &json!("Pro")));
}

#[test]
fn shares_and_purchases_count_once_by_the_shops_own_key_and_make_nobody() {
    let sandbox = Sandbox::start();
    let relay = setup(&sandbox).start();
    relay.accept(&joined("fay"));
    let purchase = |name: &str, value: i64| {
        json!({
            "event": "purchase", "id": "order-1", "campaign": CAMPAIGN, "email": email(name),
            "value": value, "currency": "EUR"
        })
    };
    let share = json!({
        "event": "referral_shared", "id": "share-1", "campaign": CAMPAIGN,
        "participant_id": "fay", "channel": "whatsapp"
    });
    for event in [purchase("fay", 20), purchase("fay", 21), share] {
        assert_eq!(report(&relay, &event)["status"], "accepted");
    }
    let stranger = report(&relay, &purchase("zoe", 20));
    assert_eq!(stranger["status"], "parked");
    assert!(!stranger["reason"].as_str().unwrap().contains("zoe"), "{stranger}");
    relay.drained();
    assert_eq!(sandbox.event("purchase").data()["value"], 20);
    let data = sandbox.event("referral_shared").data().clone();
    assert_eq!(
        (&data["share_method"], &data["share_channel"]),
        (&json!("message"), &json!("whatsapp"))
    );
    assert_eq!(sandbox.people().len(), 1);

    // Once she takes part, what was parked is reported.
    relay.accept(&joined("zoe"));
    let mut hers = purchase("zoe", 20);
    hers["id"] = json!("order-2");
    relay.setup().command(&["replay", "--parked"]).expect(0);
    assert_eq!(report(&relay, &hers)["status"], "accepted");
    relay.drained();
    assert_eq!(sandbox.events_named("purchase").len(), 2, "order-1 is one purchase");
}

#[test]
fn only_friends_convert_and_what_is_reported_too_early_is_sent_by_a_replay() {
    let sandbox = Sandbox::start();
    let relay = setup(&sandbox).start();
    relay.accept(&joined("zoe"));
    relay.drained();
    for (name, reason) in
        [("fay", "knows no participant"), ("zoe", "knows no referrer of this participant")]
    {
        let mut event = converted();
        event["email"] = json!(email(name));
        let answer = report(&relay, &event);
        assert_eq!(answer["status"], "parked", "{answer}");
        assert!(answer["reason"].as_str().unwrap().contains(reason), "{answer}");
    }
    relay.accept(&joined("fay").referred_by("rae"));
    relay.setup().command(&["replay", "--parked"]).expect(0);
    relay.drained();
    let event = sandbox.event("referral_converted");
    assert_eq!(
        (event.person(), event.data()["conversion_value"].as_f64()),
        (email("fay").as_str(), Some(49.5))
    );
    assert!(event.data()["referral_code"].is_string());
    assert_eq!(sandbox.people().len(), 3);
}

#[test]
fn an_id_that_would_be_another_path_is_no_campaign() {
    let sandbox = Sandbox::start();
    let relay = setup(&sandbox).start();
    for id in [".", ".."] {
        let mut event = converted();
        event["campaign"] = json!(id);
        let answer = post(&relay, TOKEN, &event);
        assert_eq!(answer.status, 422, "{answer:?}");
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("campaign can't be an id of GrowSurf's"), "{detail}");
    }
    assert_eq!(relay.setup().number("SELECT COUNT(*) FROM inbox"), 0);
}

#[test]
fn a_request_without_the_token_is_refused_and_wrong_fields_are_named() {
    let sandbox = Sandbox::start();
    let relay = setup(&sandbox).start();
    assert_eq!(post(&relay, "another", &converted()).status, 401);
    let nobody = http::client().post(relay.url("/v1/events")).body(converted().to_string());
    assert_eq!(http::send(nobody).status, 401);
    let mut wrong = converted();
    wrong["currency"] = json!("euros");
    let answer = post(&relay, TOKEN, &wrong);
    assert_eq!(answer.status, 422);
    assert!(answer.json()["detail"].as_str().unwrap().contains("currency"), "{answer:?}");
    assert_eq!(post(&relay, TOKEN, &json!([])).status, 400);
    assert_eq!(relay.setup().number("SELECT COUNT(*) FROM inbox"), 0);
    assert_eq!(post(&Relay::start(&sandbox), TOKEN, &converted()).status, 404);
}

#[test]
fn a_campaign_must_be_named_unless_there_is_one_only() {
    let sandbox = Sandbox::start();
    let mut unnamed = converted();
    unnamed.as_object_mut().unwrap().remove("campaign");
    for campaigns in
        ["", "[[growsurf.campaigns]]\nid = \"a\"\n[[growsurf.campaigns]]\nid = \"b\"\n"]
    {
        let relay = setup(&sandbox).file(campaigns).start();
        let answer = post(&relay, TOKEN, &unnamed);
        assert_eq!(answer.status, 422, "{answer:?}");
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        let fix = "may be left out only where growsurf.campaigns names exactly one";
        assert!(detail.starts_with("campaign is missing") && detail.contains(fix), "{detail}");
        assert_eq!(relay.setup().number("SELECT COUNT(*) FROM inbox"), 0);
    }
    let one = format!("[[growsurf.campaigns]]\nid = \"{CAMPAIGN}\"\n");
    let relay = setup(&sandbox).file(&one).start();
    relay.accept(&joined("fay").referred_by("rae"));
    assert_eq!(report(&relay, &unnamed)["status"], "accepted");
    relay.drained();
    assert_eq!(sandbox.event("referral_converted").data()["campaign_id"], CAMPAIGN);
}

#[test]
fn a_campaign_outside_the_settings_is_refused_before_anything_is_sent() {
    let sandbox = Sandbox::start();
    let file = "[[growsurf.campaigns]]\nid = \"autumn\"\n";
    let relay = setup(&sandbox)
        .file(&format!("{file}[[growsurf.campaigns]]\nid = \"{CAMPAIGN}\"\n"))
        .start();
    relay.accept(&joined("fay").referred_by("rae"));
    let mut mistyped = converted();
    mistyped["campaign"] = json!("ct8f17");
    let answer = post(&relay, TOKEN, &mistyped);
    assert_eq!(answer.status, 422, "{answer:?}");
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    let is_named = detail.starts_with("campaign is none of those that growsurf.campaigns names");
    assert!(is_named && detail.contains("add it there"), "{detail}");
    assert_eq!(report(&relay, &converted())["status"], "accepted");
    relay.drained();
    assert_eq!(sandbox.events_named("referral_converted").len(), 1);
}

#[test]
fn an_erased_person_is_erased_in_server_events() {
    let sandbox = Sandbox::start();
    let relay = setup(&sandbox).start();
    relay.accept(&joined("fay"));
    report(&relay, &converted());
    relay.drained();
    relay.setup().command(&["erase", &email("fay")]).expect(0);
    assert_eq!(relay.setup().holding(&email("fay")), Vec::<String>::new());
}
