//! What names somebody, and what is left of others without it.

use super::*;
use crate::domain::{Attributes, EventId, Participant, ParticipantUpdate, Time};

fn ann() -> ErasureSubject {
    let mut forgotten = ErasureSubject::with_address(Email::parse("ann@example.com").unwrap());
    let mut told = Snapshot::with_id("data", "p1".to_owned());
    told.facts.insert(Facts::FIRST_NAME.to_owned(), Scalar::from("Ann"));
    told.facts.insert(Facts::LAST_NAME.to_owned(), Scalar::from("Lee"));
    forgotten.add_snapshot(&told, "c");
    forgotten
}

#[test]
fn an_address_counts_and_not_a_part_of_another() {
    for text in [
        "ann@example.com",
        " Ann@Example.COM ",
        "mailto:ann@example.com?subject=x",
        "<ann@example.com>",
        "ask ann@example.com.",
        "ann@example.com, bob@example.com",
        "joann@example.com or ann@example.com",
        "...ann@example.com - yes",
        "'ann@example.com'",
        "code=1&mail=ann@example.com&x=1",
    ] {
        assert!(ann().is_addressed_in(text), "{text}");
    }
    for text in [
        "joann@example.com",
        "mary.ann@example.com",
        "x+ann@example.com",
        "write to jo-ann@example.com!",
        "zoë_ann@example.com x",
        "ëann@example.com x",
        "ann@example.com.au",
        "to ann@example.com.au.",
        "ann@example.com-pany.de or",
        "ann@example.community",
        "o'ann@example.com",
        "x=ann@example.com",
    ] {
        assert!(!ann().is_addressed_in(text), "{text}");
    }
}

#[test]
fn a_friends_facts_lose_the_referrer_and_keep_the_rest() {
    let friend = Identifier::Email(Email::parse("bob@example.com").unwrap());
    let mut person = Person::new(friend);
    for (campaign, id) in [("c", "p1"), ("d", "p1")] {
        let key = format!("bob in {campaign}");
        let mut participant = Participant::new(campaign.to_owned(), key, None);
        for (name, value) in [
            (Facts::REFERRER_ID, id),
            (Facts::FIRST_NAME, "Bob"),
            ("metadata.invited", "by Ann@Example.com"),
            ("metadata.ann@example.com", "yes"),
            ("metadata.code", "p1"),
        ] {
            participant.facts.learn(name, Scalar::from(value), Time::default());
        }
        person.participants.push(participant);
    }
    assert!(ann().cut_facts(&mut person));
    let names = |index: usize| -> Vec<&str> {
        person.participants[index].facts.iter().map(|(name, _)| name).collect()
    };
    assert_eq!(names(0), [Facts::FIRST_NAME, Facts::IS_REFERRED]);
    // Another campaign's participant of the same id is somebody else.
    assert_eq!(names(1), [Facts::FIRST_NAME, "metadata.code", Facts::REFERRER_ID]);
    assert!(!ann().cut_facts(&mut person));
}

#[test]
fn a_call_loses_what_names_them_and_keeps_the_rest() {
    let track = |data: &[(&str, &str)]| Call::Track {
        name: "n".to_owned(),
        event_id: EventId([1; 16]),
        at: Time::default(),
        data: data.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect(),
    };
    for (before, after) in [
        (&[("friend_email", "ann@example.com"), ("x", "1")][..], 1),
        (&[("renamed_referred_by", "p1"), ("x", "p12")], 1),
        (&[("referrer_email", "ANN@example.com")], 0),
        (&[("friend_email", "bob@example.com"), ("friend_name", "Bob")], 2),
    ] {
        let mut call = track(before);
        assert_eq!(ann().cut_call(&mut call), after != before.len());
        let Call::Track { data, .. } = call else { panic!() };
        assert_eq!(data.len(), after, "{data:?}");
    }
    let mut identify =
        Call::Identify { attributes: Attributes::from([("referred_by".to_owned(), "p1".into())]) };
    assert!(ann().cut_call(&mut identify));
}

#[test]
fn a_call_to_growsurf_for_another_loses_what_names_them() {
    let ann_is = |name: &str| (name.to_owned(), Scalar::from("Ann@example.com"));
    let is_pro = ("plan".to_owned(), Scalar::from("pro"));
    let mut add = Call::AddParticipant {
        at: Time::default(),
        first_name: None,
        last_name: None,
        referred_by: Some("bob@example.com".to_owned()),
        metadata: [ann_is("buddy"), is_pro.clone()].into(),
    };
    assert!(ann().cut_call(&mut add));
    let Call::AddParticipant { referred_by: Some(_), metadata, .. } = &add else { panic!() };
    assert_eq!(*metadata, [is_pro.clone()].into());
    assert!(!ann().cut_call(&mut add));

    let (buddy, plan) = (ann_is("buddy"), is_pro);
    let metadata = [(buddy.0, Some(buddy.1)), (plan.0, Some(plan.1)), ("old".to_owned(), None)];
    let update = ParticipantUpdate { metadata: metadata.into(), ..Default::default() };
    let mut update = Call::UpdateParticipant { at: Time::default(), update };
    assert!(ann().cut_call(&mut update));
    let Call::UpdateParticipant { update, .. } = update else { panic!() };
    assert_eq!(update.metadata.keys().collect::<Vec<_>>(), ["old", "plan"]);
}

#[test]
fn a_link_of_theirs_names_them() {
    for (text, is_theirs) in [
        ("https://shop.example/?utm=a&grsf=p1#top", true),
        ("https://shop.example/?grsf=%701", true),
        ("https://shop.example/?grsf=p12", false),
        ("https://shop.example/?ngrsf=p1", false),
    ] {
        assert_eq!(ann().is_linked_in(None, text), is_theirs, "{text}");
    }
}
