//! Webhook actions: what campaigns at Customer.io request of GrowSurf
//! (<https://docs.customer.io/journeys/webhooks-action/>).
//!
//! What belongs here: the contract, and the notification of an action. What doesn't: the calls that
//! follow (`mapping`).
//!
//! Customer.io sends whatever the template of a campaign renders to, so the contract is the relay's
//! own. Reading is strict: a marketer sees the answer in Customer.io's log and can fix the template,
//! while nobody notices an action that is understood by half. An empty text is a fault: a variable
//! that isn't there renders to it.

mod metadata;
mod template;
#[cfg(test)]
mod tests;

use garde::Validate;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};

use super::contract::{self, Address, Id, Text, check_filled, check_id, text};
use crate::domain::{
    Action, ActionKind, Email, Feedback, FeedbackKind, Identifier, Notification, ParticipantUpdate,
    Time,
};
use metadata::Metadata;

/// A rendered template. A field that isn't known is refused, and so is a text that is empty or holds
/// `{{` or `{%`; `detail` of a 422 says which. `null` is the same as leaving a field out. All but
/// `add_participant` need at least one of `email`, `id` and `participant`, which name the person.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(crate) enum CustomerioAction {
    /// Changes participant data at GrowSurf. What is left out stays; at least one field is to change.
    #[schema(title = "UpdateParticipant", examples(json!({
        "type": "update_participant", "campaign": "b2xq7v", "dedupe_key": "plan-4711",
        "email": "fay@example.com", "metadata": {"plan": "pro", "vip": true},
    })))]
    UpdateParticipant {
        #[garde(dive)]
        campaign: Option<CampaignId>,
        #[garde(dive)]
        #[serde(default)]
        #[schema(required = true)]
        dedupe_key: DedupeKey,
        #[garde(dive)]
        email: Option<Address>,
        /// The person's id at Customer.io.
        #[garde(dive)]
        id: Option<Id>,
        #[garde(dive)]
        participant: Option<ParticipantId>,
        #[garde(dive)]
        #[schema(schema_with = metadata::schema)]
        metadata: Option<Metadata>,
        /// True if GrowSurf may send the participant no more mail.
        #[garde(dive)]
        #[schema(schema_with = flag_schema)]
        unsubscribed: Option<Flag>,
        #[garde(dive)]
        first_name: Option<Text>,
        #[garde(dive)]
        last_name: Option<Text>,
    },
    /// Awards the credit for the referral of the person, who is the friend.
    #[schema(title = "TriggerReferral", examples(json!({
        "type": "trigger_referral", "campaign": "b2xq7v", "dedupe_key": "first-order",
        "email": "fay@example.com", "delay_in_days": 14,
    })))]
    TriggerReferral {
        #[garde(dive)]
        campaign: Option<CampaignId>,
        #[garde(dive)]
        #[serde(default)]
        #[schema(required = true)]
        dedupe_key: DedupeKey,
        #[garde(dive)]
        email: Option<Address>,
        /// The person's id at Customer.io.
        #[garde(dive)]
        id: Option<Id>,
        #[garde(dive)]
        participant: Option<ParticipantId>,
        #[garde(dive)]
        #[schema(schema_with = days_schema)]
        delay_in_days: Option<Days>,
    },
    /// Records that a participant shared their link.
    #[schema(title = "RecordShare", examples(json!({
        "type": "record_share", "campaign": "b2xq7v", "dedupe_key": "share-4711", "id": "4711",
        "channel": "whatsapp",
    })))]
    RecordShare {
        #[garde(dive)]
        campaign: Option<CampaignId>,
        #[garde(dive)]
        #[serde(default)]
        #[schema(required = true)]
        dedupe_key: DedupeKey,
        #[garde(dive)]
        email: Option<Address>,
        /// The person's id at Customer.io.
        #[garde(dive)]
        id: Option<Id>,
        #[garde(dive)]
        participant: Option<ParticipantId>,
        #[garde(dive)]
        #[serde(default)]
        #[schema(required = true)]
        channel: Text,
    },
    /// Adds a participant to a campaign.
    #[schema(title = "AddParticipant", examples(json!({
        "type": "add_participant", "campaign": "b2xq7v", "dedupe_key": "invited",
        "email": "fay@example.com", "first_name": "Fay", "referred_by": "rae001",
    })))]
    AddParticipant {
        #[garde(dive)]
        campaign: Option<CampaignId>,
        #[garde(dive)]
        #[serde(default)]
        #[schema(required = true)]
        dedupe_key: DedupeKey,
        #[garde(dive)]
        #[serde(default)]
        #[schema(required = true)]
        email: Address,
        #[garde(dive)]
        first_name: Option<Text>,
        #[garde(dive)]
        last_name: Option<Text>,
        #[garde(dive)]
        referred_by: Option<Referrer>,
        #[garde(dive)]
        #[schema(schema_with = metadata::schema)]
        metadata: Option<Metadata>,
    },
}

/// GrowSurf's id of the campaign, one of those that the settings name, if they name any. May be left out
/// where they name exactly one.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(transparent)]
#[garde(transparent)]
#[schema(value_type = String, pattern = "^[A-Za-z0-9_-]{1,64}$")]
pub(crate) struct CampaignId(#[garde(custom(check_growsurf_id))] Value);

/// GrowSurf's id of the participant.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(transparent)]
#[garde(transparent)]
#[schema(value_type = String, pattern = "^[A-Za-z0-9_-]{1,64}$")]
pub(crate) struct ParticipantId(#[garde(custom(check_growsurf_id))] Value);

/// The same for everything that is the same action for the same person, which is done once. At most 200
/// bytes, without addresses. White space around it doesn't matter.
#[derive(Default, Deserialize, ToSchema, Validate)]
#[serde(transparent)]
#[garde(transparent)]
#[schema(value_type = String, max_length = 200, pattern = r"^[^\u0000-\u001f\u007f-\u009f@]*[^\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000@][^\u0000-\u001f\u007f-\u009f@]*$")]
pub(crate) struct DedupeKey(#[garde(custom(check_dedupe_key))] Value);

/// The referrer: an address, or GrowSurf's id of a participant.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(transparent)]
#[garde(transparent)]
#[schema(value_type = String, max_length = 254)]
pub(crate) struct Referrer(#[garde(custom(check_referrer))] Value);

/// `true` or `false`, or one of them as a text: Liquid renders text.
#[derive(Deserialize, Validate)]
#[serde(transparent)]
#[garde(transparent)]
pub(crate) struct Flag(#[garde(custom(|it, _| flag(it).map(drop)))] Value);

/// A number of days that GrowSurf takes, or the same as a text.
#[derive(Deserialize, Validate)]
#[serde(transparent)]
#[garde(transparent)]
pub(crate) struct Days(#[garde(custom(|it, _| days(it).map(drop)))] Value);

impl CustomerioAction {
    /// Reads an action.
    ///
    /// # Errors
    /// The reasons to refuse it, as sentences for the author of the template.
    pub(crate) fn read(body: Value) -> Result<Self, String> {
        template::check_rendered("", &body)?;
        let adds = body.get("type").is_some_and(|kind| kind == "add_participant");
        contract::read(body, "type", if adds { template::fix_of_addition } else { template::fix })
    }

    /// Returns the notification of the action.
    ///
    /// # Errors
    /// The reason to refuse it, as a sentence for the author of the template.
    pub(crate) fn into_notification(self, received_at: Time) -> Result<Notification, String> {
        let (identifiers, dedupe_key, campaign, participant, kind) = match self {
            Self::UpdateParticipant {
                campaign,
                dedupe_key,
                email,
                id,
                participant,
                metadata,
                unsubscribed,
                first_name,
                last_name,
            } => {
                let update = ParticipantUpdate {
                    metadata: metadata.map(Metadata::into_values).unwrap_or_default(),
                    unsubscribed: unsubscribed.and_then(|it| flag(&it.0).ok()),
                    mark: None,
                    first_name: first_name.map(String::from),
                    last_name: last_name.map(String::from),
                };
                if update == ParticipantUpdate::default() {
                    return Err(template::NOTHING.to_owned());
                }
                let kind = ActionKind::UpdateParticipant(update);
                (
                    identifiers(email, id, participant.as_ref())?,
                    dedupe_key,
                    campaign,
                    participant,
                    kind,
                )
            }
            Self::TriggerReferral {
                campaign,
                dedupe_key,
                email,
                id,
                participant,
                delay_in_days,
            } => {
                let delay_in_days = delay_in_days.and_then(|it| days(&it.0).ok());
                let kind = ActionKind::TriggerReferral { delay_in_days };
                (
                    identifiers(email, id, participant.as_ref())?,
                    dedupe_key,
                    campaign,
                    participant,
                    kind,
                )
            }
            Self::RecordShare { campaign, dedupe_key, email, id, participant, channel } => {
                let kind = ActionKind::RecordShare { channel: channel.into() };
                (
                    identifiers(email, id, participant.as_ref())?,
                    dedupe_key,
                    campaign,
                    participant,
                    kind,
                )
            }
            Self::AddParticipant {
                campaign,
                dedupe_key,
                email,
                first_name,
                last_name,
                referred_by,
                metadata,
            } => {
                let referrer = referred_by.map(|it| owned(it.0));
                let address = |it: &String| Email::parse(it).ok().map(|it| it.as_str().to_owned());
                let metadata = metadata.map(Metadata::into_values).unwrap_or_default().into_iter();
                let kind = ActionKind::AddParticipant {
                    first_name: first_name.map(String::from),
                    last_name: last_name.map(String::from),
                    referred_by: referrer.map(|it| address(&it).unwrap_or(it)),
                    metadata: metadata.filter_map(|(key, value)| Some((key, value?))).collect(),
                };
                (vec![Identifier::Email(email.into())], dedupe_key, campaign, None, kind)
            }
        };
        let action = Action {
            dedupe_key: owned(dedupe_key.0),
            campaign: campaign.map(|it| owned(it.0)),
            participant: participant.map(|it| owned(it.0)),
            is_unanswered: false,
            kind,
        };
        Ok(Notification::from_feedback(Feedback {
            at: received_at,
            identifiers,
            kind: FeedbackKind::Action(action),
            message: None,
            left_out: Vec::new(),
        }))
    }
}

fn identifiers(
    email: Option<Address>,
    id: Option<Id>,
    participant: Option<&ParticipantId>,
) -> Result<Vec<Identifier>, String> {
    if email.is_none() && id.is_none() && participant.is_none() {
        return Err(template::NOBODY.to_owned());
    }
    let email = email.map(|it| Identifier::Email(it.into()));
    Ok(email.into_iter().chain(id.map(|it| Identifier::Id(it.into()))).collect())
}

fn owned(text: Value) -> String {
    text.as_str().unwrap_or_default().trim().to_owned()
}

fn flag(value: &Value) -> Result<bool, garde::Error> {
    check_filled(value)?;
    let flag = [true, false].into_iter().find(|it| value == it || value == it.to_string().as_str());
    flag.ok_or_else(|| garde::Error::new("is neither true nor false"))
}

fn days(value: &Value) -> Result<u8, garde::Error> {
    check_filled(value)?;
    let told = contract::whole(value);
    let is_told = |it: u8| told == Some(it.into()) || *value == *it.to_string();
    let days = (1..=90).find(|it| is_told(*it));
    days.ok_or_else(|| garde::Error::new("is no whole number from 1 to 90"))
}

fn flag_schema() -> Object {
    let types = [Type::Boolean, Type::String, Type::Null];
    let flag = ObjectBuilder::new().schema_type(SchemaType::from_iter(types));
    let what = "True if GrowSurf may send the participant no more mail.";
    flag.description(Some(what)).pattern(Some("^(true|false)$")).build()
}

fn days_schema() -> Object {
    let types = [Type::Integer, Type::String, Type::Null];
    let days = ObjectBuilder::new().schema_type(SchemaType::from_iter(types));
    let days = days.minimum(Some(1)).maximum(Some(90)).pattern(Some("^([1-9]|[1-8][0-9]|90)$"));
    days.description(Some("The days until the credit is awarded.")).build()
}

/// True if a text could be an id of GrowSurf's.
fn is_growsurf_id(text: &str) -> bool {
    let is_part = |it: char| it.is_ascii_alphanumeric() || "_-".contains(it);
    text.len() <= 64 && text.chars().all(is_part)
}

fn check_growsurf_id(value: &Value, (): &()) -> garde::Result {
    match is_growsurf_id(text(value)?) {
        true => Ok(()),
        false => Err(garde::Error::new(
            "is no id of GrowSurf's, which has letters, digits, hyphens and underscores",
        )),
    }
}

fn check_dedupe_key(value: &Value, context: &()) -> garde::Result {
    // It becomes a part of an id, which holds no personal data.
    match text(value)?.contains('@') {
        true => Err(garde::Error::new(
            "holds an e-mail address, which isn't needed: the same key for another person is \
             another action",
        )),
        false => check_id(value, context),
    }
}

fn check_referrer(value: &Value, (): &()) -> garde::Result {
    let text = text(value)?;
    match is_growsurf_id(text) || Email::parse(text).is_ok() {
        true => Ok(()),
        false => Err(garde::Error::new("is neither an e-mail address nor an id of GrowSurf's")),
    }
}
