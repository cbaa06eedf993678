//! Reporting webhooks: what Customer.io tells of messages and subscriptions
//! (<https://docs.customer.io/journeys/webhooks/>).
//!
//! What belongs here: reading one into feedback. What doesn't: what it leads to (`mapping`).
//!
//! Reading is lenient: the published examples don't keep to the published schema, and whatever is
//! refused blocks all that Customer.io would send behind it. What isn't known leads to nothing.

use std::borrow::Cow;
use std::collections::BTreeSet;

use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::domain::{
    Click, Email, EventId, Feedback, FeedbackKind, Identifier, LONGEST_ID, Link, Message, Time,
    storable_id, too_long,
};

/// What names the sender of a message, by what it is called at Customer.io.
const SENDERS: [(&str, &str); 4] = [
    ("campaign_id", "campaign"),
    ("broadcast_id", "broadcast"),
    ("newsletter_id", "newsletter"),
    ("transactional_message_id", "transactional"),
];

/// Reads a report. An id in it that is too long is left out, with the reason.
///
/// # Errors
/// The field that is wanting.
pub fn read(body: &Value, received_at: Time) -> Result<Feedback, String> {
    let report = storable_id(&text(body, "event_id").ok_or("event_id is missing")?);
    let object = text(body, "object_type").ok_or("object_type is missing")?;
    let metric = text(body, "metric").ok_or("metric is missing")?;
    let data = body.get("data").unwrap_or(&Value::Null);
    // A time that can't be is that of the receipt: a report says what happened just now.
    let at = body.get("timestamp").and_then(integer).map(Time::from_seconds);
    let at = at.filter(|at| at.seconds() >= 1_000_000_000 && *at <= received_at);
    let at = at.unwrap_or(received_at);
    let mut ids = Ids::default();
    let message = message(&object, &metric, data, at, &mut ids);
    let deed = match (object.as_ref(), metric.as_ref()) {
        (object @ ("email" | "sms" | "push"), "clicked") => clicked(report, object, data, &mut ids),
        ("customer", "unsubscribed") => FeedbackKind::Subscription { report, subscribed: false },
        ("customer", "subscribed") => FeedbackKind::Subscription { report, subscribed: true },
        _ => FeedbackKind::Ignored,
    };
    // Of a report that leads to nothing, nothing is left out.
    let is_nothing = deed == FeedbackKind::Ignored && message.is_none();
    let mut unneeded = Ids::default();
    let who = who(data, if is_nothing { &mut unneeded } else { &mut ids });
    Ok(Feedback {
        at,
        identifiers: who,
        kind: deed,
        message,
        left_out: ids.left_out.into_iter().collect(),
    })
}

/// The ids of a report, as they are read.
#[derive(Default)]
struct Ids {
    /// The reasons why some aren't kept.
    left_out: BTreeSet<String>,
}

impl Ids {
    /// Returns an id, unless it is too long.
    fn read(&mut self, object: &Value, name: &str, field: &str) -> Option<String> {
        let id = storable_id(&text(object, name)?);
        if id.len() > LONGEST_ID {
            self.left_out.insert(too_long(field));
            return None;
        }
        Some(id)
    }
}

/// What stands in lists where a webhook's event type does.
pub fn event(body: &Value) -> Option<String> {
    let word = |name| text(body, name).filter(|text| is_word(text)).map(Cow::into_owned);
    Some(format!("{}_{}", word("object_type")?, word("metric")?))
}

/// A click, unless a machine clicked or no link is told.
fn clicked(report: String, channel: &str, data: &Value, ids: &mut Ids) -> FeedbackKind {
    let channel = match channel {
        "sms" => "sms",
        "push" => "push",
        _ => "email",
    };
    let is_machine = match data.get("machine") {
        Some(Value::Bool(machine)) => *machine,
        Some(Value::String(machine)) => machine == "true",
        _ => false,
    };
    let Some(href) = text(data, "href").filter(|_| !is_machine) else {
        return FeedbackKind::Ignored;
    };
    FeedbackKind::Clicked(Click {
        report,
        channel,
        grsf: grsf(&href),
        href: href.into_owned(),
        delivery: ids.read(data, "delivery_id", "data.delivery_id"),
        sender: sender(data, ids),
    })
}

/// What sent a message, such as `campaign` and its id.
fn sender(data: &Value, ids: &mut Ids) -> Option<(&'static str, String)> {
    SENDERS.into_iter().find_map(|(name, kind)| {
        let id = ids.read(data, name, &format!("data.{name}"));
        let nested = || ids.read(data.get("broadcast")?, name, &format!("data.broadcast.{name}"));
        Some((kind, id.or_else(nested)?))
    })
}

/// What happened to a message, if an event started what sent it and that event could be one of the
/// relay's. What isn't a plain word might be somebody's, and isn't kept.
fn message(channel: &str, metric: &str, data: &Value, at: Time, ids: &mut Ids) -> Option<Message> {
    let event = text(data, "trigger_event_id")?.to_ascii_uppercase();
    let event = EventId::try_from(event).ok()?;
    if channel == "customer" || !is_word(channel) || !is_word(metric) {
        return None;
    }
    let delivery = ids.read(data, "delivery_id", "data.delivery_id").filter(|id| is_id(id))?;
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

/// Whether a text is a word such as those for kinds of reports.
fn is_word(text: &str) -> bool {
    text.len() <= 40 && text.chars().all(|it| it.is_ascii_alphanumeric() || it == '_')
}

/// Whether a text could be an id of Customer.io's.
fn is_id(text: &str) -> bool {
    text.chars().all(|it| it.is_ascii_alphanumeric() || "_-+/=".contains(it))
}

/// How Customer.io knows whom it is about. `customer_id` is deprecated and blank for some.
fn who(data: &Value, ids: &mut Ids) -> Vec<Identifier> {
    let identifiers = data.get("identifiers").unwrap_or(&Value::Null);
    let id = ids.read(identifiers, "id", "data.identifiers.id");
    let id = id.or_else(|| ids.read(data, "customer_id", "data.customer_id"));
    let email = text(identifiers, "email").and_then(|email| Email::parse(&email).ok());
    let email = email.map(Identifier::Email);
    let id = id.map(Identifier::Id);
    email.into_iter().chain(id).collect()
}

/// What a link's `grsf` says, if it is a word that GrowSurf could have made.
fn grsf(href: &str) -> Option<String> {
    let (_, query) = href.split('#').next()?.split_once('?')?;
    let value = query.split('&').find_map(|part| part.strip_prefix("grsf="))?;
    let value = percent_decode_str(value).decode_utf8().ok()?;
    Link::is_code(&value).then(|| value.into_owned())
}

/// Returns a text or a number, as text, unless it is blank.
fn text<'v>(object: &'v Value, name: &str) -> Option<Cow<'v, str>> {
    let text = match object.get(name)? {
        Value::String(text) => Cow::Borrowed(text.trim()),
        Value::Number(number) => Cow::Owned(number.to_string()),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};
    use serde_json::json;

    use super::*;

    const NOW: Time = Time::from_seconds(1_790_000_000);

    fn report(object: &str, metric: &str, data: &Value) -> Value {
        json!({
            "event_id": "01JREPORT", "object_type": object, "metric": metric,
            "timestamp": 1_789_000_000, "data": data,
        })
    }

    fn of(data: &Value) -> Value {
        let mut all = json!({
            "customer_id": "",
            "identifiers": { "id": null, "email": "Ann@Example.com", "cio_id": "d9c1" },
            "delivery_id": "dlv1", "campaign_id": 7, "recipient": "ann@example.com",
        });
        all.as_object_mut().unwrap().extend(data.as_object().unwrap().clone());
        all
    }

    #[test]
    fn a_click_is_read_with_whose_link_it_was() {
        let href = "https://shop.example/?utm=a&grsf=ann%2D01#top";
        let feedback = read(&report("email", "clicked", &of(&json!({"href": href}))), NOW).unwrap();
        assert_eq!(feedback.at, Time::from_seconds(1_789_000_000));
        assert_eq!(
            feedback.identifiers,
            [Identifier::Email(Email::parse("ann@example.com").unwrap())]
        );
        let FeedbackKind::Clicked(click) = feedback.kind else { panic!("{feedback:?}") };
        assert_eq!(click.grsf.as_deref(), Some("ann-01"));
        assert_eq!((click.channel, click.href.as_str()), ("email", href));
        assert_eq!(click.sender, Some(("campaign", "7".to_owned())));
        assert_eq!(click.delivery.as_deref(), Some("dlv1"));
    }

    #[test]
    fn a_message_is_read_with_the_event_that_started_what_sent_it() {
        let event = EventId([0xa5; 16]);
        let data = |changes: Value| {
            let mut data = of(&json!({"trigger_event_id": event.to_string().to_lowercase()}));
            data.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
            data
        };
        let message = |object: &str, metric: &str, changes: Value| {
            read(&report(object, metric, &data(changes)), NOW).unwrap().message
        };
        for (object, metric) in [("email", "opened"), ("whatsapp", "sent"), ("webhook", "failed")] {
            assert_eq!(
                message(object, metric, json!({})),
                Some(Message {
                    event,
                    delivery: "dlv1".to_owned(),
                    channel: object.to_owned(),
                    metric: metric.to_owned(),
                    sender: Some(("campaign".to_owned(), "7".to_owned())),
                    at: Time::from_seconds(1_789_000_000),
                })
            );
        }
        // A click is both.
        let href = json!({"href": "https://shop.example/?grsf=a"});
        let clicked = read(&report("email", "clicked", &data(href)), NOW).unwrap();
        assert!(clicked.message.is_some() && matches!(clicked.kind, FeedbackKind::Clicked(_)));
        let strange = json!({"campaign_id": "ann@example.com"});
        assert_eq!(message("email", "sent", strange).unwrap().sender, None);
        for (object, metric, changes) in [
            ("email", "opened", json!({"trigger_event_id": null})),
            ("email", "opened", json!({"trigger_event_id": "01REPORT"})),
            ("email", "opened", json!({"delivery_id": "ann@example.com"})),
            ("email", "opened", json!({"delivery_id": null})),
            ("email", "ann@example.com", json!({})),
            ("customer", "unsubscribed", json!({})),
        ] {
            assert_eq!(message(object, metric, changes.clone()), None, "{object} {changes}");
        }
    }

    #[test]
    fn machines_and_whatever_isnt_known_lead_to_nothing() {
        let href = json!({"href": "https://shop.example/?grsf=a"});
        let machine = json!({"href": "https://shop.example/?grsf=a", "machine": true});
        let nothing = json!({});
        for (object, metric, data) in [
            ("email", "clicked", &machine),
            ("email", "clicked", &nothing),
            ("email", "opened", &href),
            ("webhook", "failed", &nothing),
            ("pigeon", "landed", &nothing),
        ] {
            let feedback = read(&report(object, metric, &of(data)), NOW).unwrap();
            assert_eq!(feedback.kind, FeedbackKind::Ignored, "{object} {metric}");
        }
    }

    #[test]
    fn published_examples_that_break_the_published_schema_are_read() {
        let mut news = report("customer", "unsubscribed", &json!({"customer_id": "42"}));
        news["timestamp"] = json!("1789000000");
        let feedback = read(&news, NOW).unwrap();
        assert_eq!(feedback.identifiers, [Identifier::Id("42".to_owned())]);
        assert!(matches!(feedback.kind, FeedbackKind::Subscription { subscribed: false, .. }));
        assert_eq!(feedback.at, Time::from_seconds(1_789_000_000));
        news["timestamp"] = json!(1_789_000_000_000_i64);
        assert_eq!(read(&news, NOW).unwrap().at, NOW, "milliseconds are no seconds");
        news["data"] = Value::Null;
        assert!(read(&news, NOW).unwrap().identifiers.is_empty());
    }

    #[test]
    fn what_names_nothing_says_what_is_missing() {
        for field in ["event_id", "object_type", "metric"] {
            let mut news = report("email", "sent", &json!({}));
            news[field] = json!("  ");
            assert_eq!(read(&news, NOW).unwrap_err(), format!("{field} is missing"));
        }
        assert_eq!(event(&report("email", "clicked", &json!({}))).unwrap(), "email_clicked");
        assert_eq!(event(&report("ann@example.com", "x", &json!({}))), None);
    }

    #[test]
    fn only_words_that_growsurf_makes_are_taken_from_a_link() {
        for (href, word) in [
            ("https://a.example/?grsf=x9a7uu", Some("x9a7uu")),
            ("https://a.example/?grsf=", None),
            ("https://a.example/?grsf=a%20b", None),
            ("https://a.example/?ngrsf=a", None),
            ("https://a.example/#?grsf=a", None),
            ("https://a.example/grsf=a", None),
        ] {
            assert_eq!(grsf(href).as_deref(), word, "{href}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(href in any::<String>(), id in any::<String>(), at in any::<i64>()) {
            let mut news = report("sms", "clicked", &json!({"href": href, "customer_id": id}));
            news["timestamp"] = json!(at);
            let _ = read(&news, NOW);
            let _ = event(&news);
        }
    }
}
