//! Small values that settings are written as: durations, sizes, networks, addresses.
//!
//! Each parses from text into a type that can't hold nonsense, and says on failure what would have
//! been right. Limits that only one key has (a minimum, a relation to another key) belong to the
//! section that owns the key.

pub mod address;
pub mod duration;
pub mod masked;
pub mod network;
pub mod origin;
pub mod size;
pub mod spoiled;

use std::borrow::Cow;

use crate::domain::check_metadata_key;

/// What a text should have been, as in "expected a duration such as ...".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {0}")]
pub struct Expected(pub Cow<'static, str>);

impl From<&'static str> for Expected {
    fn from(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

impl From<String> for Expected {
    fn from(text: String) -> Self {
        Self(Cow::Owned(text))
    }
}

/// Reads a key of GrowSurf's metadata.
///
/// # Errors
/// Names the form in which GrowSurf would keep the key.
pub fn metadata_key(text: &str) -> Result<String, Expected> {
    let checked = check_metadata_key(text);
    checked.map(|()| text.to_owned()).map_err(|error| error.to_string().into())
}
