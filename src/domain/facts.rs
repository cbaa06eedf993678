//! Facts about a participant, each with the time at which it was true.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Email, Scalar, Time};

/// A value, and the time at which its source knew it to be true.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Fact {
    #[serde(rename = "v")]
    pub value: Scalar,
    /// The time: a webhook's `createdAt`, a REST answer's fetch time.
    #[serde(rename = "t")]
    pub as_of: Time,
    /// The earliest time of the same value, if a newer report repeated it.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    since: Option<Time>,
}

impl Fact {
    /// Returns the earliest known time of this value.
    pub fn since(&self) -> Time {
        self.since.unwrap_or(self.as_of)
    }
}

/// Facts by name. Any order of arrival ends in the same state.
///
/// Of two values the newer stays, of two equally old ones the greater. A source that omits a name removes
/// nothing.
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
    /// The code in the guide's shape; GrowSurf's own webhooks have none.
    pub const REFERRAL_CODE: &str = "referral_code";
    /// The first vanity key, which `?grsf=` has in place of the participant id.
    pub const VANITY_KEY: &str = "vanity_key";
    /// All codes that the participant's links may have in place of the id, see [`Facts::link_codes`].
    pub const LINK_CODES: &str = "link_codes";
    /// The participant's own referral link.
    pub const SHARE_URL: &str = "share_url";
    /// The language of GrowSurf's messages to the participant.
    pub const LANGUAGE: &str = "language";
    /// GrowSurf's count of awarded referrals.
    pub const REFERRAL_COUNT: &str = "referral_count";
    /// GrowSurf's count of friends who signed up and haven't converted.
    pub const LEAD_COUNT: &str = "lead_count";
    /// The key of the referrer; in a snapshot the id that the source names.
    pub const REFERRER_ID: &str = "referrer_id";
    /// The address of the referrer, in snapshots only. Records refer to the participant.
    pub const REFERRER_EMAIL: &str = "referrer_email";
    /// True if the referrer can't be named.
    pub const IS_REFERRED: &str = "is_referred";
    /// The name that the campaign's owner gave it.
    pub const CAMPAIGN_NAME: &str = "campaign_name";
    /// True if the participant is an affiliate; known in affiliate programs only.
    pub const IS_AFFILIATE: &str = "is_affiliate";
    /// GrowSurf's fraud risk level.
    pub const FRAUD_RISK_LEVEL: &str = "fraud_risk_level";
    /// True if the participant wants no more mail from the campaign.
    pub const UNSUBSCRIBED: &str = "unsubscribed";
    /// GrowSurf's reason for the fraud risk level.
    pub const FRAUD_REASON: &str = "fraud_reason";
    /// The prefix of facts that are participant metadata.
    pub const METADATA: &str = "metadata.";

    /// Merges one fact; true if it changed the value.
    pub fn merge(&mut self, name: &str, value: Scalar, as_of: Time) -> bool {
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

    pub fn get(&self, name: &str) -> Option<&Fact> {
        self.0.get(name)
    }

    pub fn value(&self, name: &str) -> Option<&Scalar> {
        self.0.get(name).map(|fact| &fact.value)
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.value(name)?.as_text()
    }

    /// Returns the participant's address.
    pub fn email(&self) -> Option<Email> {
        Email::parse(self.text(Self::EMAIL)?).ok()
    }

    /// Removes the facts that `keep` rejects; true if there were any.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &Fact) -> bool) -> bool {
        let before = self.0.len();
        self.0.retain(|name, fact| keep(name, fact));
        self.0.len() != before
    }

    /// Makes all facts equally old.
    pub fn clear_times(&mut self) {
        for fact in self.0.values_mut() {
            (fact.as_of, fact.since) = (Time::default(), None);
        }
    }

    /// Returns all facts by name.
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
            mut reports in proptest::collection::vec((0..3_u8, 0..4_i64, 0..4_i64), 0..8),
            seed in any::<u64>(),
        ) {
            let merge = |reports: &[(u8, i64, i64)]| {
                let mut facts = Facts::default();
                for (name, value, time) in reports {
                    let name = format!("n{name}");
                    facts.merge(&name, Scalar::Integer(*value), Time::from_seconds(*time));
                }
                // Since when a value is so depends on what came between.
                facts.0.values_mut().for_each(|fact| fact.since = None);
                facts
            };
            let before = merge(&reports);
            fastrand::Rng::with_seed(seed).shuffle(&mut reports);
            prop_assert_eq!(before, merge(&reports));
        }
    }

    #[test]
    fn an_older_snapshot_never_overwrites_a_newer_one() {
        let mut facts = Facts::default();
        assert!(facts.merge("a", Scalar::from("new"), Time::from_seconds(2)));
        assert!(!facts.merge("a", Scalar::from("old"), Time::from_seconds(1)));
        assert_eq!(facts.get("a").unwrap().value, Scalar::from("new"));
    }
}
