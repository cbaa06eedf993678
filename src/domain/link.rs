//! Referral links: the codes that name a participant besides the id.
//!
//! What belongs here: the codes, and their form among the facts. What doesn't: reading them from a body or a
//! link (`sources`).

use std::collections::BTreeSet;

use super::{Facts, Participant, ParticipantKey, Scalar};

/// A participant's link, by the code behind `?grsf=`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Link {
    /// The campaign's id.
    pub campaign: String,
    /// A vanity key, or a code of the guide's shape.
    pub code: String,
}

impl Link {
    /// The longest code, in bytes. A vanity key has at most 20
    /// (<https://docs.growsurf.com/developer-tools/rest-api/api-reference>).
    pub const LONGEST: usize = 64;

    /// True if a text can be a participant's id or a code: letters, digits, `_` and `-`.
    pub fn is_code(text: &str) -> bool {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        (1..=Self::LONGEST).contains(&text.len()) && text.bytes().all(is_plain)
    }

    /// Returns the participant whose id the code may be.
    pub fn as_id(&self) -> ParticipantKey {
        ParticipantKey::new(&self.campaign, &self.code)
    }
}

impl Facts {
    /// Returns the fact for these codes; `None` if none is valid.
    pub fn link_codes<'a>(codes: impl IntoIterator<Item = &'a str>) -> Option<Scalar> {
        let codes: BTreeSet<&str> = codes.into_iter().filter(|code| Link::is_code(code)).collect();
        let codes: Vec<&str> = codes.into_iter().collect();
        (!codes.is_empty()).then(|| Scalar::Text(codes.join(" ")))
    }
}

impl Participant {
    /// Returns the last reported codes of the participant's links.
    pub fn link_codes(&self) -> impl Iterator<Item = &str> {
        self.facts.text(Facts::LINK_CODES).unwrap_or_default().split_whitespace()
    }

    /// Returns the participant's links.
    pub fn links(&self) -> impl Iterator<Item = Link> {
        let campaign = &self.campaign;
        self.link_codes().map(|code| Link { campaign: campaign.clone(), code: code.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Time;

    #[test]
    fn codes_are_kept_sorted_and_only_those_that_a_link_can_carry() {
        let long = "x".repeat(65);
        let fact = Facts::link_codes(["gavin-f8", "a b", "", "Gavin_2", &long, "gavin-f8", "é"]);
        let mut participant = Participant::new("camp".to_owned(), "k".to_owned(), None);
        assert_eq!(participant.links().count(), 0);
        participant.facts.merge(Facts::LINK_CODES, fact.unwrap(), Time::default());
        let codes: Vec<String> = participant.links().map(|link| link.code).collect();
        assert_eq!(codes, ["Gavin_2", "gavin-f8"]);
        assert_eq!(Facts::link_codes(["a b"]), None);
    }
}
