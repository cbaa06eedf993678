//! The program's webhooks and integrations, as they are configured. None of them is ever called.

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
const MAX_WEBHOOKS: usize = 5;
const PRIMARY_URL: &str = "http://127.0.0.1:8080/webhooks/growsurf";
/// What the API lets be changed.
const CHANGEABLE: [&str; 4] = ["payloadUrl", "events", "isEnabled", "secret"];
const INTEGRATIONS: [(&str, &str); 3] =
    [("customerio", "Customer.io"), ("segment", "Segment"), ("slack", "Slack")];

/// The webhook that a campaign has at the start.
pub(super) fn primary(slot: usize) -> Value {
    webhook(format!("wh_primary{slot}"), true, PRIMARY_URL)
}

/// The integrations that a campaign has at the start: all of them are off.
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

/// Adds a webhook and shows it.
pub(super) fn create(
    webhooks: &mut Vec<Value>,
    body: &Map<String, Value>,
) -> Result<Value, Refusal> {
    if webhooks.len() >= MAX_WEBHOOKS {
        return Err(Refusal::bad("A program has at most 5 webhooks."));
    }
    let url = body.get("payloadUrl").and_then(Value::as_str);
    let url = url.ok_or_else(|| Refusal::bad("payloadUrl is required."))?;
    let mut webhook = webhook(format!("wh_other{}", webhooks.len()), false, url);
    webhook["events"] = json!([]);
    update(&mut webhook, body)?;
    webhooks.push(webhook.clone());
    Ok(webhook)
}

/// Changes a webhook as the API lets it be changed, and shows it. Enabling it forgets its failures.
pub(super) fn update(webhook: &mut Value, body: &Map<String, Value>) -> Result<Value, Refusal> {
    if let Some(key) = body.keys().find(|key| !CHANGEABLE.contains(&key.as_str())) {
        return Err(Refusal::bad(format!("{key} can't be changed.")));
    }
    let events = body.get("events").map(|events| events.as_array().ok_or("not a list"));
    let are_known = |events: &Vec<Value>| {
        events.iter().all(|event| event.as_str().is_some_and(|event| EVENTS.contains(&event)))
    };
    if events.is_some_and(|events| !events.is_ok_and(are_known)) {
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

/// The event that a test of the webhook sends: the one asked for, or the first it subscribes to.
pub(super) fn event_to_test(webhook: &Value, body: &Map<String, Value>) -> Result<String, Refusal> {
    let subscribed = webhook["events"].as_array().map_or(&[][..], Vec::as_slice);
    let first = subscribed.first().and_then(Value::as_str);
    let first = first.ok_or_else(|| Refusal::bad("The webhook has no enabled events."))?;
    let event = body.get("event").and_then(Value::as_str).unwrap_or(first);
    if !EVENTS.contains(&event) {
        return Err(Refusal::bad("event is not one of the events."));
    }
    Ok(event.to_owned())
}

/// Merges what a change says into a webhook or an integration.
///
/// # Errors
///
/// Says which field there is not.
pub(super) fn merge(into: &mut Value, fields: &Map<String, Value>) -> Result<(), String> {
    if let Some(key) = fields.keys().find(|key| into.get(key.as_str()).is_none()) {
        return Err(format!("there is no field {key}"));
    }
    for (key, value) in fields {
        into[key] = value.clone();
    }
    Ok(())
}

fn webhook(id: String, is_primary: bool, url: &str) -> Value {
    json!({
        "id": id, "primary": is_primary, "payloadUrl": url, "events": EVENTS, "isEnabled": true,
        "autoDisabledDueToFailures": false, "failureCount": 0, "lastFailureAt": null,
    })
}
