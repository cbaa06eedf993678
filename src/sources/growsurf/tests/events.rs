//! GrowSurf's real webhooks, type by type.

use serde_json::json;

use crate::domain::{
    Adjustment, Amount, Attributes, Commission, Event, Facts, Money, ParticipantIndex, Payout,
    Scalar, Time,
};
use crate::sources::growsurf::Dialect;

use super::{at, events, fact, fixtures, notification, read, reason, text, with, without};

fn attributes(pairs: &[(&str, Scalar)]) -> Attributes {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

fn money(minor: i64, currency: &str) -> Option<Money> {
    Some(Money { minor, currency: currency.to_owned() })
}

#[test]
fn every_type_has_campaign_time_and_dialect() {
    for body in fixtures::all().into_iter().filter(|body| body.get("data").is_some()) {
        let decoded = read(&body);
        assert_eq!(decoded.event.as_deref(), body["event"].as_str());
        assert_eq!(decoded.campaign.as_deref(), Some("cmp001"));
        assert_eq!(decoded.dialect, Some(Dialect::Webhook));
        let notification = decoded.reading.unwrap();
        let at = Some(Time::from_millis(fixtures::CREATED_AT));
        assert_eq!(notification.campaign.id.as_deref(), Some("cmp001"));
        assert_eq!(notification.campaign.name.as_deref(), Some("Autumn"));
        assert_eq!(notification.as_of, at);
        assert!(
            !notification.events.is_empty()
                && notification.events.iter().all(|timed| timed.at == at)
        );
    }
}

#[test]
fn a_participant_is_read_whole_but_for_the_notes() {
    let body = with(
        fixtures::participant_added(),
        "/data/vanityKeys",
        json!([" ", "ines-s", "no code", "i2"]),
    );
    let notification = notification(&body);
    let friend = at(&notification, "data");
    assert_eq!(friend.id.as_deref(), Some("fri001"));
    assert_eq!(friend.email.as_ref().unwrap().as_str(), "ines@example.com");
    assert_eq!(friend.share_total, Some(12));
    let expected = [
        (Facts::CAMPAIGN_NAME, Scalar::from("Autumn")),
        (Facts::EMAIL, Scalar::from("ines@example.com")),
        (Facts::FIRST_NAME, Scalar::from("ines")),
        (Facts::LAST_NAME, Scalar::from("Sample")),
        (Facts::VANITY_KEY, Scalar::from("ines-s")),
        (Facts::LINK_CODES, Scalar::from("i2 ines-s")),
        (Facts::SHARE_URL, Scalar::from("https://shop.example.org?grsf=fri001")),
        (Facts::REFERRAL_COUNT, Scalar::Integer(4)),
        (Facts::REFERRER_ID, Scalar::from("ref001")),
        (Facts::REFERRER_EMAIL, Scalar::from("omar@example.com")),
        (Facts::FRAUD_RISK_LEVEL, Scalar::from("LOW")),
        (Facts::FRAUD_REASON, Scalar::from("UNIQUE_IDENTITY")),
        (Facts::UNSUBSCRIBED, Scalar::Boolean(false)),
    ];
    assert_eq!(friend.facts, attributes(&expected));
    let expected = [
        ("shopId", Scalar::from("s-1")),
        ("seats", Scalar::Integer(3)),
        ("beta", Scalar::Boolean(true)),
    ];
    assert_eq!(friend.metadata, attributes(&expected));
    assert!(!format!("{notification:?}").contains("team only"));
}

#[test]
fn a_new_participant_joined_and_signed_up_if_referred() {
    let body = fixtures::participant_added();
    let joined = Event::ParticipantJoined {
        participant: ParticipantIndex(0),
        referral_source: Some("PARTICIPANT".to_owned()),
    };
    let signed_up =
        Event::FriendSignedUp { referrer: ParticipantIndex(1), friend: ParticipantIndex(0) };
    let referred = notification(&body);
    assert_eq!(events(&referred), [&joined, &signed_up]);
    assert_eq!(referred.people[1].field, "data.referrer");
    assert_eq!(fact(&referred.people[1], Facts::REFERRAL_COUNT), Some(&Scalar::Integer(4)));

    let body = without(body, "/data/referrer");
    let named = notification(&body);
    assert_eq!(events(&named), [&joined, &signed_up]);
    assert_eq!(named.people[1].field, "data.referredBy");
    assert_eq!(named.people[1].id.as_deref(), Some("ref001"));
    assert_eq!(text(&named.people[0], Facts::REFERRER_ID).as_deref(), Some("ref001"));
    assert_eq!(text(&named.people[0], Facts::REFERRER_EMAIL), None);

    let alone = notification(&without(body, "/data/referredBy"));
    assert_eq!(events(&alone), [&joined]);
    assert_eq!(alone.people.len(), 1);
}

#[test]
fn a_reward_is_the_earners_and_its_webhook_names_others() {
    let body = fixtures::goal_reached();
    let reported = notification(&body);
    let earner =
        reported.people.iter().position(|person| person.field == "data.participant").unwrap();
    let [Event::RewardEarned { earner: earner_index, reward }] = events(&reported)[..] else {
        panic!()
    };
    assert_eq!(
        (*earner_index, reward.id.as_str(), reward.approved),
        (ParticipantIndex(earner), "prew_1", true)
    );
    for (field, referrer) in [
        ("data.participant", Some("top001")),
        ("data.participant.referee", Some("ref001")),
        ("data.participant.referrer", None),
    ] {
        let id = text(at(&reported, field), Facts::REFERRER_ID);
        assert_eq!(id.as_deref(), referrer, "{field}");
    }

    for (approved, approved_at, expected) in [
        (json!(true), json!(null), true),
        (json!(false), json!(1_659_474_941_892_i64), true),
        (json!("true"), json!(null), true),
        (json!(false), json!(null), false),
        (json!(null), json!(0), false),
        (json!(1), json!(""), false),
    ] {
        let body = with(body.clone(), "/data/reward/approved", approved);
        let body = with(body, "/data/reward/approvedAt", approved_at);
        let Event::RewardEarned { reward, .. } = &notification(&body).events[0].event else {
            panic!()
        };
        assert_eq!(reward.approved, expected, "{body}");
    }
}

#[test]
fn a_fraud_status_is_a_fact_of_the_participant() {
    let body = fixtures::fraud_status_updated();
    let reported = notification(&body);
    let Event::FraudStatusChanged { participant: who } = reported.events[0].event else { panic!() };
    let suspect = &reported.people[who.0];
    assert_eq!(text(suspect, Facts::FRAUD_RISK_LEVEL).as_deref(), Some("HIGH"));
    assert_eq!(text(suspect, Facts::FRAUD_REASON).as_deref(), Some("MANUAL_UPDATE"));
    assert_eq!(text(suspect, Facts::REFERRER_EMAIL).as_deref(), Some("omar@example.com"));

    // The referrer may stand beside the participant, or be a bare id that adds nobody.
    let referrer = body["data"]["participant"]["referrer"].clone();
    let body = without(body, "/data/participant/referrer");
    let beside = notification(&with(body.clone(), "/data/referrer", referrer));
    assert_eq!(at(&beside, "data.referrer").id.as_deref(), Some("ref001"));
    let bare = notification(&body);
    assert_eq!(bare.people.len(), 1);
    assert_eq!(text(&bare.people[0], Facts::REFERRER_ID).as_deref(), Some("ref001"));
}

#[test]
fn a_commission_of_a_sale_is_a_conversion_too() {
    let body = fixtures::commission_added();
    let reported = notification(&body);
    let commission = Commission {
        id: "comm_1".to_owned(),
        kind: Some("SALE".to_owned()),
        amount: money(1_250, "USD"),
        sale: money(4_950, "USD"),
        status: Some("APPROVED".to_owned()),
    };
    let added = Event::CommissionAdded {
        affiliate: ParticipantIndex(0),
        friend: Some(ParticipantIndex(1)),
        commission,
    };
    let converted = Event::ReferralConverted {
        friend: ParticipantIndex(1),
        referrer: Some(ParticipantIndex(0)),
        value: Some(Amount { value: Scalar::Decimal(49.5), currency: Some("USD".to_owned()) }),
        product: None,
    };
    assert_eq!(events(&reported), [&added, &converted]);
    let buyer = at(&reported, "data.referredParticipant");
    assert_eq!(text(buyer, Facts::REFERRER_ID).as_deref(), Some("aff001"));
    assert_eq!(text(buyer, Facts::REFERRER_EMAIL).as_deref(), Some("omar@example.com"));

    for (body, expected) in [
        (with(body.clone(), "/data/commission/event", json!("sale")), 2),
        (with(body.clone(), "/data/commission/event", json!("LEAD")), 1),
        (without(body.clone(), "/data/commission/event"), 2),
        (without(body, "/data/referredParticipant"), 1),
    ] {
        assert_eq!(notification(&body).events.len(), expected, "{body}");
    }
}

#[test]
fn money_has_a_currency_or_is_none() {
    for (own, campaigns, expected) in [
        (json!("USD"), json!("EUR"), money(1_250, "USD")),
        (json!(null), json!("EUR"), money(1_250, "EUR")),
        (json!(840), json!("eur"), money(1_250, "EUR")),
        (json!("Dollar"), json!("EUR"), None),
        (json!(null), json!(null), None),
    ] {
        let body = with(fixtures::commission_added(), "/data/commission/currencyISO", own);
        let body = with(body, "/data/campaign/currencyISO", campaigns);
        let Event::CommissionAdded { commission, .. } = &notification(&body).events[0].event else {
            panic!()
        };
        assert_eq!(commission.amount, expected, "{body}");
    }
}

#[test]
fn adjustments_payouts_and_ends_are_read() {
    let body = fixtures::commission_adjusted();
    let adjustment = Adjustment {
        commission: "comm_1".to_owned(),
        adjusted_at: Time::from_millis(fixtures::CREATED_AT - 50),
        original: money(900, "JPY"),
        new: money(0, "JPY"),
        change: money(-900, "JPY"),
        reason: Some("FULL_REFUND".to_owned()),
    };
    let mut expected = Event::CommissionAdjusted {
        affiliate: ParticipantIndex(0),
        friend: Some(ParticipantIndex(1)),
        adjustment,
    };
    assert_eq!(events(&notification(&body)), [&expected]);
    let Event::CommissionAdjusted { adjustment, .. } = &mut expected else { panic!() };
    adjustment.adjusted_at = Time::from_millis(fixtures::CREATED_AT);
    let body = without(body, "/data/adjustment/adjustedAt");
    assert_eq!(events(&notification(&body)), [&expected]);

    let payout = Payout {
        id: "po_1".to_owned(),
        amount: money(3_600, "EUR"),
        provider: Some("paypal".to_owned()),
    };
    let reported = notification(&fixtures::payout_issued());
    assert_eq!(
        events(&reported),
        [&Event::PayoutIssued { affiliate: ParticipantIndex(0), payout }]
    );
    assert_eq!(reported.people.len(), 1, "nobody is meant by an empty object");

    let reported = notification(&fixtures::campaign_ended());
    let ended_at = Some(Time::from_millis(fixtures::CREATED_AT - 1_000));
    let ended = |winner| Event::CampaignEnded { winner: ParticipantIndex(winner), ended_at };
    assert_eq!(events(&reported), [&ended(0), &ended(1)]);
    assert!(reported.people.iter().all(|person| person.field == "data.winners"));
}

#[test]
fn what_a_webhook_cannot_be_understood_without_parks_it() {
    let joined = fixtures::participant_added;
    let far = fixtures::CREATED_AT + 25 * 3_600_000;
    let before = "createdAt is before 2001-09-09T01:46:40.000Z: it must be in milliseconds";
    let after = "createdAt is more than 24 hours after the receipt";
    let missing = [
        (joined(), "/event"),
        (joined(), "/createdAt"),
        (joined(), "/data/campaign/id"),
        (fixtures::campaign_ended(), "/data/id"),
        (fixtures::campaign_ended(), "/data/winners"),
        (fixtures::goal_reached(), "/data/participant"),
        (fixtures::goal_reached(), "/data/reward/id"),
        (fixtures::fraud_status_updated(), "/data/participant"),
        (fixtures::commission_added(), "/data/participant"),
        (fixtures::commission_added(), "/data/commission/id"),
        (fixtures::commission_adjusted(), "/data/adjustedCommission/id"),
        (fixtures::commission_adjusted(), "/data/adjustment"),
        (fixtures::payout_issued(), "/data/payout/id"),
    ];
    for (body, pointer) in missing {
        let field = pointer[1..].replace('/', ".");
        let absent = format!("{field} is missing");
        assert_eq!(reason(&with(body.clone(), pointer, json!(null))), absent);
        assert_eq!(reason(&without(body, pointer)), absent);
    }
    for (pointer, value, expected) in [
        ("/event", json!("MADE_UP"), "event \"MADE_UP\" is not known"),
        ("/event", json!("PARTICIPANT_CREATED"), "event \"PARTICIPANT_CREATED\" is not known"),
        ("/createdAt", json!("soon"), "createdAt is no whole number of milliseconds"),
        ("/createdAt", json!(fixtures::CREATED_AT / 1_000), before),
        ("/createdAt", json!(far), after),
        ("/createdAt", json!(i64::MAX), after),
        ("/data/campaign", json!(["cmp001"]), "data.campaign.id is missing"),
    ] {
        assert_eq!(reason(&with(joined(), pointer, value)), expected);
    }
    let crowd = with(fixtures::campaign_ended(), "/data/winners", json!(vec![json!({}); 10_001]));
    assert_eq!(reason(&crowd), "data.winners holds more than 10000 people");
}

#[test]
fn a_parked_webhook_still_names_its_event_and_campaign() {
    let long = "E".repeat(5_000);
    let decoded = read(&with(fixtures::participant_added(), "/event", json!(long)));
    assert_eq!(decoded.event, Some("E".repeat(100)));
    assert_eq!(decoded.campaign.as_deref(), Some("cmp001"));
    assert!(decoded.reading.unwrap_err().len() < 200);
}
