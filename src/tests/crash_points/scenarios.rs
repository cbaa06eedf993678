//! The scenarios: two lanes, a few calls, one thing that goes wrong.

use serde_json::{Value, json};

use super::enumerate;
use super::parts::START;
use super::scenario::{Scenario, Step, Webhook};
use super::stand::Fault;

const JOINED: &str = "referral_program_joined";
const FRIEND: &str = "referral_friend_signed_up";

const ANN: &str = "ann@example.com";
const BOB: &str = "bob@example.com";

fn person(name: &str) -> Value {
    json!({
        "id": name,
        "email": format!("{name}@example.com"),
        "firstName": name,
        "shareUrl": format!("https://shop.example.com?grsf={name}"),
        "referralCount": 0,
        "fraudRiskLevel": "HIGH",
        "fraudReasonCode": "DUPLICATE_DEVICE",
    })
}

fn webhook(event: &str, mut data: Value, effects: &[(&str, &str)]) -> Webhook {
    data["campaign"] = json!({"id": "c1", "name": "Spring"});
    let body = json!({"event": event, "createdAt": START.millis(), "data": data}).to_string();
    let effects = effects.iter().map(|(event, person)| format!("{event} {person}")).collect();
    Webhook { body, effects }
}

/// Returns the join of Ann: an identify and a track.
fn ann_joins() -> Step {
    Step::Take(webhook("NEW_PARTICIPANT_ADDED", person("ann"), &[(JOINED, ANN)]))
}

/// Returns the join of Ann through Bob's link: an identify and a track for each.
fn ann_joins_through_bob() -> Step {
    let mut data = person("ann");
    data["referredBy"] = json!("bob");
    data["referrer"] = person("bob");
    data["referrer"]["referralCount"] = json!(1);
    Step::Take(webhook("NEW_PARTICIPANT_ADDED", data, &[(JOINED, ANN), (FRIEND, BOB)]))
}

/// Returns a suspicion of Bob: an identify alone.
fn bob_is_suspected() -> Step {
    let data = json!({"participant": person("bob")});
    Step::Take(webhook("PARTICIPANT_FRAUD_STATUS_UPDATED", data, &[]))
}

/// Returns a scenario of two lanes and three calls: the heads go together, then Ann's track alone.
fn three_calls(faults: Vec<(usize, Fault)>) -> Scenario {
    Scenario {
        steps: vec![ann_joins(), bob_is_suspected(), Step::Deliver],
        faults,
        lanes: vec![(ANN, vec!["identify referral_program_joined"]), (BOB, vec!["identify"])],
        is_new: false,
    }
}

#[test]
fn a_crash_at_any_moment_of_a_new_store() {
    enumerate("a new store", &Scenario { is_new: true, ..three_calls(Vec::new()) });
}

#[test]
fn a_crash_at_any_moment_around_a_retry() {
    for request in 0..2 {
        let faults = vec![(request, Fault::Refused(500))];
        enumerate(&format!("request {request} refused"), &three_calls(faults));
    }
}

#[test]
fn a_crash_at_any_moment_around_a_lost_answer() {
    for request in 0..2 {
        let faults = vec![(request, Fault::Lost)];
        enumerate(&format!("answer {request} lost"), &three_calls(faults));
    }
}

#[test]
fn a_crash_at_any_moment_around_a_lease_that_ends() {
    for request in 0..2 {
        let faults = vec![(request, Fault::Late)];
        enumerate(&format!("answer {request} after its lease"), &three_calls(faults));
    }
}

#[test]
fn a_crash_at_any_moment_around_a_webhook_that_comes_again() {
    let steps = vec![ann_joins(), ann_joins(), bob_is_suspected(), Step::Deliver, ann_joins()];
    enumerate("a webhook three times", &Scenario { steps, ..three_calls(Vec::new()) });
}

#[test]
fn a_crash_at_any_moment_of_one_webhook_in_two_lanes() {
    let through_bob = Scenario {
        steps: vec![ann_joins_through_bob(), Step::Deliver, ann_joins(), Step::Deliver],
        faults: vec![(1, Fault::Refused(429))],
        lanes: vec![
            (ANN, vec!["identify referral_program_joined"]),
            (BOB, vec!["identify referral_friend_signed_up"]),
        ],
        is_new: false,
    };
    enumerate("one webhook in two lanes", &through_bob);
}

#[test]
fn a_crash_at_any_moment_of_a_dead_letter_put_back() {
    let refused = Scenario {
        steps: vec![ann_joins(), Step::Deliver, Step::Redeliver, Step::Deliver],
        faults: vec![(0, Fault::Refused(400))],
        lanes: vec![(
            ANN,
            vec!["identify referral_program_joined", "referral_program_joined identify"],
        )],
        is_new: false,
    };
    enumerate("a dead letter put back", &refused);
}
