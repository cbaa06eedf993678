//! Text from outside as one segment of a URL's path.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use thiserror::Error;

/// Everything but RFC 3986's unreserved characters, as in both services' own libraries.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A text that stays one segment of a URL's path, percent-encoded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PathSegment(String);

/// A text that URL parsers would read as another path.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("an empty text, \".\" or \"..\" can't stand in a URL's path")]
pub struct InvalidSegment;

impl PathSegment {
    /// Encodes a text.
    ///
    /// # Errors
    /// [`InvalidSegment`] for an empty text, `.` and `..`. The URL standard reads `%2e` as a dot, so encoding
    /// doesn't help (<https://url.spec.whatwg.org/#double-dot-path-segment>).
    pub fn new(text: &str) -> Result<Self, InvalidSegment> {
        if matches!(text, "" | "." | "..") {
            return Err(InvalidSegment);
        }
        Ok(Self(utf8_percent_encode(text, ENCODED).to_string()))
    }

    /// Joins texts to a path without a leading slash.
    ///
    /// # Errors
    /// [`InvalidSegment`].
    pub fn join(texts: &[&str]) -> Result<String, InvalidSegment> {
        let segments = texts.iter().map(|text| Self::new(text).map(|segment| segment.0));
        Ok(segments.collect::<Result<Vec<_>, _>>()?.join("/"))
    }
}

impl fmt::Display for PathSegment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use url::Url;

    use super::*;

    #[test]
    fn what_would_be_another_path_is_refused() {
        for text in ["", ".", ".."] {
            assert_eq!(PathSegment::new(text), Err(InvalidSegment), "{text:?}");
            assert_eq!(PathSegment::join(&["campaign", text, "ref"]), Err(InvalidSegment));
        }
        for (text, encoded) in [
            ("...", "..."),
            ("%2e%2e", "%252e%252e"),
            ("a/../b", "a%2F..%2Fb"),
            ("me+you@home.org", "me%2Byou%40home.org"),
            ("x?y#z\\", "x%3Fy%23z%5C"),
            ("é", "%C3%A9"),
        ] {
            assert_eq!(PathSegment::new(text).unwrap().to_string(), encoded);
        }
    }

    proptest! {
        #[test]
        fn every_segment_stays_one_and_reads_back(text in ".{1,40}") {
            let Ok(path) = PathSegment::join(&["v2", &text, "end"]) else {
                return Ok(());
            };
            let mut url = Url::parse("https://example.com").unwrap();
            url.set_path(&path);
            let parts: Vec<&str> = url.path_segments().unwrap().collect();
            prop_assert_eq!(parts.len(), 3);
            let read = percent_encoding::percent_decode_str(parts[1]).decode_utf8().unwrap();
            prop_assert_eq!(read, text);
        }
    }
}
