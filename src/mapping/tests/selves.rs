//! Nobody is their own friend, even where only what is known says so.

use super::memory::Memory;
use super::{RECEIVED, call, calls, converted, joined, news, profile, referred, snapshot, with};
use crate::domain::{Event, Facts, Scalar, Snapshot, Who};
use crate::mapping::Rules;

#[test]
fn a_referrer_of_the_same_address_is_the_friend() {
    let mut told = referred(1_780_000_000, "fay", "rae", 5);
    told.people[1] = Snapshot { id: Some("old001".to_owned()), ..snapshot("fay") };
    let plan = Memory::new(Rules::standard()).take_in(&told, RECEIVED).unwrap();
    assert_eq!(calls(&plan), [call("fay", "identify"), call("fay", "referral_program_joined")]);
    assert_eq!(profile(&plan, "fay").get("first_referral_date"), None);
}

#[test]
fn a_code_that_only_the_store_knows_is_their_own() {
    let mut memory = Memory::new(Rules::standard());
    let fay = with(snapshot("fay"), &[(Facts::VANITY_KEY, Scalar::from("fay-s"))]);
    memory.take_in(&joined(1_780_000_000, fay), RECEIVED).unwrap();
    let fay = with(snapshot("fay"), &[(Facts::REFERRER_ID, Scalar::from("fay-s"))]);
    let named = Snapshot::named("data.referredBy", "fay-s".to_owned());
    let signed_up = Event::FriendSignedUp { referrer: Who(1), friend: Who(0) };
    let told = news(1_780_000_001, vec![fay.clone(), named.clone()], vec![signed_up]);
    let plan = memory.take_in(&told, RECEIVED).unwrap();
    assert_eq!((calls(&plan), plan.unmapped), (vec![], vec![]));

    let mut told = converted(1_780_000_002, "fay", "rae");
    told.people = vec![fay, named];
    let plan = memory.take_in(&told, RECEIVED).unwrap();
    assert_eq!(calls(&plan), []);
    let person = &memory.people[0];
    assert_eq!((person.participants[0].conversions, person.participants.len()), (0, 1));
    let referred_by = crate::mapping::profile::referred_by(&person.participants[0]);
    assert_eq!(referred_by, None);
}

#[test]
fn a_conversion_credits_nobody_with_their_own() {
    let mut told = converted(1_780_000_000, "fay", "rae");
    told.people[1] = snapshot("fay");
    let mut memory = Memory::new(Rules::standard());
    let plan = memory.take_in(&told, RECEIVED).unwrap();
    assert_eq!(calls(&plan), []);
    // A server that names nobody says nothing of a referrer.
    let mut by_server = converted(1_780_000_000, "fay", "rae");
    by_server.people.truncate(1);
    let Event::ReferralConverted { referrer, .. } = &mut by_server.told[0].event else { panic!() };
    *referrer = None;
    let plan = memory.take_in(&by_server, RECEIVED).unwrap();
    assert_eq!(calls(&plan), [call("fay", "identify"), call("fay", "referral_converted")]);
    assert_eq!(profile(&plan, "fay").get("total_conversions"), None);
}
