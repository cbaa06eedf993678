//! The forms of options: numbers within bounds, durations, sizes, secrets, networks, addresses.
//!
//! Each is read into a type that can't hold nonsense, and says on failure what would have been right. So
//! every module can own its options, and `config` fills them. What doesn't belong here: what an option
//! means, and relations between options.

pub mod address;
pub mod duration;
pub mod masked;
pub mod network;
pub mod origin;
pub mod secret;
pub mod size;
pub mod spoiled;

use std::borrow::Cow;
use std::fmt::Display;

use serde::de::{Deserialize, Deserializer, Error};

/// The right form of a text, as in "expected a duration such as ...".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {0}")]
pub struct Expected(pub Cow<'static, str>);

impl<T: Into<Cow<'static, str>>> From<T> for Expected {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

impl Expected {
    /// Returns the form of a value between bounds.
    fn between<T: Display>(what: &str, low: T, high: T, unit: &str) -> Self {
        format!("{what} from {low} to {high}{unit}").into()
    }
}

/// Reads a whole number from `LOW` to `HIGH`, which fit its type.
pub fn whole<'de, D, T, const LOW: i64, const HIGH: i64>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<i64>,
{
    let number = i64::deserialize(deserializer)?;
    let fits = T::try_from(number).ok().filter(|_| (LOW..=HIGH).contains(&number));
    fits.ok_or_else(|| D::Error::custom(Expected::between("a whole number", LOW, HIGH, "")))
}

/// Reads a text by a function; an empty one is none.
pub fn optional<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    parse: impl FnOnce(&str) -> Result<T, Expected>,
) -> Result<Option<T>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| parse(&text)).transpose().map_err(D::Error::custom)
}

/// Reads a text by a function.
pub fn text<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    parse: impl FnOnce(&str) -> Result<T, Expected>,
) -> Result<T, D::Error> {
    parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}
