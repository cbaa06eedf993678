//! The webhooks and integrations of a campaign, as they are configured. None is ever called.

use serde_json::{Map, Value, json};

use super::api::{Answered, Call};
use super::refusal::Refusal;

/// The events that a webhook can subscribe to.
const EVENTS: &str = "PARTICIPANT_REACHED_A_GOAL NEW_PARTICIPANT_ADDED CAMPAIGN_ENDED \
    PARTICIPANT_FRAUD_STATUS_UPDATED NEW_COMMISSION_ADDED COMMISSION_ADJUSTED NEW_PAYOUT_ISSUED";
const MAX_WEBHOOKS: usize = 5;

/// Returns the webhook that a campaign starts with.
pub(super) fn primary() -> Value {
    webhook("primary", "http://127.0.0.1:8080/webhooks/growsurf", EVENTS)
}

fn webhook(id: &str, url: &str, events: &str) -> Value {
    let events: Vec<&str> = events.split_whitespace().collect();
    json!({
        "id": id, "payloadUrl": url, "events": events, "isEnabled": true,
        "autoDisabledDueToFailures": false, "failureCount": 0, "lastFailureAt": null,
    })
}

/// Returns the integrations that a campaign starts with, all off.
pub(super) fn integrations() -> Vec<Value> {
    let integration = |(id, name)| {
        let url = format!("https://app.growsurf.com/integrations/{id}");
        json!({
            "id": id, "name": name, "connected": false, "enabled": false, "autoDisabled": false,
            "connectUrl": url,
        })
    };
    [("customerio", "Customer.io"), ("slack", "Slack")].map(integration).into()
}

/// Adds a webhook, which is subscribed to nothing unless `events` says so, and shows it.
pub(super) fn create(call: &mut Call<'_>) -> Answered {
    let url = call.body.get("payloadUrl").and_then(Value::as_str);
    let url = url.ok_or("payloadUrl is required.")?;
    let webhooks = &call.campaign().webhooks;
    let mut ids = (1..MAX_WEBHOOKS).map(|number| format!("wh_other{number}"));
    let id = ids.find(|id| webhooks.iter().all(|webhook| webhook["id"] != **id));
    let id = id.ok_or("A program has at most 5 webhooks.")?;
    let mut webhook = webhook(&id, url, "");
    change(&mut webhook, &call.body)?;
    call.world.campaigns[call.slot].webhooks.push(webhook.clone());
    Ok(webhook)
}

/// Changes a webhook and shows it.
pub(super) fn update(call: &mut Call<'_>) -> Answered {
    let place = place(call)?;
    let webhook = &mut call.world.campaigns[call.slot].webhooks[place];
    change(webhook, &call.body)?;
    Ok(webhook.clone())
}

/// Deletes a webhook.
pub(super) fn delete(call: &mut Call<'_>) -> Answered {
    let place = place(call)?;
    call.world.campaigns[call.slot].webhooks.remove(place);
    Ok(json!({"id": call.id, "success": true}))
}

/// Answers as if a webhook was tested: with the last body of the event asked for, or of the first
/// one subscribed to.
pub(super) fn test(call: &mut Call<'_>) -> Answered {
    let webhook = &call.campaign().webhooks[place(call)?];
    let first = webhook["events"][0].as_str();
    let first = first.ok_or("The webhook has no enabled events.")?;
    let event = call.body.get("event").and_then(Value::as_str).unwrap_or(first);
    if !EVENTS.split(' ').any(|it| it == event) {
        return Err("event is not one of the events.".into());
    }
    let bodies = call.world.webhooks(i64::MIN, Some(call.slot));
    let last = bodies.into_iter().rfind(|body| body["event"] == event);
    let payload = last.unwrap_or_else(|| call.campaign().body(call.now, event, json!({})));
    let response = json!({"msg": "OK", "statusCode": 200});
    Ok(json!({"success": true, "payload": payload, "response": response}))
}

fn place(call: &Call<'_>) -> Result<usize, Refusal> {
    let place = call.campaign().webhooks.iter().position(|it| it["id"].as_str() == call.id);
    place.ok_or_else(|| Refusal::not_found("The webhook"))
}

/// Changes a webhook. Enabling it clears its failures.
fn change(webhook: &mut Value, fields: &Map<String, Value>) -> Result<(), Refusal> {
    for (key, value) in fields {
        let is_event = |event: &Value| EVENTS.split(' ').any(|it| event == it);
        let is_fit = match key.as_str() {
            "payloadUrl" | "secret" => value.is_string(),
            "isEnabled" => value.is_boolean(),
            "events" => value.as_array().is_some_and(|events| events.iter().all(is_event)),
            _ => false,
        };
        if !is_fit {
            return Err(format!("{key} can't be changed, or not to this.").into());
        }
        // A secret is never shown.
        if key != "secret" {
            webhook[key] = value.clone();
        }
    }
    if fields.get("isEnabled") == Some(&json!(true)) {
        webhook["autoDisabledDueToFailures"] = json!(false);
        webhook["failureCount"] = json!(0);
    }
    Ok(())
}
