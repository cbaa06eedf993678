//! What the API changes about a participant: an update, and the trigger of a referral.

use serde_json::{Map, Value, json};

use super::{
    campaign::{Campaign, Edit, Joined},
    changes,
    refusal::Refusal,
    rows,
};

const METADATA_KEYS: usize = 50;
const METADATA_KEY_CHARS: usize = 40;
const METADATA_VALUE_CHARS: usize = 500;

/// Updates a participant and shows the row.
///
/// # Errors
///
/// Refuses the whole update if a part of it makes no sense.
pub(super) fn update(
    campaign: &mut Campaign,
    index: u64,
    body: &Map<String, Value>,
    now: i64,
) -> Result<Value, Refusal> {
    let mut edits = Vec::new();
    for (key, value) in body {
        match key.as_str() {
            "metadata" => {
                let metadata = value.as_object();
                let metadata =
                    metadata.ok_or_else(|| Refusal::bad("metadata is not an object."))?;
                edits.extend(metadata_edits(metadata)?);
            }
            key => edits.push(field_edit(campaign, index, key, value)?),
        }
    }
    for edit in edits {
        campaign.edit(index, now, edit);
    }
    let row = rows::row(campaign, index);
    Ok(row)
}

/// Adds a participant and shows the row; who is one already is shown as they are.
///
/// # Errors
///
/// Refuses the whole addition if a part of it makes no sense.
pub(super) fn add(
    campaign: &mut Campaign,
    body: &Map<String, Value>,
    now: i64,
) -> Result<Value, Refusal> {
    let text = |key: &str| body.get(key).and_then(Value::as_str).map(str::to_owned);
    let email = text("email").ok_or_else(|| Refusal::bad("email is required."))?;
    let (index, is_new) = match campaign.find(&email) {
        Some(index) => (index, false),
        None => {
            changes::is_free(campaign, &email).map_err(Refusal::bad)?;
            let referrer = |who: String| {
                campaign.find(&who).ok_or_else(|| Refusal::bad("referredBy is nobody."))
            };
            let referred_by = text("referredBy").map(referrer).transpose()?;
            let (first_name, last_name) = (text("firstName"), text("lastName"));
            let joined = Joined { at: now, email, first_name, last_name, referred_by };
            let index = campaign.join(joined);
            let metadata = body.get("metadata").and_then(Value::as_object);
            for edit in metadata.map(metadata_edits).transpose()?.unwrap_or_default() {
                campaign.edit(index, now, edit);
            }
            (index, true)
        }
    };
    let mut row = rows::row(campaign, index);
    row["isNew"] = json!(is_new);
    Ok(row)
}

/// Triggers the referral of a participant. It always succeeds, and the body says whether it did.
pub(super) fn trigger(campaign: &mut Campaign, index: u64, now: i64) -> Value {
    match changes::convert(campaign, index, now) {
        Ok(()) => json!({"success": true, "message": "Referral credit has been awarded"}),
        // Past the window it is a success that awards nothing.
        Err(message) if message.ends_with("expired") => json!({"success": true, "message": null}),
        Err(message) => json!({"success": false, "message": message}),
    }
}

fn field_edit(campaign: &Campaign, index: u64, key: &str, value: &Value) -> Result<Edit, Refusal> {
    let is_text = value.is_string() || value.is_null();
    let (field, is_right) = match key {
        "email" => ("email", value.is_string()),
        "firstName" => ("firstName", is_text),
        "lastName" => ("lastName", is_text),
        "notes" => ("notes", is_text),
        "language" => ("language", is_text),
        "unsubscribed" => ("unsubscribed", value.is_boolean()),
        "vanityKeys" => ("vanityKeys", value.as_array().is_some_and(|keys| keys.len() <= 5)),
        _ => return Err(Refusal::bad(format!("{key} can't be updated."))),
    };
    if !is_right {
        return Err(Refusal::bad(format!("{key} has a wrong type.")));
    }
    if let ("email", Some(email)) = (field, value.as_str())
        && campaign.find(email) != Some(index)
    {
        changes::is_free(campaign, email).map_err(Refusal::bad)?;
    }
    Ok(Edit::Set(field, value.clone()))
}

/// Keys become camel case, values become strings, and null removes.
fn metadata_edits(metadata: &Map<String, Value>) -> Result<Vec<Edit>, Refusal> {
    if metadata.len() > METADATA_KEYS {
        return Err(Refusal::bad("metadata has too many keys."));
    }
    let edit = |(key, value): (&String, &Value)| {
        let value = match value {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            Value::Array(_) | Value::Object(_) => {
                return Err(Refusal::bad("metadata must be shallow."));
            }
            other => Some(other.to_string()),
        };
        let is_long = key.chars().count() > METADATA_KEY_CHARS
            || value.as_ref().is_some_and(|text| text.chars().count() > METADATA_VALUE_CHARS);
        if is_long || camel_case(key).is_empty() {
            return Err(Refusal::bad(format!("metadata {key} is too long, or empty.")));
        }
        Ok(Edit::Metadata(camel_case(key), value.map(Value::String)))
    };
    metadata.iter().map(edit).collect()
}

/// `My Metadata Key` and `my_metadata_key` become `myMetadataKey`.
fn camel_case(key: &str) -> String {
    let words = key.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut camel = String::new();
    for word in words {
        let (head, tail) = word.split_at(1);
        if camel.is_empty() {
            camel.push_str(&head.to_ascii_lowercase());
        } else {
            camel.push_str(&head.to_ascii_uppercase());
        }
        camel.push_str(tail);
    }
    camel
}
