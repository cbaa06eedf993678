//! One person's text in another person's messages.

use super::memory::Memory;
use super::{RECEIVED, converted, joined, notification, profile, referred, snapshot, with};
use crate::domain::{
    AnonymousId, Attributes, Call, Event, Facts, ParticipantIndex, Plan, Scalar, Visit,
};
use crate::mapping::Rules;

/// Returns the properties of the only track of this name.
fn track(plan: &Plan, event: &str) -> Attributes {
    let calls = plan.lanes.iter().flat_map(|lane| &lane.calls);
    let mut tracks = calls.filter_map(|planned| match &planned.call {
        Call::Track { name, data, .. } if name == event => Some(data.clone()),
        _ => None,
    });
    let track = tracks.next().unwrap();
    assert!(tracks.next().is_none());
    track
}

fn named(first: &str, last: &str) -> Plan {
    let mut reported = referred(1_780_000_000, "fay", "rae", 1);
    let names = [(Facts::FIRST_NAME, Scalar::from(first)), (Facts::LAST_NAME, Scalar::from(last))];
    reported.people[0] = with(reported.people[0].clone(), &names);
    Memory::new(Rules::standard()).take_in(&reported, RECEIVED).unwrap()
}

#[test]
fn a_friends_name_is_harmless_in_the_referrers_messages() {
    for (first, last, shown) in [
        ("Fay", "Tester", Some("Fay Tester")),
        ("Fay\n\u{202e}", "<b>{{Tester", Some("Fay b>{Tester")),
        ("You won", "https://evil.example/x", None),
        ("evil", ".example", Some("evil .example")),
        ("evil.example", "Tester", None),
        ("\u{200b}", "\u{ad}", None),
    ] {
        let plan = named(first, last);
        let data = track(&plan, "referral_friend_signed_up");
        let name = data.get("friend_name").and_then(Scalar::as_text);
        assert_eq!(name, shown, "{first:?} {last:?}");
        assert_eq!(
            profile(&plan, "fay")["first_name"],
            Scalar::from(first),
            "their own is as reported"
        );
    }
}

#[test]
fn a_referrer_in_anothers_messages_is_no_link_and_no_template() {
    let referrer_id = |id: &str| {
        let fay = with(snapshot("fay"), &[(Facts::REFERRER_ID, Scalar::from(id))]);
        let joined =
            Event::ParticipantJoined { participant: ParticipantIndex(0), referral_source: None };
        let reported = notification(1_780_000_000, vec![fay], vec![joined]);
        let plan = Memory::new(Rules::standard()).take_in(&reported, RECEIVED).unwrap();
        let data = track(&plan, "referral_program_joined");
        assert_eq!(data["source"], Scalar::from("referral"));
        assert_eq!(data.get("referred_by"), profile(&plan, "fay").get("referred_by"));
        data.get("referred_by").cloned()
    };
    assert_eq!(referrer_id("p88y0a"), Some(Scalar::from("p88y0a")));
    for id in ["evil.example/x", "{{customer.id}}", "<b>", "p88\u{202e}"] {
        assert_eq!(referrer_id(id), None, "{id}");
    }
}

#[test]
fn an_address_that_is_a_template_reaches_no_other_person() {
    let address = Scalar::from("{{x}}@example.com");
    let mut memory = Memory::new(Rules::standard());
    let mut reported = referred(1_780_000_000, "fay", "rae", 1);
    for person in &mut reported.people {
        *person = with(person.clone(), &[(Facts::EMAIL, address.clone())]);
    }
    let plan = memory.take_in(&reported, RECEIVED).unwrap();
    assert_eq!(track(&plan, "referral_friend_signed_up").get("friend_email"), None);
    assert_eq!(track(&plan, "referral_program_joined").get("referred_by"), None);
    let mut reported = converted(1_780_000_100, "fay", "rae");
    reported.people[1] = with(reported.people[1].clone(), &[(Facts::EMAIL, address)]);
    let plan = memory.take_in(&reported, RECEIVED).unwrap();
    assert_eq!(track(&plan, "referral_converted").get("referrer_email"), None);
}

#[test]
fn a_code_that_its_owner_chose_reaches_visitors_only_if_it_is_plain() {
    let code_of = |code: &str| {
        let mut memory = Memory::new(Rules::standard());
        let owner = || with(snapshot("rae"), &[(Facts::VANITY_KEY, Scalar::from(code))]);
        memory.take_in(&joined(1_779_000_000, owner()), RECEIVED).unwrap();
        let visit = Visit {
            owner: ParticipantIndex(0),
            visitor: AnonymousId::parse("7d5b3b0e-7f0c").unwrap(),
            key: "b5a0a1f2-90ab".to_owned(),
            page: None,
        };
        let reported = notification(1_780_000_000, vec![owner()], vec![Event::Visited(visit)]);
        let plan = memory.take_in(&reported, RECEIVED).unwrap();
        track(&plan, "referral_link_clicked").get("referral_code").cloned()
    };
    assert_eq!(code_of("rae-2026"), Some(Scalar::from("rae-2026")));
    assert_eq!(code_of("evil.example"), None);
}
