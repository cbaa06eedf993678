//! Earned rewards as GrowSurf writes them: two objects, and two sides in the second.
//!
//! What belongs here: which side an earned reward is of, and the fields of that side. An earned
//! reward names the configured one by `rewardId`. A webhook has both merged into one and lists the
//! campaign's configured rewards besides; rows of the REST API are completed before they are stored.
//! What doesn't: where in a body rewards stand, and whether one is approved. Field names are those
//! of <https://docs.growsurf.com/developer-tools/rest-api/api-objects>.

use serde_json::{Map, Value};

use crate::domain::{Amount, Reward, Scalar, Side};

use super::lenient::{self, Object};

/// GrowSurf's type of a reward that both the referrer and the friend earn.
const DOUBLE_SIDED: &str = "DOUBLE_SIDED";

/// Fields of a configured reward that only its friend's side has.
const OF_FRIENDS: [&str; 3] = ["referralCouponCode", "referralDescription", "referredValue"];

/// An earned reward and what is known beside it.
#[derive(Clone, Copy)]
pub struct Earned<'a> {
    /// The earned reward.
    pub reward: Object<'a>,
    /// The configured reward, where it is listed.
    pub configured: Option<Object<'a>>,
    /// The earner's participant id.
    pub earner: Option<&'a str>,
    /// The side that the other people beside the earner suggest.
    pub suggested: Option<Side>,
}

impl<'a> Earned<'a> {
    /// An earned reward, with the configured one of `campaign` that it names.
    pub fn of(reward: Object<'a>, campaign: Option<Object<'a>>, earner: Option<&'a str>) -> Self {
        let id = reward.id("rewardId");
        let listed = campaign.and_then(|campaign| campaign.items("rewards")).unwrap_or_default();
        let is_it = |it: &Object<'_>| id.is_some() && it.id("id") == id;
        let configured = listed.iter().filter_map(Object::of).find(is_it);
        Self { reward, configured, earner, suggested: None }
    }

    /// The side in a webhook, where `isReferrer` says it for every type.
    pub fn side_in_webhook(self) -> Option<Side> {
        self.flag().or_else(|| self.side())
    }

    /// The side in a row, where `isReferrer` means something for double-sided rewards only.
    pub fn side_in_row(self) -> Option<Side> {
        match self.kind() {
            Some(kind) if !is_double_sided(kind) => Some(Side::Referrer),
            _ => self.flag().or_else(|| self.side()),
        }
    }

    /// The reward with the fields of a side. Without a side it has none that differ by side: what is
    /// meant for the referrer is never a friend's.
    pub fn read(self, id: String, side: Option<Side>, approved: bool) -> Reward {
        let text = |name| self.text(name).map(str::to_owned);
        let (description, coupon_code, value) = match side {
            Some(Side::Referrer) => (text("description"), text("couponCode"), Some("value")),
            Some(Side::Friend) => {
                (text("referralDescription"), text("referralCouponCode"), Some("referredValue"))
            }
            None => (None, None, None),
        };
        let value = value.and_then(|name| self.places().find_map(|it| it.object(name)));
        let mut metadata = self.configured.map(|it| it.scalars("metadata")).unwrap_or_default();
        metadata.extend(self.reward.scalars("metadata"));
        Reward {
            id,
            kind: self.kind().map(str::to_owned),
            side,
            title: text("title"),
            description,
            coupon_code,
            approved,
            metadata,
            amount: self.amount(),
            fair_value_usd: value.and_then(|value| value.number("fairMarketValueUSD")),
        }
    }

    /// What was delivered. GrowSurf writes the amount and its currency, or neither.
    fn amount(self) -> Option<Amount> {
        let value = self.reward.number("amount")?;
        let currency = self.reward.text("currencyISO").and_then(lenient::currency)?;
        Some(Amount { value, currency: Some(currency) })
    }

    fn flag(self) -> Option<Side> {
        let is_referrer = self.reward.flag("isReferrer")?;
        Some(if is_referrer { Side::Referrer } else { Side::Friend })
    }

    /// The side where the source doesn't say it: the one of the two ids that is the earner's, or
    /// what the people suggest. A reward without a friend's side is the referrer's.
    fn side(self) -> Option<Side> {
        let is_earner = |name| {
            let id = self.reward.id(name);
            id.is_some() && id.as_deref() == self.earner
        };
        let has_two = match self.kind() {
            Some(kind) => is_double_sided(kind),
            None => OF_FRIENDS.iter().any(|name| self.places().any(|it| it.has(name))),
        };
        match (is_earner("referrerId"), is_earner("referredId")) {
            _ if self.kind().is_some() && !has_two => Some(Side::Referrer),
            (true, false) => Some(Side::Referrer),
            (false, true) => Some(Side::Friend),
            _ if has_two => self.suggested,
            _ => Some(Side::Referrer),
        }
    }

    /// The type; the guide's shape may use its own name for it.
    fn kind(self) -> Option<&'a str> {
        self.text("type").or_else(|| self.reward.text("rewardType"))
    }

    fn text(self, name: &str) -> Option<&'a str> {
        self.places().find_map(|place| place.text(name))
    }

    fn places(self) -> impl Iterator<Item = Object<'a>> {
        [Some(self.reward), self.configured].into_iter().flatten()
    }
}

/// True if a webhook or a row says that the reward is approved. GrowSurf's pages disagree about the
/// field that approval changes.
pub fn is_approved(reward: Object<'_>) -> bool {
    reward.is_true("approved")
        || reward.whole("approvedAt").is_some_and(|approved_at| approved_at > 0)
}

/// Completes an earned reward of a row by the configured one, so that it can be read alone.
pub fn complete(reward: &mut Value, configured: &Value) {
    const WANTED: [&str; 9] = [
        "type",
        "title",
        "description",
        "couponCode",
        "referralDescription",
        "referralCouponCode",
        "value",
        "referredValue",
        "metadata",
    ];
    let Some(reward) = reward.as_object_mut() else { return };
    for name in WANTED {
        let is_empty = |value: &Value| value.is_null() || *value == Value::Object(Map::new());
        let is_there = reward.get(name).is_some_and(|value| !is_empty(value));
        if let Some(value) = configured.get(name).filter(|value| !is_there && !is_empty(value)) {
            reward.insert(name.to_owned(), value.clone());
        }
    }
}

/// What the guide's shape says a reward is worth. Its documentation names no field, so the likely
/// ones are looked for.
pub fn guided_amount(places: &[Object<'_>]) -> Option<Amount> {
    let names = ["rewardValue", "reward_value", "value", "amount"];
    let value = |place: Object<'_>| names.into_iter().find_map(|name| place.scalar(name));
    let place = places.iter().find(|place| value(**place).is_some())?;
    let code = place.text("currency").or_else(|| place.text("currencyISO"));
    let value: Scalar = value(*place)?;
    Some(Amount { value, currency: code.and_then(lenient::currency) })
}

fn is_double_sided(kind: &str) -> bool {
    kind.eq_ignore_ascii_case(DOUBLE_SIDED)
}
