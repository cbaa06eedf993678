//! The profile: the attributes of a person, from everything known of them.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::aggregates::has_all_conversions;
use super::people::{Resolved, Slot};
use super::rules::{IdentifyBy, Rules};
use crate::domain::{
    Attributes, Fact, Facts, Identifier, LaneKey, Participant, ParticipantKey, Person, Reference,
    ReferredValue, Scalar, Time,
};

/// The attributes besides `email`, by their own names.
#[cfg(test)]
pub const ATTRIBUTES: [&str; 17] = [
    "first_name",
    "last_name",
    "referral_code",
    "referral_link",
    "referral_language",
    "total_referrals",
    "referral_tier",
    "referred_by",
    "total_friends",
    "first_referral_date",
    "last_referral_date",
    "total_conversions",
    "total_shares",
    "total_rewards",
    "days_to_first_referral",
    "fraud_risk_level",
    "fraud_reason",
];

/// Attributes of the person, not of one campaign.
const PERSONAL: [&str; 2] = ["first_name", "last_name"];

/// Returns the merged profile of a person. Unknown attributes are absent.
pub fn attributes(person: &Person, rules: &Rules) -> Attributes {
    let mut profile = Attributes::new();
    if let Some(email) = email(person, rules) {
        profile.insert("email".to_owned(), email);
    }
    let everywhere: Vec<&Participant> = person.participants.iter().collect();
    let mut groups: BTreeMap<&str, Vec<&Participant>> = BTreeMap::new();
    for participant in &person.participants {
        let prefix = rules.prefixes.get(&participant.campaign).map_or("", String::as_str);
        groups.entry(prefix).or_default().push(participant);
    }
    for (name, sent_as) in &rules.attributes {
        if PERSONAL.contains(&name.as_str()) {
            profile.extend(Some(sent_as.clone()).zip(attribute(&everywhere, name, rules)));
            continue;
        }
        for (prefix, group) in &groups {
            let sent_as = format!("{prefix}{sent_as}");
            profile.extend(Some(sent_as).zip(attribute(group, name, rules)));
        }
    }
    for (attribute, key) in &rules.metadata {
        let fact = latest(&everywhere, &format!("{}{key}", Facts::METADATA));
        // Customer.io takes strings, integers and booleans; a decimal is sent as text.
        let value = fact.map(|fact| match &fact.value {
            Scalar::Decimal(decimal) => Scalar::Text(decimal.to_string()),
            other => other.clone(),
        });
        if let Some(value) = value {
            profile.insert(attribute.clone(), value);
        }
    }
    profile
}

/// Returns a profile's digest, by which changes are found.
pub fn digest(profile: &Attributes) -> String {
    let text = serde_json::to_vec(profile).expect("names and scalars are always JSON");
    hex::encode(&Sha256::digest(text)[..16])
}

/// Returns the code of a participant's link: the guide's field, the first vanity key, or GrowSurf's id.
pub fn referral_code(participant: &Participant) -> Option<Scalar> {
    let value = |name| participant.facts.value(name).cloned();
    value(Facts::REFERRAL_CODE)
        .or_else(|| value(Facts::VANITY_KEY))
        .or_else(|| participant.growsurf_id.clone().map(Scalar::Text))
}

/// Returns the fact that names a participant's referrer. Nobody refers themself: `of_person` are the person's
/// participants.
pub fn referred_by<'a>(
    participant: &'a Participant,
    of_person: impl IntoIterator<Item = &'a Participant>,
) -> Option<&'a Fact> {
    let referrer = participant.facts.get(Facts::REFERRER_ID);
    referrer.filter(|_| !is_self_referred(participant, of_person))
}

/// Returns a reference to the participant whom a fact names.
pub fn referred_to(campaign: &str, key: &Fact, shows: ReferredValue) -> Option<Scalar> {
    let of = ParticipantKey::new(campaign, key.value.as_text()?);
    Some(Reference { of, shows }.into())
}

/// True if another referred the participant, even one who can't be named.
pub fn is_referred(people: &Resolved, slot: Slot) -> bool {
    let (participant, of_person) =
        (people.participant(slot), &people.persons[slot.person].participants);
    let is_unnamed = participant.facts.get(Facts::IS_REFERRED).is_some();
    referred_by(participant, of_person).is_some()
        || (is_unnamed && !is_self_referred(participant, of_person))
}

/// True if a participant's referrer is the same person: by the key of a participant of theirs, or by a link's
/// code.
pub fn is_self_referred<'a>(
    participant: &'a Participant,
    of_person: impl IntoIterator<Item = &'a Participant>,
) -> bool {
    let Some(referrer) = participant.facts.text(Facts::REFERRER_ID) else { return false };
    let in_campaign = |own: &&Participant| own.campaign == participant.campaign;
    of_person.into_iter().filter(in_campaign).any(|own| {
        let codes = [Facts::VANITY_KEY, Facts::REFERRAL_CODE];
        let codes = codes.into_iter().filter_map(|name| own.facts.text(name));
        own.growsurf_id.as_deref() == Some(referrer)
            || own.key == referrer
            || codes.chain(own.link_codes()).any(|code| code == referrer)
    })
}

fn email(person: &Person, rules: &Rules) -> Option<Scalar> {
    match (&rules.identify_by, &person.key) {
        (IdentifyBy::Email, LaneKey::Person(Identifier::Email(email))) => {
            Some(Scalar::from(email.as_str()))
        }
        (IdentifyBy::Metadata(_), LaneKey::Person(Identifier::Id(_)))
            if rules.trust_metadata_id =>
        {
            let participants: Vec<&Participant> = person.participants.iter().collect();
            latest(&participants, Facts::EMAIL).map(|fact| fact.value.clone())
        }
        // An id from metadata can be anybody's: the address stays out of a profile that the
        // person may not own. A person of the other kind is from before a change of settings.
        _ => None,
    }
}

/// Returns an attribute, from some of a person's participants.
fn attribute(participants: &[&Participant], name: &str, rules: &Rules) -> Option<Scalar> {
    let value = |fact| latest(participants, fact).map(|fact| fact.value.clone());
    // Before everything was counted, a count or a first time would be invented.
    let complete = participants.iter().all(|it| it.completeness.is_complete());
    let is_fraud_reported = || participants.iter().any(|participant| participant.fraud_reported);
    let sum = |count: fn(&Participant) -> i64| {
        let sum = participants.iter().map(|it| count(it)).fold(0, i64::saturating_add);
        // Zero only means that the relay saw none.
        (sum > 0).then_some(Scalar::Integer(sum))
    };
    match name {
        "first_name" => value(Facts::FIRST_NAME),
        "last_name" => value(Facts::LAST_NAME),
        "referral_code" => latest_participant(participants).and_then(referral_code),
        "referral_link" => value(Facts::SHARE_URL),
        "referral_language" => value(Facts::LANGUAGE),
        "total_referrals" => value(Facts::REFERRAL_COUNT),
        "referral_tier" => {
            value(Facts::REFERRAL_COUNT)?.as_integer().and_then(|count| rules.tier(count))
        }
        "referred_by" => {
            let own = || participants.iter().copied();
            let named = own().filter_map(|it| Some((it, referred_by(it, own())?)));
            let (friend, key) = named.max_by(|(_, a), (_, b)| by_age(a, b))?;
            referred_to(&friend.campaign, key, ReferredValue::Referrer)
        }
        "total_friends" if complete => sum(|participant| participant.friends),
        "first_referral_date" if complete => {
            times(participants, |participant| participant.first_referral).min().map(Scalar::Integer)
        }
        "last_referral_date" => {
            times(participants, |participant| participant.last_referral).max().map(Scalar::Integer)
        }
        "total_conversions" if participants.iter().all(|it| has_all_conversions(it, rules)) => {
            sum(|participant| participant.conversions)
        }
        "total_rewards" if complete => sum(|participant| participant.rewards),
        "total_shares" => participants
            .iter()
            .filter_map(|participant| participant.shares)
            .reduce(i64::saturating_add)
            .map(Scalar::Integer),
        "days_to_first_referral" if complete => {
            let of = |it: &&Participant| Some((it.first_referral?, it.joined?));
            let (first, joined) = participants.iter().filter_map(of).min()?;
            Some(Scalar::Integer((first.seconds() - joined.seconds()).max(0) / DAY))
        }
        "fraud_risk_level" if is_fraud_reported() => value(Facts::FRAUD_RISK_LEVEL),
        "fraud_reason" if is_fraud_reported() => value(Facts::FRAUD_REASON),
        _ => None,
    }
}

/// Seconds of a day.
const DAY: i64 = 24 * 60 * 60;

fn times(
    participants: &[&Participant],
    time: impl Fn(&Participant) -> Option<Time>,
) -> impl Iterator<Item = i64> {
    participants.iter().filter_map(move |it| time(it)).map(Time::seconds)
}

/// Returns the newest fact of this name.
fn latest<'a>(participants: &[&'a Participant], name: &str) -> Option<&'a Fact> {
    newest(participants.iter().filter_map(|participant| participant.facts.get(name)))
}

fn newest<'a>(facts: impl Iterator<Item = &'a Fact>) -> Option<&'a Fact> {
    facts.max_by(|a, b| by_age(a, b))
}

fn by_age(a: &Fact, b: &Fact) -> Ordering {
    a.since().cmp(&b.since()).then_with(|| a.value.rank(&b.value))
}

/// Returns the most recently reported participant.
fn latest_participant<'a>(participants: &[&'a Participant]) -> Option<&'a Participant> {
    let last = |participant: &Participant| participant.facts.iter().map(|(_, f)| f.since()).max();
    participants.iter().copied().max_by(|a, b| match last(a).cmp(&last(b)) {
        Ordering::Equal => (&a.campaign, &a.key).cmp(&(&b.campaign, &b.key)),
        unequal => unequal,
    })
}
