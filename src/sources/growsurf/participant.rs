//! Participants as GrowSurf writes them, read into snapshots.
//!
//! What belongs here: the fields of a participant, and the facts they are. What doesn't: where in a body participants
//! stand, what happened to them, and how one names another as referrer (`referrer`).

use super::referrer::{Reference, note_referrer};
use crate::domain::{Attributes, Email, Facts, LONGEST_ID, Scalar, Snapshot, Time, too_long};
use crate::sources::lenient::{Count, Counts, Field, wire};

wire! {
    /// A participant, in a webhook (<https://docs.growsurf.com/developer-tools/webhooks/events-reference>) or in a row of the
    /// REST API (<https://docs.growsurf.com/developer-tools/rest-api/api-objects>).
    ///
    /// The guide's shape has nearly the same fields. `notes` are internal to a GrowSurf team and are never read.
    #[derive(Clone)]
    pub struct Participant<'a> {
        /// GrowSurf's id, which `?grsf=` carries.
        pub id: Option<String>,
        /// The address.
        pub email: Option<&'a str>,
        /// The given name.
        pub first_name: Option<&'a str>,
        /// The family name.
        pub last_name: Option<&'a str>,
        /// The link; omitted for customers of an affiliate program.
        pub share_url: Option<&'a str>,
        /// Texts that `?grsf=` accepts in place of the id.
        pub vanity_keys: Vec<&'a str>,
        /// The code of the link; the guide's shape only.
        pub referral_code: Option<String>,
        /// The count of awarded referrals.
        #[serde_with(skip_apply)]
        #[serde_as(as = "Count")]
        pub referral_count: Option<i64>,
        /// The count of pending referrals.
        #[serde_with(skip_apply)]
        #[serde_as(as = "Count")]
        pub lead_count: Option<i64>,
        /// A total in webhooks, counts by channel in rows.
        pub share_count: Counts,
        /// The time of joining.
        pub created_at: Field<Time>,
        /// `DIRECT`, `PARTICIPANT`, `DELETED_PARTICIPANT`, `IMPORT` or `MANUAL`.
        pub referral_source: Option<&'a str>,
        /// `LOW`, `MEDIUM` or `HIGH`.
        pub fraud_risk_level: Option<&'a str>,
        /// Such as `UNIQUE_IDENTITY`; GrowSurf adds reasons without notice.
        pub fraud_reason_code: Option<&'a str>,
        /// Texts under keys of letters and digits; other types are taken, too.
        pub metadata: Attributes,
        /// True if they want no more mail from the campaign.
        pub unsubscribed: Option<bool>,
        /// The id of who referred them, or the address, which the REST API takes there as well.
        pub referred_by: Option<String>,
        /// The referrer, one level deep.
        pub referrer: Option<Box<Self>>,
        /// The friend; `PARTICIPANT_REACHED_A_GOAL` of a referrer only.
        pub referee: Option<Box<Self>>,
        /// The language of portal and mails, such as `pt-BR`: the program's own unless another was picked; rows only.
        pub language: Option<&'a str>,
        /// True if they are an affiliate; rows of affiliate programs only.
        pub is_affiliate: Option<bool>,
        /// Such as `APPROVED`; rows of affiliates only.
        pub affiliate_status: Option<&'a str>,
        /// Rows only: `CREDIT_PENDING`, `CREDIT_AWARDED` or `CREDIT_EXPIRED`.
        pub referral_status: Option<&'a str>,
        /// The time of the last change; rows of referrals only.
        pub updated_at: Field<Time>,
    }
}

impl Participant<'_> {
    /// Returns the participant that stands at `field`, with all facts there.
    pub fn into_snapshot(self, field: &'static str) -> Snapshot {
        let email = match self.email {
            Some(text) => Email::parse(text).map_err(|fault| format!("{field}.email {fault}")),
            None => Err(format!("{field}.email is missing")),
        };
        let (vanity_keys, long): (Vec<&str>, Vec<&str>) =
            self.vanity_keys.iter().partition(|key| key.len() <= LONGEST_ID);
        let unmapped =
            (!long.is_empty()).then(|| too_long(&format!("a key of {field}.vanityKeys")));
        let code = self.referral_code.as_deref();
        let text = |text: Option<&str>| text.map(Scalar::from);
        let facts = [
            (Facts::EMAIL, text(email.as_ref().ok().map(Email::as_str))),
            (Facts::FIRST_NAME, text(self.first_name)),
            (Facts::LAST_NAME, text(self.last_name)),
            (Facts::SHARE_URL, text(self.share_url)),
            (Facts::LANGUAGE, text(self.language)),
            (Facts::FRAUD_RISK_LEVEL, text(self.fraud_risk_level)),
            (Facts::FRAUD_REASON, text(self.fraud_reason_code)),
            (Facts::REFERRAL_CODE, text(code)),
            (Facts::VANITY_KEY, text(vanity_keys.first().copied())),
            (Facts::LINK_CODES, Facts::link_codes(vanity_keys.into_iter().chain(code))),
            (Facts::REFERRAL_COUNT, self.referral_count.map(Scalar::Integer)),
            (Facts::LEAD_COUNT, self.lead_count.map(Scalar::Integer)),
            (Facts::UNSUBSCRIBED, self.unsubscribed.map(Scalar::Boolean)),
        ];
        let facts = facts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        let mut participant = Snapshot {
            field,
            id: self.id,
            email,
            facts: facts.collect(),
            metadata: self.metadata,
            share_total: self.share_count.total,
            joined_at: self.created_at.ok(),
            is_subject: true,
            unmapped: unmapped.into_iter().collect(),
        };
        if let Some(reference) = self.referred_by.map(Reference::from) {
            // A participant who names themself has no referrer, and the facts say so.
            let _ = note_referrer(&mut participant, &reference.into_snapshot(field));
        }
        participant
    }
}
