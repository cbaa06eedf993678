//! Reporting webhooks: what Customer.io reports of messages and subscriptions
//! (<https://docs.customer.io/journeys/webhooks/>).
//!
//! What belongs here: the fields that the relay reads, and the notification of a report. What doesn't:
//! the calls that follow (`mapping`).
//!
//! Reading is lenient, field by field. The published examples don't keep to the published schema,
//! and a refusal blocks all later reports. A field of a wrong type is absent.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::{
    Click, Email, EventId, Feedback, FeedbackKind, Identifier, LONGEST_ID, Link, Message,
    Notification, Time, storable_id, too_long,
};

/// A report as Customer.io sends it. A report that the relay doesn't know leads to nothing.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(examples(json!({
    "event_id": "01E4C4CT6YDC7Y5M7FE1GWWPQJ",
    "object_type": "email",
    "metric": "clicked",
    "timestamp": 1_790_000_000,
    "data": {
        "identifiers": {"id": null, "email": "fay@example.com"},
        "delivery_id": "RAECAAFwnUSneIa0ZXkmq8EdkAM==",
        "campaign_id": 7,
        "href": "https://shop.example.com?grsf=fay001",
    },
})))]
pub(crate) struct CustomerioReport {
    /// The report's own name; it counts once by it.
    #[schema(value_type = Value)]
    event_id: Word,
    /// The object: `email`, `sms`, `push`, `customer`.
    #[schema(value_type = Value)]
    object_type: Word,
    /// The event, such as `clicked` or `unsubscribed`.
    #[schema(value_type = Value)]
    metric: Word,
    /// The time in Unix seconds.
    #[schema(value_type = Value)]
    timestamp: Word,
    /// The person, the message and the link.
    #[schema(value_type = Value)]
    #[serde(deserialize_with = "object")]
    data: Data,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Data {
    #[serde(deserialize_with = "object")]
    identifiers: Identifiers,
    /// Deprecated, and blank for some people.
    customer_id: Word,
    delivery_id: Word,
    trigger_event_id: Word,
    href: Word,
    /// True if a machine clicked.
    machine: Value,
    #[serde(flatten)]
    sender: Sender,
    #[serde(deserialize_with = "object")]
    broadcast: Sender,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Identifiers {
    id: Word,
    email: Word,
}

/// The sender of a message, by its name at Customer.io.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Sender {
    campaign_id: Word,
    broadcast_id: Word,
    newsletter_id: Word,
    transactional_message_id: Word,
}

/// Reads an object, and nothing that serde would take for one, such as an array of the fields' values.
fn object<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + DeserializeOwned,
{
    let object = Some(Value::deserialize(from)?).filter(Value::is_object);
    Ok(object.and_then(|it| T::deserialize(it).ok()).unwrap_or_default())
}

/// A text or a number, as text, unless it is blank.
#[derive(Default, Deserialize)]
#[serde(from = "Value")]
struct Word(Option<String>);

impl From<Value> for Word {
    fn from(value: Value) -> Self {
        let text = match value {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) => number.to_string(),
            _ => return Self(None),
        };
        Self(Some(text).filter(|text| !text.is_empty()))
    }
}

impl Word {
    fn get(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// Returns the text if it is a word such as those for kinds of reports.
    fn plain(&self) -> Option<&str> {
        self.get().filter(|text| is_word(text))
    }
}

impl Sender {
    /// Returns the kind of the sender, such as `campaign`, and its id.
    fn id(&self, place: &str, ids: &mut Ids) -> Option<(&'static str, String)> {
        [
            (&self.campaign_id, "campaign_id", "campaign"),
            (&self.broadcast_id, "broadcast_id", "broadcast"),
            (&self.newsletter_id, "newsletter_id", "newsletter"),
            (&self.transactional_message_id, "transactional_message_id", "transactional"),
        ]
        .into_iter()
        .find_map(|(id, name, kind)| Some((kind, ids.read(id, &format!("{place}.{name}"))?)))
    }
}

/// The ids of a report, as they are read.
#[derive(Default)]
struct Ids {
    /// The reasons why some aren't kept.
    left_out: BTreeSet<String>,
}

impl Ids {
    /// Returns an id, unless it is too long.
    fn read(&mut self, id: &Word, field: &str) -> Option<String> {
        let id = storable_id(id.get()?);
        if id.len() > LONGEST_ID {
            self.left_out.insert(too_long(field));
            return None;
        }
        Some(id)
    }
}

impl CustomerioReport {
    pub(crate) fn read(body: &Value) -> Self {
        Self::deserialize(body).unwrap_or_default()
    }

    /// Returns the label that lists show in place of an event type.
    pub(crate) fn event(&self) -> Option<String> {
        Some(format!("{}_{}", self.object_type.plain()?, self.metric.plain()?))
    }

    /// Returns the notification of the report. An id in it that is too long is left out, with the reason.
    ///
    /// # Errors
    /// The field that is missing.
    pub(crate) fn into_notification(self, received_at: Time) -> Result<Notification, String> {
        let Self { event_id, object_type, metric, timestamp, data } = self;
        let report = storable_id(event_id.get().ok_or("event_id is missing")?);
        let object = object_type.get().ok_or("object_type is missing")?;
        let metric = metric.get().ok_or("metric is missing")?;
        // A time that can't be is that of the receipt: a report says what happened just now.
        let at = timestamp.get().and_then(|it| it.parse().ok()).map(Time::from_seconds);
        let at = at.filter(|at| at.seconds() >= 1_000_000_000 && *at <= received_at);
        let at = at.unwrap_or(received_at);
        let mut ids = Ids::default();
        let message = message(object, metric, &data, at, &mut ids);
        let kind = match (object, metric) {
            ("email", "clicked") => clicked(report, "email", &data, &mut ids),
            ("sms", "clicked") => clicked(report, "sms", &data, &mut ids),
            ("push", "clicked") => clicked(report, "push", &data, &mut ids),
            ("customer", "unsubscribed") => {
                FeedbackKind::Subscription { report, subscribed: false }
            }
            ("customer", "subscribed") => FeedbackKind::Subscription { report, subscribed: true },
            _ => FeedbackKind::Ignored,
        };
        // Of a report that leads to nothing, nothing is left out.
        let is_nothing = kind == FeedbackKind::Ignored && message.is_none();
        let mut unneeded = Ids::default();
        let identifiers = identifiers(&data, if is_nothing { &mut unneeded } else { &mut ids });
        let left_out = ids.left_out.into_iter().collect();
        Ok(Notification::from_feedback(Feedback { at, identifiers, kind, message, left_out }))
    }
}

/// Returns the click, unless a machine clicked or the report names no link.
fn clicked(report: String, channel: &'static str, data: &Data, ids: &mut Ids) -> FeedbackKind {
    let is_machine = data.machine == true || data.machine == "true";
    let Some(href) = data.href.get().filter(|_| !is_machine) else {
        return FeedbackKind::Ignored;
    };
    FeedbackKind::Clicked(Click {
        report,
        channel,
        grsf: grsf(href),
        href: href.to_owned(),
        delivery: ids.read(&data.delivery_id, "data.delivery_id"),
        sender: sender(data, ids),
    })
}

fn sender(data: &Data, ids: &mut Ids) -> Option<(&'static str, String)> {
    data.sender.id("data", ids).or_else(|| data.broadcast.id("data.broadcast", ids))
}

/// Returns what happened to a message, if an event started what sent it and that event could be one of
/// the relay's. What isn't a plain word might be personal, and isn't kept.
fn message(channel: &str, metric: &str, data: &Data, at: Time, ids: &mut Ids) -> Option<Message> {
    let event = data.trigger_event_id.get()?.to_ascii_uppercase();
    let event = EventId::try_from(event).ok()?;
    if channel == "customer" || !is_word(channel) || !is_word(metric) {
        return None;
    }
    let delivery = ids.read(&data.delivery_id, "data.delivery_id").filter(|id| is_id(id))?;
    let sender = sender(data, ids).filter(|(_, id)| is_id(id));
    Some(Message {
        event,
        delivery,
        channel: channel.to_owned(),
        metric: metric.to_owned(),
        sender: sender.map(|(kind, id)| (kind.to_owned(), id)),
        at,
    })
}

/// True if a text is a word such as those for kinds of reports.
fn is_word(text: &str) -> bool {
    text.len() <= 40 && text.chars().all(|it| it.is_ascii_alphanumeric() || it == '_')
}

/// True if a text could be an id of Customer.io's.
fn is_id(text: &str) -> bool {
    text.chars().all(|it| it.is_ascii_alphanumeric() || "_-+/=".contains(it))
}

/// Returns the identifiers of the person at Customer.io.
fn identifiers(data: &Data, ids: &mut Ids) -> Vec<Identifier> {
    let Identifiers { id, email } = &data.identifiers;
    let id = ids.read(id, "data.identifiers.id");
    let id = id.or_else(|| ids.read(&data.customer_id, "data.customer_id"));
    let email = email.get().and_then(|email| Email::parse(email).ok()).map(Identifier::Email);
    email.into_iter().chain(id.map(Identifier::Id)).collect()
}

/// Returns the `grsf` of a link, if it is a word that GrowSurf could have made.
fn grsf(href: &str) -> Option<String> {
    let (_, query) = href.split('#').next()?.split_once('?')?;
    let value = query.split('&').find_map(|part| part.strip_prefix("grsf="))?;
    let value = percent_decode_str(value).decode_utf8().ok()?;
    Link::is_code(&value).then(|| value.into_owned())
}
