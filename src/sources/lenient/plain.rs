//! Values without parts, and how far they may stray from a documented type.

use serde_json::Number;

use crate::domain::{Scalar, storable_id};

/// The greatest whole number up to which every double is exact: 2^53.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A value without parts.
#[derive(Clone, Debug)]
pub enum Plain<'de> {
    /// A flag.
    Boolean(bool),
    /// A finite number.
    Number(Number),
    /// A text, trimmed.
    Text(&'de str),
}

impl<'de> Plain<'de> {
    /// Returns a text that isn't blank.
    pub(super) fn text(self) -> Option<&'de str> {
        if let Self::Text(text) = self { Some(text).filter(|it| !it.is_empty()) } else { None }
    }

    /// Returns a text, or a whole number as text: ids are sometimes written without quotes.
    pub fn id(self) -> Option<String> {
        match self {
            Self::Number(number) if !number.is_f64() => Some(number.to_string()),
            value => value.text().map(storable_id),
        }
    }

    /// Returns a whole number; may be written as text or with a fraction of zero.
    pub(super) fn whole(self) -> Option<i64> {
        let exact = match &self {
            Self::Number(number) => number.as_i64(),
            Self::Text(text) => text.parse().ok(),
            Self::Boolean(_) => None,
        };
        exact.or_else(|| {
            let double = self.double().filter(|double| double.fract() == 0.0)?;
            #[expect(clippy::cast_possible_truncation, reason = "whole and in the exact range")]
            (double.abs() <= EXACT).then_some(double as i64)
        })
    }

    /// Returns a whole number that isn't negative.
    pub(super) fn count(self) -> Option<i64> {
        self.whole().filter(|count| *count >= 0)
    }

    /// Returns a finite double; text may say `inf`, which is no number of anything.
    fn double(self) -> Option<f64> {
        let double = match self {
            Self::Number(number) => number.as_f64(),
            Self::Text(text) => text.parse().ok(),
            Self::Boolean(_) => None,
        };
        double.filter(|double| double.is_finite())
    }

    /// Returns a number of any kind.
    pub(super) fn number(self) -> Option<Scalar> {
        let whole = self.clone().whole().map(Scalar::Integer);
        whole.or_else(|| self.double().map(Scalar::Decimal))
    }

    /// Returns a flag; may be written as text.
    pub(super) fn flag(self) -> Option<bool> {
        match self {
            Self::Boolean(flag) => Some(flag),
            Self::Text(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Self::Text(text) if text.eq_ignore_ascii_case("false") => Some(false),
            Self::Number(_) | Self::Text(_) => None,
        }
    }

    /// Returns a text, a number or a flag.
    pub(super) fn scalar(self) -> Option<Scalar> {
        match self {
            Self::Boolean(flag) => Some(Scalar::Boolean(flag)),
            Self::Number(_) => self.number(),
            Self::Text(_) => self.text().map(Scalar::from),
        }
    }
}
