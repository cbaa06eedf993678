//! Amounts in texts that people wrote, if they have one meaning only.
//!
//! What belongs here: plain amounts, such as `$25`, `25,00 €` and `1,234.50 USD`. What doesn't: money in
//! minor units ([`Money`](crate::domain::Money)).
//!
//! Nothing is guessed. A text that could mean two numbers stays a text: `1,000` is a thousand to some and one
//! to others. So does one with a word, a sign before the digits, or digits of other scripts.

use crate::domain::{Amount, Scalar, currency_in_use};

/// The greatest whole number up to which every double is exact: 2^53.
const EXACT: i64 = 9_007_199_254_740_992;

/// The most digits that a double holds without rounding.
const DIGITS: usize = 15;

/// Signs of one currency, from Unicode's CLDR in English.
const SIGNS: &[(&str, &str)] = &[
    ("€", "EUR"),
    ("£", "GBP"),
    ("US$", "USD"),
    ("CA$", "CAD"),
    ("AU$", "AUD"),
    ("A$", "AUD"),
    ("NZ$", "NZD"),
    ("HK$", "HKD"),
    ("S$", "SGD"),
    ("NT$", "TWD"),
    ("MX$", "MXN"),
    ("R$", "BRL"),
    ("CN¥", "CNY"),
    ("JP¥", "JPY"),
    ("₹", "INR"),
    ("₩", "KRW"),
    ("₪", "ILS"),
    ("₫", "VND"),
    ("₱", "PHP"),
    ("₺", "TRY"),
    ("₽", "RUB"),
    ("₴", "UAH"),
    ("₦", "NGN"),
    ("zł", "PLN"),
    ("Kč", "CZK"),
];

/// Signs of several currencies, and their codes.
const SHARED_SIGNS: &[(&str, &[&str])] = &[
    (
        "$",
        &[
            "ARS", "AUD", "BBD", "BMD", "BND", "BSD", "BZD", "CAD", "CLP", "COP", "DOP", "FJD",
            "GYD", "HKD", "JMD", "KYD", "LRD", "MXN", "NAD", "NZD", "SBD", "SGD", "SRD", "TTD",
            "TWD", "USD", "UYU", "XCD",
        ],
    ),
    ("¥", &["CNY", "JPY"]),
    ("kr", &["DKK", "ISK", "NOK", "SEK"]),
    ("kr.", &["DKK", "ISK"]),
];

#[derive(Clone, PartialEq, Debug)]
pub enum ParsedAmount {
    /// A number in major units, and its currency if it names one.
    Number { value: Scalar, currency: Option<String> },
    /// The text as written.
    Text(String),
}

/// Returns the worth of an amount.
///
/// A currency that isn't in use is left out. If the text names another currency than the field, it stays a
/// text.
pub fn worth(amount: &Amount) -> ParsedAmount {
    let named = amount.currency.as_ref().map(|code| currency_in_use(&code.to_ascii_uppercase()));
    let of = |code: Option<&str>| code.map(str::to_owned);
    match &amount.value {
        Scalar::Text(text) => match (plain(text), named) {
            (Some((value, None)), named) => {
                ParsedAmount::Number { value, currency: of(named.flatten()) }
            }
            (Some((value, Some(mark))), None) => {
                ParsedAmount::Number { value, currency: of(mark.code()) }
            }
            (Some((value, Some(mark))), Some(Some(code))) if mark.is_of(code) => {
                ParsedAmount::Number { value, currency: of(Some(code)) }
            }
            _ => ParsedAmount::Text(text.clone()),
        },
        value => match number(value) {
            Some(value) => ParsedAmount::Number { value, currency: of(named.flatten()) },
            None => ParsedAmount::Text(written(value)),
        },
    }
}

/// Returns a number that can be an amount: not negative, and exact.
pub fn number(value: &Scalar) -> Option<Scalar> {
    #[expect(clippy::cast_precision_loss, reason = "the constant is exact")]
    let fits = match value {
        Scalar::Integer(integer) => (0..=EXACT).contains(integer),
        Scalar::Decimal(decimal) => (0.0..=EXACT as f64).contains(decimal),
        Scalar::Boolean(_) | Scalar::Text(_) | Scalar::Reference(_) => false,
    };
    fits.then(|| value.clone())
}

/// Writes a value as JSON.
fn written(value: &Scalar) -> String {
    serde_json::to_string(value).expect("a scalar is always JSON")
}

/// Returns the number of a plain amount, and the mark beside it.
fn plain(text: &str) -> Option<(Scalar, Option<Mark>)> {
    let is_digit = |character: char| character.is_ascii_digit();
    let (first, last) = (text.find(is_digit)?, text.rfind(is_digit)?);
    let mark = match (text[..first].trim(), text[last + 1..].trim()) {
        ("", "") => None,
        (mark, "") | ("", mark) => Some(Mark::of(mark)?),
        (before, after) => Some(Mark::of(before)?.beside(Mark::of(after)?)?),
    };
    Some((decimal(&text[first..=last])?, mark))
}

/// A mark before or behind the digits.
#[derive(Clone, Copy)]
enum Mark {
    /// An ISO 4217 code in capitals; in small letters, `top` and `all` are words.
    Code(&'static str),
    /// A sign of one currency.
    Sign(&'static str),
    /// A sign of several currencies.
    SharedSign(&'static [&'static str]),
}

impl Mark {
    fn of(text: &str) -> Option<Self> {
        let sign = SIGNS.iter().find(|(sign, _)| *sign == text);
        let shared = SHARED_SIGNS.iter().find(|(sign, _)| *sign == text);
        sign.map(|(_, code)| Self::Sign(code))
            .or_else(|| shared.map(|(_, codes)| Self::SharedSign(codes)))
            .or_else(|| currency_in_use(text).map(Self::Code))
    }

    /// Returns the currency of an unambiguous mark.
    fn code(self) -> Option<&'static str> {
        match self {
            Self::Code(code) | Self::Sign(code) => Some(code),
            Self::SharedSign(_) => None,
        }
    }

    /// True if the mark can stand for this currency.
    fn is_of(self, currency: &str) -> bool {
        match self {
            Self::Code(code) | Self::Sign(code) => code == currency,
            Self::SharedSign(codes) => codes.contains(&currency),
        }
    }

    /// Returns the meaning of two marks together: a sign and a code, as in `$25 USD`.
    fn beside(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Code(_), Self::Code(_)) => None,
            (sign, Self::Code(code)) | (Self::Code(code), sign) => {
                sign.is_of(code).then_some(Self::Code(code))
            }
            _ => None,
        }
    }
}

/// Returns the number of digits and separators, if it is unambiguous.
fn decimal(text: &str) -> Option<Scalar> {
    let mut groups = vec![String::new()];
    let mut separators = Vec::new();
    for character in text.chars() {
        match character {
            '0'..='9' => groups.last_mut()?.push(character),
            '.' | ',' => separators.push(character),
            '\'' | '\u{2019}' => separators.push('\''),
            ' ' | '\u{A0}' | '\u{2009}' | '\u{202F}' => separators.push(' '),
            _ => return None,
        }
        if groups.len() <= separators.len() {
            groups.push(String::new());
        }
    }
    if groups.iter().any(String::is_empty) {
        return None;
    }
    let fraction = fraction(&groups, &separators)?;
    let whole = &groups[..groups.len() - usize::from(fraction)];
    let is_grouped =
        whole.len() == 1 || (whole[0].len() <= 3 && whole[1..].iter().all(|it| is_three(it)));
    let digits = whole.concat();
    // A leading zero belongs to a code or a telephone number.
    let has_zero = digits.len() > 1 && digits.starts_with('0');
    let fraction = if fraction { groups.last()?.as_str() } else { "" };
    if !is_grouped || has_zero || digits.len() + fraction.len() > DIGITS {
        return None;
    }
    if fraction.bytes().all(|digit| digit == b'0') {
        return digits.parse().ok().map(Scalar::Integer);
    }
    format!("{digits}.{fraction}").parse().ok().map(Scalar::Decimal)
}

fn is_three(group: &str) -> bool {
    group.len() == 3
}

/// True if the last separator is the decimal one; `None` if it is ambiguous.
fn fraction(groups: &[String], separators: &[char]) -> Option<bool> {
    let Some((last, others)) = separators.split_last() else { return Some(false) };
    let is_point = matches!(last, '.' | ',');
    match others.split_first() {
        // One separator before exactly three digits may be either.
        None => (is_point && !groups.last().is_some_and(|it| is_three(it))).then_some(true),
        Some((first, more)) if more.iter().all(|it| it == first) => {
            if first == last {
                Some(false)
            } else {
                is_point.then_some(true)
            }
        }
        Some(_) => None,
    }
}
