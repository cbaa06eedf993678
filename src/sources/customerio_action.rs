//! Webhook actions: what campaigns at Customer.io request of GrowSurf
//! (<https://docs.customer.io/journeys/webhooks-action/>).
//!
//! What belongs here: the contract, and the notification of an action. What doesn't: the calls that
//! follow (`mapping`).
//!
//! Customer.io sends the text that a campaign's template renders to, so the contract is the relay's
//! own. Reading is strict. A marketer sees the answer in Customer.io's log and can fix the
//! template, but nobody notices an action that is half understood. An empty text is a fault: a
//! variable that isn't there renders to it.

mod metadata;
mod template;
#[cfg(test)]
mod tests;

use garde::Validate;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};

use super::contract::{
    self, Address, Contract, Id, Text, check, check_filled, check_id, text, texts,
};
use crate::domain::{
    Action, ActionKind, Email, Feedback, FeedbackKind, Identifier, Notification, ParticipantUpdate,
    Time,
};
use metadata::Metadata;

/// Declares the contract from the kinds of actions. Two fields are in all of them; three more name the person
/// in those before the semicolon, where the person is known already.
macro_rules! actions {
    (
        $($(#[$doc:meta])* $action:ident { $($fields:tt)* })+;
        $(#[$doc_of_new:meta])* $new:ident { $($fields_of_new:tt)* }
    ) => {
        /// A rendered template. A field that isn't known is refused, and so is a text that is empty or holds
        /// `{{` or `{%`; `detail` of a 422 says which. `null` is the same as leaving a field out. All but
        /// `add_participant` need at least one of `email`, `id` and `participant`, which name the person.
        #[derive(Deserialize, ToSchema, Validate)]
        #[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
        #[garde(allow_unvalidated)]
        pub(crate) enum CustomerioAction {
            $($(#[$doc])* $action {
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
                $($fields)*
            },)+
            $(#[$doc_of_new])* $new {
                #[garde(dive)]
                campaign: Option<CampaignId>,
                #[garde(dive)]
                #[serde(default)]
                #[schema(required = true)]
                dedupe_key: DedupeKey,
                $($fields_of_new)*
            },
        }

        impl CustomerioAction {
            fn common(&self) -> Common<'_> {
                match self {
                    $(Self::$action { campaign, dedupe_key, email, id, participant, .. })|+ => {
                        let (email, id) = (email.as_ref(), id.as_ref());
                        Common { campaign, dedupe_key, email, id, participant: participant.as_ref() }
                    }
                    Self::$new { campaign, dedupe_key, email, .. } => {
                        let email = Some(email);
                        Common { campaign, dedupe_key, email, id: None, participant: None }
                    }
                }
            }
        }
    };
}

actions! {
    /// Changes participant data at GrowSurf. What is left out stays; at least one field is to change.
    #[schema(title = "UpdateParticipant", examples(json!({
        "type": "update_participant", "campaign": "b2xq7v", "dedupe_key": "plan-4711",
        "email": "fay@example.com", "metadata": {"plan": "pro", "vip": true},
    })))]
    UpdateParticipant {
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
    }
    /// Awards the credit for the referral of the person, who is the friend.
    #[schema(title = "TriggerReferral", examples(json!({
        "type": "trigger_referral", "campaign": "b2xq7v", "dedupe_key": "first-order",
        "email": "fay@example.com", "delay_in_days": 14,
    })))]
    TriggerReferral {
        #[garde(dive)]
        #[schema(schema_with = days_schema)]
        delay_in_days: Option<Days>,
    }
    /// Records that a participant shared their link.
    #[schema(title = "RecordShare", examples(json!({
        "type": "record_share", "campaign": "b2xq7v", "dedupe_key": "share-4711", "id": "4711",
        "channel": "whatsapp",
    })))]
    RecordShare {
        #[garde(dive)]
        #[serde(default)]
        #[schema(required = true)]
        channel: Text,
    };
    /// Adds a participant to a campaign.
    #[schema(title = "AddParticipant", examples(json!({
        "type": "add_participant", "campaign": "b2xq7v", "dedupe_key": "invited",
        "email": "fay@example.com", "first_name": "Fay", "referred_by": "rae001",
    })))]
    AddParticipant {
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
    }
}

texts! {
    (value_type = String, pattern = "^[A-Za-z0-9_-]{1,64}$");

    /// GrowSurf's id of the campaign, one of those that the settings name, if they name any. May be left out
    /// where they name exactly one.
    CampaignId(check_growsurf_id);

    /// GrowSurf's id of the participant.
    ParticipantId(check_growsurf_id);
}

texts! {
    (
        value_type = String,
        max_length = 200,
        pattern = r"^[^\u0000-\u001f\u007f-\u009f@]*[^\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000@][^\u0000-\u001f\u007f-\u009f@]*$"
    );

    /// The same for everything that is the same action for the same person, which is done once. At most 200
    /// bytes, without addresses. White space around it doesn't matter.
    DedupeKey(check_dedupe_key);
}

texts! {
    (value_type = String, max_length = 254);

    /// The referrer: an address, or GrowSurf's id of a participant.
    Referrer(check_referrer);
}

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

/// The fields that most actions have.
struct Common<'a> {
    campaign: &'a Option<CampaignId>,
    dedupe_key: &'a DedupeKey,
    email: Option<&'a Address>,
    id: Option<&'a Id>,
    participant: Option<&'a ParticipantId>,
}

impl Contract for CustomerioAction {
    const TAG: &'static str = "type";

    fn fix(kind: &str, field: &str) -> &'static str {
        template::fix(kind, field)
    }

    fn fault(&self, _: Time) -> Option<&'static str> {
        if let Self::UpdateParticipant { metadata, unsubscribed, first_name, last_name, .. } = self
            && metadata.as_ref().is_none_or(Metadata::is_empty)
            && (unsubscribed.is_none() && first_name.is_none() && last_name.is_none())
        {
            return Some(template::NOTHING);
        }
        let Common { email, id, participant, .. } = self.common();
        let names_nobody = email.is_none() && id.is_none() && participant.is_none();
        names_nobody.then_some(template::NOBODY)
    }
}

impl CustomerioAction {
    /// Reads the notification of an action.
    ///
    /// # Errors
    /// The reasons to refuse it, as sentences for the author of the template.
    pub(crate) fn read(body: Value, received_at: Time) -> Result<Notification, String> {
        let unrendered = template::unrendered(&body);
        let read = contract::read::<Self>(body, received_at, unrendered)?;
        let Common { campaign, dedupe_key, email, id, participant } = read.common();
        let email = email.map(|it| Identifier::Email(it.into()));
        let id = id.map(|it| Identifier::Id(it.into()));
        let action = Action {
            dedupe_key: dedupe_key.into(),
            campaign: campaign.as_ref().map(String::from),
            participant: participant.map(String::from),
            is_unanswered: false,
            kind: read.kind(),
        };
        Ok(Notification::from_feedback(Feedback {
            at: received_at,
            identifiers: email.into_iter().chain(id).collect(),
            kind: FeedbackKind::Action(action),
            message: None,
            left_out: Vec::new(),
        }))
    }

    fn kind(&self) -> ActionKind {
        let values = |metadata: &Option<Metadata>| {
            metadata.as_ref().map(Metadata::values).unwrap_or_default()
        };
        let text = |text: &Option<Text>| text.as_ref().map(String::from);
        match self {
            Self::UpdateParticipant { metadata, unsubscribed, first_name, last_name, .. } => {
                ActionKind::UpdateParticipant(ParticipantUpdate {
                    metadata: values(metadata),
                    unsubscribed: unsubscribed.as_ref().and_then(|it| flag(&it.0).ok()),
                    mark: None,
                    first_name: text(first_name),
                    last_name: text(last_name),
                })
            }
            Self::TriggerReferral { delay_in_days, .. } => ActionKind::TriggerReferral {
                delay_in_days: delay_in_days.as_ref().and_then(|it| days(&it.0).ok()),
            },
            Self::RecordShare { channel, .. } => {
                ActionKind::RecordShare { channel: channel.into() }
            }
            Self::AddParticipant { first_name, last_name, referred_by, metadata, .. } => {
                let address = |it: &String| Email::parse(it).ok().map(|it| it.as_str().to_owned());
                let referrer = referred_by.as_ref().map(String::from);
                let metadata = values(metadata).into_iter();
                ActionKind::AddParticipant {
                    first_name: text(first_name),
                    last_name: text(last_name),
                    referred_by: referrer.map(|it| address(&it).unwrap_or(it)),
                    metadata: metadata.filter_map(|(key, value)| Some((key, value?))).collect(),
                }
            }
        }
    }
}

fn flag(value: &Value) -> Result<bool, garde::Error> {
    check_filled(value)?;
    let flag = [true, false].into_iter().find(|it| value == it || value == it.to_string().as_str());
    flag.ok_or_else(|| garde::Error::new("is neither true nor false"))
}

fn days(value: &Value) -> Result<u8, garde::Error> {
    check_filled(value)?;
    let number = contract::whole(value);
    let is_same = |it: u8| number == Some(it.into()) || *value == *it.to_string();
    let days = (1..=90).find(|it| is_same(*it));
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
    let fault = "is no id of GrowSurf's, which has letters, digits, hyphens and underscores";
    check(is_growsurf_id(text(value)?), fault)
}

fn check_dedupe_key(value: &Value, context: &()) -> garde::Result {
    // It becomes a part of an id, which holds no personal data.
    let fault = "holds an e-mail address, which isn't needed: the same key for another person is \
                 another action";
    check(!text(value)?.contains('@'), fault)?;
    check_id(value, context)
}

fn check_referrer(value: &Value, (): &()) -> garde::Result {
    let text = text(value)?;
    let is_right = is_growsurf_id(text) || Email::parse(text).is_ok();
    check(is_right, "is neither an e-mail address nor an id of GrowSurf's")
}
