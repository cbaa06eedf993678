//! Events of the user's own backend: `/v1/events`, server to server.
//!
//! What belongs here: the contract, and the notification of an event. What doesn't: the token
//! (`http`), and the calls that follow (`mapping`). Reading is strict, because the sender can fix the
//! body at once.

#[cfg(test)]
mod tests;

use std::time::Duration;

use garde::Validate;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};

use super::contract::{self, Address, Contract, Faults, Id, Text, check, check_filled};
use crate::domain::{
    Amount, CURRENCIES, Campaign, Email, Event, Facts, Notification, ParticipantIndex, Scalar,
    SendFilter, Snapshot, Time, TimedEvent, currency_in_use,
};

/// No event is worth more: such an amount was a slip, or no amount of money.
const MOST: f64 = 1e12;

/// Before this, in 2001, nothing happened: such a time was written in another unit.
const EARLIEST: Time = Time::from_seconds(1_000_000_000);

/// After this, in 2100, nothing is known yet: such a time was written in another unit.
const LATEST: Time = Time::from_seconds(4_102_444_800);

/// The distance by which a time may lie ahead of the receipt.
const AHEAD: Duration = Duration::from_secs(24 * 60 * 60);

/// Declares the contract from the kinds of events; the fields that every event has stand here.
macro_rules! events {
    ($($(#[$doc:meta])* $event:ident { $($fields:tt)* })+) => {
        /// An event. A field that isn't known is refused. Either `participant_id` or `email` is needed, and
        /// names the participant.
        #[derive(Deserialize, ToSchema, Validate)]
        #[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
        #[garde(allow_unvalidated)]
        pub(crate) enum ServerEvent {
            $($(#[$doc])* $event {
                /// GrowSurf's id of the campaign, one of those that the settings name, if they name any. May be
                /// left out where they name exactly one.
                #[garde(dive)]
                campaign: Option<Id>,
                /// GrowSurf's id of the participant.
                #[garde(dive)]
                participant_id: Option<Id>,
                #[garde(dive)]
                email: Option<Address>,
                /// The time in Unix seconds, at most a day ahead of the relay's clock. Left out: now.
                #[garde(custom(check_time))]
                #[schema(value_type = Option<i64>, minimum = 1_000_000_000, maximum = 4_102_444_800_i64)]
                occurred_at: Option<Value>,
                $($fields)*
            },)+
        }

        impl ServerEvent {
            fn common(&self) -> Common<'_> {
                let ($(Self::$event { campaign, participant_id, email, occurred_at, .. })|+) = self;
                Common { campaign, participant_id, email, occurred_at }
            }
        }
    };
}

events! {
    /// A friend has converted, which they do once in a campaign.
    #[schema(title = "ReferralConverted", examples(json!({
        "event": "referral_converted", "campaign": "b2xq7v", "email": "fay@example.com",
        "conversion_value": 49.5, "currency": "EUR", "product": "Pro",
    })))]
    ReferralConverted {
        /// The worth in the currency's major unit.
        #[garde(custom(check_amount))]
        #[schema(value_type = Option<f64>, minimum = 0, maximum = 1_000_000_000_000_i64)]
        conversion_value: Option<Value>,
        #[garde(custom(check_currency))]
        #[schema(schema_with = currency_schema)]
        currency: Option<Value>,
        /// The product that was bought.
        #[garde(dive)]
        product: Option<Text>,
    }
    /// A participant has shared their link.
    #[schema(title = "ReferralShared", examples(json!({
        "event": "referral_shared", "campaign": "b2xq7v", "participant_id": "fay001",
        "id": "share-77", "channel": "whatsapp",
    })))]
    ReferralShared {
        /// Your name of the event, the same however often it is sent.
        #[garde(dive)]
        #[serde(default)]
        #[schema(required = true)]
        id: Id,
        /// The channel of the share.
        #[garde(dive)]
        #[serde(default)]
        #[schema(required = true)]
        channel: Text,
    }
    /// A participant has bought something.
    #[schema(title = "Purchase", examples(json!({
        "event": "purchase", "campaign": "b2xq7v", "email": "fay@example.com", "id": "order-1042",
        "value": 20, "currency": "EUR", "occurred_at": 1_790_000_000,
    })))]
    Purchase {
        /// Your name of the event, the same however often it is sent.
        #[garde(dive)]
        #[serde(default)]
        #[schema(required = true)]
        id: Id,
        /// The worth in the currency's major unit.
        #[garde(custom(check_amount))]
        #[schema(value_type = Option<f64>, minimum = 0, maximum = 1_000_000_000_000_i64)]
        value: Option<Value>,
        #[garde(custom(check_currency))]
        #[schema(schema_with = currency_schema)]
        currency: Option<Value>,
        /// The product that was bought.
        #[garde(dive)]
        product: Option<Text>,
    }
}

/// True if a body has the name of an event in the place of one.
pub fn is_server_event(body: &Value) -> bool {
    let events = ["referral_converted", "referral_shared", "purchase"];
    body.get("event").and_then(Value::as_str).is_some_and(|name| events.contains(&name))
}

/// The fields that every event has.
struct Common<'a> {
    campaign: &'a Option<Id>,
    participant_id: &'a Option<Id>,
    email: &'a Option<Address>,
    occurred_at: &'a Option<Value>,
}

impl Contract for ServerEvent {
    const TAG: &'static str = "event";

    fn fix(_: &str, field: &str) -> &'static str {
        match field {
            "event" => "it is one of referral_converted, referral_shared and purchase",
            "id" => "the same for the same event, however often it is sent",
            "channel" => "the channel of the share, for example \"whatsapp\"",
            _ => "leave it out",
        }
    }

    fn fault(&self, received_at: Time) -> Option<&'static str> {
        let Common { participant_id, email, occurred_at, .. } = self.common();
        if participant_id.is_some() == email.is_some() {
            return Some("one of participant_id and email must be there, and only one");
        }
        let at = occurred_at.as_ref().and_then(seconds);
        at.is_some_and(|at| at > received_at.plus(AHEAD))
            .then_some("occurred_at lies in the future")
    }
}

impl ServerEvent {
    /// Reads the notification of an event.
    ///
    /// # Errors
    /// The reasons to refuse it, which name the fields and repeat no value.
    pub(crate) fn read(body: Value, received_at: Time) -> Result<Notification, String> {
        let read = contract::read::<Self>(body, received_at, Faults::default())?;
        let Common { campaign, participant_id, email, occurred_at } = read.common();
        let at = occurred_at.as_ref().and_then(seconds).unwrap_or(received_at);
        Ok(Notification {
            campaign: Campaign { id: campaign.as_ref().map(String::from), name: None },
            as_of: None,
            people: vec![snapshot(participant_id, email)],
            events: vec![TimedEvent { at: Some(at), event: read.event(ParticipantIndex(0)) }],
            filter: SendFilter::All,
            feedback: None,
            is_from_server: true,
        })
    }

    fn event(&self, participant: ParticipantIndex) -> Event {
        match self {
            Self::ReferralConverted { conversion_value, currency, product, .. } => {
                Event::ReferralConverted {
                    friend: participant,
                    referrer: None,
                    value: worth(conversion_value, currency),
                    product: product.as_ref().map(String::from),
                }
            }
            Self::ReferralShared { id, channel, .. } => Event::ShareReported {
                participant,
                channel: channel.into(),
                key: id.into(),
                is_from_page: false,
            },
            Self::Purchase { id, value, currency, product, .. } => Event::Purchased {
                participant,
                key: id.into(),
                value: worth(value, currency),
                product: product.as_ref().map(String::from),
            },
        }
    }
}

/// Returns the participant as an id or an address names them.
fn snapshot(id: &Option<Id>, email: &Option<Address>) -> Snapshot {
    let id = id.as_ref().map(String::from).unwrap_or_default();
    let named = Snapshot { is_subject: false, ..Snapshot::with_id("body", id) };
    let Some(email) = email.as_ref().map(Email::from) else { return named };
    let facts = [(Facts::EMAIL.to_owned(), Scalar::from(email.as_str()))].into();
    Snapshot { id: None, email: Ok(email), facts, ..named }
}

/// Returns the amount. A currency without a number is worth nothing.
fn worth(value: &Option<Value>, currency: &Option<Value>) -> Option<Amount> {
    let value = value.as_ref()?;
    let whole = value.as_i64().map(Scalar::Integer);
    let value = whole.or_else(|| value.as_f64().map(Scalar::Decimal))?;
    let currency = currency.as_ref().and_then(|code| currency_in_use(code.as_str()?));
    Some(Amount { value, currency: currency.map(str::to_owned) })
}

/// Returns a time in Unix seconds.
fn seconds(value: &Value) -> Option<Time> {
    let at = contract::whole(value).map(Time::from_seconds);
    at.filter(|at| (EARLIEST..=LATEST).contains(at))
}

fn check_time(value: &Option<Value>, (): &()) -> garde::Result {
    let is_right = value.as_ref().is_none_or(|it| seconds(it).is_some());
    check(is_right, "is no time in whole Unix seconds, such as 1790000000")
}

fn check_amount(value: &Option<Value>, (): &()) -> garde::Result {
    let Some(value) = value else { return Ok(()) };
    check_filled(value)?;
    let number = value.as_f64().ok_or_else(|| garde::Error::new("is no number"))?;
    check(number >= 0.0, "is negative")?;
    check(number <= MOST, &format!("is more than {MOST}"))
}

fn check_currency(value: &Option<Value>, (): &()) -> garde::Result {
    let Some(value) = value else { return Ok(()) };
    check_filled(value)?;
    let is_in_use = value.as_str().and_then(currency_in_use).is_some();
    check(is_in_use, "is no ISO 4217 code such as EUR")
}

fn currency_schema() -> Object {
    ObjectBuilder::new()
        .description(Some("The amount's currency, by ISO 4217."))
        .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
        .enum_values(Some(CURRENCIES.iter().copied().map(Some).chain([None])))
        .build()
}
