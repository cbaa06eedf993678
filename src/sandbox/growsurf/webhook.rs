//! The webhooks of a campaign, as they are configured. None is ever called.

use serde_json::{Map, json};

use super::api::{Answered, Call};

/// Changes a webhook and shows it. Enabling it clears its failures.
pub(super) fn update(call: &mut Call<'_>, id: &str) -> Answered {
    let mut fields = call.body.clone();
    if fields.get("isEnabled") == Some(&json!(true)) {
        fields.insert("autoDisabledDueToFailures".to_owned(), json!(false));
        fields.insert("failureCount".to_owned(), json!(0));
    }
    Ok(call.campaign.configure("webhooks", id, &fields)?)
}

/// Answers as if a webhook was tested with the first event that it subscribes to.
pub(super) fn test(call: &mut Call<'_>, id: &str) -> Answered {
    let webhook = call.campaign.configure("webhooks", id, &Map::new())?;
    let event = webhook["events"][0].as_str().ok_or("The webhook has no enabled events.")?;
    let payload = json!({"event": event, "createdAt": call.now, "data": {}});
    let response = json!({"msg": "OK", "statusCode": 200});
    Ok(json!({"success": true, "payload": payload, "response": response}))
}
