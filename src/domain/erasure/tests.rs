//! Values that name a person, and other people's values without them.

use super::*;
use crate::domain::{Attributes, EventId, Participant, ParticipantUpdate, Time};

fn ann() -> ErasureSubject {
    let mut forgotten = ErasureSubject::with_address(Email::parse("ann@example.com").unwrap());
    let reported = Snapshot::with_id("data", "p1".to_owned());
    forgotten.add_snapshot(&reported, "c");
    forgotten.links.insert(Link { campaign: "c".to_owned(), code: "ann-lee".to_owned() });
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
            participant.facts.merge(name, Scalar::from(value), Time::default());
        }
        person.participants.push(participant);
    }
    assert!(ann().cut_facts(&mut person));
    let names = |index: usize| -> Vec<&str> {
        person.participants[index].facts.iter().map(|(name, _)| name).collect()
    };
    assert_eq!(names(0), [Facts::FIRST_NAME, Facts::IS_REFERRED]);
    // Another campaign's participant of the same id is another person.
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
        ("https://shop.example/?grsf=ann-lee", true),
        ("https://shop.example/?grsf=p12", false),
        ("https://shop.example/?grsf=p1-2", false),
    ] {
        assert_eq!(ann().is_named_in(None, text), is_theirs, "{text}");
    }
}

#[test]
fn an_address_counts_in_any_writing() {
    for text in [
        "to ANN@EXAMPLE.COM",
        "mailto:ann%40example.com?x",
        "ann%2540example.com is",
        "write to ann&#64;example.com",
        "write to ann&#x40;example&period;com",
        "write to ann&commat;example.com",
        r"x ann\u0040example.com x",
        r#"{"mail":"ann\\u0040example.com"}"#,
        r"one\nann@example.com",
    ] {
        assert!(ann().is_named_in(None, text), "{text}");
        let body = serde_json::to_vec(&[text]).unwrap();
        assert_eq!(ann().search(None, &body), BodySearch::Named, "{text}");
    }
    for text in
        ["joann&#64;example.com x", "jo-ann%40example.com x", "x ann\\u0040example.community"]
    {
        assert!(!ann().is_named_in(None, text), "{text}");
    }
}

#[test]
fn a_body_names_them_by_an_id_a_code_or_a_link() {
    for (body, found) in [
        (r#"{"data":{"id":"p1"}}"#, BodySearch::Named),
        (r#"{"data":{"referredBy":"p1"}}"#, BodySearch::Named),
        (r#"{"data":{"referredBy": "ann-lee"}}"#, BodySearch::Named),
        (r#"{"href":"https://x.example?grsf=ann-lee"}"#, BodySearch::Named),
        (r#"{"campaign":"c","participant_id":"p1"}"#, BodySearch::Named),
        (r#"{"data":{"campaign":{"id":"c"},"id":"p1"}}"#, BodySearch::Named),
        (r#"{"data":{"campaign":{"id":"other"},"id":"p1"}}"#, BodySearch::NotNamed),
        (r#"{"data":{"id":"p12","note":"p1 and others"}}"#, BodySearch::NotNamed),
        (r#"{"data":{"firstName":"ann-lee"}}"#, BodySearch::NotNamed),
        (r#"{"data":{"id":"p12""#, BodySearch::Unreadable),
        (r#"{"data":{"email":"ann@example.com""#, BodySearch::Named),
    ] {
        assert_eq!(ann().search(None, body.as_bytes()), found, "{body}");
    }
    let by_id = br#"{"id":"p1"}"#;
    assert_eq!(ann().search(Some("c"), by_id), BodySearch::Named);
    assert_eq!(ann().search(Some("other"), by_id), BodySearch::NotNamed);
    let mut digits = ErasureSubject::default();
    let key = ParticipantKey::new("c", "41");
    digits.participants.insert(key);
    assert_eq!(digits.search(None, br#"{"referrerId":41}"#), BodySearch::Named);
    assert_eq!(digits.search(None, br#"{"count":41}"#), BodySearch::NotNamed);
}

#[test]
fn a_body_is_read_in_the_encoding_that_its_mark_says() {
    let text = r#"{"email":"ann@example.com"}"#;
    let units: Vec<u8> =
        format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(ann().search(None, &units), BodySearch::Named);
    assert_eq!(ann().search(None, format!("\u{feff}{text}").as_bytes()), BodySearch::Named);
    assert_eq!(ann().search(None, &units[2..]), BodySearch::Unreadable);
    assert_eq!(ann().search(None, &[0x1f, 0x8b, 8, 0]), BodySearch::Unreadable);
}
