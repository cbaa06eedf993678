//! Customers of affiliate programs: reported as people, and as joined once they have.

use super::memory::Memory;
use super::{RECEIVED, call, calls, notification, snapshot, with};
use crate::domain::{Call, Event, Facts, Notification, ParticipantIndex, Scalar, Time};
use crate::mapping::Rules;

fn customer(at: i64) -> Notification {
    let who = with(snapshot("fay"), &[(Facts::IS_AFFILIATE, Scalar::Boolean(false))]);
    let added = Event::CustomerAdded { customer: ParticipantIndex(0) };
    let signed_up =
        Event::FriendSignedUp { referrer: ParticipantIndex(1), friend: ParticipantIndex(0) };
    notification(at, vec![who, snapshot("rae")], vec![added, signed_up])
}

fn affiliate(created: i64, fetched: i64) -> Notification {
    let who = with(snapshot("fay"), &[(Facts::IS_AFFILIATE, Scalar::Boolean(true))]);
    let joined =
        Event::ParticipantJoined { participant: ParticipantIndex(0), referral_source: None };
    let mut notification = notification(fetched, vec![who], vec![joined]);
    notification.events[0].at = Some(Time::from_seconds(created));
    notification
}

#[test]
fn a_customer_is_identified_and_counts_as_a_friend() {
    let plan = Memory::new(Rules::standard()).take_in(&customer(1_780_000_000), RECEIVED).unwrap();
    assert_eq!(
        calls(&plan),
        [
            call("fay", "identify"),
            call("rae", "identify"),
            call("rae", "referral_friend_signed_up")
        ]
    );
}

#[test]
fn a_customer_who_becomes_an_affiliate_joined_when_that_was_seen() {
    let at = |notification: &Notification, memory: &mut Memory| {
        let plan = memory.take_in(notification, RECEIVED).unwrap();
        plan.lanes.iter().flat_map(|lane| &lane.calls).find_map(|planned| match &planned.call {
            Call::Track { name, at, .. } if name == "referral_program_joined" => Some(at.seconds()),
            _ => None,
        })
    };
    let mut memory = Memory::new(Rules::standard());
    assert_eq!(at(&customer(1_780_000_000), &mut memory), None);
    let row = affiliate(1_780_000_000, 1_785_000_000);
    assert_eq!(at(&row, &mut memory), Some(1_785_000_000));
    assert_eq!(at(&row, &mut memory), None);
    let mut memory = Memory::new(Rules::standard());
    assert_eq!(at(&row, &mut memory), Some(1_780_000_000), "who always was one joined then");
    assert_eq!(at(&customer(1_780_000_000), &mut memory), None);
}

#[test]
fn a_webhook_that_says_less_than_a_row_does_not_make_a_customer_join() {
    let joined = |at: i64| {
        let joined =
            Event::ParticipantJoined { participant: ParticipantIndex(0), referral_source: None };
        notification(at, vec![snapshot("fay")], vec![joined])
    };
    for at in [1_779_000_000, 1_781_000_000] {
        let mut memory = Memory::new(Rules::standard());
        memory.take_in(&customer(1_780_000_000), RECEIVED).unwrap();
        assert_eq!(calls(&memory.take_in(&joined(at), RECEIVED).unwrap()), []);
        let plan = memory.take_in(&affiliate(1_780_000_000, 1_785_000_000), RECEIVED).unwrap();
        assert!(calls(&plan).contains(&call("fay", "referral_program_joined")));
    }
}
