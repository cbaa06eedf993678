//! Nothing that arrives makes the reading panic, and what is read keeps its promises.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;

use crate::domain::{Attributes, Event, Notification, ParticipantIndex, Scalar, Time};
use crate::sources::growsurf::signature::{Key, Owner, verify};
use crate::sources::growsurf::{Decoded, decode};

use super::{RECEIVED_AT, fixtures};

/// Values of every type, among them the ones that fields could be mistaken by.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        prop_oneof![
            "-?[0-9]{1,25}",
            "[0-9]{1,4}\\.[0-9]{1,4}",
            " *",
            "[a-z]@[a-z]",
            "inf|NaN|1e999"
        ]
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let name = prop_oneof![
            Just("id"),
            Just("email"),
            Just("referrer"),
            Just("referredBy"),
            Just("campaign"),
            Just("data"),
            Just("participant"),
            Just("metadata"),
            Just("shareCount"),
        ];
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((name, inner), 0..4)
                .prop_map(|fields| fields.into_iter().map(|(n, v)| (n.to_owned(), v)).collect()),
        ]
    })
}

fn pointers(value: &Value, here: String, found: &mut Vec<String>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(name, v)| (name.clone(), v)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(i, v)| (i.to_string(), v)).collect(),
        _ => Vec::new(),
    };
    for (name, child) in children {
        pointers(child, format!("{here}/{name}"), found);
    }
    found.push(here);
}

/// Returns a valid body in which some values have become others.
fn mutated() -> impl Strategy<Value = Value> {
    let changes = vec((any::<prop::sample::Index>(), value()), 1..5);
    (prop::sample::select(fixtures::all()), changes).prop_map(|(mut body, changes)| {
        for (place, value) in changes {
            let mut found = Vec::new();
            pointers(&body, String::new(), &mut found);
            *body.pointer_mut(&found[place.index(found.len())]).unwrap() = value;
        }
        body
    })
}

fn people(event: &Event) -> Vec<ParticipantIndex> {
    match event {
        Event::ParticipantJoined { participant: who, .. }
        | Event::CustomerAdded { customer: who }
        | Event::Shared { participant: who, .. }
        | Event::SharesCounted { participant: who, .. }
        | Event::FullyCompared { participant: who }
        | Event::ShareReported { participant: who, .. }
        | Event::Purchased { participant: who, .. }
        | Event::FraudStatusChanged { participant: who } => vec![*who],
        Event::FriendSignedUp { referrer, friend } => vec![*referrer, *friend],
        Event::ReferralConverted { friend, referrer, .. } => {
            referrer.iter().copied().chain([*friend]).collect()
        }
        Event::RewardEarned { earner, .. } => vec![*earner],
        Event::CommissionAdded { affiliate, friend, .. }
        | Event::CommissionAdjusted { affiliate, friend, .. } => {
            friend.iter().copied().chain([*affiliate]).collect()
        }
        Event::PayoutIssued { affiliate, .. } => vec![*affiliate],
        Event::CampaignEnded { winner, .. } => vec![*winner],
        Event::Visited(visit) => vec![visit.owner],
    }
}

fn is_clean(attributes: &Attributes) -> bool {
    attributes.values().all(|value| match value {
        Scalar::Reference(_) => false,
        Scalar::Text(text) => !text.is_empty() && text.trim() == text,
        Scalar::Decimal(decimal) => decimal.is_finite(),
        Scalar::Boolean(_) | Scalar::Integer(_) => true,
    })
}

fn keeps_its_promises(decoded: &Decoded) {
    match &decoded.reading {
        Err(reason) => assert!(!reason.is_empty()),
        Ok(Notification { campaign, people: people_of_event, events: reported, .. }) => {
            assert_eq!(campaign.id, decoded.campaign);
            assert!(
                reported
                    .iter()
                    .flat_map(|timed| people(&timed.event))
                    .all(|w| w.0 < people_of_event.len())
            );
            for person in people_of_event {
                assert!(is_clean(&person.facts) && is_clean(&person.metadata), "{person:?}");
                assert!(person.email.as_ref().err().is_none_or(|e| e.starts_with(person.field)));
            }
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(body in vec(any::<u8>(), 0..200), at in any::<i64>()) {
        if let Ok(decoded) = decode(&body, Time::from_micros(at)) {
            keeps_its_promises(&decoded);
        }
    }

    #[test]
    fn any_text_like_json_is_read_or_refused(
        body in "[{}\\[\\]\",:\\\\u0d8cDF1-9eE.+a-z \\PC]{0,80}",
    ) {
        if let Ok(decoded) = decode(body.as_bytes(), RECEIVED_AT) {
            keeps_its_promises(&decoded);
        }
    }

    #[test]
    fn any_mutation_of_a_valid_body_is_read_or_refused(body in mutated()) {
        match decode(body.to_string().as_bytes(), RECEIVED_AT) {
            Ok(decoded) => keeps_its_promises(&decoded),
            Err(error) => prop_assert!(!body.is_object(), "{error}: {body}"),
        }
    }

    #[test]
    fn any_signature_is_judged(
        header in prop_oneof![".{0,100}", "(ts|v|x)?=?[0-9a-f]{0,70}[,=](v|ts)?=?[0-9a-f ]{0,70}"],
        body in vec(any::<u8>(), 0..50),
        secret in vec(any::<u8>(), 0..200),
        at in any::<i64>(),
    ) {
        let key = Key { owner: Owner::Global, secret: &secret };
        let judged =
            verify(Some(&header), &body, [key], Time::from_micros(at), Duration::from_secs(60));
        prop_assert!(judged.is_err());
    }
}
