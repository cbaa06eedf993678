//! The shop: what the user's own backend tells the relay, server to server.
//!
//! What belongs here: reading one event into news, strictly, because whoever posts it can mend it.
//! What doesn't: who may post (`http`), and what it leads to (`mapping`). `schema` says the same rules
//! to whoever writes against them: what it allows is read, what it forbids is refused.

mod schema;

use std::time::Duration;

use serde_json::{Map, Value};

use crate::domain::{
    Amount, Campaign, Email, Event, Facts, Notification, ParticipantIndex, Scalar, SendFilter,
    Snapshot, Time, TimedEvent, currency_in_use, is_too_long, storable_id, too_long,
};

pub use schema::ShopEvent;

/// The longest text that a field may hold, in characters, as the schema counts them.
const LONGEST: usize = 200;

/// The longest e-mail address, likewise; what mail can be sent to is shorter still for letters that
/// take several bytes.
const LONGEST_EMAIL: usize = 254;

/// No event is worth more: such an amount was a slip, or no amount of money.
const MOST: f64 = 1e12;

/// Before this, in 2001, nothing happened: such a time was written in another unit.
const EARLIEST: Time = Time::from_seconds(1_000_000_000);

/// How far a time may lie ahead of the receipt.
const AHEAD: Duration = Duration::from_secs(24 * 60 * 60);

/// The fields that every event may have.
const COMMON: [&str; 5] = ["event", "campaign", "participant_id", "email", "occurred_at"];

/// The names of the events, as they are told.
const CONVERTED: &str = "referral_converted";
const SHARED: &str = "referral_shared";
const PURCHASED: &str = "purchase";

/// The fields that hold ids.
const IDS: [&str; 3] = ["campaign", "participant_id", "id"];

/// The fields that each may have beside the common ones.
const OF_CONVERTED: [&str; 3] = ["conversion_value", "currency", "product"];
const OF_SHARED: [&str; 2] = ["id", "channel"];
const OF_PURCHASED: [&str; 4] = ["id", "value", "currency", "product"];

/// True if a body has the name of an event in the place of one.
pub fn is_server_event(body: &Value) -> bool {
    let name = body.get("event").and_then(Value::as_str);
    name.is_some_and(|name| [CONVERTED, SHARED, PURCHASED].contains(&name))
}

/// What an event says, or why it is refused. The reason names the field and repeats no value.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn read(body: &Value, received_at: Time) -> Result<Notification, String> {
    let fields = Fields(body.as_object().ok_or("the body is no object")?);
    let who = fields.who()?;
    let event = match fields.string("event")?.ok_or("event is missing")? {
        CONVERTED => {
            fields.are_among(&OF_CONVERTED)?;
            Event::ReferralConverted {
                friend: ParticipantIndex(0),
                referrer: None,
                value: fields.worth("conversion_value")?,
                product: fields.text("product")?,
            }
        }
        SHARED => {
            fields.are_among(&OF_SHARED)?;
            let channel = fields.text("channel")?.ok_or("channel is missing")?;
            Event::ShareReported {
                participant: ParticipantIndex(0),
                channel,
                key: fields.key()?,
                is_from_page: false,
            }
        }
        PURCHASED => {
            fields.are_among(&OF_PURCHASED)?;
            Event::Purchased {
                participant: ParticipantIndex(0),
                key: fields.key()?,
                value: fields.worth("value")?,
                product: fields.text("product")?,
            }
        }
        _ => return Err(format!("event is none of {CONVERTED}, {SHARED} and {PURCHASED}")),
    };
    Ok(Notification {
        campaign: Campaign { id: fields.text("campaign")?, name: None },
        as_of: None,
        people: vec![who],
        events: vec![TimedEvent { at: Some(fields.occurred_at(received_at)?), event }],
        filter: SendFilter::All,
        feedback: None,
        is_from_server: true,
    })
}

/// The fields of an event.
struct Fields<'a>(&'a Map<String, Value>);

impl Fields<'_> {
    /// Whether there is nothing beside these and the common ones; a misspelt one would be lost.
    fn are_among(&self, own: &[&str]) -> Result<(), String> {
        let is_known = |name: &str| COMMON.contains(&name) || own.contains(&name);
        if self.0.keys().all(|name| is_known(name)) {
            return Ok(());
        }
        let known = [&COMMON, own].concat().join(", ");
        Err(format!("there is an unknown field; known are {known}"))
    }

    /// A text as it stands there; nothing where there is none, or `null`.
    fn string(&self, name: &str) -> Result<Option<&str>, String> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(format!("{name} is no text")),
        }
    }

    /// A text of at most so many characters, without the white space around it.
    fn trimmed(&self, name: &str, longest: usize) -> Result<Option<&str>, String> {
        let Some(text) = self.string(name)? else { return Ok(None) };
        if IDS.contains(&name) && is_too_long(&storable_id(text)) {
            return Err(too_long(name));
        }
        if text.chars().nth(longest).is_some() {
            return Err(format!("{name} is longer than {longest} characters"));
        }
        match text.trim() {
            "" => Err(format!("{name} is empty; leave it out")),
            text => Ok(Some(text)),
        }
    }

    fn text(&self, name: &str) -> Result<Option<String>, String> {
        Ok(self.trimmed(name, LONGEST)?.map(storable_id))
    }

    /// Names this event among all that the shop tells.
    fn key(&self) -> Result<String, String> {
        let missing = "id is missing: the same for the same event, however often it is sent";
        self.text("id")?.ok_or_else(|| missing.to_owned())
    }

    fn who(&self) -> Result<Snapshot, String> {
        match (self.text("participant_id")?, self.trimmed("email", LONGEST_EMAIL)?) {
            (Some(id), None) => Ok(Snapshot { is_subject: false, ..Snapshot::with_id("body", id) }),
            (None, Some(email)) => {
                let email = Email::parse(email).map_err(|fault| format!("email {fault}"))?;
                let value = Scalar::from(email.as_str());
                Ok(Snapshot {
                    field: "body",
                    id: None,
                    email: Ok(email),
                    facts: [(Facts::EMAIL.to_owned(), value)].into(),
                    metadata: Default::default(),
                    share_total: None,
                    joined_at: None,
                    is_subject: false,
                    unmapped: Vec::new(),
                })
            }
            _ => Err("one of participant_id and email must be there, and only one".to_owned()),
        }
    }

    /// The number of this name and the currency. A currency without a number is worth nothing.
    fn worth(&self, name: &str) -> Result<Option<Amount>, String> {
        let (value, currency) = (self.amount(name)?, self.currency()?);
        Ok(value.map(|value| Amount { value, currency }))
    }

    fn amount(&self, name: &str) -> Result<Option<Scalar>, String> {
        let number = match self.0.get(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::Number(number)) => number,
            Some(_) => return Err(format!("{name} is no number")),
        };
        let whole = number.as_i64().map(Scalar::Integer);
        let amount = whole.or_else(|| number.as_f64().map(Scalar::Decimal));
        match number.as_f64() {
            Some(number) if number < 0.0 => Err(format!("{name} is negative")),
            Some(number) if number <= MOST => Ok(amount),
            _ => Err(format!("{name} is more than {MOST}")),
        }
    }

    fn currency(&self) -> Result<Option<String>, String> {
        let Some(code) = self.string("currency")? else { return Ok(None) };
        let currency = currency_in_use(code).ok_or("currency is no ISO 4217 code such as EUR")?;
        Ok(Some(currency.to_owned()))
    }

    fn occurred_at(&self, received_at: Time) -> Result<Time, String> {
        let seconds = match self.0.get("occurred_at") {
            None | Some(Value::Null) => return Ok(received_at),
            // A whole number may be written with a fraction of zero.
            Some(value) => value.as_i64().or_else(|| whole(value.as_f64()?)),
        };
        let at = seconds.map(Time::from_seconds);
        at.filter(|at| (EARLIEST..=received_at.plus(AHEAD)).contains(at)).ok_or_else(|| {
            "occurred_at is no time in whole Unix seconds, or lies in the future".to_owned()
        })
    }
}

/// A number without a fraction, as an integer.
fn whole(number: f64) -> Option<i64> {
    // Up to here a decimal number holds every whole one.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};
    use serde_json::json;

    use super::*;

    const NOW: Time = Time::from_seconds(1_790_000_000);

    /// An event with some fields changed; `null` takes one out.
    fn changed(event: &str, fields: &Value) -> Value {
        let mut body = match event {
            CONVERTED => json!({"conversion_value": 49.5, "currency": "EUR", "product": "Pro"}),
            SHARED => json!({"id": "s1", "channel": "whatsapp"}),
            _ => json!({"id": "o1", "value": 20, "currency": "EUR"}),
        };
        (body["event"], body["email"]) = (json!(event), json!(" Fay@Example.com "));
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        body
    }

    #[test]
    fn each_event_is_read_with_what_it_is_worth() {
        let news = read(&changed(CONVERTED, &json!({"occurred_at": 1_789_000_000})), NOW).unwrap();
        assert_eq!(news.people[0].email.as_ref().unwrap().as_str(), "fay@example.com");
        assert!(news.is_from_server);
        let TimedEvent { at, event: Event::ReferralConverted { value, product, .. } } =
            &news.events[0]
        else {
            panic!("{news:?}")
        };
        assert_eq!(*at, Some(Time::from_seconds(1_789_000_000)));
        let worth = |value| Some(Amount { value, currency: Some("EUR".to_owned()) });
        assert_eq!(*value, worth(Scalar::Decimal(49.5)));
        assert_eq!(product.as_deref(), Some("Pro"));
        let news = read(&changed(PURCHASED, &json!({})), NOW).unwrap();
        let Event::Purchased { value, key, .. } = &news.events[0].event else { panic!("{news:?}") };
        assert_eq!((value, key.as_str()), (&worth(Scalar::Integer(20)), "o1"));
        let news = read(&changed(PURCHASED, &json!({"value": null})), NOW).unwrap();
        let Event::Purchased { value, .. } = &news.events[0].event else { panic!("{news:?}") };
        assert_eq!(*value, None, "a currency alone");
        let by_id = json!({"email": null, "participant_id": "fay001"});
        let news = read(&changed(SHARED, &by_id), NOW).unwrap();
        assert_eq!(news.people[0].id.as_deref(), Some("fay001"));
    }

    #[test]
    fn what_is_wrong_is_named_and_not_repeated() {
        for (event, fields, part) in [
            ("refund", json!({}), "event is none of"),
            (CONVERTED, json!({"event": null}), "event is missing"),
            (CONVERTED, json!({"email": null}), "one of participant_id and email"),
            (CONVERTED, json!({"participant_id": "x"}), "and only one"),
            (CONVERTED, json!({"email": "secret"}), "email is no e-mail address"),
            (CONVERTED, json!({"conversion_value": "secret"}), "conversion_value is no number"),
            (CONVERTED, json!({"conversion_value": -1}), "conversion_value is negative"),
            (CONVERTED, json!({"currency": "secret"}), "currency is no ISO 4217 code"),
            (CONVERTED, json!({"product": 7}), "product is no text"),
            (CONVERTED, json!({"product": " "}), "product is empty; leave it out"),
            (CONVERTED, json!({"secret": 1}), "unknown field; known are event, campaign"),
            (CONVERTED, json!({"id": "a"}), "unknown field"),
            (CONVERTED, json!({"occurred_at": 1_789_000_000_000_i64}), "whole Unix seconds"),
            (CONVERTED, json!({"occurred_at": "2026-01-01"}), "whole Unix seconds"),
            (SHARED, json!({"channel": null}), "channel is missing"),
            (SHARED, json!({"id": null}), "id is missing"),
            (PURCHASED, json!({"id": "x".repeat(201)}), "id is longer than 200 bytes"),
            (PURCHASED, json!({"id": "é".repeat(101)}), "id is longer than 200 bytes"),
            (PURCHASED, json!({"campaign": "\0".repeat(67)}), "campaign is longer than 200 bytes"),
            (
                PURCHASED,
                json!({"product": "x".repeat(201)}),
                "product is longer than 200 characters",
            ),
            (PURCHASED, json!({"value": 1e13}), "value is more than 1000000000000"),
            (PURCHASED, json!({"currency": " EUR"}), "currency is no ISO 4217 code"),
            (PURCHASED, json!({"currency": "XXX"}), "currency is no ISO 4217 code"),
            (CONVERTED, json!({"currency": "BTC"}), "currency is no ISO 4217 code"),
        ] {
            let reason = read(&changed(event, &fields), NOW).unwrap_err();
            assert!(reason.contains(part), "{fields}: {reason}");
            assert!(!reason.contains("secret"), "{reason}");
        }
        assert_eq!(read(&json!([]), NOW).unwrap_err(), "the body is no object");
    }

    proptest! {
        #[test]
        fn nothing_panics(text in any::<String>(), number in any::<f64>(), at in any::<i64>()) {
            let fields = json!({"email": text, "conversion_value": number, "occurred_at": at});
            let _ = read(&changed(CONVERTED, &fields), NOW);
            let _ = read(&changed(&text, &fields), NOW);
        }
    }
}
