//! Rewards: what a participant earned, and on which side of a referral.

use super::{Attributes, Scalar};

/// A reward that a participant earned. Texts, coupon and worth are those of the earner's side.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Reward {
    /// The id of this earned reward, the same before and after approval.
    pub id: String,
    /// GrowSurf's type of it, such as `SINGLE_SIDED`.
    pub kind: Option<String>,
    /// The side it was earned on; `None` where a reward has two sides and the source names neither.
    pub side: Option<Side>,
    /// Its title, an internal label at GrowSurf.
    pub title: Option<String>,
    /// The text that participants see.
    pub description: Option<String>,
    /// The coupon code that comes with it.
    pub coupon_code: Option<String>,
    /// True if it is approved; under manual approval GrowSurf reports it before, too.
    pub approved: bool,
    /// The reward's metadata, where operators keep its value for both sides.
    pub metadata: Attributes,
    /// What was delivered.
    pub amount: Option<Amount>,
    /// The tax valuation in US dollars, in major units.
    pub fair_value_usd: Option<Scalar>,
}

/// The side of a referral that a reward was earned on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Side {
    /// The participant who referred.
    Referrer,
    /// The friend who was referred.
    Friend,
}

/// What a reward, a conversion or a purchase was worth, as a source wrote it.
#[derive(Clone, PartialEq, Debug)]
pub struct Amount {
    /// A number in major units, or a text.
    pub value: Scalar,
    /// The currency, as the source names one beside it.
    pub currency: Option<String>,
}
