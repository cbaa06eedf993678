//! Every limit at its boundary and one over, and the property that nothing gets past them.

use proptest::prelude::*;

use super::*;
use crate::domain::{Email, EventId, ParticipantKey, Reference, ReferredValue, Time};

fn fay() -> LaneKey {
    Email::parse("fay@example.com").unwrap().into()
}

fn identify(attributes: Attributes) -> Call {
    Call::Identify { attributes }
}

fn track(name: &str, data: Attributes) -> Call {
    Call::Track {
        name: name.to_owned(),
        event_id: EventId([1; 16]),
        at: Time::from_seconds(1_700_000_000),
        data,
    }
}

fn one(name: &str, value: impl Into<Scalar>) -> Attributes {
    [(name.to_owned(), value.into())].into()
}

fn attributes(fitted: &Fitted<'_>) -> Attributes {
    match fitted.call() {
        Call::Identify { attributes, .. } => attributes.clone(),
        Call::Track { data, .. } => data.clone(),
        _ => Attributes::new(),
    }
}

/// Returns an attribute's value after the limits, if it has one left, and the warning as text.
fn sent(call: &Call) -> (Option<Scalar>, Vec<String>) {
    let fay = fay();
    let fitted = fit(&fay, call).unwrap();
    let warnings = fitted.warnings().iter().map(ToString::to_string).collect();
    (attributes(&fitted).into_values().next(), warnings)
}

#[test]
fn a_call_that_fits_is_borrowed() {
    let call =
        identify([("a".to_owned(), 1.into()), ("email".to_owned(), fay().value().into())].into());
    let fay = fay();
    let fitted = fit(&fay, &call).unwrap();
    assert!(matches!(fitted.call, Cow::Borrowed(_)));
    assert_eq!(fitted.call(), &call);
    assert!(fitted.warnings().is_empty());
}

#[test]
fn a_reference_that_nobody_filled_in_is_left_out() {
    let of = ParticipantKey::new("c", "p");
    let reference = Reference { of, shows: ReferredValue::Address };
    let warning = "`friend_email` is left out: it refers to a participant".to_owned();
    assert_eq!(sent(&identify(one("friend_email", reference))), (None, vec![warning]));
}

#[test]
fn long_texts_are_cut_after_a_whole_character() {
    let fits = "é".repeat(500);
    assert_eq!(sent(&identify(one("bio", fits.clone()))), (Some(fits.into()), vec![]));
    // The thousandth byte is the first half of an é.
    let over = format!("x{}", "é".repeat(500));
    let cut = format!("x{}", "é".repeat(499));
    let warning = "`bio` is shortened to 1000 bytes".to_owned();
    assert_eq!(sent(&identify(one("bio", over))), (Some(cut.into()), vec![warning]));
}

#[test]
fn what_a_cut_would_falsify_is_left_out() {
    let long = "x".repeat(1_001);
    let link = format!("HTTPS://example.com/{long}");
    for (name, value) in [
        ("email", &long),
        ("friend_email", &long),
        ("referred_by", &long),
        ("campaign_id", &long),
        ("referral_code", &long),
        ("anything", &link),
    ] {
        let left_out =
            format!("`{name}` is left out: it is longer than 1000 bytes and can't be cut");
        assert_eq!(sent(&identify(one(name, value.as_str()))), (None, vec![left_out.clone()]));
        assert_eq!(sent(&track("e", one(name, value.as_str()))), (None, vec![left_out]));
        let short = Scalar::from(text::cut(value, 1_000));
        assert_eq!(sent(&track("e", one(name, short.clone()))), (Some(short), vec![]), "{name}");
    }
}

#[test]
fn names_have_limits_too() {
    let fits = "é".repeat(75);
    assert_eq!(sent(&identify(one(&fits, 1))), (Some(1.into()), vec![]));
    let warning = format!("`{fits}` is left out: the name is longer than 150 bytes");
    assert_eq!(sent(&identify(one(&format!("{fits}é"), 1))), (None, vec![warning]));
    assert_eq!(
        sent(&identify(one("", 1))),
        (None, vec!["`` is left out: it has no name".to_owned()])
    );
}

#[test]
fn reserved_names_are_left_out_by_kind_of_call() {
    let person = [
        "id",
        "cio_id",
        "anonymous_id",
        "phone",
        "created_at",
        "unsubscribed",
        "_update",
        "cio_subscription_preferences.topics.topic_1",
        "cio_relationships",
        "_timestamp",
        "_created_in_customerio_at",
    ];
    for name in person {
        let warning = format!("`{name}` is left out: the name is reserved");
        assert_eq!(sent(&identify(one(name, 1))), (None, vec![warning]));
        assert_eq!(sent(&track("e", one(name, 1))), (Some(1.into()), vec![]));
    }
    for name in ["recipient", "from_address", "reply_to"] {
        let warning = format!("`{name}` is left out: the name is reserved");
        assert_eq!(sent(&track("e", one(name, 1))), (None, vec![warning]));
        assert_eq!(sent(&identify(one(name, 1))), (Some(1.into()), vec![]));
    }
}

#[test]
fn beyond_three_hundred_the_last_by_name_go_but_never_the_address() {
    let mut many = (0..299).map(|n| (format!("a{n:03}"), n.into())).collect::<Attributes>();
    many.insert("email".to_owned(), "fay@example.com".into());
    let fay = fay();
    assert!(fit(&fay, &identify(many.clone())).unwrap().warnings().is_empty());
    many.insert("a299".to_owned(), 299.into());
    let call = identify(many);
    let fitted = fit(&fay, &call).unwrap();
    let left_out = Warning {
        attribute: "a299".to_owned(),
        change: Change::LeftOut("there are more than 300"),
    };
    assert_eq!(fitted.warnings(), [left_out]);
    assert_eq!(attributes(&fitted).len(), 300);
    assert!(attributes(&fitted).contains_key("email"));
}

#[test]
fn a_number_that_json_lacks_is_left_out() {
    let warning = "`n` is left out: it is no finite number".to_owned();
    assert_eq!(sent(&track("e", one("n", Scalar::Decimal(f64::NAN)))), (None, vec![warning]));
}

#[test]
fn what_cannot_be_sent_at_all_names_the_field() {
    let fay = fay();
    let name = "é".repeat(50);
    assert!(fit(&fay, &track(&name, Attributes::new())).is_ok());
    let over = fit(&fay, &track(&format!("{name}é"), Attributes::new())).unwrap_err();
    assert_eq!(over.to_string(), "name has 102 bytes, 100 are allowed");
    let outcome = Outcome::Rejected { reason: over.to_string(), field: Some("name".to_owned()) };
    assert_eq!(Outcome::from(over), outcome);
    assert!(fit(&fay, &track(" ", Attributes::new())).is_err());

    let call = identify(Attributes::new());
    let id = |text: String| LaneKey::from(Identifier::Id(text));
    assert!(fit(&id("é".repeat(75)), &call).is_ok());
    assert_eq!(fit(&id("é".repeat(76)), &call).unwrap_err().field, "id");
    assert_eq!(fit(&id("\u{a0} ".to_owned()), &call).unwrap_err().reason, "is blank");
    let address = Email::parse(&format!("a@{}", "b".repeat(250))).unwrap().into();
    assert!(fit(&address, &call).is_ok());
}

#[test]
fn event_data_has_a_limit_in_sum() {
    // `{"a00":"…",` and so on: a hundred texts; the last one decides.
    let data = |last: usize| -> Attributes {
        let text = |n| if n == 99 { "x".repeat(last) } else { "x".repeat(993) };
        (0..100).map(|n| (format!("a{n:02}"), text(n).into())).collect()
    };
    let fits = EVENT_DATA_BYTES - serde_json::to_vec(&data(0)).unwrap().len();
    let fay = fay();
    assert!(fit(&fay, &track("e", data(fits))).is_ok());
    assert_eq!(
        fit(&fay, &track("e", data(fits + 1))).unwrap_err().to_string(),
        "data has 100001 bytes, 100000 are allowed"
    );
}

fn values() -> impl Strategy<Value = Scalar> {
    prop_oneof![
        any::<bool>().prop_map(Scalar::Boolean),
        any::<i64>().prop_map(Scalar::Integer),
        any::<f64>().prop_map(Scalar::Decimal),
        ".{0,20}".prop_map(Scalar::Text),
        "(https?://)?[aé🙂\u{1}]{240,1100}".prop_map(Scalar::Text),
    ]
}

fn names() -> impl Strategy<Value = String> {
    const KNOWN: [&str; 8] =
        ["email", "id", "cio_x", "_timestamp", "recipient", "friend_email", "a_code", ""];
    prop_oneof![proptest::sample::select(&KNOWN).prop_map(str::to_owned), "[a-zé]{1,100}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn nothing_that_fits_is_over_a_limit(
        reported in proptest::collection::btree_map(names(), values(), 0..310),
        is_track in any::<bool>(),
        name in ".{0,40}",
        id in ".{0,60}",
    ) {
        let call = if is_track { track(&name, reported.clone()) } else { identify(reported.clone()) };
        let key = LaneKey::from(Identifier::Id(id));
        let Ok(fitted) = fit(&key, &call) else { return Ok(()) };
        prop_assert!(key.value().len() <= ID_BYTES && name.len() <= EVENT_NAME_BYTES || !is_track);
        let sent = attributes(&fitted);
        for (name, value) in &sent {
            prop_assert!(!name.is_empty() && name.len() <= ATTRIBUTE_NAME_BYTES);
            prop_assert!(value.as_text().is_none_or(|text| text.len() <= ATTRIBUTE_VALUE_BYTES));
            let before = reported[name].as_text().unwrap_or_default();
            prop_assert!(value.as_text().is_none_or(|text| before.starts_with(text)));
        }
        prop_assert!(is_track || sent.len() <= ATTRIBUTES);
        prop_assert!(!is_track || serde_json::to_vec(&sent).unwrap().len() <= EVENT_DATA_BYTES);
        prop_assert!(sent == reported || !fitted.warnings().is_empty());
        // A second pass finds nothing to do.
        let again = fitted.call().clone();
        prop_assert!(fit(&key, &again).unwrap().warnings().is_empty());
    }
}
