//! Participants as GrowSurf writes them, read into snapshots.
//!
//! What belongs here: the fields of a participant, which are nearly the same in both dialects
//! and the REST API, and how one participant names another as referrer. What doesn't: where in a
//! body participants stand and what happened to them. Field names are those of
//! <https://docs.growsurf.com/developer-tools/webhooks/events-reference>; `notes` are internal to a GrowSurf team
//! and are never read.

use crate::domain::{Attributes, Email, Facts, LONGEST_ID, Scalar, Snapshot, too_long};

use super::lenient::{self, Object};

/// The text fields and the facts they are.
const TEXTS: [(&str, &str); 5] = [
    ("firstName", Facts::FIRST_NAME),
    ("lastName", Facts::LAST_NAME),
    ("shareUrl", Facts::SHARE_URL),
    ("fraudRiskLevel", Facts::FRAUD_RISK_LEVEL),
    ("fraudReasonCode", Facts::FRAUD_REASON),
];

/// Reads the participant that stands at `field`, with all that is told of them there.
pub fn snapshot(object: Object<'_>, field: &'static str) -> Snapshot {
    let email = match object.text("email") {
        Some(text) => Email::parse(text).map_err(|fault| format!("{field}.email {fault}")),
        None => Err(format!("{field}.email is missing")),
    };
    let mut facts = Attributes::new();
    let mut learn = |name: &str, value: Option<Scalar>| {
        facts.extend(value.map(|value| (name.to_owned(), value)));
    };
    learn(Facts::EMAIL, email.as_ref().ok().map(|email| Scalar::from(email.as_str())));
    for (name, fact) in TEXTS {
        learn(fact, object.text(name).map(Scalar::from));
    }
    let vanity_keys = object.items("vanityKeys").unwrap_or_default().iter();
    let vanity_keys = vanity_keys.filter_map(lenient::text);
    let is_too_long = vanity_keys.clone().any(|key| key.len() > LONGEST_ID);
    let unmapped = is_too_long.then(|| too_long(&format!("a key of {field}.vanityKeys")));
    let vanity_keys = vanity_keys.filter(|key| key.len() <= LONGEST_ID);
    learn(Facts::VANITY_KEY, vanity_keys.clone().next().map(Scalar::from));
    learn(Facts::LINK_CODES, Facts::link_codes(vanity_keys));
    learn(Facts::REFERRAL_COUNT, object.count("referralCount").map(Scalar::Integer));
    learn(Facts::LEAD_COUNT, object.count("leadCount").map(Scalar::Integer));
    learn(Facts::UNSUBSCRIBED, object.flag("unsubscribed").map(Scalar::Boolean));
    let mut participant = Snapshot {
        field,
        id: object.id("id"),
        email,
        facts,
        metadata: object.scalars("metadata"),
        share_total: object.total("shareCount"),
        joined_at: object.time("createdAt"),
        is_subject: true,
        unmapped: unmapped.into_iter().collect(),
    };
    if let Some(reference) = Reference::of(object) {
        // Whoever names themself has no referrer, which is what the facts say then.
        let _ = note_referrer(&mut participant, &reference.snapshot(field));
    }
    participant
}

/// A participant whom a source names as their own referrer. Nobody is their own friend.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SelfReferral;

/// Returns who referred the friend, and notes it in the friend's facts: the nested participant
/// `told`, completed by the bare `referredBy` in `object`; or whom that names, at the field `named_at`.
///
/// # Errors
/// When that is the friend; then the friend's facts name no referrer.
pub fn refer(
    friend: &mut Snapshot,
    told: Option<Snapshot>,
    object: Object<'_>,
    named_at: &'static str,
) -> Result<Option<Snapshot>, SelfReferral> {
    let reference = Reference::of(object);
    let referrer = match (told, reference) {
        (Some(told), reference) => complete(told, reference),
        (None, Some(reference)) => reference.snapshot(named_at),
        (None, None) => return Ok(None),
    };
    note_referrer(friend, &referrer)?;
    Ok(Some(referrer))
}

/// A nested referrer, with what only the bare `referredBy` beside it says.
fn complete(mut referrer: Snapshot, reference: Option<Reference>) -> Snapshot {
    if let Some(reference) = reference {
        if referrer.id.is_none() {
            referrer.id = reference.id().map(str::to_owned);
        }
        if let (Err(_), Some(Ok(email))) = (&referrer.email, reference.email()) {
            referrer.facts.insert(Facts::EMAIL.to_owned(), Scalar::from(email.as_str()));
            referrer.email = Ok(email);
        }
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

/// A bare `referredBy`: a participant id, or an address, which the REST API takes there as well.
struct Reference(String);

impl Reference {
    fn of(friend: Object<'_>) -> Option<Self> {
        friend.id("referredBy").map(Self)
    }

    fn id(&self) -> Option<&str> {
        (!self.0.contains('@')).then_some(self.0.as_str())
    }

    fn email(&self) -> Option<Result<Email, &'static str>> {
        self.0.contains('@').then(|| Email::parse(&self.0))
    }

    fn snapshot(self, field: &'static str) -> Snapshot {
        let Some(email) = self.email() else {
            return Snapshot::with_id(field, self.0);
        };
        let fact = email.as_ref().map(|email| Scalar::from(email.as_str()));
        Snapshot {
            field,
            id: None,
            facts: fact.into_iter().map(|fact| (Facts::EMAIL.to_owned(), fact)).collect(),
            email: email.map_err(|fault| format!("{field} {fault}")),
            metadata: Attributes::new(),
            share_total: None,
            joined_at: None,
            is_subject: true,
            unmapped: Vec::new(),
        }
    }
}
