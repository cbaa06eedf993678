//! Bodies of every kind without one of their people.

use serde_json::{Value, json};

use super::fixtures;
use super::{read, with};
use crate::domain::{
    Email, ErasureSubject, ParticipantKey, Redaction, Source, Time, Webhook, WebhookId,
};
use crate::growsurf::redact;

/// Whoever stands at the place of a body.
fn somebody(body: &Value, place: &str) -> ErasureSubject {
    let person = body.pointer(place).unwrap();
    let email = Email::parse(person["email"].as_str().unwrap()).unwrap();
    let mut forgotten = ErasureSubject::with_address(email);
    let participant = person["id"].as_str().map(str::to_owned);
    forgotten.participants.extend(
        participant
            .map(|participant| ParticipantKey { campaign: "cmp001".to_owned(), participant }),
    );
    forgotten
}

fn from(source: Source, body: &[u8]) -> Webhook {
    let (owner, event, received_at) = (None, None, Time::default());
    let (id, body) = (WebhookId::new(received_at, 0), body.to_vec());
    Webhook { id, received_at, source, owner, event, body }
}

fn redacted(body: &Value, forgotten: &ErasureSubject) -> Option<Value> {
    redacted_from(Source::Growsurf, body, forgotten)
}

fn redacted_from(source: Source, body: &Value, forgotten: &ErasureSubject) -> Option<Value> {
    match redact(&from(source, body.to_string().as_bytes()), forgotten) {
        Redaction::Body(body) => Some(serde_json::from_slice(&body).unwrap()),
        Redaction::Nothing => None,
        Redaction::Untouched | Redaction::Unreadable => panic!("nobody was found in {body}"),
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
    let mut ann = ErasureSubject::with_address(Email::parse("ann@example.com").unwrap());
    let key = ParticipantKey { campaign: "cmp001".into(), participant: "p1".into() };
    ann.participants.insert(key);
    let (report, action) = (Source::CustomerioReport, Source::CustomerioAction);
    for (source, about) in [
        (Source::Server, json!({"event": "purchase", "id": "o1", "email": "Ann@Example.com"})),
        (Source::Server, json!({"event": "purchase", "id": "o1", "participant_id": "p1"})),
        (Source::Page, json!({"campaign": "cmp001", "participant": "p1", "channel": "x"})),
        (action, json!({"type": "trigger_referral", "campaign": "cmp001", "participant": "p1"})),
        (
            report,
            json!({"metric": "clicked", "data": {"identifiers": {"email": "ann@example.com"}}}),
        ),
        (report, json!({"data": {"identifiers": {"id": "42"}, "recipient": "ann@example.com"}})),
        // It would remove what it was to set.
        (action, json!({"email": "x@y.z", "metadata": {"a": "ann@example.com"}})),
    ] {
        assert_eq!(redacted_from(source, &about, &ann), None, "{about}");
    }
    let of_another = json!({"event": "purchase", "campaign": "other", "participant_id": "p1"});
    let untouched = redact(&from(Source::Server, of_another.to_string().as_bytes()), &ann);
    assert_eq!(untouched, Redaction::Untouched, "ids are a campaign's own");
    let clicked = json!({"metric": "clicked", "data": {"href": "https://x.org/?a=b&grsf=p1"}});
    assert_eq!(redacted_from(report, &clicked, &ann).unwrap()["data"], json!({"href": null}));
    let invited = json!({"type": "add_participant", "email": "ned@x.org", "referred_by": "p1"});
    assert_eq!(redacted_from(action, &invited, &ann).unwrap()["referred_by"], Value::Null);
    let torn = b"{\"email\": \"ann@example.com\", \xff";
    assert_eq!(redact(&from(report, torn), &ann), Redaction::Nothing, "it can't be read");
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
    let ann = ErasureSubject::with_address(Email::parse("ann@example.com").unwrap());
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
    let mut ann = ErasureSubject::with_address(Email::parse("ann@example.com").unwrap());
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
    let nobody = ErasureSubject::with_address(Email::parse("nobody@example.org").unwrap());
    for body in [fixtures::participant_added().to_string(), "7".to_owned(), "[]".to_owned()] {
        let untouched = redact(&from(Source::Growsurf, body.as_bytes()), &nobody);
        assert_eq!(untouched, Redaction::Untouched, "{body}");
    }
}

/// Every form in which a body that no source sends may hold somebody.
#[test]
fn a_text_alone_and_json_within_a_text_are_searched_as_well() {
    let mut ann = ErasureSubject::with_address(Email::parse("ann@example.com").unwrap());
    let key = ParticipantKey { campaign: "cmp001".into(), participant: "p1".into() };
    ann.participants.insert(key);
    let within = json!({"data": {"email": "Ann@Example.com"}}).to_string();
    let by_id = json!([{"id": "p1"}]).to_string();
    for text in [
        "ann@example.com",
        "hello Ann@example.com, bye",
        "p1",
        "https://x.org/?email=ann%40example.com&a=b",
        &within,
        &within.replace('@', "\\u0040"),
        &by_id,
        &json!(within).to_string(),
    ] {
        let whole = json!(text);
        assert_eq!(redacted(&whole, &ann), None, "{whole}");
        let part = json!({"event": "SOMETHING_NEW", "data": {"a": text, "b": ["c", text]}});
        let left = redacted(&part, &ann).unwrap();
        assert_eq!(left["data"], json!({"a": null, "b": ["c"]}), "{part}");
    }
    for other in ["joann@example.com", "p2", r#"{"email": "bob@example.com"}"#, "{not JSON", ""] {
        let body = json!(other).to_string();
        let untouched = redact(&from(Source::Growsurf, body.as_bytes()), &ann);
        assert_eq!(untouched, Redaction::Untouched, "{body}");
    }
}

#[test]
fn what_cannot_be_decoded_goes_if_it_holds_them_as_plain_text_and_is_counted_else() {
    let mut ann = ErasureSubject::with_address(Email::parse("ann@example.com").unwrap());
    for participant in ["p1xyz", "42"] {
        let key = ParticipantKey { campaign: "cmp001".into(), participant: participant.into() };
        ann.participants.insert(key);
    }
    let left = |body: &[u8]| redact(&from(Source::Growsurf, body), &ann);
    let (of_ann, of_bob) = (r#"{"email": "ann@example.com"}"#, r#"{"email": "bob@example.com"}"#);
    let marked = |text: &str| [b"\xef\xbb\xbf", text.as_bytes()].concat();
    let units = |text: &str, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(bytes).collect()
    };
    for (body, expected) in [
        (marked(of_ann), Redaction::Nothing),
        (marked(of_bob), Redaction::Untouched),
        (units(of_ann, u16::to_le_bytes), Redaction::Nothing),
        (units(of_ann, u16::to_be_bytes), Redaction::Nothing),
        (units(of_bob, u16::to_be_bytes), Redaction::Untouched),
        (b"email=ann%40example.com&a=b".to_vec(), Redaction::Nothing),
        (br#"{"n": 1e400, "email": "ann\u0040example.com"}"#.to_vec(), Redaction::Nothing),
        (br#"{"id": "p1xyz", "#.to_vec(), Redaction::Nothing),
        (b"id=p1xyz&n=7".to_vec(), Redaction::Nothing),
        (br#"{"id": "42", "#.to_vec(), Redaction::Nothing),
        (b"id=p1xyzz&n=42".to_vec(), Redaction::Unreadable),
        (b"eyJlbWFpbCI6ImFubkBleGFtcGxlLmNvbSJ9".to_vec(), Redaction::Unreadable),
        (vec![0x1f, 0x8b, 8, 0], Redaction::Unreadable),
        (of_ann.encode_utf16().flat_map(u16::to_le_bytes).collect(), Redaction::Unreadable),
        (Vec::new(), Redaction::Unreadable),
    ] {
        assert_eq!(left(&body), expected, "{}", String::from_utf8_lossy(&body));
    }
}
