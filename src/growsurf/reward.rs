//! Earned rewards as GrowSurf writes them: two objects, and two sides in the second.
//!
//! What belongs here: which side an earned reward is of, and the fields of that side. An earned
//! reward names the configured one by `rewardId`. A webhook has both merged into one and lists the
//! campaign's configured rewards besides; rows of the REST API are completed before they are stored.
//! What doesn't: where in a body rewards stand, and whether one is approved. Field names are those
//! of <https://docs.growsurf.com/developer-tools/rest-api/api-objects>.

use serde_json::Value;

use crate::domain::{Amount, Reward, Scalar, Side};

use super::lenient::{self, Object};

/// GrowSurf's type of a reward that both the referrer and the friend earn.
const DOUBLE_SIDED: &str = "DOUBLE_SIDED";

/// Its types of rewards that only a referrer earns.
const OF_REFERRERS: [&str; 4] = ["SINGLE_SIDED", "MILESTONE", "LEADERBOARD", "AFFILIATE"];

/// Fields of a configured reward that only its friend's side has.
const OF_FRIENDS: [&str; 3] = ["referralCouponCode", "referralDescription", "referredValue"];

/// The field of a kept row's earned reward that holds the configured one; GrowSurf has none of it.
const CONFIGURED: &str = "configured";

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
    /// An earned reward of a row, with the configured one that is kept in it.
    pub fn in_row(reward: Object<'a>, earner: Option<&'a str>) -> Self {
        Self { reward, configured: reward.object(CONFIGURED), earner, suggested: None }
    }

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
        // What can't be read there may say that it is the friend's.
        let is_legible = self.flag().is_some() || !self.reward.has("isReferrer");
        self.flag().or_else(|| self.side().filter(|_| is_legible || !self.is_of_referrers()))
    }

    /// The side in a row, where `isReferrer` means nothing for rewards that only referrers earn.
    pub fn side_in_row(self) -> Option<Side> {
        self.flag().filter(|_| !self.is_of_referrers()).or_else(|| self.side())
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
        let usd = |it: Object<'_>, name| it.object(name)?.number("fairMarketValueUSD");
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
            fair_value_usd: value.and_then(|name| self.places().find_map(|it| usd(it, name))),
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

    /// The side where the source doesn't say it: the one of the two ids that is the earner's, the
    /// only one that the type has, or what the people suggest. Nothing is guessed beyond.
    fn side(self) -> Option<Side> {
        let is_earner = |name| {
            let id = self.reward.id(name);
            id.is_some() && id.as_deref() == self.earner
        };
        let is_double_sided = match self.kind() {
            Some(kind) => kind.eq_ignore_ascii_case(DOUBLE_SIDED),
            None => OF_FRIENDS.iter().any(|name| self.places().any(|it| it.has(name))),
        };
        match (is_earner("referrerId"), is_earner("referredId")) {
            (true, false) => Some(Side::Referrer),
            (false, true) => (!self.is_of_referrers()).then_some(Side::Friend),
            _ if self.is_of_referrers() => Some(Side::Referrer),
            _ if is_double_sided => self.suggested,
            // Referrers are referred as well, so the referrer of an earner says nothing here.
            _ => self.suggested.filter(|side| *side == Side::Referrer),
        }
    }

    fn is_of_referrers(self) -> bool {
        self.kind().is_some_and(|kind| OF_REFERRERS.iter().any(|it| it.eq_ignore_ascii_case(kind)))
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

/// Keeps a configured reward in the earned one of a row, so that the row can be read alone.
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
    let wanted = WANTED.into_iter().filter_map(|name| {
        let value = configured.get(name).filter(|value| !value.is_null())?;
        Some((name.to_owned(), value.clone()))
    });
    reward.insert(CONFIGURED.to_owned(), Value::Object(wanted.collect()));
}

/// What the guide's shape says that something is worth. Its documentation names no field, so the
/// likely ones are looked for in each place. A currency is that of a value in the same place, or else
/// the first one beside it.
pub fn guided_amount<'a>(
    places: impl Iterator<Item = Object<'a>> + Clone,
    names: &[&str],
) -> Option<Amount> {
    let of_place = |place: Object<'a>| {
        // A flag is no value.
        let is_value = |value: &Scalar| !matches!(value, Scalar::Boolean(_));
        let mut values = names.iter().filter_map(|name| place.scalar(name).filter(is_value));
        Some((place, values.next()?))
    };
    let (place, value) = places.clone().find_map(of_place)?;
    let currency = |place: Object<'a>| place.text("currency").or_else(|| place.text("currencyISO"));
    let currency = currency(place).or_else(|| places.clone().find_map(currency));
    // A code that isn't in use stays: what it stands beside isn't another currency's.
    let currency = currency.map(|code| lenient::currency(code).unwrap_or_else(|| code.to_owned()));
    Some(Amount { value, currency })
}
