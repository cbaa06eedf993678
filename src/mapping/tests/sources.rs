//! Webhooks, backfill and sync report the same, in any order.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::memory::Memory;
use crate::domain::{Notification, SendFilter, Time};
use crate::mapping::Rules;
use crate::sources::growsurf::decode;
use crate::sources::growsurf_api::Campaign;
use crate::sources::growsurf_api::{Kind, Origin, Row};

/// When everybody in the fiction had joined, in milliseconds.
const EPOCH: i64 = 1_780_000_000_000;

/// When everything is taken in.
const RECEIVED: Time = Time::from_seconds(1_785_000_000);

/// A member of the made-up program.
#[derive(Clone, Debug)]
struct Member {
    /// The number of the referrer, who is one of those before.
    referrer: Option<usize>,
    converts: bool,
    rewarded: bool,
    /// Shares by e-mail at each look.
    shares: [i64; 3],
}

fn member() -> impl Strategy<Value = Member> {
    (any::<bool>(), 0..6_usize, any::<bool>(), any::<bool>(), [0..3_i64, 0..3, 0..3]).prop_map(
        |(referred, referrer, converts, rewarded, [a, b, c])| Member {
            referrer: referred.then_some(referrer),
            converts,
            rewarded,
            shares: [a, a + b, a + b + c],
        },
    )
}

fn program() -> impl Strategy<Value = Vec<Member>> {
    proptest::collection::vec(member(), 1..6).prop_map(|mut members| {
        for (index, member) in members.iter_mut().enumerate() {
            member.referrer = member.referrer.filter(|_| index > 0).map(|it| it % index);
            member.converts &= member.referrer.is_some();
        }
        members
    })
}

fn joined_at(index: usize) -> i64 {
    EPOCH + i64::try_from(index).unwrap() * 3_600_000
}

/// Returns a participant as webhooks and rows write them alike.
fn participant(program: &[Member], index: usize) -> Value {
    let referred = program.iter().filter(|it| it.referrer == Some(index) && it.converts).count();
    let mut object = json!({
        "id": format!("p{index:05}"),
        "email": format!("p{index}@example.com"),
        "firstName": format!("P{index}"),
        "referralCount": referred,
        "shareUrl": format!("https://shop.example.com?grsf=p{index:05}"),
        "createdAt": joined_at(index),
        "referralSource": "DIRECT",
        "unsubscribed": false,
    });
    if let Some(referrer) = program[index].referrer {
        object["referredBy"] = json!(format!("p{referrer:05}"));
        object["referralSource"] = json!("PARTICIPANT");
    }
    object
}

fn reward(index: usize) -> Value {
    let at = joined_at(index) + 1_000;
    json!({ "id": format!("prew_{index}"), "rewardId": "crew_1", "status": "PENDING",
        "approved": true, "approvedAt": at, "isReferrer": true })
}

/// Returns the webhook that GrowSurf sends.
fn webhooks(program: &[Member]) -> Vec<Notification> {
    let campaign = json!({ "id": "camp", "name": "Spring" });
    let mut bodies = Vec::new();
    for (index, member) in program.iter().enumerate() {
        let mut data = participant(program, index);
        data["shareCount"] = json!(0);
        data["campaign"] = campaign.clone();
        if let Some(referrer) = member.referrer {
            data["referrer"] = participant(program, referrer);
        }
        let at = joined_at(index);
        bodies.push(json!({ "event": "NEW_PARTICIPANT_ADDED", "createdAt": at, "data": data }));
        if member.rewarded {
            let mut reward = reward(index);
            reward["type"] = json!("SINGLE_SIDED");
            let data = json!({ "participant": participant(program, index), "reward": reward,
                "campaign": campaign });
            bodies.push(json!({ "event": "PARTICIPANT_REACHED_A_GOAL", "createdAt": at + 1_000,
                "data": data }));
        }
    }
    let read = |body: &Value| decode(body.to_string().as_bytes(), RECEIVED).unwrap().reading;
    bodies.iter().map(|body| read(body).unwrap()).collect()
}

/// Returns the row that the REST API answers at a look.
fn rows(program: &[Member], look: usize) -> Vec<Notification> {
    let name = Some("Spring".to_owned());
    let rewards = json!({ "id": "crew_1", "type": "SINGLE_SIDED" });
    let campaign = Campaign {
        id: "camp".to_owned(),
        name,
        rewards: [("crew_1".to_owned(), rewards)].into(),
        ..Campaign::default()
    };
    let at = Time::from_millis(EPOCH + i64::try_from(look + 1).unwrap() * 86_400_000);
    let origin = Origin { campaign, at, filter: SendFilter::All, shares: true };
    let mut reported = Vec::new();
    for (index, member) in program.iter().enumerate() {
        let mut row = participant(program, index);
        row["shareCount"] = json!({ "email": member.shares[look] });
        row["rewards"] = if member.rewarded { json!([reward(index)]) } else { json!([]) };
        if let Some(referrer) = member.referrer {
            row["referrer"] = participant(program, referrer);
        }
        reported.push(Row::new(Kind::Participant, row, &origin));
        if member.converts {
            let mut row = participant(program, index);
            row["referralStatus"] = json!("CREDIT_AWARDED");
            row["updatedAt"] = json!(joined_at(index) + 5_000);
            reported.push(Row::new(Kind::Referral, row, &origin));
        }
    }
    reported.iter().map(|row| row.notification().unwrap()).collect()
}

/// Returns the facts of everybody once all rows of a look were accepted.
fn counted(program: &[Member], look: usize) -> Vec<Notification> {
    let at = Time::from_millis(EPOCH + i64::try_from(look + 1).unwrap() * 86_400_000);
    let campaign = Campaign { id: "camp".to_owned(), ..Campaign::default() };
    let origin = Origin { campaign, at, filter: SendFilter::None, shares: true };
    let of = |index| json!({ "id": format!("p{index:05}") });
    let rows = (0..program.len()).map(|index| Row::new(Kind::Counted, of(index), &origin));
    rows.map(|row| row.notification().unwrap()).collect()
}

/// Returns the final state after some notifications, in this order.
fn state(notifications: &[Notification]) -> (Vec<(String, String)>, Vec<String>) {
    let rules = Rules::standard();
    let mut memory = Memory::new(rules.clone());
    for reported in notifications {
        memory.take_in(reported, RECEIVED).unwrap();
    }
    memory.shown(&rules)
}

proptest! {
    #[test]
    fn any_interleaving_ends_in_the_same_effects_and_profiles(
        program in program(),
        seed in any::<u64>(),
    ) {
        let looks: Vec<Vec<Notification>> = (0..3).map(|look| rows(&program, look)).collect();
        let mut in_order = webhooks(&program);
        for (look, rows) in looks.iter().enumerate() {
            in_order.extend(rows.iter().cloned().chain(counted(&program, look)));
        }
        // Webhooks come when they come, some twice; looks follow each other, the rows of each in any
        // order.
        let mut random = fastrand::Rng::with_seed(seed);
        let mut late = webhooks(&program);
        late.extend(webhooks(&program).into_iter().filter(|_| random.bool()));
        random.shuffle(&mut late);
        let mut mixed = Vec::new();
        for (number, mut look) in looks.into_iter().enumerate() {
            random.shuffle(&mut look);
            for row in look.into_iter().chain(counted(&program, number)) {
                while random.bool() && let Some(webhook) = late.pop() {
                    mixed.push(webhook);
                }
                mixed.push(row);
            }
        }
        mixed.extend(late);
        prop_assert_eq!(state(&in_order), state(&mixed));
    }

    #[test]
    fn rows_lead_to_the_effects_of_lost_webhooks(program in program()) {
        let look = |look| rows(&program, look).into_iter().chain(counted(&program, look));
        let looks: Vec<Notification> = (0..3).flat_map(look).collect();
        let all: Vec<Notification> = webhooks(&program).into_iter().chain(looks.clone()).collect();
        prop_assert_eq!(state(&all), state(&looks));
    }
}
