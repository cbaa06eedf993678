//! What can be written to a participant, and how it is checked.

use serde_json::{Map, Value, json};

use super::campaign::Campaign;
use super::change::Change;
use super::notice::Notice;
use super::participant::Credit;

const METADATA_KEYS: usize = 50;
const METADATA_KEY_CHARS: usize = 40;
const METADATA_VALUE_CHARS: usize = 500;
const VANITY_KEYS: usize = 5;
const CREDITS: [Credit; 3] = [Credit::Pending, Credit::Awarded, Credit::Expired];
const AFFILIATE_STATUSES: [&str; 3] = ["APPROVED", "SUSPENDED", "BANNED"];

/// Changes fields of a participant by their names in the REST API.
///
/// # Errors
///
/// Refuses the whole update, in the words of the API, if a field of it makes no sense.
pub(super) fn update(
    campaign: &mut Campaign,
    index: usize,
    fields: &Map<String, Value>,
    at: i64,
) -> Result<Vec<Notice>, String> {
    let mut changed = campaign.participants[index].clone();
    let (mut email, mut credit) = (None, None);
    for (key, value) in fields {
        let text = || value.as_str().map(str::to_owned);
        let wrong = || format!("{key} has a wrong type.");
        let text_or_null = || {
            if value.is_null() { Ok(None) } else { text().map(Some).ok_or_else(wrong) }
        };
        match key.as_str() {
            "email" => email = Some(text().ok_or_else(wrong)?),
            "firstName" => changed.first_name = text_or_null()?,
            "lastName" => changed.last_name = text_or_null()?,
            "notes" => changed.notes = text_or_null()?,
            "language" => changed.language = json!(text_or_null()?.as_deref().unwrap_or("en")),
            "unsubscribed" => changed.unsubscribed = value.as_bool().ok_or_else(wrong)?,
            "metadata" => {
                let added = value.as_object().ok_or_else(wrong)?;
                changed.metadata = metadata(&changed.metadata, added)?;
            }
            "vanityKeys" => {
                let keys = value.as_array().filter(|keys| keys.len() <= VANITY_KEYS);
                changed.vanity_keys = keys.ok_or_else(wrong)?.clone();
            }
            "referredBy" if changed.referrer.is_some() => {
                return Err("An assigned referrer can't be replaced.".to_owned());
            }
            "referredBy" => {
                let referrer = campaign.find(&text().ok_or_else(wrong)?);
                changed.referrer = Some(referrer.ok_or("referredBy is nobody.")?);
                changed.source = "PARTICIPANT";
            }
            "referralStatus" => {
                let asked = CREDITS.into_iter().find(|credit| *value == credit.name());
                credit = Some(asked.ok_or_else(wrong)?);
            }
            "affiliateStatus" if campaign.is_affiliate() => {
                let status = text().filter(|it| AFFILIATE_STATUSES.contains(&it.as_str()));
                changed.affiliate = Some(status.ok_or_else(wrong)?);
            }
            _ => return Err(format!("{key} can't be updated.")),
        }
    }
    if let Some(credit) = credit
        && (changed.referrer.is_none() || changed.credit == Credit::Awarded)
        && credit != changed.credit
    {
        return Err("referralStatus can't be changed.".to_owned());
    }

    if let Some(email) = &email {
        readdress(campaign, index, email)?;
        changed.email.clone_from(email);
    }
    changed.updated_at = at;
    if let (Some(referrer), None) = (changed.referrer, campaign.participants[index].referrer) {
        campaign.participants[referrer].friends.push(index);
    }
    let friend = changed.id.clone();
    let before = changed.credit;
    changed.credit = credit.filter(|credit| *credit != Credit::Awarded).unwrap_or(before);
    campaign.participants[index] = changed;
    if credit == Some(Credit::Awarded) && before != Credit::Awarded {
        campaign.participants[index].credit = Credit::Pending;
        return Change::Convert { friend, delay_in_days: 0 }.apply(campaign, at);
    }
    Ok(Vec::new())
}

/// Gives a participant another address.
///
/// # Errors
///
/// Says why it can't be the participant's.
pub(super) fn readdress(campaign: &mut Campaign, index: usize, email: &str) -> Result<(), String> {
    if campaign.find(email) != Some(index) {
        is_free(campaign, email)?;
    }
    let former = std::mem::replace(&mut campaign.participants[index].email, email.to_owned());
    campaign.emails.remove(&former.to_lowercase());
    campaign.emails.insert(email.to_lowercase(), index);
    Ok(())
}

/// Checks that an address is one and that no participant has it.
///
/// # Errors
///
/// Says what is wrong with it.
pub(super) fn is_free(campaign: &Campaign, email: &str) -> Result<(), String> {
    let is_address = email.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !email.contains(char::is_whitespace)
    });
    if !is_address {
        return Err(format!("{email:?} is not an email address"));
    }
    match campaign.find(email) {
        Some(_) => Err(format!("{email} is another participant's")),
        None => Ok(()),
    }
}

/// Merges metadata: keys become camel case, values become strings, and null removes.
///
/// # Errors
///
/// Names the key that is too long or no text.
pub(super) fn metadata(
    before: &Map<String, Value>,
    added: &Map<String, Value>,
) -> Result<Map<String, Value>, String> {
    let mut merged = before.clone();
    for (key, value) in added {
        let name = camel_case(key);
        let text = match value {
            Value::Null => {
                merged.remove(&name);
                continue;
            }
            Value::String(text) => text.clone(),
            Value::Array(_) | Value::Object(_) => {
                return Err("metadata must be shallow.".to_owned());
            }
            other => other.to_string(),
        };
        let is_long =
            key.chars().count() > METADATA_KEY_CHARS || text.chars().count() > METADATA_VALUE_CHARS;
        if is_long || name.is_empty() {
            return Err(format!("metadata {key} is too long, or empty."));
        }
        merged.insert(name, json!(text));
    }
    if merged.len() > METADATA_KEYS {
        return Err("metadata has too many keys.".to_owned());
    }
    Ok(merged)
}

/// Turns `My Metadata Key` and `my_metadata_key` into `myMetadataKey`.
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
