//! Webhook actions: what campaigns at Customer.io ask for
//! (<https://docs.customer.io/journeys/webhooks-action/>).
//!
//! What belongs here: the contract, and reading an action into feedback. What doesn't: what it
//! leads to (`mapping`).
//!
//! Customer.io sends whatever the template of a campaign renders to, so the contract is the relay's
//! own. Reading is strict: a marketer sees the answer in Customer.io's log and can mend the
//! template, while an ask that is understood by half is noticed by nobody.
//!
//! | field | in | |
//! |---|---|---|
//! | `type` | all | what is asked, one of [`TYPES`] |
//! | `campaign` | all | GrowSurf's id of the campaign; may be left out where one is configured |
//! | `dedupe_key` | all | the same ask for the same person has the same, and is done once |
//! | `email`, `id`, `participant` | all but `add_participant` | who: address, id at Customer.io, id at GrowSurf; at least one |
//! | `metadata` | `update_participant` | participant metadata by key; `null` removes one |
//! | `unsubscribed`, `first_name`, `last_name` | `update_participant` | the same as GrowSurf's |
//! | `delay_in_days` | `trigger_referral` | award the credit later; 1 to 90 |
//! | `channel` | `record_share` | how they shared |
//! | `email` | `add_participant` | who is to take part |
//! | `first_name`, `last_name`, `referred_by`, `metadata` | `add_participant` | what else GrowSurf is to know; `referred_by` is an address or an id at GrowSurf |
//!
//! `null` is as good as leaving a field out, except in `metadata`. An empty text is a fault: it is
//! what a variable that isn't there renders to. Numbers and flags may come as texts, and whole
//! numbers for texts. `schema` says the same rules to whoever reads the document of the interface.

mod fields;
mod schema;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::domain::{
    Action, ActionKind, Attributes, Email, Feedback, FeedbackKind, Identifier, MetadataKeyError,
    ParticipantUpdate, Scalar, Time, check_metadata_key, is_own_metadata,
};
use fields::{FIXED, Fields, OPTIONAL, is_id, is_plain};
pub use schema::CustomerioAction;

/// The types of asks.
pub const TYPES: [&str; 4] = [UPDATE, TRIGGER, SHARE, ADD];

const UPDATE: &str = "update_participant";
const TRIGGER: &str = "trigger_referral";
const SHARE: &str = "record_share";
const ADD: &str = "add_participant";

/// The fields that every ask has.
const COMMON: [&str; 4] = ["type", "campaign", "dedupe_key", "email"];

/// The fields that each may have beside those.
const OF_UPDATE: [&str; 6] =
    ["id", "participant", "metadata", "unsubscribed", "first_name", "last_name"];
const OF_TRIGGER: [&str; 3] = ["id", "participant", "delay_in_days"];
const OF_SHARE: [&str; 3] = ["id", "participant", "channel"];
const OF_ADD: [&str; 4] = ["first_name", "last_name", "referred_by", "metadata"];

/// After how many days at most a credit is awarded.
const LONGEST_DELAY: u8 = 90;

/// GrowSurf's limits of participant metadata
/// (<https://docs.growsurf.com/developer-tools/metadata>).
const VALUE_CHARS: usize = 500;
const KEYS: usize = 50;

/// The largest number that metadata may hold: up to here every reader of JSON holds all digits of a
/// whole one (RFC 8259, 6).
const EXACT: i64 = 9_007_199_254_740_991;

/// What an action asks for, or why it is refused, in a sentence for whoever wrote the template.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn read(body: &Value, received_at: Time) -> Result<Feedback, String> {
    let fields = Fields::of(body)?;
    let kind = fields.text("type", "write one of the types into the template")?;
    let one_of = || TYPES.join(", ");
    let kind = kind.ok_or_else(|| format!("type is missing; it is one of {}", one_of()))?;
    let (what, who) = match kind.as_str() {
        UPDATE => {
            known(&fields, UPDATE, &OF_UPDATE)?;
            (ActionKind::UpdateParticipant(update(&fields)?), who(&fields)?)
        }
        TRIGGER => {
            known(&fields, TRIGGER, &OF_TRIGGER)?;
            let delay_in_days = fields.whole("delay_in_days", 1, LONGEST_DELAY)?;
            (ActionKind::TriggerReferral { delay_in_days }, who(&fields)?)
        }
        SHARE => {
            known(&fields, SHARE, &OF_SHARE)?;
            let channel = fields.text("channel", "write into the template how they shared")?;
            let missing = "channel is missing; it says how they shared, for example \"whatsapp\"";
            (ActionKind::RecordShare { channel: channel.ok_or(missing)? }, who(&fields)?)
        }
        ADD => {
            known(&fields, ADD, &OF_ADD)?;
            let email = email(&fields)?;
            let who = email.ok_or("email is missing; it says who is to take part")?;
            (add(&fields)?, vec![Identifier::Email(who)])
        }
        _ => return Err(format!("type is none of {}", one_of())),
    };
    let ask = Action {
        dedupe_key: dedupe_key(&fields)?,
        campaign: fields.word("campaign", FIXED)?,
        participant: fields.word("participant", MISSING)?,
        is_unanswered: false,
        kind: what,
    };
    Ok(Feedback {
        at: received_at,
        identifiers: who,
        kind: FeedbackKind::Action(ask),
        message: None,
        left_out: Vec::new(),
    })
}

/// What to do if whoever it is about hasn't what they are to be found by.
const MISSING: &str = "the person has no such attribute; leave the line out and say by another of \
    email, id and participant who it is, or let only people who have it into the campaign";

fn known(fields: &Fields<'_>, kind: &str, own: &[&str]) -> Result<(), String> {
    fields.are_among(kind, &[&COMMON, own].concat())
}

fn who(fields: &Fields<'_>) -> Result<Vec<Identifier>, String> {
    let email = email(fields)?.map(Identifier::Email);
    let id = fields.text("id", MISSING)?.map(Identifier::Id);
    if email.is_none() && id.is_none() && fields.get("participant").is_none() {
        return Err("nobody is named; say by email, id or participant who it is, for example \
                    \"email\": \"{{customer.email}}\""
            .to_owned());
    }
    Ok(email.into_iter().chain(id).collect())
}

fn email(fields: &Fields<'_>) -> Result<Option<Email>, String> {
    let Some(text) = fields.text("email", MISSING)? else { return Ok(None) };
    Email::parse(&text).map(Some).map_err(|fault| format!("email {fault}"))
}

fn dedupe_key(fields: &Fields<'_>) -> Result<String, String> {
    let mend = "build it of what is always there, such as {{campaign.id}} or {{delivery_id}}";
    let key = fields.text("dedupe_key", mend)?.ok_or_else(|| {
        format!("dedupe_key is missing, so the same ask could be done again by a retry; {mend}")
    })?;
    // It becomes a part of an id, which holds nothing that tells of anybody.
    if key.contains('@') {
        return Err("dedupe_key holds an e-mail address, which isn't needed: the same key for \
                    another person is another ask"
            .to_owned());
    }
    Ok(key)
}

fn update(fields: &Fields<'_>) -> Result<ParticipantUpdate, String> {
    let update = ParticipantUpdate {
        metadata: metadata(fields)?,
        unsubscribed: fields.flag("unsubscribed")?,
        mark: None,
        first_name: fields.text("first_name", OPTIONAL)?,
        last_name: fields.text("last_name", OPTIONAL)?,
    };
    if update == ParticipantUpdate::default() {
        return Err(
            "nothing is to be changed; at least one of metadata, unsubscribed, first_name \
                    and last_name must be there"
                .to_owned(),
        );
    }
    Ok(update)
}

fn add(fields: &Fields<'_>) -> Result<ActionKind, String> {
    let referred_by = fields.text("referred_by", OPTIONAL)?;
    let referred_by = referred_by.map(|text| match Email::parse(&text) {
        Ok(email) => Ok(email.as_str().to_owned()),
        Err(_) if is_id(&text) => Ok(text),
        Err(_) => Err("referred_by is neither an e-mail address nor an id of GrowSurf's"),
    });
    let mut attributes = Attributes::new();
    for (key, value) in metadata(fields)? {
        let nothing = || format!("metadata.{key} is null, but there is nothing to remove yet");
        let value = value.ok_or_else(nothing)?;
        attributes.insert(key, value);
    }
    Ok(ActionKind::AddParticipant {
        first_name: fields.text("first_name", OPTIONAL)?,
        last_name: fields.text("last_name", OPTIONAL)?,
        referred_by: referred_by.transpose()?,
        metadata: attributes,
    })
}

fn metadata(fields: &Fields<'_>) -> Result<BTreeMap<String, Option<Scalar>>, String> {
    let Some(value) = fields.get("metadata") else { return Ok(BTreeMap::new()) };
    let entries = value.as_object().ok_or("metadata is no object, {\"key\": \"value\"}")?;
    if entries.is_empty() {
        return Err("metadata is empty; leave the line out".to_owned());
    }
    if entries.len() > KEYS {
        return Err(format!("metadata has more than {KEYS} keys, which is all GrowSurf keeps"));
    }
    let mut metadata = BTreeMap::new();
    for (key, value) in entries {
        if is_plain(key) && is_own_metadata(key) {
            return Err(format!("metadata.{key} is the relay's own"));
        }
        check_metadata_key(key).map_err(|error| {
            // The form that GrowSurf keeps would repeat what is no word.
            let error = if is_plain(key) { error } else { MetadataKeyError::Renamed(None) };
            format!("metadata has a key that GrowSurf doesn't take: expected {error}")
        })?;
        metadata.insert(key.clone(), scalar(key, value)?);
    }
    Ok(metadata)
}

fn scalar(key: &str, value: &Value) -> Result<Option<Scalar>, String> {
    let scalar = match value {
        Value::Null => return Ok(None),
        Value::Bool(flag) => Scalar::Boolean(*flag),
        Value::Number(number) => {
            let decimal = number.as_f64().filter(|it| it.abs() <= EXACT as f64);
            let too_large = || format!("metadata.{key} is too large a number; put it in quotes");
            let decimal = decimal.ok_or_else(too_large)?;
            number.as_i64().map_or(Scalar::Decimal(decimal), Scalar::Integer)
        }
        Value::String(text) if text.chars().nth(VALUE_CHARS).is_some() => {
            return Err(format!(
                "metadata.{key} is longer than {VALUE_CHARS} characters, which is all GrowSurf keeps"
            ));
        }
        Value::String(text) => match text.trim() {
            "" => return Err(format!("metadata.{key} is empty: {OPTIONAL}; null removes it")),
            text => Scalar::from(text),
        },
        _ => return Err(format!("metadata.{key} is neither text, number, true, false nor null")),
    };
    Ok(Some(scalar))
}
