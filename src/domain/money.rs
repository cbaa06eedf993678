//! Money: whole minor units as GrowSurf tells them, major units as marketers read them.

use super::Scalar;

/// An amount in the currency's minor units.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Money {
    /// Minor units: cents, pence, fils; may be negative.
    pub minor: i64,
    /// The currency, ISO 4217, upper case.
    pub currency: String,
}

impl Money {
    /// The amount in major units: a whole number where nothing remains, else a decimal.
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

/// How many decimal digits a currency's minor unit stands for (ISO 4217, list one).
fn exponent(currency: &str) -> u32 {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX"
        | "UYI" | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        "CLF" | "UYW" => 4,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
