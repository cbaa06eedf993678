//! Referrers: how one participant names another.
//!
//! What belongs here: a nested referrer, the bare `referredBy` beside it, and participants who name themselves. What
//! doesn't: the fields of a participant.

use super::participant::Participant;
use crate::domain::{Email, Facts, Scalar, Snapshot};

/// The fields of a participant and of who referred them.
pub struct Fields {
    /// The field of the participant.
    pub participant: &'static str,
    /// The field of the nested referrer.
    pub referrer: &'static str,
    /// The field of the bare `referredBy`.
    pub referred_by: &'static str,
}

/// A participant that a source names as their own referrer. Nobody is their own friend.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SelfReferral;

/// The participant and their referrer, if there is one.
pub type Referred = (Snapshot, Result<Option<Snapshot>, SelfReferral>);

impl Participant<'_> {
    /// Returns the participant, and who referred them: the nested referrer, completed by the bare `referredBy`; or whom
    /// that names. The participant's facts name the referrer, unless that is themself.
    pub fn into_referred(mut self, fields: &Fields) -> Referred {
        let nested = self.referrer.take().map(|it| it.into_snapshot(fields.referrer));
        let reference = self.referred_by.clone().map(Reference::from);
        let mut participant = self.into_snapshot(fields.participant);
        let referrer = match (nested, reference) {
            (Some(nested), reference) => complete(nested, reference),
            (None, Some(reference)) => reference.into_snapshot(fields.referred_by),
            (None, None) => return (participant, Ok(None)),
        };
        let noted = note_referrer(&mut participant, &referrer);
        (participant, noted.map(|()| Some(referrer)))
    }
}

/// Returns a nested referrer with what only the bare `referredBy` beside it says.
fn complete(mut referrer: Snapshot, reference: Option<Reference>) -> Snapshot {
    match reference {
        Some(Reference::Id(id)) if referrer.id.is_none() => referrer.id = Some(id),
        Some(Reference::Email(Ok(email))) if referrer.email.is_err() => {
            referrer.facts.insert(Facts::EMAIL.to_owned(), Scalar::from(email.as_str()));
            referrer.email = Ok(email);
        }
        _ => {}
    }
    referrer
}

/// Notes in the friend's facts who referred them, as far as the referrer is known; or only that they
/// were referred.
///
/// # Errors
/// When that is the friend; then the friend's facts name no referrer.
pub fn note_referrer(friend: &mut Snapshot, referrer: &Snapshot) -> Result<(), SelfReferral> {
    let address = referrer.email.as_ref().ok();
    if is_own(friend, referrer.id.as_deref(), address) {
        for fact in [Facts::REFERRER_ID, Facts::REFERRER_EMAIL, Facts::IS_REFERRED] {
            friend.facts.remove(fact);
        }
        return Err(SelfReferral);
    }
    if referrer.id.is_none() && address.is_none() && referrer.says_anything() {
        friend.facts.insert(Facts::IS_REFERRED.to_owned(), Scalar::Boolean(true));
    }
    if let Some(id) = &referrer.id {
        friend.facts.insert(Facts::REFERRER_ID.to_owned(), Scalar::from(id.as_str()));
    }
    if let Some(email) = address {
        friend.facts.insert(Facts::REFERRER_EMAIL.to_owned(), Scalar::from(email.as_str()));
    }
    Ok(())
}

/// True if an id or an address is the participant's own. A link's code may stand for the id.
fn is_own(participant: &Snapshot, id: Option<&str>, address: Option<&Email>) -> bool {
    let own = participant.email.as_ref().ok();
    let (Some(id), differs) = (id, own.is_some() && address.is_some() && own != address) else {
        return own.is_some() && own == address;
    };
    let fact = |name| participant.facts.get(name).and_then(Scalar::as_text).unwrap_or_default();
    let is_code = || {
        let codes = fact(Facts::LINK_CODES).split_whitespace();
        codes.chain([fact(Facts::VANITY_KEY), fact(Facts::REFERRAL_CODE)]).any(|code| code == id)
    };
    participant.id.as_deref() == Some(id)
        || (own.is_some() && own == address)
        || (!differs && is_code())
}

/// A bare `referredBy`.
pub enum Reference {
    /// A participant id.
    Id(String),
    /// An address, or its fault.
    Email(Result<Email, &'static str>),
}

impl From<String> for Reference {
    fn from(text: String) -> Self {
        if text.contains('@') { Self::Email(Email::parse(&text)) } else { Self::Id(text) }
    }
}

impl Reference {
    /// Returns the participant that it names; it stands at `field`.
    pub fn into_snapshot(self, field: &'static str) -> Snapshot {
        let email = match self {
            Self::Id(id) => return Snapshot::with_id(field, id),
            Self::Email(email) => email,
        };
        let fact = email.as_ref().map(|email| Scalar::from(email.as_str()));
        Snapshot {
            id: None,
            facts: fact.into_iter().map(|fact| (Facts::EMAIL.to_owned(), fact)).collect(),
            email: email.map_err(|fault| format!("{field} {fault}")),
            ..Snapshot::with_id(field, String::new())
        }
    }
}
