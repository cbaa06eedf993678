//! Money: whole minor units from GrowSurf, major units for marketers.
//!
//! The list of currencies is the relay's own: a crate's (`iso_currency`) has metals, funds and former
//! currencies. The contract of `/v1/events` must not change with a crate's version.

use super::Scalar;

/// An amount in the currency's minor units.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Money {
    /// Cents, pence or fils; may be negative.
    pub minor: i64,
    /// The currency in use, ISO 4217, upper case.
    pub currency: String,
}

impl Money {
    /// Returns an amount of major units; `None` if it is beyond any. An unknown currency has two decimal digits.
    pub fn of_major(value: &Scalar, currency: &str) -> Option<Self> {
        let unit = 10_i64.pow(exponent(currency));
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "checked")]
        let minor = match value {
            Scalar::Integer(integer) => integer.checked_mul(unit)?,
            Scalar::Decimal(decimal) => {
                let minor = (decimal * unit as f64).round();
                (minor.abs() < 2_f64.powi(53)).then_some(minor as i64)?
            }
            Scalar::Boolean(_) | Scalar::Text(_) | Scalar::Reference(_) => return None,
        };
        Some(Self { minor, currency: currency.to_owned() })
    }

    /// Returns the amount in major units: a whole number if nothing remains, else a decimal.
    pub fn major(&self) -> Scalar {
        let exponent = exponent(&self.currency);
        let unit = 10_i64.pow(exponent);
        if self.minor % unit == 0 {
            return Scalar::Integer(self.minor / unit);
        }
        // The quotient of two exact doubles is the double nearest to the decimal, so it prints
        // as the decimal; amounts that leave the exact range are beyond any commission.
        #[expect(clippy::cast_precision_loss, reason = "see above")]
        Scalar::Decimal(self.minor as f64 / unit as f64)
    }
}

/// Returns the decimal digits of a currency's minor unit (ISO 4217, list one).
fn exponent(currency: &str) -> u32 {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX"
        | "UYI" | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        "CLF" | "UYW" => 4,
        _ => 2,
    }
}

/// The currencies in use (ISO 4217, list one, without metals, funds and test codes), sorted.
pub const CURRENCIES: &[&str] = &[
    "AED", "AFN", "ALL", "AMD", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BGN",
    "BHD", "BIF", "BMD", "BND", "BOB", "BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF",
    "CHF", "CLP", "CNY", "COP", "CRC", "CUP", "CVE", "CZK", "DJF", "DKK", "DOP", "DZD", "EGP",
    "ERN", "ETB", "EUR", "FJD", "FKP", "GBP", "GEL", "GHS", "GIP", "GMD", "GNF", "GTQ", "GYD",
    "HKD", "HNL", "HTG", "HUF", "IDR", "ILS", "INR", "IQD", "IRR", "ISK", "JMD", "JOD", "JPY",
    "KES", "KGS", "KHR", "KMF", "KPW", "KRW", "KWD", "KYD", "KZT", "LAK", "LBP", "LKR", "LRD",
    "LSL", "LYD", "MAD", "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MRU", "MUR", "MVR", "MWK",
    "MXN", "MYR", "MZN", "NAD", "NGN", "NIO", "NOK", "NPR", "NZD", "OMR", "PAB", "PEN", "PGK",
    "PHP", "PKR", "PLN", "PYG", "QAR", "RON", "RSD", "RUB", "RWF", "SAR", "SBD", "SCR", "SDG",
    "SEK", "SGD", "SHP", "SLE", "SOS", "SRD", "SSP", "STN", "SVC", "SYP", "SZL", "THB", "TJS",
    "TMT", "TND", "TOP", "TRY", "TTD", "TWD", "TZS", "UAH", "UGX", "USD", "UYU", "UZS", "VED",
    "VES", "VND", "VUV", "WST", "XAF", "XCD", "XCG", "XOF", "XPF", "YER", "ZAR", "ZMW", "ZWG",
];

/// Returns the currency of an ISO 4217 code in capitals, if one in use has it.
pub fn currency_in_use(code: &str) -> Option<&'static str> {
    CURRENCIES.binary_search(&code).ok().map(|place| CURRENCIES[place])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn currencies_are_found_by_their_code_in_capitals() {
        assert!(CURRENCIES.is_sorted());
        for (code, expected) in
            [("EUR", Some("EUR")), ("AED", Some("AED")), ("ZWG", Some("ZWG")), ("PTS", None)]
        {
            assert_eq!(currency_in_use(code), expected, "{code}");
        }
        assert_eq!((currency_in_use("eur"), currency_in_use("")), (None, None));
    }

    #[test]
    fn minor_units_follow_the_currency() {
        for (value, currency, expected) in [
            (Scalar::Integer(100), "USD", Some(10_000)),
            (Scalar::Decimal(25.5), "USD", Some(2_550)),
            (Scalar::Decimal(0.29), "EUR", Some(29)),
            (Scalar::Integer(500), "JPY", Some(500)),
            (Scalar::Decimal(1.234), "KWD", Some(1_234)),
            (Scalar::Integer(3), "", Some(300)),
            (Scalar::Integer(i64::MAX), "EUR", None),
            (Scalar::Decimal(f64::NAN), "EUR", None),
            (Scalar::from("3"), "EUR", None),
        ] {
            let minor = Money::of_major(&value, currency).map(|money| money.minor);
            assert_eq!(minor, expected, "{value:?} {currency}");
        }
    }

    #[test]
    fn major_units_follow_the_currency() {
        for (minor, currency, expected) in [
            (10_000, "USD", Scalar::Integer(100)),
            (2_550, "USD", Scalar::Decimal(25.5)),
            (-9_999, "EUR", Scalar::Decimal(-99.99)),
            (500, "JPY", Scalar::Integer(500)),
            (1_234, "KWD", Scalar::Decimal(1.234)),
            (0, "USD", Scalar::Integer(0)),
        ] {
            let money = Money { minor, currency: currency.to_owned() };
            assert_eq!(money.major(), expected, "{minor} {currency}");
        }
    }
}
