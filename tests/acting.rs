//! Webhook actions of Customer.io's campaigns: whose they are, and what is wrong with a template.

use serde_json::{Value, json};

use crate::kit::http::Answer;
use crate::kit::now_seconds;
use crate::kit::relay::{Relay, Setup};
use crate::kit::sandbox::Sandbox;
use crate::kit::webhooks::{CAMPAIGN, email, joined};

const KEY: &str = "action-key";

fn setup(sandbox: &Sandbox) -> Setup {
    let setup = Setup::new(sandbox).set("customerio.action_keys", "former-key, action-key");
    setup.set("customerio.reporting_keys", "reporting-key")
}

/// Returns a campaign's action that awards the credit of a referral.
fn trigger(name: &str) -> Value {
    json!({
        "type": "trigger_referral", "campaign": CAMPAIGN, "dedupe_key": "first-order",
        "email": email(name)
    })
}

#[track_caller]
fn post_at(relay: &Relay, seconds: i64, key: &str, body: &str) -> Answer {
    relay.customerio_posts("/webhooks/customerio/action", key, seconds, body.as_bytes())
}

#[track_caller]
fn post(relay: &Relay, action: &Value) -> Answer {
    post_at(relay, now_seconds(), KEY, &action.to_string())
}

#[track_caller]
fn parked(relay: &Relay, action: &Value) -> String {
    let answer = post(relay, action);
    assert_eq!((answer.status, &answer.json()["status"]), (200, &json!("parked")), "{answer:?}");
    answer.json()["reason"].as_str().unwrap().to_owned()
}

#[test]
fn only_the_workspaces_own_key_is_believed_and_only_where_it_is_set() {
    let sandbox = Sandbox::start();
    let relay = setup(&sandbox).start();
    let body = trigger("fay").to_string();
    let now = now_seconds();
    assert_eq!(post_at(&relay, now, "former-key", &body).status, 200);
    assert_eq!(post_at(&relay, now - 9 * 24 * 60 * 60, KEY, &body).status, 401);
    let answer = post_at(&relay, now, "reporting-key", &body);
    assert_eq!(answer.status, 401);
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("see customerio.action_keys"), "{detail}");
    let closed = Setup::new(&sandbox).set("customerio.reporting_keys", KEY).start();
    assert_eq!(post_at(&closed, now, KEY, &body).status, 404);
}

#[test]
fn a_fault_of_a_template_is_refused_with_its_fix_and_nothing_is_stored() {
    let sandbox = Sandbox::start();
    let relay = setup(&sandbox).start();
    for (name, value, part) in [
        ("dedupe_key", "{{event.id}}", "dedupe_key is {{event.id}} as it stands in the template"),
        ("email", "", "email is empty: the person has no such attribute"),
        ("type", "refund", "type is none of update_participant"),
        ("emial", "fay@example.com", "emial is no field of trigger_referral"),
    ] {
        let mut action = trigger("fay");
        action[name] = json!(value);
        let answer = post(&relay, &action);
        assert_eq!(answer.status, 422, "{answer:?}");
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(part) && !detail.contains("example.com"), "{detail}");
    }
    let mut unnamed = trigger("fay");
    unnamed.as_object_mut().unwrap().remove("campaign");
    let answer = post(&relay, &unnamed);
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(answer.status == 422 && detail.contains("campaign is missing"), "{answer:?}");
    // What a variable without quotes leaves behind.
    let answer = post_at(&relay, now_seconds(), KEY, "{\"delay_in_days\": }");
    assert_eq!(answer.status, 400);
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("line 1 column 19") && detail.contains("in quotes"), "{detail}");
    assert_eq!(post(&relay, &json!([])).status, 400);
    assert_eq!(relay.setup().number("SELECT COUNT(*) FROM inbox"), 0);
}

#[test]
fn a_campaign_that_the_settings_dont_name_is_a_fault_of_the_template() {
    let sandbox = Sandbox::start();
    let file = format!("[[growsurf.campaigns]]\nid = \"{CAMPAIGN}\"\n");
    let relay = setup(&sandbox).file(&file).start();
    let mut mistyped = trigger("fay");
    mistyped["campaign"] = json!("ct8f17");
    let answer = post(&relay, &mistyped);
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(answer.status == 422 && detail.contains("campaign is none of those"), "{answer:?}");
    assert_eq!(relay.setup().number("SELECT COUNT(*) FROM inbox"), 0);
    // One that is named and has no key is no fault of the template's.
    relay.accept(&joined("fay"));
    assert!(parked(&relay, &trigger("fay")).contains("no API key"));
}

#[test]
fn an_action_that_growsurf_cannot_do_yet_is_parked_once_with_its_reason() {
    let sandbox = Sandbox::start();
    let relay = setup(&sandbox).start();
    relay.accept(&joined("fay"));
    let reason = parked(&relay, &trigger("fay"));
    assert!(reason.contains(CAMPAIGN) && reason.contains("no API key"), "{reason}");
    assert_eq!(parked(&relay, &trigger("fay")), reason, "sent again it is still parked");
    let asks = "SELECT COUNT(*) FROM inbox WHERE source = 'customerio_action' AND event = 'trigger_referral'";
    assert_eq!(relay.setup().number(asks), 1);
    // A replay reads them as what they are.
    let printed = relay.setup().command(&["replay", "--parked"]).expect(0);
    assert!(printed.contains("no API key"), "{printed}");
    relay.drained();
    assert_eq!(sandbox.event_lines(), [format!("referral_program_joined {}", email("fay"))]);
}

#[test]
fn a_webhook_of_growsurfs_is_never_an_action() {
    let sandbox = Sandbox::start();
    let relay = setup(&sandbox).start();
    let mut forged = joined("fay");
    forged.0 = json!({
        "event": "trigger_referral", "from": "customerio_action", "body": trigger("fay")
    });
    relay.must("parked", &forged);
    let printed = relay.setup().command(&["replay", "--parked"]).expect(0);
    assert!(!printed.contains("API key"), "{printed}");
}

#[test]
fn an_erased_person_is_erased_in_actions() {
    let sandbox = Sandbox::start();
    let relay = setup(&sandbox).start();
    relay.accept(&joined("fay"));
    let add = json!({
        "type": "add_participant", "campaign": CAMPAIGN, "dedupe_key": "invited",
        "email": email("ned"), "referred_by": email("fay")
    });
    for action in [trigger("fay"), add] {
        parked(&relay, &action);
    }
    relay.drained();
    relay.setup().command(&["erase", &email("fay")]).expect(0);
    assert_eq!(relay.setup().holding(&email("fay")), Vec::<String>::new());
}
