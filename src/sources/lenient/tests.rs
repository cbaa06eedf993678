use serde_json::json;
use serde_with::serde_as;

use super::*;
use crate::domain::Attributes;

#[test]
fn whole_numbers_are_read_from_numbers_and_texts() {
    for (value, expected) in [
        (json!(9), Some(9)),
        (json!("9"), Some(9)),
        (json!(" -9 "), Some(-9)),
        (json!(9.0), Some(9)),
        (json!("9.0"), Some(9)),
        (json!(1_558_345_215_720_i64), Some(1_558_345_215_720)),
        (json!("9223372036854775807"), Some(i64::MAX)),
        (json!(u64::MAX), None),
        (json!(1e300), None),
        (json!(9.5), None),
        (json!("nine"), None),
        (json!("NaN"), None),
        (json!(""), None),
        (json!(true), None),
        (json!(null), None),
        (json!([9]), None),
    ] {
        assert_eq!(of::<Whole>(&value), expected, "{value}");
    }
}

#[test]
fn numbers_stay_numbers_and_finite() {
    for (value, expected) in [
        (json!(49.5), Some(Scalar::Decimal(49.5))),
        (json!("49.50"), Some(Scalar::Decimal(49.5))),
        (json!("100"), Some(Scalar::Integer(100))),
        (json!(100.0), Some(Scalar::Integer(100))),
        (json!("$25"), None),
        (json!("inf"), None),
        (json!("1,000"), None),
        (json!({}), None),
    ] {
        assert_eq!(of::<Numeric>(&value), expected, "{value}");
    }
}

/// A struct with a field of each adapter.
#[serde_as]
#[derive(PartialEq, Debug, Default, Deserialize)]
#[serde(default)]
struct Sample<'a> {
    #[serde_as(as = "Text")]
    text: Option<&'a str>,
    #[serde_as(as = "Id")]
    id: Option<String>,
    #[serde_as(as = "Count")]
    count: Option<i64>,
    #[serde_as(as = "Flag")]
    flag: Option<bool>,
    #[serde_as(as = "Legible<Flag>")]
    legible: Field<bool>,
    #[serde_as(as = "TextOrNumber")]
    value: Option<Scalar>,
    #[serde_as(as = "Texts")]
    texts: Vec<&'a str>,
    #[serde_as(as = "Metadata")]
    metadata: Attributes,
    counts: Counts,
    #[serde_as(as = "Object")]
    object: Option<Box<Self>>,
    #[serde_as(as = "Filled")]
    filled: Option<Box<Self>>,
    #[serde_as(as = "Objects")]
    objects: Option<Vec<Self>>,
}

const FIELDS_OF_SAMPLE: [&str; 12] = [
    "text", "id", "count", "flag", "legible", "value", "texts", "metadata", "counts", "object",
    "filled", "objects",
];

#[test]
fn fields_of_a_wrong_type_are_absent() {
    let (flag, list, object) = (json!(false), json!(["x"]), json!({"text": []}));
    for (value, allowed) in [
        (json!(null), &[][..]),
        (json!(" \t"), &["legible"]),
        (flag, &["flag", "legible"]),
        (json!(-1), &["id", "legible", "value"]),
        (json!(u64::MAX), &["id", "legible", "value"]),
        (list, &["legible", "texts", "objects"]),
        (object, &["legible", "object", "filled", "counts"]),
        (json!({}), &["legible", "object", "counts"]),
    ] {
        for name in FIELDS_OF_SAMPLE {
            let body = json!({ name: value, "unknown": value });
            let read = read::<Sample>(body.as_object().unwrap());
            assert_eq!(read != Sample::default(), allowed.contains(&name), "{body}");
        }
    }
}

#[test]
fn readable_parts_are_planned() {
    let body = json!({
        "text": " a ", "id": 7, "count": "3", "flag": "TRUE", "legible": "perhaps", "value": " 20.0 ",
        "texts": ["b ", 5, "", null, "c"],
        "metadata": {"deep": {"a": 1}, "points": "100", "seats": 3.0, "beta": true, "none": null},
        "counts": {"email": 2, "sms": "3", "junk": [], "less": -4}, "object": {}, "filled": {},
        "objects": [{"id": " x\u{0} "}, [], "text", {}],
    });
    let read = read::<Sample>(body.as_object().unwrap());
    let metadata = [
        ("points", Scalar::from("100")),
        ("seats", Scalar::Integer(3)),
        ("beta", Scalar::Boolean(true)),
    ];
    let by_name = [("email".to_owned(), 2), ("sms".to_owned(), 3)];
    let expected = Sample {
        text: Some("a"),
        id: Some("7".to_owned()),
        count: Some(3),
        flag: Some(true),
        legible: Field::Illegible,
        value: Some(Scalar::from("20.0")),
        texts: vec!["b", "c"],
        metadata: metadata.map(|(name, value)| (name.to_owned(), value)).into(),
        counts: Counts { total: Some(5), by_name: Some(by_name.into()) },
        object: Some(Box::default()),
        filled: None,
        objects: Some(vec![
            Sample { id: Some("x\u{fffd}".to_owned()), ..Sample::default() },
            Sample::default(),
        ]),
    };
    assert_eq!(read, expected);
}

#[test]
fn no_more_metadata_is_taken_than_a_person_can_have() {
    let fields = (0..1_000).map(|number| (format!("k{number:03}"), json!(number)));
    let value = Value::Object(fields.collect());
    let taken = of::<Metadata>(&value);
    assert_eq!(taken.len(), 300);
    assert!(taken.contains_key("k299"));
    let counts = of::<Counts>(&value);
    assert_eq!((counts.total, counts.by_name.unwrap().len()), (Some(499_500), 300));
}

#[test]
fn currencies_are_those_in_use() {
    assert_eq!(currency("usd").as_deref(), Some("USD"));
    for text in ["", "US", "US$", "euro", "€", "XXX", "XTS", "BTC", "ZZZ", "DEM"] {
        assert_eq!(currency(text), None, "{text}");
    }
}
