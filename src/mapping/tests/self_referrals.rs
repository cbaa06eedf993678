//! Nobody is their own friend, even where only what is known says so.

use super::memory::Memory;
use super::{
    RECEIVED, call, calls, converted, joined, notification, profile, referred, snapshot, with,
};
use crate::domain::{Call, Event, Facts, ParticipantIndex, Scalar, Snapshot};
use crate::mapping::Rules;

#[test]
fn a_referrer_of_the_same_address_is_the_friend() {
    let mut reported = referred(1_780_000_000, "fay", "rae", 5);
    reported.people[1] = Snapshot { id: Some("old001".to_owned()), ..snapshot("fay") };
    let plan = Memory::new(Rules::standard()).take_in(&reported, RECEIVED).unwrap();
    assert_eq!(calls(&plan), [call("fay", "identify"), call("fay", "referral_program_joined")]);
    assert_eq!(profile(&plan, "fay").get("first_referral_date"), None);
}

#[test]
fn a_code_that_only_the_store_knows_is_their_own() {
    let mut memory = Memory::new(Rules::standard());
    let fay = with(snapshot("fay"), &[(Facts::VANITY_KEY, Scalar::from("fay-s"))]);
    memory.take_in(&joined(1_780_000_000, fay), RECEIVED).unwrap();
    let fay = with(snapshot("fay"), &[(Facts::REFERRER_ID, Scalar::from("fay-s"))]);
    let named = Snapshot::with_id("data.referredBy", "fay-s".to_owned());
    let signed_up =
        Event::FriendSignedUp { referrer: ParticipantIndex(1), friend: ParticipantIndex(0) };
    let reported = notification(1_780_000_001, vec![fay.clone(), named.clone()], vec![signed_up]);
    let plan = memory.take_in(&reported, RECEIVED).unwrap();
    assert_eq!((calls(&plan), plan.unmapped), (vec![], vec![]));

    let mut reported = converted(1_780_000_002, "fay", "rae");
    reported.people = vec![fay, named];
    let plan = memory.take_in(&reported, RECEIVED).unwrap();
    assert_eq!(calls(&plan), []);
    let person = &memory.people[0];
    assert_eq!((person.participants[0].conversions, person.participants.len()), (0, 1));
    let own = &person.participants;
    let referred_by = crate::mapping::profile::referred_by(&own[0], own);
    assert_eq!(referred_by, None);
}

#[test]
fn a_conversion_credits_nobody_with_their_own() {
    let mut reported = converted(1_780_000_000, "fay", "rae");
    reported.people[1] = snapshot("fay");
    let mut memory = Memory::new(Rules::standard());
    let plan = memory.take_in(&reported, RECEIVED).unwrap();
    assert_eq!(calls(&plan), []);
    // A server that names nobody says nothing of a referrer.
    let mut by_server = converted(1_780_000_000, "fay", "rae");
    by_server.people.truncate(1);
    let Event::ReferralConverted { referrer, .. } = &mut by_server.events[0].event else {
        panic!()
    };
    *referrer = None;
    let plan = memory.take_in(&by_server, RECEIVED).unwrap();
    assert_eq!(calls(&plan), [call("fay", "identify"), call("fay", "referral_converted")]);
    assert_eq!(profile(&plan, "fay").get("total_conversions"), None);
}

#[test]
fn a_participant_whom_the_person_was_refers_nobody_to_themself() {
    let codes = |codes: &str| with(snapshot("fay"), &[(Facts::LINK_CODES, Scalar::from(codes))]);
    let key = |name| with(snapshot("fay"), &[(name, Scalar::from("fay-s"))]);
    let before = [codes("other fay-s"), key(Facts::VANITY_KEY), key(Facts::REFERRAL_CODE)];
    let cases = before.into_iter().map(|fay| (fay, "fay-s"));
    for (fay, named_as) in cases.chain([(snapshot("fay"), "fay001")]) {
        let mut memory = Memory::new(Rules::standard());
        memory.take_in(&joined(1_780_000_000, fay), RECEIVED).unwrap();
        memory.take_in(&joined(1_780_000_000, snapshot("rae")), RECEIVED).unwrap();
        let again = with(
            Snapshot { id: Some("fay002".to_owned()), ..snapshot("fay") },
            &[(Facts::REFERRER_ID, Scalar::from(named_as))],
        );
        let named = Snapshot::with_id("data.referredBy", named_as.to_owned());
        let source = Some("PARTICIPANT".to_owned());
        let reported = vec![
            Event::ParticipantJoined { participant: ParticipantIndex(0), referral_source: source },
            Event::FriendSignedUp { referrer: ParticipantIndex(1), friend: ParticipantIndex(0) },
            Event::ReferralConverted {
                friend: ParticipantIndex(0),
                referrer: None,
                value: None,
                product: None,
            },
        ];
        let reported = notification(1_780_000_001, vec![again, named], reported);
        let plan = memory.take_in(&reported, RECEIVED).unwrap();
        assert_eq!(plan.unmapped, Vec::<String>::new());
        let calls: Vec<_> = plan.lanes.iter().flat_map(|lane| &lane.calls).collect();
        let names = calls.iter().filter_map(|planned| match &planned.call {
            Call::Track { name, data, .. } => Some((name.as_str(), data)),
            _ => None,
        });
        let names: Vec<_> = names.collect();
        let [("referral_program_joined", joined), ("referral_converted", converted)] = names[..]
        else {
            panic!("{names:?}")
        };
        assert_eq!(joined["source"], Scalar::from("organic"), "{named_as}");
        for name in ["referred_by", "referral_source", "referrer_email"] {
            assert_eq!((joined.get(name), converted.get(name)), (None, None), "{name}");
        }
        for planned in calls {
            if let Call::Identify { attributes, .. } = &planned.call {
                assert_eq!(attributes.get("referred_by"), None, "{named_as}");
                assert_eq!(attributes.get("total_conversions"), None, "{named_as}");
            }
        }
    }
}

#[test]
fn the_code_of_another_campaign_is_anothers() {
    let mut memory = Memory::new(Rules::standard());
    let key = [(Facts::VANITY_KEY, Scalar::from("fay-s"))];
    let mut elsewhere = joined(1_780_000_000, with(snapshot("fay"), &key));
    elsewhere.campaign.id = Some("other".to_owned());
    memory.take_in(&elsewhere, RECEIVED).unwrap();
    let fay = with(snapshot("fay"), &[(Facts::REFERRER_ID, Scalar::from("fay-s"))]);
    let plan = memory.take_in(&joined(1_780_000_001, fay), RECEIVED).unwrap();
    assert_eq!(profile(&plan, "fay")["referred_by"], Scalar::from("fay-s"));
}
