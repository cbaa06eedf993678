//! Rewards that participants earn.

use super::{Attributes, Scalar};

/// An earned reward, with the texts, coupon and value of the earner's side.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Reward {
    /// The earned reward's id, the same before and after approval.
    pub id: String,
    /// GrowSurf's type, such as `SINGLE_SIDED`.
    pub kind: Option<String>,
    /// The earner's side; `None` if the reward has two sides and the source names neither.
    pub side: Option<Side>,
    /// The title, an internal label at GrowSurf.
    pub title: Option<String>,
    /// The text for participants.
    pub description: Option<String>,
    pub coupon_code: Option<String>,
    /// True if it is approved. GrowSurf reports unapproved ones as well.
    pub approved: bool,
    /// The reward's metadata, which may hold its value for both sides.
    pub metadata: Attributes,
    /// The delivered amount.
    pub amount: Option<Amount>,
    /// The tax valuation in US dollars, in major units.
    pub fair_value_usd: Option<Scalar>,
}

/// The earner's side of a referral.
#[derive(Clone, Copy, PartialEq, Eq, Debug, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Side {
    Referrer,
    /// The referred friend.
    Friend,
}

/// The value of a reward, conversion or purchase, as its source wrote it.
#[derive(Clone, PartialEq, Debug)]
pub struct Amount {
    /// A number in major units, or a text.
    pub value: Scalar,
    /// The currency beside it.
    pub currency: Option<String>,
}
