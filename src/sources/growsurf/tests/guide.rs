//! The guide's shape, type by type.

use serde_json::{Value, json};

use crate::domain::{Amount, Event, Facts, ParticipantIndex, Scalar};
use crate::sources::growsurf::Dialect;

use super::{events, fact, fixtures, notification, read, reason, text, with, without};

fn created() -> Value {
    fixtures::guide("PARTICIPANT_CREATED")
}

fn converted() -> Value {
    fixtures::guide("CAMPAIGN_REFERRAL_CONVERTED")
}

#[test]
fn its_notification_has_no_time() {
    for event in ["PARTICIPANT_CREATED", "PARTICIPANT_REFERRED", "CAMPAIGN_REFERRAL_CONVERTED"] {
        let decoded = read(&fixtures::guide(event));
        assert_eq!(decoded.event.as_deref(), Some(event));
        assert_eq!(decoded.dialect, Some(Dialect::Guide));
        let notification = decoded.reading.unwrap();
        assert_eq!(notification.as_of, None);
        assert!(
            !notification.events.is_empty()
                && notification.events.iter().all(|timed| timed.at.is_none())
        );
    }
}

#[test]
fn a_created_participant_joined_and_a_referred_one_signed_up() {
    let joined =
        Event::ParticipantJoined { participant: ParticipantIndex(0), referral_source: None };
    let signed_up =
        Event::FriendSignedUp { referrer: ParticipantIndex(1), friend: ParticipantIndex(0) };
    let reported = notification(&created());
    assert_eq!(events(&reported), [&joined, &signed_up]);
    let [friend, referrer] = &reported.people[..] else { panic!() };
    assert_eq!((friend.field, referrer.field), ("participant", "referrer"));
    assert_eq!(friend.id, None);
    assert_eq!(text(friend, Facts::REFERRAL_CODE).as_deref(), Some("CODE-noor"));
    assert_eq!(text(friend, Facts::REFERRER_EMAIL).as_deref(), Some("lee@example.org"));
    assert_eq!(fact(referrer, Facts::REFERRAL_COUNT), Some(&Scalar::Integer(6)));

    assert_eq!(events(&notification(&without(created(), "/referrer"))), [&joined]);
    let referred = fixtures::guide("PARTICIPANT_REFERRED");
    assert_eq!(events(&notification(&referred)), [&signed_up]);
    assert_eq!(reason(&without(referred, "/referrer")), "referrer is missing");
}

#[test]
fn referred_by_may_be_an_id_or_an_address() {
    let body = without(created(), "/referrer");
    let reported = notification(&with(body.clone(), "/participant/referredBy", json!("ref001")));
    assert_eq!(reported.people[1].id.as_deref(), Some("ref001"));
    assert_eq!(text(&reported.people[0], Facts::REFERRER_ID).as_deref(), Some("ref001"));

    let reported =
        notification(&with(body.clone(), "/participant/referredBy", json!(" Lee@Example.org ")));
    assert_eq!(reported.people[1].id, None);
    assert_eq!(reported.people[1].email.as_ref().unwrap().as_str(), "lee@example.org");
    assert_eq!(text(&reported.people[0], Facts::REFERRER_ID), None);
    assert_eq!(
        text(&reported.people[0], Facts::REFERRER_EMAIL).as_deref(),
        Some("lee@example.org")
    );

    let reported = notification(&with(body, "/participant/referredBy", json!("lee@")));
    let fault = reported.people[1].email.as_ref().unwrap_err();
    assert_eq!(fault, "participant.referredBy is no e-mail address");
    assert_eq!(text(&reported.people[0], Facts::REFERRER_EMAIL), None);
}

#[test]
fn a_referrer_named_in_part_is_completed_by_referred_by() {
    let body = with(created(), "/participant/referredBy", json!("ref001"));
    assert_eq!(notification(&body).people[1].id.as_deref(), Some("ref001"));
    let body = with(body, "/participant/referredBy", json!("lee@example.org"));
    let body = without(body, "/referrer/email");
    let reported = notification(&body);
    assert_eq!(reported.people[1].email.as_ref().unwrap().as_str(), "lee@example.org");
    assert_eq!(text(&reported.people[1], Facts::EMAIL).as_deref(), Some("lee@example.org"));
    let reported = notification(&with(body, "/participant/referredBy", json!("ref001")));
    assert_eq!(reported.people[1].email.as_ref().unwrap_err(), "referrer.email is missing");
}

#[test]
fn the_campaign_is_looked_for_in_four_places() {
    let bare = without(without(created(), "/participant/campaignId"), "/participant/campaignName");
    let decoded = read(&bare);
    assert_eq!(decoded.campaign, None);
    assert_eq!(decoded.reading.unwrap().campaign.name, None);

    let nested = with(bare, "/participant/campaign", json!({"id": "d", "name": "D"}));
    let nested_at_top = with(nested.clone(), "/campaign", json!({"id": "c", "name": "C"}));
    let at_top = with(nested_at_top.clone(), "/campaignId", json!(17));
    let at_top = with(at_top, "/campaignName", json!("B"));
    let at_person = with(at_top.clone(), "/participant/campaignId", json!("a"));
    let at_person = with(at_person, "/participant/campaignName", json!("A"));
    let places =
        [(nested, "d", "D"), (nested_at_top, "c", "C"), (at_top, "17", "B"), (at_person, "a", "A")];
    for (body, id, name) in places {
        let decoded = read(&body);
        assert_eq!(decoded.campaign.as_deref(), Some(id));
        let campaign = decoded.reading.unwrap().campaign;
        assert_eq!((campaign.id.as_deref(), campaign.name.as_deref()), (Some(id), Some(name)));
    }
}

#[test]
fn a_conversion_is_the_friends() {
    let expected = Event::ReferralConverted {
        friend: ParticipantIndex(0),
        referrer: Some(ParticipantIndex(1)),
        value: Some(Amount { value: Scalar::from("99.50"), currency: Some("GBP".to_owned()) }),
        product: Some("Annual plan".to_owned()),
    };
    assert_eq!(events(&notification(&converted())), [&expected]);

    let reported = notification(&without(converted(), "/referrer"));
    let Event::ReferralConverted { referrer, .. } = &reported.events[0].event else { panic!() };
    assert_eq!(*referrer, None);
}

#[test]
fn the_worth_of_a_conversion_is_looked_for() {
    let bare = without(converted(), "/participant/conversionValue");
    let bare = without(bare, "/participant/currency");
    let (number, text) = (|it: i64| Some(Scalar::Integer(it)), |it: &str| Some(Scalar::from(it)));
    for (pointer, value, expected) in [
        ("/conversionValue", json!(20), number(20)),
        ("/conversionValue", json!("$49.50"), text("$49.50")),
        ("/conversion_value", json!(" 20.0 "), text("20.0")),
        ("/value", json!(0.1), Some(Scalar::Decimal(0.1))),
        ("/participant/amount", json!("12.99"), text("12.99")),
        ("/conversion", json!({"amount": 7, "currencyISO": "EUR"}), number(7)),
        ("/conversion", json!({"currencyISO": "EUR"}), None),
        ("/value", json!("a lot"), text("a lot")),
        ("/value", json!({"amount": 1}), None),
        ("/value", json!(true), None),
        ("/value", json!(" "), None),
    ] {
        let body = with(bare.clone(), pointer, value);
        let reported = notification(&body);
        let Event::ReferralConverted { value, .. } = &reported.events[0].event else { panic!() };
        assert_eq!(value.as_ref().map(|it| it.value.clone()), expected, "{body}");
        let currency = value.as_ref().and_then(|it| it.currency.as_deref());
        assert_eq!(currency, expected.and((pointer == "/conversion").then_some("EUR")));
    }
    // What nobody can read may contradict the text beside it.
    let unreadable = with(with(bare.clone(), "/value", json!("€9")), "/currency", json!("BTC"));
    let reported = notification(&unreadable);
    let Event::ReferralConverted { value: Some(value), .. } = &reported.events[0].event else {
        panic!()
    };
    assert_eq!(value.currency.as_deref(), Some("BTC"));
    let apart = with(bare, "/conversion", json!({"currency": "eur"}));
    let reported = notification(&with(apart, "/conversionValue", json!(20)));
    let Event::ReferralConverted { value: Some(value), .. } = &reported.events[0].event else {
        panic!()
    };
    assert_eq!(value.currency.as_deref(), Some("EUR"));
}

#[test]
fn what_it_cannot_be_understood_without_parks_it() {
    assert_eq!(reason(&without(created(), "/event")), "event is missing");
    for event in ["MADE_UP", "NEW_PARTICIPANT_ADDED"] {
        let expected = format!("event \"{event}\" is not known");
        assert_eq!(reason(&with(created(), "/event", json!(event))), expected);
    }
}
