//! People whom the store must know before a report of a backend is planned.

use super::memory::Memory;
use super::{RECEIVED, call, calls, converted, joined, notification, referred, snapshot, with};
use crate::domain::{Event, Facts, Notification, ParticipantIndex, Scalar};
use crate::mapping::Rules;

const STRANGER: &str = "the relay knows no participant under this address or id";
const ORGANIC: &str = "the relay knows no referrer of this participant";

/// Returns a conversion of `fay`, as the user's own backend reports it.
fn by_server() -> Notification {
    let mut reported = converted(1_780_000_100, "fay", "rae");
    reported.people.truncate(1);
    (reported.people[0].id, reported.people[0].is_subject) = (None, false);
    let Event::ReferralConverted { referrer, .. } = &mut reported.events[0].event else { panic!() };
    (*referrer, reported.is_from_server) = (None, true);
    reported
}

#[track_caller]
fn assert_parked(memory: &mut Memory, reported: &Notification, reason: &str) {
    let before = memory.shown(&Rules::standard());
    assert_eq!(memory.take_in(reported, RECEIVED).unwrap_err(), reason);
    assert_eq!(memory.shown(&Rules::standard()), before);
}

#[test]
fn a_backend_reports_conversions_of_friends_only() {
    let mut memory = Memory::new(Rules::standard());
    assert_parked(&mut memory, &by_server(), STRANGER);
    memory.take_in(&joined(1_780_000_000, snapshot("fay")), RECEIVED).unwrap();
    assert_parked(&mut memory, &by_server(), ORGANIC);
    // The referrer may become known later.
    memory.take_in(&referred(1_780_000_000, "fay", "rae", 1), RECEIVED).unwrap();
    let plan = memory.take_in(&by_server(), RECEIVED).unwrap();
    assert_eq!(calls(&plan), [call("fay", "identify"), call("fay", "referral_converted")]);
}

#[test]
fn a_friend_of_a_referrer_who_cannot_be_named_is_one_and_who_refers_themself_is_none() {
    for (name, value, is_friend) in [
        (Facts::IS_REFERRED, Scalar::Boolean(true), true),
        (Facts::REFERRER_ID, Scalar::from("zed001"), true),
        (Facts::REFERRER_ID, Scalar::from("fay001"), false),
    ] {
        let mut memory = Memory::new(Rules::standard());
        let fay = with(snapshot("fay"), &[(name, value)]);
        memory.take_in(&joined(1_780_000_000, fay), RECEIVED).unwrap();
        let planned = memory.take_in(&by_server(), RECEIVED);
        let expected = if is_friend { Ok(()) } else { Err(ORGANIC.to_owned()) };
        assert_eq!(planned.map(|_| ()), expected, "{name}");
    }
}

#[test]
fn a_participant_of_another_campaign_is_a_stranger() {
    let mut memory = Memory::new(Rules::standard());
    memory.take_in(&referred(1_780_000_000, "fay", "rae", 1), RECEIVED).unwrap();
    let (participant, key) = (ParticipantIndex(0), "o1".to_owned());
    let bought = Event::Purchased { participant, key: key.clone(), value: None, product: None };
    let channel = "email".to_owned();
    let shared = Event::ShareReported { participant, channel, key, is_from_page: false };
    for event in [by_server().events.remove(0).event, bought, shared] {
        let mut reported = notification(1_780_000_100, by_server().people, vec![event]);
        reported.is_from_server = true;
        memory.take_in(&reported, RECEIVED).unwrap();
        reported.campaign.id = Some("autumn".to_owned());
        assert_parked(&mut memory, &reported, STRANGER);
    }
}
