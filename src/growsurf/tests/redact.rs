//! Bodies of every kind without one of their people.

use serde_json::{Value, json};

use super::fixtures;
use super::{read, with};
use crate::domain::{Email, Forgotten, ParticipantKey, Redaction};
use crate::growsurf::redact;

/// Whoever stands at the place of a body.
fn somebody(body: &Value, place: &str) -> Forgotten {
    let person = body.pointer(place).unwrap();
    let email = Email::parse(person["email"].as_str().unwrap()).unwrap();
    let mut forgotten = Forgotten::with_address(email);
    let participant = person["id"].as_str().map(str::to_owned);
    forgotten.participants.extend(
        participant
            .map(|participant| ParticipantKey { campaign: "cmp001".to_owned(), participant }),
    );
    forgotten
}

fn redacted(body: &Value, forgotten: &Forgotten) -> Option<Value> {
    match redact(body.to_string().as_bytes(), forgotten) {
        Redaction::Body(body) => Some(serde_json::from_slice(&body).unwrap()),
        Redaction::Nothing => None,
        Redaction::Untouched => panic!("nobody was found in {body}"),
    }
}

#[test]
fn a_body_about_them_goes() {
    for (body, place) in
        [(fixtures::participant_added(), "/data"), (fixtures::goal_reached(), "/data/participant")]
    {
        assert_eq!(redacted(&body, &somebody(&body, place)), None, "{body}");
    }
}

#[test]
fn so_does_what_others_than_growsurf_told_of_them() {
    let mut ann = Forgotten::with_address(Email::parse("ann@example.com").unwrap());
    let key = ParticipantKey { campaign: "cmp001".into(), participant: "p1".into() };
    ann.participants.insert(key);
    let kept = |body: Value| json!({"from": "elsewhere", "body": body});
    for about in [
        json!({"event": "purchase", "id": "o1", "email": "Ann@Example.com"}),
        json!({"event": "purchase", "id": "o1", "participant_id": "p1"}),
        json!({"type": "trigger_referral", "campaign": "cmp001", "participant": "p1"}),
        json!({"metric": "clicked", "data": {"identifiers": {"email": "ann@example.com"}}}),
        json!({"metric": "sent", "data": {"identifiers": {"id": "42"}, "recipient": "ann@example.com"}}),
        // It would remove what it was to set.
        json!({"type": "update_participant", "email": "x@y.z", "metadata": {"a": "ann@example.com"}}),
    ] {
        assert_eq!(redacted(&kept(about.clone()), &ann), None, "{about}");
    }
    let of_another = json!({"event": "purchase", "campaign": "other", "participant_id": "p1"});
    let untouched = redact(kept(of_another).to_string().as_bytes(), &ann);
    assert_eq!(untouched, Redaction::Untouched, "ids are a campaign's own");
    let clicked = json!({"metric": "clicked", "data": {"href": "https://x.org/?a=b&grsf=p1"}});
    assert_eq!(redacted(&kept(clicked), &ann).unwrap()["body"]["data"], json!({"href": null}));
    let invited = json!({"type": "add_participant", "email": "ned@x.org", "referred_by": "p1"});
    assert_eq!(redacted(&kept(invited), &ann).unwrap()["body"]["referred_by"], Value::Null);
}

#[test]
fn a_body_about_others_is_still_read_and_names_them_nowhere() {
    let body = fixtures::participant_added();
    let referrer = somebody(&body, "/data/referrer");
    let left = redacted(&body, &referrer).unwrap();
    assert_eq!(left["data"]["referrer"], json!({}));
    assert_eq!(left["data"]["email"], body["data"]["email"]);
    for key in &referrer.participants {
        assert!(!left.to_string().contains(&format!("\"{}\"", key.participant)), "{left}");
    }
    for email in &referrer.emails {
        assert!(!left.to_string().contains(email.as_str()), "{left}");
    }
    let told = read(&left).reading.unwrap();
    assert_eq!(told.people.len(), 1);
}

#[test]
fn what_nobody_could_read_without_them_goes() {
    let referred = json!({
        "event": "PARTICIPANT_REFERRED",
        "participant": {"email": "bob@example.com"},
        "referrer": {"email": "ANN@example.com "},
    });
    let ann = Forgotten::with_address(Email::parse("ann@example.com").unwrap());
    assert_eq!(redacted(&referred, &ann), None);
    // A join can do without a referrer.
    let joined = with(referred, "/event", json!("PARTICIPANT_CREATED"));
    assert_eq!(redacted(&joined, &ann).unwrap()["referrer"], json!({}));
}

#[test]
fn lists_texts_and_unknown_events_are_looked_through() {
    let body = json!({
        "event": "SOMETHING_NEW",
        "data": {
            "winners": [{"id": "p1", "email": "x"}, {"id": "p2"}],
            "note": "seen by Ann@Example.com",
            "deep": [[{"referrerId": 7, "other": 7, "who": "p1"}]],
            "ann@example.com": true,
            "campaign": {"id": "cmp001"},
        },
    });
    let mut ann = Forgotten::with_address(Email::parse("ann@example.com").unwrap());
    for (campaign, participant) in [("cmp001", "p1"), ("cmp001", "7"), ("other", "p2")] {
        let key = ParticipantKey { campaign: campaign.into(), participant: participant.into() };
        ann.participants.insert(key);
    }
    let expected = json!({
        "event": "SOMETHING_NEW",
        "data": {
            "winners": [{"id": "p2"}],
            "note": null,
            "deep": [[{"referrerId": null, "other": 7, "who": null}]],
            "campaign": {"id": "cmp001"},
        },
    });
    assert_eq!(redacted(&body, &ann), Some(expected));
}

#[test]
fn a_body_that_says_nothing_of_them_stays_as_it_is() {
    let nobody = Forgotten::with_address(Email::parse("nobody@example.org").unwrap());
    for body in [fixtures::participant_added().to_string(), "[1".to_owned(), "[]".to_owned()] {
        assert_eq!(redact(body.as_bytes(), &nobody), Redaction::Untouched, "{body}");
    }
}
