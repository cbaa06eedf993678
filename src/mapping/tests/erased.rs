//! Erased people: notifications without them, and people who count as new.

use super::memory::Memory;
use super::{RECEIVED, calls, converted, joined, notification, referred, snapshot};
use crate::domain::{
    Call, ErasureKey, ErasureSubject, Event, Facts, ParticipantIndex, ParticipantKey, Planner,
    Snapshot, Time,
};
use crate::mapping::{Mapper, Rules};

/// The time of the erasure.
const FORGOTTEN: i64 = 1_785_000_000;

/// Returns a memory in which this person was forgotten.
fn without(name: &str) -> Memory {
    let mut memory = Memory::new(Rules::standard());
    let reported = snapshot(name);
    let participant = reported.id.clone().unwrap();
    let key = ParticipantKey { campaign: "camp".to_owned(), participant };
    for trace in [ErasureKey::Participant(key), ErasureKey::Address(reported.email.unwrap())] {
        memory.tombstones.insert(trace, Time::from_seconds(FORGOTTEN));
    }
    memory
}

#[test]
fn an_erased_participant_leads_to_nothing_in_any_report() {
    let mut fay = snapshot("fay");
    fay.joined_at = Some(Time::from_seconds(FORGOTTEN + 5));
    for notification in [joined(FORGOTTEN - 9, fay.clone()), joined(FORGOTTEN + 9, fay)] {
        let plan = without("fay").take_in(&notification, RECEIVED).unwrap();
        assert!(plan.lanes.is_empty() && plan.unmapped.is_empty(), "{plan:?}");
        assert_eq!((plan.erased.emails.len(), plan.erased.participants.len()), (1, 1));
    }
}

#[test]
fn the_same_address_is_another_person_after_a_later_join() {
    let other = |id: Option<&str>, joined_at: Option<i64>| Snapshot {
        id: id.map(str::to_owned),
        joined_at: joined_at.map(Time::from_seconds),
        ..snapshot("fay")
    };
    for (reported, at, is_new) in [
        (other(Some("new"), Some(FORGOTTEN + 1)), FORGOTTEN + 9, true),
        (other(Some("new"), Some(FORGOTTEN)), FORGOTTEN + 9, false),
        (other(Some("new"), None), FORGOTTEN + 9, true),
        (other(Some("new"), None), FORGOTTEN, false),
        (other(None, None), FORGOTTEN + 9, true),
        (other(None, None), FORGOTTEN - 9, false),
    ] {
        let plan = without("fay").take_in(&joined(at, reported.clone()), RECEIVED).unwrap();
        assert_eq!(!plan.lanes.is_empty(), is_new, "{reported:?} {at}");
        assert_eq!(plan.erased.is_empty(), is_new, "{reported:?} {at}");
    }
    // Another event makes no new person, but reaches one who is new.
    let suspected = |at| {
        let event = Event::FraudStatusChanged { participant: ParticipantIndex(0) };
        notification(at, vec![other(None, None)], vec![event])
    };
    let mut memory = without("fay");
    assert!(memory.take_in(&suspected(FORGOTTEN + 1), RECEIVED).unwrap().lanes.is_empty());
    let plan = memory.take_in(&joined(FORGOTTEN + 2, other(None, None)), RECEIVED).unwrap();
    // It is a join of its own, although the guide's shape reported one before the erasure.
    assert_eq!(calls(&plan).len(), 2);
    let plan = memory.take_in(&suspected(FORGOTTEN + 3), RECEIVED).unwrap();
    assert!(plan.erased.is_empty(), "{plan:?}");
    let plan = memory.take_in(&suspected(FORGOTTEN - 3), RECEIVED).unwrap();
    assert!(plan.lanes.is_empty() && !plan.erased.is_empty(), "{plan:?}");
}

#[test]
fn a_friend_of_an_erased_referrer_joins_without_a_referrer() {
    let plan = without("rae").take_in(&referred(FORGOTTEN + 1, "fay", "rae", 5), RECEIVED).unwrap();
    assert_eq!(plan.lanes.len(), 1);
    let reported = format!("{:?}", plan.lanes);
    assert!(!reported.contains("rae001"), "{reported}");
    let person = &plan.lanes[0].person;
    assert!(person.participants[0].facts.get(Facts::REFERRER_EMAIL).is_none());
    assert!(plan.unmapped.is_empty());
}

#[test]
fn others_events_are_sent_without_the_erased_person() {
    let reported = converted(FORGOTTEN + 1, "fay", "rae");
    let plan = without("rae").take_in(&reported, RECEIVED).unwrap();
    let Some(Call::Track { data, .. }) = plan.lanes[0].calls.last().map(|it| &it.call) else {
        panic!("{plan:?}")
    };
    assert!(!data.contains_key("referrer_email"), "{data:?}");
    // A conversion of an erased person leads to nothing.
    let plan = without("fay").take_in(&reported, RECEIVED).unwrap();
    assert!(plan.lanes.iter().all(|lane| lane.calls.is_empty()), "{plan:?}");
}

#[test]
fn unchanged_people_are_listed_apart_from_changed_ones() {
    let mut memory = Memory::new(Rules::standard());
    memory.take_in(&referred(1_780_000_000, "fay", "rae", 5), RECEIVED).unwrap();
    let again = memory.take_in(&referred(1_780_000_000, "fay", "rae", 5), RECEIVED).unwrap();
    assert_eq!((again.lanes.len(), again.mentioned.len()), (0, 2));
}

#[test]
fn a_friends_record_without_them_plans_nothing_by_itself() {
    let mut memory = Memory::new(Rules::standard());
    let mut reported = referred(1_780_000_000, "fay", "rae", 5);
    reported.people[0].metadata.insert("buddy".to_owned(), "rae@example.com".into());
    memory.take_in(&reported, RECEIVED).unwrap();
    let rae = ErasureSubject::with_address(snapshot("rae").email.unwrap());
    let mapper = Mapper::new(Rules::standard());
    let fay = memory.people.iter().position(|it| !rae.is_about(it)).unwrap();
    let left = mapper.without(&memory.people[fay], &rae).unwrap();
    assert_eq!(mapper.without(&left, &rae), None);
    memory.people[fay] = left;
    let reported = Snapshot { facts: [].into(), ..snapshot("fay") };
    let suspected = notification(
        1_780_000_001,
        vec![reported],
        vec![Event::FraudStatusChanged { participant: ParticipantIndex(0) }],
    );
    assert_eq!(calls(&memory.take_in(&suspected, RECEIVED).unwrap()), []);
}
