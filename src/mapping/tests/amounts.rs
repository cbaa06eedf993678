//! Plain amounts: the texts that are numbers, and those that stay texts.

use proptest::prelude::*;

use crate::domain::{Amount, Call, Event, ParticipantIndex, Scalar};
use crate::mapping::Rules;
use crate::mapping::amounts::{ParsedAmount, number, worth};

fn of(text: &str) -> ParsedAmount {
    worth(&Amount { value: Scalar::from(text), currency: None })
}

#[test]
fn plain_amounts_are_numbers() {
    let (whole, part) = (Scalar::Integer, Scalar::Decimal);
    for (text, value, currency) in [
        ("25", whole(25), None),
        ("0", whole(0), None),
        ("$25", whole(25), None),
        ("25 $", whole(25), None),
        ("$0.50", part(0.5), None),
        ("¥500", whole(500), None),
        ("100 kr", whole(100), None),
        ("US$25", whole(25), Some("USD")),
        ("$25 USD", whole(25), Some("USD")),
        ("$25 CAD", whole(25), Some("CAD")),
        ("€25 EUR", whole(25), Some("EUR")),
        ("25 USD", whole(25), Some("USD")),
        ("USD 25", whole(25), Some("USD")),
        ("CHF25.50", part(25.5), Some("CHF")),
        ("€10", whole(10), Some("EUR")),
        ("25,00 €", whole(25), Some("EUR")),
        ("25,00\u{A0}€", whole(25), Some("EUR")),
        ("19,99\u{202F}€", part(19.99), Some("EUR")),
        ("£7.5", part(7.5), Some("GBP")),
        ("€ 1.234,56", part(1_234.56), Some("EUR")),
        ("1,234.50", part(1_234.5), None),
        ("1\u{202F}234,56 €", part(1_234.56), Some("EUR")),
        ("CHF 1'234.50", part(1_234.5), Some("CHF")),
        ("1\u{2019}234.50", part(1_234.5), None),
        ("1,234,567", whole(1_234_567), None),
        ("1.234.567,8", part(1_234_567.8), None),
        ("1,234.567", part(1_234.567), None),
        ("1.2345", part(1.2345), None),
        (" 25 ", whole(25), None),
        ("999999999999999", whole(999_999_999_999_999), None),
    ] {
        let currency = currency.map(str::to_owned);
        assert_eq!(of(text), ParsedAmount::Number { value, currency }, "{text:?}");
    }
}

#[test]
fn a_currency_beside_a_text_completes_it_or_contradicts_it() {
    let whole = || Scalar::Integer(49);
    for (value, named, expected) in [
        (Scalar::from("49"), "EUR", Some(Some("EUR"))),
        (Scalar::from("€49"), "EUR", Some(Some("EUR"))),
        (Scalar::from("49 EUR"), "eur", Some(Some("EUR"))),
        (Scalar::from("$49"), "CAD", Some(Some("CAD"))),
        (Scalar::from("$49 USD"), "USD", Some(Some("USD"))),
        (Scalar::from("49 kr"), "SEK", Some(Some("SEK"))),
        (Scalar::from("€49"), "USD", None),
        (Scalar::from("49 EUR"), "USD", None),
        (Scalar::from("US$49"), "EUR", None),
        (Scalar::from("US$49"), "CAD", None),
        (Scalar::from("$49"), "EUR", None),
        (Scalar::from("kr 49"), "USD", None),
        (Scalar::from("$25 USD"), "CAD", None),
        // Nobody can know what such a code means.
        (Scalar::from("49"), "XXX", Some(None)),
        (whole(), "BTC", Some(None)),
        (whole(), "U$D", Some(None)),
        (Scalar::from("€49"), "BTC", None),
        (Scalar::from("$49"), "XXX", None),
    ] {
        let amount = Amount { value: value.clone(), currency: Some(named.to_owned()) };
        let expected = match expected {
            Some(currency) => {
                ParsedAmount::Number { value: whole(), currency: currency.map(str::to_owned) }
            }
            None => ParsedAmount::Text(value.as_text().unwrap().to_owned()),
        };
        assert_eq!(worth(&amount), expected, "{value:?} {named}");
    }
}

#[test]
fn everything_else_stays_a_text() {
    for text in [
        "1,000",
        "1.000",
        "$1,000",
        "0.125",
        "1 000",
        "1'000",
        "one month free",
        "25%",
        "-25",
        "-$25",
        "$-25",
        "+25",
        "25 points",
        "25 pts",
        "25 usd",
        "10 TOPS",
        "20-50",
        "1e3",
        "0x19",
        "1,00,000",
        "1,23,45",
        "1.2.3",
        "25.",
        ".50",
        "$.50",
        "1,,000",
        "1, 000",
        "007",
        "0,123.45",
        "1234,567.89",
        "9999999999999999",
        "$25 EUR",
        "€25 USD",
        "€25 €",
        "EUR EUR 25",
        "$25/month",
        "25 € off",
        "２５",
        "٢٥",
        "NaN",
        "inf",
        "∞",
        "25\u{200B}",
        "2\u{200B}5",
        "½",
        "(25)",
        "1_000",
        "25\n30",
        "$",
    ] {
        assert_eq!(of(text), ParsedAmount::Text(text.to_owned()), "{text:?}");
    }
}

#[test]
fn numbers_stay_numbers_if_they_can_be_amounts() {
    for (value, expected) in [
        (Scalar::Integer(1_000), None),
        (Scalar::Integer(0), None),
        (Scalar::Decimal(0.5), None),
        (Scalar::Integer(-5), Some("-5")),
        (Scalar::Decimal(-0.5), Some("-0.5")),
        (Scalar::Decimal(1e300), Some("1e+300")),
        (Scalar::Integer(i64::MAX), Some("9223372036854775807")),
    ] {
        let currency = Some("EUR".to_owned());
        let amount = Amount { value: value.clone(), currency: currency.clone() };
        let expected = match expected {
            None => ParsedAmount::Number { value, currency },
            Some(text) => ParsedAmount::Text(text.to_owned()),
        };
        assert_eq!(worth(&amount), expected);
    }
}

proptest! {
    #[test]
    fn nothing_panics_and_no_number_is_bad(text in "[0-9.,' $€UuSsDd-]{0,12}|\\PC{0,12}") {
        match of(&text) {
            ParsedAmount::Number { value, .. } => prop_assert_eq!(number(&value), Some(value)),
            ParsedAmount::Text(same) => prop_assert_eq!(same, text),
        }
    }

    #[test]
    fn what_people_write_is_read_back(cents in 0..100_000_000_000_i64) {
        let (whole, rest) = (cents / 100, cents % 100);
        let expected = if rest == 0 {
            Scalar::Integer(whole)
        } else {
            Scalar::Decimal(format!("{whole}.{rest:02}").parse().unwrap())
        };
        let digits = whole.to_string();
        let grouped = |separator: &str| {
            let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev()
                .map(|group| std::str::from_utf8(group).unwrap()).collect();
            groups.join(separator)
        };
        for text in [
            format!("{digits}.{rest:02}"), format!("{digits},{rest:02}"),
            format!("{}.{rest:02}", grouped(",")), format!("{},{rest:02}", grouped(".")),
            format!("{},{rest:02}", grouped("\u{A0}")),
        ] {
            let expected = ParsedAmount::Number { value: expected.clone(), currency: None };
                prop_assert_eq!(of(&text), expected, "{}", text);
        }
    }
}

#[test]
fn conversions_and_purchases_are_worth_what_is_written() {
    let sent = |amount: Option<Amount>, is_purchase: bool| {
        let event = if is_purchase {
            let (who, key) = (ParticipantIndex(0), "o1".to_owned());
            Event::Purchased { participant: who, key, value: amount, product: None }
        } else {
            let (friend, referrer) = (ParticipantIndex(0), None);
            Event::ReferralConverted { friend, referrer, value: amount, product: None }
        };
        let reported =
            super::notification(1_780_000_000, vec![super::snapshot("fay")], vec![event]);
        let mut memory = super::knowing(["fay"], Rules::standard());
        let plan = memory.take_in(&reported, super::RECEIVED).unwrap();
        let call = &plan.lanes[0].calls.last().unwrap().call;
        let Call::Track { data, .. } = call else { panic!("{call:?}") };
        let name = if is_purchase { "value" } else { "conversion_value" };
        [name, &format!("{name}_text"), "currency"].map(|name| data.get(name).cloned())
    };
    let eur = || Some("EUR".to_owned());
    let text = |text: &str| Some(Scalar::from(text));
    for (amount, expected) in [
        (Some((Scalar::from("$49.50"), None)), [Some(Scalar::Decimal(49.5)), None, None]),
        (Some((Scalar::from("€49.50"), None)), [Some(Scalar::Decimal(49.5)), None, text("EUR")]),
        (Some((Scalar::from("$49"), eur())), [None, text("$49"), None]),
        (Some((Scalar::Integer(20), eur())), [Some(Scalar::Integer(20)), None, text("EUR")]),
        (Some((Scalar::from("1,000"), eur())), [None, text("1,000"), None]),
        (Some((Scalar::from("a lot"), None)), [None, text("a lot"), None]),
        (None, [None, None, None]),
    ] {
        let amount = amount.map(|(value, currency)| Amount { value, currency });
        for is_purchase in [false, true] {
            assert_eq!(sent(amount.clone(), is_purchase), expected, "{amount:?}");
        }
    }
}
