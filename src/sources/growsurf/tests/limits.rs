//! Ids that are too long: a part that has one is left out, the rest is read.

use serde_json::{Value, json};

use crate::domain::{Event, LONGEST_ID, Notification};
use crate::sources::growsurf_api::Campaign;
use crate::sources::growsurf_api::{Kind, Origin, Row};

use super::{events, fixtures, notification, reason, with};

/// Returns an id of one byte more than is accepted.
fn long() -> Value {
    Value::from("x".repeat(LONGEST_ID + 1))
}

fn guide(event: &str) -> Value {
    json!({
        "event": event,
        "participant": {"email": "ned@example.com", "campaignId": "cmp001"},
        "referrer": {"email": "omar@example.com"},
    })
}

fn row(kind: Kind, row: Value) -> Result<Notification, String> {
    let campaign = Campaign { id: "cmp001".to_owned(), ..Campaign::default() };
    let (at, filter) = (super::RECEIVED_AT, crate::domain::SendFilter::All);
    Row::new(kind, row, &Origin { campaign, at, filter, shares: false }).notification()
}

fn participant_row() -> Value {
    let mut row = fixtures::participant_added()["data"].clone();
    let reward =
        |id| json!({"id": id, "status": "FULFILLED", "fulfilledAt": 1_767_000_000_000_i64});
    row["rewards"] = json!([reward("prew_1"), reward("prew_2")]);
    row
}

/// Returns the reasons in some notification, none of which has an id that is too long any more.
fn unmapped(notification: &Notification) -> Vec<String> {
    assert_eq!(notification.check_ids(), Ok(()));
    notification.people.iter().flat_map(|person| person.unmapped.clone()).collect()
}

#[test]
fn a_webhook_whose_subject_or_campaign_has_too_long_an_id_is_parked() {
    for (body, place, field) in [
        (fixtures::participant_added(), "/data/id", "data.id"),
        (fixtures::goal_reached(), "/data/participant/id", "data.participant.id"),
        (fixtures::fraud_status_updated(), "/data/participant/id", "data.participant.id"),
        (fixtures::participant_added(), "/data/campaign/id", "the campaign's id"),
        (guide("PARTICIPANT_CREATED"), "/participant/id", "participant.id"),
    ] {
        let reason = reason(&with(body, place, long()));
        assert_eq!(reason, format!("{field} is longer than 200 bytes"));
    }
    let long = row(Kind::Participant, with(participant_row(), "/id", long()));
    assert_eq!(long.unwrap_err(), "row.id is longer than 200 bytes");
}

#[test]
fn a_part_with_too_long_an_id_is_left_out_of_a_webhook() {
    let bare = with(fixtures::participant_added(), "/data/referrer", Value::Null);
    let alone = with(fixtures::fraud_status_updated(), "/data/participant/referrer", Value::Null);
    let alone = with(alone, "/data/referrer", Value::Null);
    for (body, place, field, left) in [
        (fixtures::participant_added(), "/data/referrer/id", "data.referrer.id", 2),
        (bare, "/data/referredBy", "data.referredBy", 2),
        (
            fixtures::goal_reached(),
            "/data/participant/referee/id",
            "data.participant.referee.id",
            1,
        ),
        (
            fixtures::goal_reached(),
            "/data/participant/referrer/id",
            "data.participant.referrer.id",
            1,
        ),
        (fixtures::goal_reached(), "/data/reward/id", "the reward's id", 0),
        (alone, "/data/participant/referredBy", "data.participant.referredBy", 1),
        (guide("PARTICIPANT_CREATED"), "/participant/referralCode", "participant.referralCode", 2),
        (guide("PARTICIPANT_CREATED"), "/referrer/id", "referrer.id", 2),
    ] {
        let reported = notification(&with(body, place, long()));
        let mut reasons = unmapped(&reported);
        reasons.dedup();
        assert_eq!(reasons, [format!("{field} is longer than 200 bytes")], "{place}");
        assert_eq!(events(&reported).len(), left, "{place}");
    }
    let keys = with(fixtures::participant_added(), "/data/vanityKeys", json!([long(), "ines-s"]));
    let reported = notification(&keys);
    assert_eq!(unmapped(&reported), ["a key of data.vanityKeys is longer than 200 bytes"]);
    assert_eq!(super::text(&reported.people[0], "vanity_key").as_deref(), Some("ines-s"));
}

#[test]
fn one_winner_with_too_long_an_id_costs_the_others_nothing() {
    let winner = |id: Value, name: &str| json!({"id": id, "email": format!("{name}@example.com")});
    let winners = json!([winner(long(), "ada"), winner(json!("w2"), "ben")]);
    let data = json!({"id": "cmp001", "name": "Autumn", "winners": winners});
    let ended = json!({"event": "CAMPAIGN_ENDED", "createdAt": fixtures::CREATED_AT, "data": data});
    let reported = notification(&ended);
    assert_eq!(unmapped(&reported), ["data.winners.id is longer than 200 bytes"]);
    assert!(reported.people[0].email.is_err() && reported.people[1].email.is_ok());
}

#[test]
fn the_friend_of_a_commission_and_its_own_id_are_parts_of_it() {
    let person = |id: Value, name: &str| json!({"id": id, "email": format!("{name}@example.com")});
    let body = |id: Value, friend: Value| {
        let data = json!({
            "participant": person(json!("aff001"), "ada"),
            "referredParticipant": person(friend, "ben"),
            "campaign": {"id": "cmp001"},
            "commission": {"id": id, "event": "LEAD"},
        });
        json!({"event": "NEW_COMMISSION_ADDED", "createdAt": fixtures::CREATED_AT, "data": data})
    };
    let reported = notification(&body(json!("c1"), long()));
    assert_eq!(unmapped(&reported), ["data.referredParticipant.id is longer than 200 bytes"]);
    assert!(matches!(events(&reported)[..], [Event::CommissionAdded { .. }]));
    let mut sale = body(long(), json!("fri001"));
    sale["data"]["commission"]["event"] = json!("SALE");
    let reported = notification(&sale);
    assert_eq!(unmapped(&reported), ["the commission's id is longer than 200 bytes"]);
    assert!(matches!(events(&reported)[..], [Event::ReferralConverted { .. }]));
}

#[test]
fn rows_lose_their_parts_as_webhooks_do() {
    let reported =
        row(Kind::Participant, with(participant_row(), "/rewards/0/id", long())).unwrap();
    assert_eq!(unmapped(&reported), ["the reward's id is longer than 200 bytes"]);
    let rewards =
        events(&reported).into_iter().filter(|it| matches!(it, Event::RewardEarned { .. }));
    assert_eq!(rewards.count(), 1);
    let reported = row(Kind::Participant, with(participant_row(), "/referrer/id", long())).unwrap();
    assert_eq!(unmapped(&reported), ["row.referrer.id is longer than 200 bytes"]);
    let converted = json!({
        "id": "fri001", "email": "ines@example.com", "referralStatus": "CREDIT_AWARDED",
        "referredBy": long(), "createdAt": 1_767_000_000_000_i64,
    });
    let reported = row(Kind::Referral, converted).unwrap();
    assert!(unmapped(&reported).contains(&"row.referredBy is longer than 200 bytes".to_owned()));
    assert!(matches!(events(&reported)[..], [Event::ReferralConverted { .. }]));
    let commission = json!({
        "id": "c1", "event": "LEAD", "referrerId": "aff001", "referredId": long(),
        "createdAt": 1_767_000_000_000_i64,
    });
    let reported = row(Kind::Commission, commission).unwrap();
    assert_eq!(unmapped(&reported), ["data.referredParticipant.id is longer than 200 bytes"]);
}
