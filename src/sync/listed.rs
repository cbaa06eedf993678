//! Fields of listed rows that decide which rows are accepted and which rewards are fetched.
//!
//! What belongs here: those decisions about one row. What doesn't: the events of a row
//! (`sources::growsurf_api`).

use serde::de::IgnoredAny;
use serde_json::Value;

use super::compared::Counted;
use crate::domain::{Time, is_referral};
use crate::sources::growsurf_api::Kind;
use crate::sources::lenient::{self, Field, Legible, Objects, Whole, wire};

wire! {
    /// A row of any list (<https://docs.growsurf.com/developer-tools/rest-api/api-objects>).
    pub(super) struct Listed<'a> {
        created_at: Field<Time>,
        /// Of referrals only.
        updated_at: Field<Time>,
        /// Of commissions and payouts only.
        status: Option<&'a str>,
        referral_status: Option<&'a str>,
        referral_source: Option<&'a str>,
        #[serde_as(as = "Legible<lenient::Id>")]
        referred_by: Field<String>,
        #[serde_as(as = "Legible<Whole>")]
        referral_count: Field<i64>,
        #[serde_as(as = "Legible<Whole>")]
        lead_count: Field<i64>,
        /// True if the participant has earned at least one reward
        /// (<https://glama.ai/mcp/connectors/com.growsurf/growsurf/tools/growsurf_get_participant>).
        is_winner: Option<bool>,
        #[serde_as(as = "Objects")]
        rewards: Option<Vec<IgnoredAny>>,
    }
}

/// Evidence in a participant's row of earned rewards.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum RewardEvidence {
    /// The row holds them.
    Listed,
    /// There may be some.
    Some,
    /// There are none.
    None,
    /// The row doesn't say.
    Unknown,
}

impl<'a> Listed<'a> {
    /// Reads a row; a row that is no object has no fields.
    pub(super) fn of(row: &'a Value) -> Self {
        row.as_object().map(lenient::read).unwrap_or_default()
    }

    /// Returns the time by which the list is in order, or a later one: a referral's list is in order
    /// of conversion, its row has the time of the last change.
    pub(super) fn changed_at(&self, kind: Kind) -> Option<Time> {
        if kind == Kind::Referral { self.updated_at.ok() } else { self.created_at.ok() }
    }

    /// Returns a participant's counts, if the row has both.
    pub(super) fn counted(&self) -> Option<Counted> {
        let (converted, pending) = (self.referral_count.ok()?, self.lead_count.ok()?);
        let friends = u32::try_from(converted.checked_add(pending)?).ok()?;
        Some(Counted { friends, converted: u32::try_from(converted).ok()? })
    }

    /// True if the row reports something that happened.
    pub(super) fn has_happened(&self, kind: Kind) -> bool {
        match kind {
            Kind::Payout => self.status == Some("ISSUED"),
            Kind::Commission => self.status != Some("DELETED"),
            Kind::Referral => self.referral_status == Some("CREDIT_AWARDED"),
            Kind::Participant | Kind::Counted => true,
        }
    }

    /// Returns the evidence of rewards. A participant who refers or was referred may earn one at any time.
    pub(super) fn reward_evidence(&self, is_affiliate: bool) -> RewardEvidence {
        if let Some(rewards) = &self.rewards {
            // An affiliate wins by commissions.
            let is_odd = rewards.is_empty() && self.is_winner == Some(true) && !is_affiliate;
            return if is_odd { RewardEvidence::Some } else { RewardEvidence::Listed };
        }
        let has_friends = [self.referral_count, self.lead_count]
            .iter()
            .any(|count| !matches!(count, Field::Missing | Field::Read(0)));
        let is_referred =
            self.referred_by.is_given() || self.referral_source.is_some_and(is_referral);
        match self.is_winner {
            Some(true) => RewardEvidence::Some,
            _ if is_referred || has_friends => RewardEvidence::Some,
            Some(false) => RewardEvidence::None,
            None => RewardEvidence::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_row_that_says_so_has_no_rewards() {
        let none = json!({ "isWinner": false, "referralCount": 0, "leadCount": 0,
            "referralSource": "DIRECT", "referredBy": null, "rewards": null });
        let with = |name: &str, value: Value| {
            let mut row = none.clone();
            row[name] = value;
            Listed::of(&row).reward_evidence(false)
        };
        assert_eq!(with("id", json!("p1")), RewardEvidence::None);
        for (name, value) in [
            ("isWinner", json!(true)),
            ("referralCount", json!(2)),
            ("referralCount", json!("2")),
            ("leadCount", json!(1)),
            ("referredBy", json!("p2")),
            ("referralSource", json!("DELETED_PARTICIPANT")),
            ("referralSource", json!("PARTICIPANT")),
        ] {
            assert_eq!(with(name, value.clone()), RewardEvidence::Some, "{name} {value}");
        }
        assert_eq!(with("isWinner", Value::Null), RewardEvidence::Unknown);
        assert_eq!(with("rewards", json!([])), RewardEvidence::Listed);
        assert_eq!(with("rewards", json!({})), RewardEvidence::None);
        let odd = json!({ "isWinner": true, "rewards": [] });
        let evidence = |is_affiliate| Listed::of(&odd).reward_evidence(is_affiliate);
        assert_eq!(evidence(false), RewardEvidence::Some);
        assert_eq!(evidence(true), RewardEvidence::Listed);
    }
}
