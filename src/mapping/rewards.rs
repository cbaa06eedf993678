//! Properties of the event of an earned reward. The source's reader chooses the side.

use super::amounts;
use super::rules::Rules;
use super::tracks::{put, put_amount};
use crate::domain::{Amount, Attributes, Labelled, Reward, Scalar, Side};

/// Returns the properties of an approved reward. Unknown ones are absent.
pub fn data(reward: &Reward, rules: &Rules) -> Attributes {
    let mut data = Attributes::new();
    put(&mut data, "reward_id", Some(reward.id.as_str()));
    put(&mut data, "reward_type", reward.kind.as_deref());
    put(&mut data, "reward_title", reward.title.as_deref().filter(|_| rules.reward_title));
    put(&mut data, "reward_description", reward.description.as_deref());
    put(&mut data, "coupon_code", reward.coupon_code.as_deref());
    put(&mut data, "earned_as", reward.side.map(|side| side.label()));
    put_amount(&mut data, "reward_value", value(reward, rules).as_ref());
    data
}

/// Returns a reward's value from the first source with one: its side's metadata, the delivered amount, the
/// tax valuation.
fn value(reward: &Reward, rules: &Rules) -> Option<Amount> {
    let key = reward.side.map(|side| match side {
        Side::Referrer => &rules.reward_value_key,
        Side::Friend => &rules.friend_reward_value_key,
    });
    let of_side = key.and_then(|key| reward.metadata.get(key));
    // A flag is no value.
    let of_side = of_side.filter(|value| !matches!(value, Scalar::Boolean(_)));
    let usd = |value: &Scalar| Amount { value: value.clone(), currency: Some("USD".to_owned()) };
    let is_number = |value: &&Scalar| amounts::number(value).is_some();
    of_side
        .map(|value| Amount { value: value.clone(), currency: None })
        .or_else(|| reward.amount.clone())
        .or_else(|| reward.fair_value_usd.as_ref().filter(is_number).map(usd))
}
