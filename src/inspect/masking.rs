//! Masking of bodies and calls: only the values of harmless keys are shown.

use serde_json::Value;

/// The keys whose values are shown: names of events, ids of things, counts, states, types, amounts,
/// currencies, and names of campaigns and channels. Ids and codes of people aren't among them.
const SHOWN: [&str; 46] = [
    "affiliateEarning",
    "amount",
    "at",
    "call",
    "campaign_id",
    "campaign_name",
    "campaignId",
    "channel",
    "conversion_value",
    "count",
    "createdAt",
    "currency",
    "currencyISO",
    "days_to_first_referral",
    "delay_in_days",
    "dedupe_key",
    "earned_as",
    "event",
    "event_id",
    "eventType",
    "first_referral_date",
    "fraud_risk_level",
    "fraudRiskLevel",
    "friend_number",
    "impressionCount",
    "inviteCount",
    "last_referral_date",
    "metric",
    "referral_source",
    "referral_tier",
    "referralCount",
    "referralSource",
    "reward_id",
    "reward_type",
    "reward_value",
    "rewardId",
    "share_channel",
    "share_method",
    "source",
    "status",
    "timestamp",
    "total_conversions",
    "total_friends",
    "total_referrals",
    "tracked_at",
    "type",
];

/// The key of participants' own data, whose keys are anybody's choice.
const METADATA: &str = "metadata";

/// The shown key whose value has spaces. The user's own team chooses it.
const CAMPAIGN_NAME: &str = "campaign_name";

/// The values of a key that are shown.
#[derive(Clone, Copy, PartialEq)]
enum Shown {
    Nothing,
    /// Numbers, and texts that are one plain word, such as ids, times and labels.
    Words,
    /// Numbers, and texts without an address.
    Texts,
}

impl Shown {
    fn shows(self, text: &str) -> bool {
        let is_of_word = |it: char| it.is_ascii_alphanumeric() || "_-.:+".contains(it);
        match self {
            Self::Nothing => false,
            Self::Words => text.chars().all(is_of_word),
            Self::Texts => !may_hold_address(text),
        }
    }
}

fn may_hold_address(text: &str) -> bool {
    ["@", "%40"].into_iter().any(|at| text.contains(at))
}

/// Returns a JSON value in which only the values of harmless keys are shown. Truth values, the shape, and
/// keys that hold no address stay. Of metadata nothing is shown.
pub fn masked(value: &Value) -> Value {
    mask(value, &SHOWN, Shown::Nothing)
}

fn mask(value: &Value, keys: &[&str], shown: Shown) -> Value {
    match value {
        Value::Object(fields) => {
            let field = |(key, value): (&String, &Value)| {
                let keys = if key == METADATA { &[] } else { keys };
                let name = if may_hold_address(key) { "***" } else { key };
                let shown = match key.as_str() {
                    key if !keys.contains(&key) => Shown::Nothing,
                    CAMPAIGN_NAME => Shown::Texts,
                    _ => Shown::Words,
                };
                (name.to_owned(), mask(value, keys, shown))
            };
            Value::Object(fields.iter().map(field).collect())
        }
        Value::Array(items) => items.iter().map(|item| mask(item, keys, shown)).collect(),
        Value::String(text) if !shown.shows(text) => Value::from("***"),
        Value::Number(_) if shown == Shown::Nothing => Value::from("***"),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_values_of_harmless_keys_are_shown() {
        let body = json!({
            "event": "NEW_PARTICIPANT_ADDED",
            "createdAt": 1,
            "data": { "email": "fay@example.com", "firstName": "Fay", "phone": 491_234_567,
                "status": "fay@example.com", "isVerified": true, "type": ["a", "b%40c"], "metadata": { "type": "a", "fay@example.com": true } },
        });
        let shown = json!({
            "event": "NEW_PARTICIPANT_ADDED",
            "createdAt": 1,
            "data": { "email": "***", "firstName": "***", "phone": "***",
                "status": "***", "isVerified": true, "type": ["a", "***"], "metadata": { "type": "***", "***": true } },
        });
        assert_eq!(masked(&body), shown);
        assert_eq!(masked(&json!("fay")), json!("***"));
    }
}
