//! What is known of a participant, fact by fact, each with the time it was true.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Scalar, Time};

/// A value and the time at which its source knew it to be so.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Fact {
    /// What was told.
    #[serde(rename = "v")]
    pub value: Scalar,
    /// When it was so: a webhook's `createdAt`, a REST answer's fetch time.
    #[serde(rename = "t")]
    pub as_of: Time,
    /// Since when it is known to be so, if that is longer: told again it is newer, and no change.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    since: Option<Time>,
}

impl Fact {
    /// Since when it is known to be so.
    pub fn since(&self) -> Time {
        self.since.unwrap_or(self.as_of)
    }
}

/// Facts by name, merged so that any order of arrival ends in the same state.
///
/// Of two values for one name the newer stays; of two equally old ones the greater, so that the
/// merge is commutative. A source that says nothing about a name takes nothing away.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Facts(BTreeMap<String, Fact>);

impl Facts {
    /// The participant's address.
    pub const EMAIL: &str = "email";
    /// The participant's given name.
    pub const FIRST_NAME: &str = "first_name";
    /// The participant's family name.
    pub const LAST_NAME: &str = "last_name";
    /// The code that the guide's shape names; GrowSurf's own webhooks have none.
    pub const REFERRAL_CODE: &str = "referral_code";
    /// The first vanity key, which `?grsf=` carries in place of the participant id.
    pub const VANITY_KEY: &str = "vanity_key";
    /// All codes that the participant's links may carry in place of the id, by
    /// [`Facts::link_codes`].
    pub const LINK_CODES: &str = "link_codes";
    /// The participant's own referral link.
    pub const SHARE_URL: &str = "share_url";
    /// The language in which GrowSurf writes to the participant.
    pub const LANGUAGE: &str = "language";
    /// How many friends GrowSurf counts for the participant.
    pub const REFERRAL_COUNT: &str = "referral_count";
    /// How many friends have signed up and not converted yet, as GrowSurf counts them.
    pub const LEAD_COUNT: &str = "lead_count";
    /// The key of who referred them; in a snapshot the participant id, as the source names it.
    pub const REFERRER_ID: &str = "referrer_id";
    /// The address of who referred them. In snapshots only: a record refers to the participant instead.
    pub const REFERRER_EMAIL: &str = "referrer_email";
    /// True if they were referred by a participant who can't be named.
    pub const IS_REFERRED: &str = "is_referred";
    /// The name of the participant's campaign, as its owner wrote it.
    pub const CAMPAIGN_NAME: &str = "campaign_name";
    /// True if the participant is an affiliate; known in affiliate programs only.
    pub const IS_AFFILIATE: &str = "is_affiliate";
    /// GrowSurf's fraud risk level.
    pub const FRAUD_RISK_LEVEL: &str = "fraud_risk_level";
    /// Whether the participant wants no more mail from the campaign; `true` or `false`.
    pub const UNSUBSCRIBED: &str = "unsubscribed";
    /// GrowSurf's reason for the fraud risk level.
    pub const FRAUD_REASON: &str = "fraud_reason";
    /// What comes before the key of a fact that is participant metadata.
    pub const METADATA: &str = "metadata.";

    /// Takes in one fact; tells whether it changed what is known.
    pub fn learn(&mut self, name: &str, value: Scalar, as_of: Time) -> bool {
        match self.0.get_mut(name) {
            Some(known) => {
                let newer = as_of > known.as_of;
                let tie = as_of == known.as_of && value.rank(&known.value).is_gt();
                if value == known.value {
                    if newer {
                        known.since = Some(known.since());
                        known.as_of = as_of;
                    }
                    return false;
                }
                if newer || tie {
                    *known = Fact { value, as_of, since: None };
                }
                newer || tie
            }
            None => {
                self.0.insert(name.to_owned(), Fact { value, as_of, since: None });
                true
            }
        }
    }

    /// The fact of this name, if one is known.
    pub fn get(&self, name: &str) -> Option<&Fact> {
        self.0.get(name)
    }

    /// Forgets the facts that `keep` doesn't want; tells whether there were any.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &Fact) -> bool) -> bool {
        let before = self.0.len();
        self.0.retain(|name, fact| keep(name, fact));
        self.0.len() != before
    }

    /// Makes all facts equally old.
    pub fn forget_times(&mut self) {
        for fact in self.0.values_mut() {
            (fact.as_of, fact.since) = (Time::default(), None);
        }
    }

    /// All facts, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Fact)> {
        self.0.iter().map(|(name, fact)| (name.as_str(), fact))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_order_of_arrival_ends_in_the_same_state(
            mut told in proptest::collection::vec((0..3_u8, 0..4_i64, 0..4_i64), 0..8),
            seed in any::<u64>(),
        ) {
            let merge = |told: &[(u8, i64, i64)]| {
                let mut facts = Facts::default();
                for (name, value, time) in told {
                    let name = format!("n{name}");
                    facts.learn(&name, Scalar::Integer(*value), Time::from_seconds(*time));
                }
                // Since when a value is so depends on what came between.
                facts.0.values_mut().for_each(|fact| fact.since = None);
                facts
            };
            let before = merge(&told);
            fastrand::Rng::with_seed(seed).shuffle(&mut told);
            prop_assert_eq!(before, merge(&told));
        }
    }

    #[test]
    fn an_older_snapshot_never_overwrites_a_newer_one() {
        let mut facts = Facts::default();
        assert!(facts.learn("a", Scalar::from("new"), Time::from_seconds(2)));
        assert!(!facts.learn("a", Scalar::from("old"), Time::from_seconds(1)));
        assert_eq!(facts.get("a").unwrap().value, Scalar::from("new"));
    }
}
