//! Plans of notifications: tables of events, and the properties that make repeats and disorder safe.

mod activity;
mod affiliates;
mod amounts;
mod anonymous;
mod counts;
mod email_change;
mod erased;
mod events;
mod feedback;
mod identity;
mod memory;
mod outsiders;
mod properties;
mod references;
mod requirements;
mod rewards;
mod self_referrals;
mod sources;
mod totals;

use crate::mapping::Rules;
use memory::Memory;

use crate::domain::{
    Attributes, Call, Campaign, Email, Event, Facts, Notification, ParticipantIndex, Plan, Scalar,
    SendFilter, Snapshot, Time, TimedEvent,
};

/// When everything here is received, unless a test says otherwise.
const RECEIVED: Time = Time::from_seconds(1_790_000_000);

/// Returns a participant `name001` with the address `name@example.com`.
fn snapshot(name: &str) -> Snapshot {
    let email = Email::parse(&format!("{name}@example.com"));
    let facts = [
        (Facts::EMAIL, Scalar::from(format!("{name}@example.com"))),
        (Facts::FIRST_NAME, Scalar::from(name)),
    ];
    Snapshot {
        field: "data",
        id: Some(format!("{name}001")),
        email: email.map_err(str::to_owned),
        facts: facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        metadata: Attributes::new(),
        share_total: None,
        joined_at: None,
        is_subject: true,
        unmapped: Vec::new(),
    }
}

fn with(mut snapshot: Snapshot, facts: &[(&str, Scalar)]) -> Snapshot {
    for (name, value) in facts {
        snapshot.facts.insert((*name).to_owned(), value.clone());
    }
    snapshot
}

fn notification(at: i64, people: Vec<Snapshot>, events: Vec<Event>) -> Notification {
    let at = Some(Time::from_seconds(at));
    Notification {
        campaign: Campaign { id: Some("camp".to_owned()), name: Some("Spring".to_owned()) },
        as_of: at,
        people,
        events: events.into_iter().map(|event| TimedEvent { at, event }).collect(),
        filter: SendFilter::All,
        feedback: None,
        is_from_server: false,
    }
}

/// Returns the join of a participant without a referrer.
fn joined(at: i64, mut who: Snapshot) -> Notification {
    who.joined_at = who.joined_at.or(Some(Time::from_seconds(at)));
    let joined =
        Event::ParticipantJoined { participant: ParticipantIndex(0), referral_source: None };
    notification(at, vec![who], vec![joined])
}

/// Returns the records once these have joined, without any referrals.
fn knowing<const N: usize>(names: [&str; N], rules: Rules) -> Memory {
    let mut memory = Memory::new(rules);
    for name in names {
        memory.take_in(&joined(1_779_000_000, snapshot(name)), RECEIVED).unwrap();
    }
    memory
}

/// Returns the sign-up of a friend through a referrer who then has this many referrals.
fn referred(at: i64, friend: &str, referrer: &str, referrals: i64) -> Notification {
    let friend = with(
        snapshot(friend),
        &[
            (Facts::REFERRER_ID, Scalar::from(format!("{referrer}001"))),
            (Facts::REFERRER_EMAIL, Scalar::from(format!("{referrer}@example.com"))),
        ],
    );
    let referrer = with(snapshot(referrer), &[(Facts::REFERRAL_COUNT, Scalar::from(referrals))]);
    let joined =
        Event::ParticipantJoined { participant: ParticipantIndex(0), referral_source: None };
    let signed_up =
        Event::FriendSignedUp { referrer: ParticipantIndex(1), friend: ParticipantIndex(0) };
    notification(at, vec![friend, referrer], vec![joined, signed_up])
}

fn converted(at: i64, friend: &str, referrer: &str) -> Notification {
    let event = Event::ReferralConverted {
        friend: ParticipantIndex(0),
        referrer: Some(ParticipantIndex(1)),
        value: None,
        product: None,
    };
    notification(at, vec![snapshot(friend), snapshot(referrer)], vec![event])
}

/// Returns the calls of a plan, short: who, and what.
fn calls(plan: &Plan) -> Vec<(String, String)> {
    let mut calls = Vec::new();
    for lane in &plan.lanes {
        for planned in &lane.calls {
            let what = match &planned.call {
                Call::Identify { .. } => "identify".to_owned(),
                Call::Track { name, .. } => name.clone(),
                other => other.kind().to_owned(),
            };
            calls.push((lane.person.key.value().to_owned(), what));
        }
    }
    calls
}

fn call(who: &str, what: &str) -> (String, String) {
    (format!("{who}@example.com"), what.to_owned())
}

/// Returns the attributes of the last identify for a person.
fn profile(plan: &Plan, who: &str) -> Attributes {
    let who = format!("{who}@example.com");
    let lane = plan.lanes.iter().find(|lane| lane.person.key.value() == who).unwrap();
    let identify = |call: &Call| match call {
        Call::Identify { attributes, .. } => Some(attributes.clone()),
        _ => None,
    };
    lane.calls.iter().rev().find_map(|planned| identify(&planned.call)).unwrap()
}
