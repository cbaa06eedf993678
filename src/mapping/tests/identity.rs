//! Identity of people: across shapes, campaigns and addresses.

use super::memory::Memory;
use super::{RECEIVED, calls, knowing, notification, profile, referred, snapshot};
use crate::domain::{Event, Identifier, Notification, ParticipantIndex, Scalar, Snapshot};
use crate::mapping::{IdentifyBy, Rules};

/// Returns the guide's shape of a notification, without participant ids.
fn guide(mut notification: Notification) -> Notification {
    notification.as_of = None;
    for snapshot in &mut notification.people {
        snapshot.id = None;
    }
    for timed in &mut notification.events {
        timed.at = None;
    }
    notification
}

#[test]
fn both_shapes_lead_to_the_same_effects_in_either_order() {
    let real = referred(1_780_000_000, "fay", "rae", 5);
    for order in [[real.clone(), guide(real.clone())], [guide(real.clone()), real.clone()]] {
        let mut memory = Memory::new(Rules::standard());
        memory.take_in(&order[0], RECEIVED).unwrap();
        let before = memory.people.iter().map(|it| it.participants[0].last_referral);
        let before: Vec<_> = before.collect();
        let plan = memory.take_in(&order[1], RECEIVED).unwrap();
        assert!(calls(&plan).iter().all(|(_, what)| what == "identify"));
        let after = memory.people.iter().map(|it| it.participants[0].last_referral);
        assert_eq!(after.collect::<Vec<_>>(), before);
        assert_eq!(memory.effects.len(), 2);
        assert_eq!(memory.people.len(), 2);
        assert!(memory.people.iter().all(|person| person.participants.len() == 1));
    }
}

#[test]
fn a_participant_key_without_an_id_shows_no_address() {
    let mut memory = Memory::new(Rules::standard());
    memory.take_in(&guide(referred(1_780_000_000, "fay", "rae", 5)), RECEIVED).unwrap();
    let key = &memory.people[0].participants[0].key;
    assert!(key.starts_with('~') && !key.contains("fay"), "{key}");
}

#[test]
fn participants_of_two_campaigns_with_one_address_are_one_person() {
    let mut memory = knowing(["rae"], Rules::standard());
    let mut other = referred(1_780_000_100, "fay", "rae", 2);
    other.campaign.id = Some("other".to_owned());
    for snapshot in &mut other.people {
        snapshot.id = snapshot.id.as_ref().map(|id| format!("{id}x"));
    }
    memory.take_in(&referred(1_780_000_000, "fay", "rae", 1), RECEIVED).unwrap();
    let plan = memory.take_in(&other, RECEIVED).unwrap();
    assert_eq!(memory.people.len(), 2);
    assert_eq!(memory.effects.len(), 5);
    // The latest is kept where campaigns differ.
    assert_eq!(profile(&plan, "rae")["total_referrals"], Scalar::Integer(2));
    assert_eq!(profile(&plan, "rae")["last_referral_date"], Scalar::Integer(1_780_000_100));
    // In one of them they weren't seen from the start.
    assert_eq!(profile(&plan, "rae").get("first_referral_date"), None);
}

fn by_metadata() -> Rules {
    let identify_by = IdentifyBy::Metadata("shopId".to_owned());
    Rules { identify_by, ..Rules::standard() }
}

fn joined(snapshot: Snapshot) -> Notification {
    let event =
        Event::ParticipantJoined { participant: ParticipantIndex(0), referral_source: None };
    notification(1_780_000_000, vec![snapshot], vec![event])
}

fn with_id(name: &str, id: &str) -> Snapshot {
    let mut snapshot = snapshot(name);
    snapshot.metadata.insert("shopId".to_owned(), id.into());
    snapshot
}

#[test]
fn an_id_from_metadata_comes_without_the_address_unless_it_is_trusted() {
    let reported = joined(with_id("fay", "u-1"));
    for (trusted, email) in [(false, None), (true, Some(Scalar::from("fay@example.com")))] {
        let rules = Rules { trust_metadata_id: trusted, ..by_metadata() };
        let plan = Memory::new(rules).take_in(&reported, RECEIVED).unwrap();
        assert_eq!(plan.lanes[0].person.key, Identifier::Id("u-1".to_owned()).into());
        let crate::domain::Call::Identify { attributes, .. } = &plan.lanes[0].calls[0].call else {
            panic!()
        };
        assert_eq!(attributes.get("email"), email.as_ref());
    }
}

#[test]
fn the_first_id_seen_for_a_participant_stays() {
    let mut memory = Memory::new(by_metadata());
    memory.take_in(&joined(with_id("fay", "u-1")), RECEIVED).unwrap();
    memory.take_in(&joined(with_id("fay", "u-2")), RECEIVED).unwrap();
    assert_eq!(memory.people.len(), 1);
    assert_eq!(memory.people[0].key, Identifier::Id("u-1".to_owned()).into());
}

#[test]
fn a_person_is_never_guessed_from_the_other_kind() {
    let reason = Memory::new(by_metadata()).take_in(&joined(snapshot("fay")), RECEIVED);
    assert_eq!(reason.unwrap_err(), "data.metadata.shopId is missing");
}

#[test]
fn a_changed_address_does_not_make_a_second_person() {
    let mut memory = Memory::new(Rules::standard());
    memory.take_in(&joined(snapshot("fay")), RECEIVED).unwrap();
    let mut moved = snapshot("new");
    moved.id = Some("fay001".to_owned());
    memory.take_in(&joined(moved), RECEIVED).unwrap();
    assert_eq!(memory.people.len(), 1);
}

#[test]
fn a_participant_named_twice_in_one_webhook_is_one_person() {
    for (rules, first, second) in [
        (by_metadata(), with_id("fay", "u-1"), with_id("fay", "u-2")),
        (by_metadata(), snapshot("fay"), with_id("fay", "u-1")),
        (
            Rules::standard(),
            snapshot("fay"),
            Snapshot { id: snapshot("fay").id, ..snapshot("gus") },
        ),
    ] {
        let mut memory = Memory::new(rules);
        let joined =
            Event::ParticipantJoined { participant: ParticipantIndex(0), referral_source: None };
        let signed_up =
            Event::FriendSignedUp { referrer: ParticipantIndex(1), friend: ParticipantIndex(0) };
        let reported = notification(1_780_000_000, vec![first, second], vec![joined, signed_up]);
        memory.take_in(&reported, RECEIVED).unwrap();
        assert_eq!(memory.people.len(), 1);
        assert_eq!(calls(&memory.take_in(&reported, RECEIVED).unwrap()), []);
    }
}
