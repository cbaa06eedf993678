//! Webhooks of both dialects, from the bytes to the requests that go out.

use std::sync::LazyLock;

use referral_relay::app;
use referral_relay::config::sources::Sources;
use referral_relay::config::{Required, Settings};
use referral_relay::customerio::{limits, request};
use referral_relay::domain::{
    Attributes, BodySearch, Call, Email, ErasureSubject, Identifier, LaneKey, LanePlan,
    Notification, Participant, Plan, PlannedCall, Scalar, Time,
};
use referral_relay::mapping::{Mapper, Rules};
use referral_relay::sources::growsurf;
use serde_json::Value;

use super::memory::Memory;

pub(super) const RECEIVED_AT: Time = Time::from_millis(1_767_225_605_000);
const AGAIN_AT: Time = Time::from_millis(1_767_312_005_000);

/// The built-in rules.
pub(super) static STANDARD: LazyLock<Rules> = LazyLock::new(|| rules(&[]));

/// People by ids of their own, everything turned on, and an attribute from metadata.
pub(super) static BY_ID: LazyLock<Rules> = LazyLock::new(|| {
    rules(&[
        ("RELAY__CUSTOMERIO__IDENTIFY_BY", "metadata.userId"),
        ("RELAY__CUSTOMERIO__TRUST_METADATA_ID", "true"),
        ("RELAY__MAPPING__METADATA__COMPANY", "companyName"),
        ("RELAY__MAPPING__EVENTS__REFERRAL_CAMPAIGN_ENDED", "referral_campaign_ended"),
    ])
});

fn rules(variables: &[(&str, &str)]) -> Rules {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let sources = Sources::new(None, variables.iter().map(own)).in_directory("/nonexistent");
    let settings = Settings::load(&sources, Required::Nothing);
    app::rules(&settings.unwrap_or_else(|problems| panic!("{problems}")))
}

/// Decodes and plans the body of a webhook.
pub fn webhook(data: &[u8]) {
    let decoded = growsurf::decode(data, RECEIVED_AT);
    assert_eq!(decoded, growsurf::decode(data, RECEIVED_AT), "the same is read the same");
    let decoded = match decoded {
        Ok(decoded) => decoded,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    is_found(data);
    assert!(decoded.event.is_none_or(|event| event.chars().count() <= 100));
    match decoded.reading {
        Ok(notification) => {
            planned(&notification, &STANDARD);
            planned(&notification, &BY_ID);
        }
        Err(reason) => is_fit_to_be_shown(&reason),
    }
}

/// Asserts that a person whose address is a text of its own in a body is found in it.
fn is_found(data: &[u8]) {
    let email = Email::parse("fay@example.com").expect("an address");
    let subject = ErasureSubject::with_address(email);
    let found = subject.search(None, data);
    if let Ok(value) = serde_json::from_slice(data)
        && is_in(&value, &subject)
    {
        assert_eq!(found, BodySearch::Named);
    }
}

/// Returns true if any text holds their address. Not the bytes: in those an escape may look like a letter.
fn is_in(value: &Value, forgotten: &ErasureSubject) -> bool {
    match value {
        Value::String(text) => forgotten.is_addressed_in(text),
        Value::Array(items) => items.iter().any(|item| is_in(item, forgotten)),
        Value::Object(fields) => fields
            .iter()
            .any(|(name, value)| forgotten.is_addressed_in(name) || is_in(value, forgotten)),
        _ => false,
    }
}

/// Checks a reason, since reasons are logged.
pub(super) fn is_fit_to_be_shown(reason: &str) {
    assert!(!reason.is_empty() && !reason.contains('@'), "{reason:?}");
    assert!(reason.len() <= 200 && !reason.contains(char::is_control), "{reason:?}");
}

/// Plans a notification twice, and checks the plans.
pub(super) fn planned(notification: &Notification, rules: &Rules) {
    let planner = Mapper::new(rules.clone());
    let mut memory = Memory::default();
    match memory.take_in(&planner, notification, RECEIVED_AT) {
        Ok(plan) => is_sound(&plan, rules),
        Err(reason) => return is_fit_to_be_shown(&reason),
    }
    // What has no time of its own happened when it was received, and is replayed with that.
    let again_at = notification.as_of.map_or(RECEIVED_AT, |_| AGAIN_AT);
    let again = memory.take_in(&planner, notification, again_at);
    let again = again.unwrap_or_else(|reason| panic!("planned once, and then not: {reason}"));
    // A merge is planned a few times, because nobody can say whether it was done.
    let calls = again.lanes.iter().flat_map(|lane| &lane.calls);
    let other: Vec<_> =
        calls.filter(|planned| !matches!(planned.call, Call::Merge { .. })).collect();
    assert!(other.is_empty(), "a replay is nothing, but this is: {other:?}");
}

fn is_sound(plan: &Plan, rules: &Rules) {
    plan.unmapped.iter().for_each(|reason| is_fit_to_be_shown(reason));
    for (index, lane) in plan.lanes.iter().enumerate() {
        let LanePlan { person, calls } = lane;
        let same = |other: &LanePlan| other.person.key == person.key;
        assert!(!plan.lanes[..index].iter().any(same), "each person has one lane");
        let facts = serde_json::to_string(&person.participants).expect("facts are JSON");
        let read =
            serde_json::from_str::<Vec<Participant>>(&facts).expect("what was kept can be read");
        assert_eq!(read, person.participants, "what was kept is what is read");
        for (place, planned) in calls.iter().enumerate() {
            call_is_sound(planned, &person.key, rules);
            if planned.effect.is_some() {
                let before = place.checked_sub(1).map(|place| &calls[place].call);
                assert!(matches!(before, Some(Call::Identify { .. })), "the identify is first");
            }
        }
    }
}

fn call_is_sound(planned: &PlannedCall, key: &LaneKey, rules: &Rules) {
    let PlannedCall { call, effect } = planned;
    let kept = serde_json::to_string(call).expect("a call is JSON");
    let read = serde_json::from_str::<Call>(&kept).expect("what was kept can be read");
    assert_eq!(read, *call, "what was kept is what is sent");
    match call {
        Call::Identify { attributes } => {
            assert!(effect.is_none());
            is_clean(attributes);
        }
        Call::Track { name, event_id, at, data } => {
            let effect = effect.as_ref().expect("a track is an effect");
            assert_eq!(effect.event_id(), *event_id);
            assert!(rules.events.values().any(|event| event == name), "{name}");
            is_clean(data);
            is_a_time(*at);
        }
        Call::Merge { from, at } => {
            assert!(effect.is_none() && Some(from) != key.identifier());
            is_a_time(*at);
        }
        Call::Unsubscribe { at } => {
            assert!(effect.is_none());
            is_a_time(*at);
        }
        other => panic!("no webhook of GrowSurf's leads to {}", other.kind()),
    }
    // An id from metadata may be too long, and that is for a dead letter to say.
    let Ok(fitted) = limits::fit(key, call) else {
        return assert!(
            matches!(key, LaneKey::Person(Identifier::Id(_))),
            "{call:?} fits no limit"
        );
    };
    is_within_limits(fitted.call());
    if let Ok(request) = request::alone(&fitted) {
        assert!(request.path.starts_with("/api/v"));
        assert!(request.path.bytes().all(|byte| byte.is_ascii_graphic()), "{}", request.path);
        let body: Value = serde_json::from_slice(&request.body).expect("a request is JSON");
        holds_something(&body);
    }
}

/// Asserts that unknown facts are absent: no blanks, and no numbers that JSON can't say.
fn is_clean(attributes: &Attributes) {
    for (name, value) in attributes {
        assert!(!name.trim().is_empty());
        match value {
            Scalar::Text(text) => assert!(!text.trim().is_empty(), "{name} is blank"),
            Scalar::Decimal(decimal) => assert!(decimal.is_finite(), "{name}"),
            Scalar::Boolean(_) | Scalar::Integer(_) | Scalar::Reference(_) => {}
        }
    }
}

/// Asserts that a time lies in this century, and at most a day ahead.
fn is_a_time(at: Time) {
    let latest = RECEIVED_AT.seconds() + 24 * 3_600;
    assert!((1_000_000_000..=latest).contains(&at.seconds()), "{at:?}");
}

fn is_within_limits(call: &Call) {
    let (values, reserved) = match call {
        Call::Identify { attributes, .. } => {
            assert!(attributes.len() <= 300);
            let cio = |name: &&String| name.starts_with("cio_") || name.starts_with('_');
            assert_eq!(attributes.keys().find(cio), None);
            (attributes, ["id", "anonymous_id", "phone", "created_at", "unsubscribed"].as_slice())
        }
        Call::Track { name, data, .. } => {
            assert!((1..=100).contains(&name.len()));
            let bytes = serde_json::to_vec(data).expect("data is JSON").len();
            assert!(bytes <= 100_000, "{name} has {bytes} bytes of data");
            (data, ["recipient", "from_address", "reply_to"].as_slice())
        }
        Call::Merge { .. } | Call::Unsubscribe { .. } => return,
        other => panic!("no webhook of GrowSurf's leads to {}", other.kind()),
    };
    for (name, value) in values {
        assert!((1..=150).contains(&name.len()) && !reserved.contains(&name.as_str()), "{name}");
        assert!(value.as_text().is_none_or(|text| text.len() <= 1_000), "{name}");
    }
}

fn holds_something(value: &Value) {
    match value {
        Value::Null => panic!("a null is sent"),
        Value::String(text) => assert!(!text.is_empty(), "an empty text is sent"),
        Value::Array(items) => items.iter().for_each(holds_something),
        Value::Object(fields) => fields.values().for_each(holds_something),
        Value::Bool(_) | Value::Number(_) => {}
    }
}
