//! Totals of conversions and rewards: each sent only while that very thing was counted whole.

use super::memory::Memory;
use super::{RECEIVED, converted, joined, knowing, notification, referred, snapshot, with};
use crate::domain::{
    Attributes, Event, Facts, Notification, ParticipantIndex, Reward, Scalar, SendFilter, Snapshot,
};
use crate::mapping::Rules;

const FRIENDS: [&str; 4] = ["ann", "bob", "cid", "dee"];

fn take(memory: &mut Memory, notification: &Notification) {
    memory.take_in(notification, RECEIVED).unwrap();
}

fn profile(memory: &Memory, name: &str) -> Attributes {
    let address = format!("{name}@example.com");
    let person = memory.people.iter().find(|it| it.key.value() == address).unwrap();
    crate::mapping::profile::attributes(person, memory.rules())
}

fn total(memory: &Memory, name: &str) -> Option<i64> {
    profile(memory, "rae").get(name).and_then(Scalar::as_integer)
}

/// Plans the sign-ups of four friends of `rae`; GrowSurf has credited `credited` of them.
fn sign_up(memory: &mut Memory, credited: i64) {
    for (place, friend) in (1..).zip(FRIENDS) {
        let mut reported = referred(1_780_000_000 + place, friend, "rae", credited.min(place - 1));
        let leads = place - credited.min(place - 1);
        reported.people[1].facts.insert(Facts::LEAD_COUNT.to_owned(), leads.into());
        take(memory, &reported);
    }
}

/// Returns the conversion of a friend, as the user's own backend reports it.
fn by_server(friend: &str) -> Notification {
    let mut reported = converted(1_780_000_100, friend, "rae");
    reported.people.truncate(1);
    reported.people[0].is_subject = false;
    let Event::ReferralConverted { referrer, .. } = &mut reported.events[0].event else { panic!() };
    (*referrer, reported.is_from_server) = (None, true);
    reported
}

fn of_server() -> Rules {
    let mut rules = Rules::standard();
    rules.conversions_from_server.insert("camp".to_owned());
    rules
}

/// Plans a full comparison of `rae`.
fn compared(memory: &mut Memory) {
    let who = Snapshot::with_id("row", "rae001".to_owned());
    let event = Event::FullyCompared { participant: ParticipantIndex(0) };
    let mut notification = notification(1_780_010_000, vec![who], vec![event]);
    notification.filter = SendFilter::None;
    take(memory, &notification);
}

#[test]
fn conversions_are_complete_once_as_many_are_counted_as_were_credited() {
    let mut memory = knowing(["rae"], Rules::standard());
    sign_up(&mut memory, 3);
    for (friend, expected) in [("dee", None), ("ann", None), ("bob", Some(3)), ("cid", Some(4))] {
        take(&mut memory, &by_server(friend));
        assert_eq!(total(&memory, "total_conversions"), expected, "{friend}");
        assert_eq!(total(&memory, "total_friends"), Some(4));
    }
}

#[test]
fn a_sale_of_an_affiliate_is_a_conversion_whatever_was_credited() {
    let mut memory = Memory::new(Rules::standard());
    let is_affiliate = (Facts::IS_AFFILIATE, Scalar::Boolean(true));
    take(&mut memory, &joined(1_779_000_000, with(snapshot("rae"), &[is_affiliate])));
    sign_up(&mut memory, 3);
    take(&mut memory, &converted(1_780_000_100, "dee", "rae"));
    assert_eq!(total(&memory, "total_conversions"), Some(1));
}

#[test]
fn what_only_a_server_reports_is_complete_since_a_join_and_by_no_reading() {
    for has_seen_join in [true, false] {
        let mut memory = Memory::new(of_server());
        if has_seen_join {
            take(&mut memory, &joined(1_779_000_000, snapshot("rae")));
        }
        sign_up(&mut memory, 3);
        compared(&mut memory);
        take(&mut memory, &by_server("dee"));
        assert_eq!(total(&memory, "total_friends"), Some(4));
        assert_eq!(total(&memory, "total_conversions"), has_seen_join.then_some(1));
    }
}

#[test]
fn what_a_server_reported_of_friends_who_were_missing_is_not_made_up_for() {
    let mut memory = knowing(["rae"], of_server());
    let mut ahead = referred(1_780_000_000, "eve", "rae", 0);
    ahead.people[1].facts.insert(Facts::LEAD_COUNT.to_owned(), 2.into());
    take(&mut memory, &ahead);
    take(&mut memory, &by_server("eve"));
    assert_eq!(total(&memory, "total_conversions"), None);
    compared(&mut memory);
    assert_eq!(total(&memory, "total_friends"), Some(1));
    assert_eq!(total(&memory, "total_conversions"), None);
}

#[test]
fn rewards_are_complete_whether_or_not_conversions_are() {
    let mut memory = knowing(["rae"], Rules::standard());
    sign_up(&mut memory, 3);
    let reward = Reward { id: "prew_1".to_owned(), approved: true, ..Reward::default() };
    let event = Event::RewardEarned { earner: ParticipantIndex(0), reward };
    take(&mut memory, &notification(1_780_000_100, vec![snapshot("rae")], vec![event]));
    assert_eq!(total(&memory, "total_rewards"), Some(1));
    assert_eq!(total(&memory, "total_conversions"), None);
}
