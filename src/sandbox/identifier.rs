//! Identifiers of a person: `id`, `email` or `cio_id`, read from a path or from an object.
//!
//! v1 guesses the kind from the shape of the value, v2 and merge name it. `people` knows the owners.

use std::fmt;

use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::Value;

use super::{answer::Problem, limits};

/// The prefix that a `cio_id` has in a v1 path, and there only.
const CIO_ID_PREFIX: &str = "cio_";

/// One identifier of one kind. E-mail addresses are lower-case: they are case-insensitive.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, strum::IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub(super) enum Identifier {
    Id(String),
    Email(String),
    CioId(String),
}

impl Identifier {
    /// Reads a segment of a v1 path, decoding it once.
    pub(super) fn from_path(segment: &str) -> Result<Self, Problem> {
        let decoded = percent_decode_str(segment)
            .decode_utf8()
            .map_err(|_| Problem::invalid("identifier", "identifier is not UTF-8"))?;
        let identifier = Self::from_shape(&decoded);
        identifier.check("identifier")?;
        Ok(identifier)
    }

    /// Recognises the kind by the shape, as v1 does.
    pub(super) fn from_shape(text: &str) -> Self {
        if let Some(cio_id) = text.strip_prefix(CIO_ID_PREFIX) {
            Self::CioId(cio_id.to_owned())
        } else if text.contains('@') {
            Self::email(text)
        } else {
            Self::Id(text.to_owned())
        }
    }

    pub(super) fn email(text: &str) -> Self {
        Self::Email(text.to_lowercase())
    }

    /// Reads `{"id": ".."}`, `{"email": ".."}` or `{"cio_id": ".."}` at `field`. `phone` must be enabled
    /// first at Customer.io, and isn't in this workspace.
    pub(super) fn from_object(field: &str, value: Option<&Value>) -> Result<Self, Problem> {
        let value = value.ok_or_else(|| Problem::required(field))?;
        let identifier = match Self::deserialize(value) {
            Ok(Self::Email(text)) => Self::email(&text),
            read => read.map_err(|error| Problem::invalid(field, format!("{field}: {error}")))?,
        };
        identifier.check(&format!("{field}.{}", identifier.kind()))?;
        Ok(identifier)
    }

    /// Refuses what no person can have.
    pub(super) fn check(&self, field: &str) -> Result<(), Problem> {
        match self {
            Self::Id(id) => limits::id(field, id),
            Self::Email(email) => limits::email(field, email),
            Self::CioId(cio_id) => limits::id(field, cio_id),
        }
    }

    pub(super) fn kind(&self) -> &'static str {
        self.into()
    }

    pub(super) fn value(&self) -> &str {
        match self {
            Self::Id(value) | Self::Email(value) | Self::CioId(value) => value,
        }
    }
}

impl fmt::Display for Identifier {
    /// Writes the identifier as it stands, decoded, in a v1 path.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::CioId(_) = self {
            f.write_str(CIO_ID_PREFIX)?;
        }
        f.write_str(self.value())
    }
}

/// Returns true if a path segment holds characters that the documentation wants percent-encoded.
pub(super) fn is_unencoded(segment: &str) -> bool {
    !segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~!*'()%".contains(&byte))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_is_decoded_once_and_recognised_by_shape() {
        let read = |segment| Identifier::from_path(segment).unwrap();
        assert_eq!(read("A%2Bb%40X.com"), Identifier::Email("a+b@x.com".to_owned()));
        assert_eq!(read("a%2540b"), Identifier::Id("a%40b".to_owned()));
        assert_eq!(read("5%2F"), Identifier::Id("5/".to_owned()));
        assert_eq!(read("5+"), Identifier::Id("5+".to_owned()));
        assert_eq!(read("cio_a3000001"), Identifier::CioId("a3000001".to_owned()));
        assert_eq!(read("%2B4915112345"), Identifier::Id("+4915112345".to_owned()));
    }

    #[test]
    fn a_path_that_names_nobody_is_refused() {
        assert!(Identifier::from_path("").is_err());
        assert!(Identifier::from_path("%20").is_err());
        assert!(Identifier::from_path("%FF").is_err());
        assert!(Identifier::from_path("%40").is_err());
    }

    #[test]
    fn an_object_has_exactly_one_identifier() {
        let read = |value: Value| Identifier::from_object("identifiers", Some(&value));
        assert!(read(json!({"id": "1"})).is_ok());
        assert!(read(json!({"email": "A@x.com"})).is_ok());
        for wrong in [
            json!({}),
            json!({"id": "1", "email": "a@x.com"}),
            json!({"anonymous_id": "1"}),
            json!({"phone": "+49"}),
            json!({"id": 1}),
            json!({"id": ""}),
            json!({"email": "nobody"}),
            json!("1"),
        ] {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
        assert!(Identifier::from_object("identifiers", None).is_err());
    }

    #[test]
    fn only_what_encode_uri_component_leaves_is_encoded() {
        assert!(!is_unencoded("a%2Bb%40x.com"));
        assert!(!is_unencoded("cio_a3"));
        assert!(is_unencoded("a+b@x.com"));
    }
}
