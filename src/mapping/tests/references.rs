//! References of calls and records to other people, and the places of each address and name.

use super::memory::Memory;
use super::{RECEIVED, calls, joined, notification, profile, referred, snapshot, with};
use crate::domain::{
    Event, Facts, LaneKey, Notification, ParticipantIndex, Person, Plan, Scalar, Snapshot,
};
use crate::mapping::{IdentifyBy, Rules};

/// Returns the join of a participant whose referrer is named by one fact alone.
fn joined_by(name: &str, fact: &str, referrer: &str) -> Notification {
    joined(1_780_000_000, with(snapshot(name), &[(fact, Scalar::from(referrer))]))
}

fn state(person: &Person) -> String {
    serde_json::to_string(&person.participants).unwrap()
}

fn tracked(plan: &Plan, name: &str) -> Option<Scalar> {
    let calls = plan.lanes.iter().flat_map(|lane| &lane.calls);
    let mut data = calls.filter_map(|planned| match &planned.call {
        crate::domain::Call::Track { data, .. } => Some(data),
        _ => None,
    });
    data.find_map(|data| data.get(name).cloned())
}

#[test]
fn a_friends_record_holds_no_address_of_the_referrer() {
    let mut memory = Memory::new(Rules::standard());
    let plan = memory.take_in(&referred(1_780_000_000, "fay", "rae", 1), RECEIVED).unwrap();
    assert_eq!(profile(&plan, "fay")["referred_by"], Scalar::from("rae@example.com"));
    let fay = memory.people.iter().find(|it| it.key.value() == "fay@example.com").unwrap();
    assert!(!state(fay).contains("rae@example.com"), "{}", state(fay));
}

#[test]
fn a_referrer_known_by_address_alone_has_a_record_and_no_profile() {
    let mut memory = Memory::new(Rules::standard());
    let reported = joined_by("fay", Facts::REFERRER_EMAIL, "rae@example.com");
    let plan = memory.take_in(&reported, RECEIVED).unwrap();
    assert_eq!(profile(&plan, "fay")["referred_by"], Scalar::from("rae@example.com"));
    assert_eq!(tracked(&plan, "source"), Some(Scalar::from("referral")));
    let [fay, rae] = &memory.people[..] else { panic!("{:?}", memory.people) };
    assert!(!state(fay).contains("rae@example.com"));
    assert!(state(rae).contains("rae@example.com"));
    assert!(matches!(rae.key, LaneKey::Participant(_)));
    assert_eq!((rae.identified.as_ref(), rae.keys().count()), (None, 0));
    assert_eq!(calls(&memory.take_in(&reported, RECEIVED).unwrap()), []);
    // Who is known by the address is referred to.
    memory.take_in(&joined(1_780_000_001, snapshot("gus")), RECEIVED).unwrap();
    let reported = joined_by("ned", Facts::REFERRER_EMAIL, "gus@example.com");
    memory.take_in(&reported, RECEIVED).unwrap();
    assert_eq!(memory.people.len(), 4);
    assert!(state(&memory.people[3]).contains("gus001"));
}

#[test]
fn a_friend_who_cannot_be_identified_is_shown_all_the_same() {
    let identify_by = IdentifyBy::Metadata("userId".to_owned());
    let mut memory = Memory::new(Rules { identify_by, ..Rules::standard() });
    let mut reported = referred(1_780_000_000, "fay", "rae", 1);
    reported.people[1].metadata.insert("userId".to_owned(), Scalar::from("7"));
    let plan = memory.take_in(&reported, RECEIVED).unwrap();
    assert_eq!(tracked(&plan, "friend_email"), Some(Scalar::from("fay@example.com")));
    assert_eq!(tracked(&plan, "friend_name"), Some(Scalar::from("fay")));
    let holding: Vec<_> =
        memory.people.iter().filter(|it| state(it).contains("fay@example.com")).collect();
    assert!(matches!(holding[..], [Person { key: LaneKey::Participant(_), .. }]));
    assert!(plan.lanes.iter().all(|lane| lane.calls.is_empty() || lane.person != *holding[0]));
}

#[test]
fn a_referrer_keeps_one_key_however_they_are_named() {
    let mut memory = Memory::new(Rules::standard());
    // The guide's shape, which has no ids.
    let mut guide = referred(1_780_000_000, "fay", "rae", 1);
    for person in &mut guide.people {
        person.id = None;
        person.facts.remove(Facts::REFERRER_ID);
    }
    memory.take_in(&guide, RECEIVED).unwrap();
    for name in ["rae", "fay"] {
        memory.take_in(&joined(1_780_000_001, snapshot(name)), RECEIVED).unwrap();
    }
    let codes = with(snapshot("rae"), &[(Facts::LINK_CODES, Scalar::from("rae-s"))]);
    memory.take_in(&joined(1_780_000_002, codes), RECEIVED).unwrap();
    let suspected = |named: &str| {
        let facts = [(Facts::REFERRER_ID, Scalar::from(named))];
        let reported = with(Snapshot { facts: [].into(), ..snapshot("fay") }, &facts);
        let event = Event::FraudStatusChanged { participant: ParticipantIndex(0) };
        notification(1_780_000_003, vec![reported], vec![event])
    };
    for named in ["rae001", "rae-s"] {
        let plan = memory.take_in(&suspected(named), RECEIVED).unwrap();
        assert_eq!(calls(&plan), [], "{named}");
        let fay = memory.people.iter().find(|it| it.key.value() == "fay@example.com");
        assert!(!state(fay.unwrap()).contains(named), "{named}");
    }
}
