//! Earned rewards as GrowSurf writes them: two objects, and two sides in the second.
//!
//! What belongs here: the fields of rewards, which side an earned one is of, and the fields of that side. An earned
//! reward names the configured one by `rewardId`. A webhook has both merged into one and lists the
//! campaign's configured rewards besides; rows of the REST API are completed before they are stored.
//! What doesn't: where in a body rewards stand, and what an event makes of them.

use crate::domain::{self, Amount, Attributes, Scalar, Side, Time};
use crate::sources::lenient::{self, Field, Legible, wire};

/// GrowSurf's type of a reward that both the referrer and the friend earn.
const DOUBLE_SIDED: &str = "DOUBLE_SIDED";

/// Its types of rewards that only a referrer earns.
const OF_REFERRERS: [&str; 4] = ["SINGLE_SIDED", "MILESTONE", "LEADERBOARD", "AFFILIATE"];

wire! {
    /// An earned reward (`ParticipantReward`), a configured one (`CampaignReward`), or both merged, as webhooks have them
    /// (<https://docs.growsurf.com/developer-tools/rest-api/api-objects>).
    #[derive(Clone)]
    pub struct Reward<'a> {
        /// The id of the earned reward (`prew_...`), or of a configured one alone (`crew_...`).
        pub id: Option<String>,
        /// The id of the configured reward.
        pub reward_id: Option<String>,
        /// `SINGLE_SIDED`, `DOUBLE_SIDED`, `MILESTONE`, `LEADERBOARD` or `AFFILIATE`.
        #[serde(rename = "type")]
        pub kind: Option<&'a str>,
        /// The type in the guide's shape.
        pub reward_type: Option<&'a str>,
        /// True for the referrer's side; of no meaning in rows of rewards that only referrers earn.
        pub is_referrer: Field<bool>,
        pub referrer_id: Option<String>,
        pub referred_id: Option<String>,
        pub approved: Option<bool>,
        pub approved_at: Field<Time>,
        pub fulfilled_at: Field<Time>,
        pub created_at: Field<Time>,
        /// Rows only: `PENDING`, `FULFILLED` or `CANCELLED`.
        pub status: Option<&'a str>,
        /// An internal label.
        pub title: Option<&'a str>,
        /// The referrer's text.
        pub description: Option<&'a str>,
        pub coupon_code: Option<&'a str>,
        pub value: Option<Worth>,
        /// The friend's text.
        pub referral_description: Field<&'a str>,
        pub referral_coupon_code: Field<&'a str>,
        #[serde_as(as = "Legible<lenient::ObjectOf<Worth>>")]
        pub referred_value: Field<Worth>,
        pub metadata: Attributes,
        /// The amount delivered, in major units; GrowSurf writes it with its currency, or neither.
        pub amount: Option<Scalar>,
        #[serde(rename = "currencyISO")]
        pub currency_iso: Option<&'a str>,
        /// The configured reward, which the relay keeps in rows; GrowSurf has no such field.
        pub configured: Option<Box<Self>>,
    }
}

wire! {
    /// The tax valuation of one side of a reward.
    #[derive(Clone)]
    pub struct Worth {
        /// In major units.
        #[serde(rename = "fairMarketValueUSD")]
        pub fair_market_value_usd: Option<Scalar>,
    }
}

wire! {
    /// An object that lists rewards: a campaign its configured ones, a row of a participant the earned ones.
    #[serde(bound(deserialize = "'de: 'a"))]
    pub struct Rewards<'a> {
        pub rewards: Option<Vec<Reward<'a>>>,
    }
}

impl Reward<'_> {
    /// True if a webhook or a row says that the reward is approved. GrowSurf's pages disagree about the
    /// field that approval changes.
    pub fn is_approved(&self) -> bool {
        self.approved == Some(true) || self.approved_at.ok().is_some_and(|at| at > Time::default())
    }

    fn has_friends_side(&self) -> bool {
        self.referral_coupon_code.is_given()
            || self.referral_description.is_given()
            || self.referred_value.is_given()
    }
}

/// An earned reward and what is known beside it.
pub struct Earned<'a> {
    /// The earned reward.
    pub reward: &'a Reward<'a>,
    /// The configured reward, where it is listed.
    pub configured: Option<&'a Reward<'a>>,
    /// The earner's participant id.
    pub earner: Option<&'a str>,
    /// The side that the other people beside the earner suggest.
    pub suggested: Option<Side>,
}

impl<'a> Earned<'a> {
    /// Returns an earned reward of a row, with the configured one that is kept in it.
    pub fn in_row(reward: &'a Reward<'a>, earner: Option<&'a str>) -> Self {
        Self { reward, configured: reward.configured.as_deref(), earner, suggested: None }
    }

    /// Returns an earned reward, with the configured one among `listed` that it names.
    pub fn of(
        reward: &'a Reward<'a>,
        listed: Option<&'a Rewards<'a>>,
        earner: Option<&'a str>,
    ) -> Self {
        let mut listed = listed.into_iter().flat_map(|it| &it.rewards).flatten();
        let is_it = |it: &&Reward<'_>| reward.reward_id.is_some() && it.id == reward.reward_id;
        Self { reward, configured: listed.find(is_it), earner, suggested: None }
    }

    /// Returns the side in a webhook, where `isReferrer` says it for every type.
    pub fn side_in_webhook(&self) -> Option<Side> {
        // What can't be read there may say that it is the friend's.
        let is_legible = self.reward.is_referrer != Field::Illegible;
        self.flag().or_else(|| self.side().filter(|_| is_legible || !self.is_of_referrers()))
    }

    /// Returns the side in a row, where `isReferrer` means nothing for rewards that only referrers earn.
    pub fn side_in_row(&self) -> Option<Side> {
        self.flag().filter(|_| !self.is_of_referrers()).or_else(|| self.side())
    }

    /// Returns the reward with the fields of a side. Without a side it has none that differ by side: what is
    /// meant for the referrer is never a friend's.
    pub fn read(&self, id: String, side: Option<Side>, approved: bool) -> domain::Reward {
        let own = |text: Option<&str>| text.map(str::to_owned);
        let (description, coupon_code, worth) = match side {
            Some(Side::Referrer) => (
                self.first(|it| it.description),
                self.first(|it| it.coupon_code),
                self.first(|it| it.value.as_ref()?.fair_market_value_usd.as_ref()),
            ),
            Some(Side::Friend) => (
                self.first(|it| it.referral_description.ok()),
                self.first(|it| it.referral_coupon_code.ok()),
                self.first(|it| it.referred_value.as_ref().ok()?.fair_market_value_usd.as_ref()),
            ),
            None => (None, None, None),
        };
        let mut metadata = self.configured.map(|it| it.metadata.clone()).unwrap_or_default();
        metadata.extend(self.reward.metadata.clone());
        domain::Reward {
            id,
            kind: own(self.kind()),
            side,
            title: own(self.first(|it| it.title)),
            description: own(description),
            coupon_code: own(coupon_code),
            approved,
            metadata,
            amount: self.amount(),
            fair_value_usd: worth.cloned(),
        }
    }

    fn amount(&self) -> Option<Amount> {
        let value = self.reward.amount.clone()?;
        let currency = self.reward.currency_iso.and_then(lenient::currency)?;
        Some(Amount { value, currency: Some(currency) })
    }

    fn flag(&self) -> Option<Side> {
        let is_referrer = self.reward.is_referrer.ok()?;
        Some(if is_referrer { Side::Referrer } else { Side::Friend })
    }

    /// Returns the side where the source doesn't name it. It is that of the earner's id, the only
    /// one of the type, or the one that the people suggest. Nothing is guessed beyond.
    fn side(&self) -> Option<Side> {
        let is_earner = |id: &Option<String>| id.is_some() && id.as_deref() == self.earner;
        let is_double_sided = match self.kind() {
            Some(kind) => kind.eq_ignore_ascii_case(DOUBLE_SIDED),
            None => self.first(|it| it.has_friends_side().then_some(())).is_some(),
        };
        match (is_earner(&self.reward.referrer_id), is_earner(&self.reward.referred_id)) {
            (true, false) => Some(Side::Referrer),
            (false, true) => (!self.is_of_referrers()).then_some(Side::Friend),
            _ if self.is_of_referrers() => Some(Side::Referrer),
            _ if is_double_sided => self.suggested,
            // Referrers are referred as well, so the referrer of an earner says nothing here.
            _ => self.suggested.filter(|side| *side == Side::Referrer),
        }
    }

    fn is_of_referrers(&self) -> bool {
        self.kind().is_some_and(|kind| OF_REFERRERS.iter().any(|it| it.eq_ignore_ascii_case(kind)))
    }

    fn kind(&self) -> Option<&'a str> {
        self.first(|it| it.kind).or(self.reward.reward_type)
    }

    /// Returns a field of the earned reward, or else of the configured one.
    fn first<T>(&self, field: impl Fn(&'a Reward<'a>) -> Option<T>) -> Option<T> {
        field(self.reward).or_else(|| self.configured.and_then(field))
    }
}
