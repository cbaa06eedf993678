//! The webhooks and integrations of a campaign, as they are configured. None is ever called.

use serde_json::{Map, Value, json};

use super::refusal::Refusal;

/// The events that a webhook can subscribe to.
const EVENTS: [&str; 7] = [
    "PARTICIPANT_REACHED_A_GOAL",
    "NEW_PARTICIPANT_ADDED",
    "CAMPAIGN_ENDED",
    "PARTICIPANT_FRAUD_STATUS_UPDATED",
    "NEW_COMMISSION_ADDED",
    "COMMISSION_ADJUSTED",
    "NEW_PAYOUT_ISSUED",
];
/// The id of the main webhook.
const PRIMARY: &str = "primary";
const MAX_WEBHOOKS: usize = 5;
const CHANGEABLE: [&str; 4] = ["payloadUrl", "events", "isEnabled", "secret"];
const INTEGRATIONS: [(&str, &str); 3] =
    [("customerio", "Customer.io"), ("segment", "Segment"), ("slack", "Slack")];

/// Returns the webhook that a campaign starts with.
pub(super) fn primary() -> Value {
    webhook(PRIMARY, "http://127.0.0.1:8080/webhooks/growsurf", &EVENTS)
}

/// Returns the integrations that a campaign starts with, all off.
pub(super) fn integrations() -> Vec<Value> {
    let integration = |(id, name): (&str, &str)| {
        let url = format!("https://app.growsurf.com/integrations/{id}");
        json!({
            "id": id, "name": name, "connected": false, "enabled": false, "autoDisabled": false,
            "connectUrl": url,
        })
    };
    INTEGRATIONS.into_iter().map(integration).collect()
}

/// Adds a webhook, which is subscribed to nothing unless `events` says so, and shows it.
pub(super) fn create(
    webhooks: &mut Vec<Value>,
    body: &Map<String, Value>,
) -> Result<Value, Refusal> {
    if webhooks.len() >= MAX_WEBHOOKS {
        return Err(Refusal::bad("A program has at most 5 webhooks."));
    }
    let url = body.get("payloadUrl").and_then(Value::as_str);
    let url = url.ok_or_else(|| Refusal::bad("payloadUrl is required."))?;
    let ids = (1..=MAX_WEBHOOKS).map(|number| format!("wh_other{number}"));
    let mut free = ids.filter(|id| webhooks.iter().all(|webhook| webhook["id"] != **id));
    let id = free.next().expect("there are fewer webhooks than ids");
    let mut webhook = webhook(&id, url, &[]);
    update(&mut webhook, body)?;
    webhooks.push(webhook.clone());
    Ok(webhook)
}

/// Changes a webhook and shows it. Enabling it clears its failures.
pub(super) fn update(webhook: &mut Value, body: &Map<String, Value>) -> Result<Value, Refusal> {
    if let Some(key) = body.keys().find(|key| !CHANGEABLE.contains(&key.as_str())) {
        return Err(Refusal::bad(format!("{key} can't be changed.")));
    }
    let are_known = |events: &Vec<Value>| {
        events.iter().all(|event| event.as_str().is_some_and(|event| EVENTS.contains(&event)))
    };
    if body.get("events").is_some_and(|events| !events.as_array().is_some_and(are_known)) {
        return Err(Refusal::bad("events is not a list of events."));
    }
    for (key, value) in body.iter().filter(|(key, _)| *key != "secret") {
        webhook[key] = value.clone();
    }
    if body.get("isEnabled") == Some(&json!(true)) {
        webhook["autoDisabledDueToFailures"] = json!(false);
        webhook["failureCount"] = json!(0);
    }
    Ok(webhook.clone())
}

/// Returns the event that a test sends: the one asked for, or the first subscribed to.
pub(super) fn event_to_test(webhook: &Value, body: &Map<String, Value>) -> Result<String, Refusal> {
    let first = webhook["events"].as_array().and_then(|events| events.first()?.as_str());
    let first = first.ok_or_else(|| Refusal::bad("The webhook has no enabled events."))?;
    let event = body.get("event").and_then(Value::as_str).unwrap_or(first);
    if !EVENTS.contains(&event) {
        return Err(Refusal::bad("event is not one of the events."));
    }
    Ok(event.to_owned())
}

fn webhook(id: &str, url: &str, events: &[&str]) -> Value {
    json!({
        "id": id, "payloadUrl": url, "events": events, "isEnabled": true,
        "autoDisabledDueToFailures": false, "failureCount": 0, "lastFailureAt": null,
    })
}
