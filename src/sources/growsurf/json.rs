//! From bytes to a JSON value, with errors that say what and where.
//!
//! What belongs here: the syntax. What doesn't: what any field means.

use std::borrow::Cow;

use serde_json::Value;

use super::DecodeError;

/// The limits of the parser, which JSON doesn't have: its words and the relay's.
const LIMITS: [(&str, &str); 2] = [
    ("number out of range", "a number is out of range"),
    ("recursion limit exceeded", "it is nested more than 127 levels deep"),
];

/// Parses a body. Of repeated keys the last one counts, as in JavaScript.
///
/// # Errors
/// When the body isn't JSON, or is beyond what the parser reads.
pub fn parse(body: &[u8]) -> Result<Value, DecodeError> {
    serde_json::from_slice(&repaired(body)).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let text = error.to_string();
        let place = format!(" at line {line} column {column}");
        let what = text.strip_suffix(&place).unwrap_or(&text);
        match LIMITS.iter().find(|(of_parser, _)| *of_parser == what) {
            Some((_, limit)) => DecodeError::Beyond { line, column, limit },
            None => DecodeError::NotJson { line, column, what: what.to_owned() },
        }
    })
}

/// Replaces half surrogate pairs by the replacement character, both written as escapes of the
/// same length, so that an error's place stays right.
///
/// JavaScript cuts texts between the halves of an emoji and `JSON.stringify` then writes the half
/// as an escape. The grammar of JSON allows it (RFC 8259, 8.2), the parser doesn't. If the body
/// were refused, GrowSurf would retry for days and then switch the webhook off.
fn repaired(body: &[u8]) -> Cow<'_, [u8]> {
    let mut repaired = Cow::Borrowed(body);
    // Most bodies have no escape at all, and this search is the fast one.
    let mut position = if body.contains(&b'\\') { 0 } else { body.len() };
    while position < body.len() {
        // Outside of texts a backslash is no JSON at all, so texts need no distinction.
        if body[position] != b'\\' {
            position += 1;
            continue;
        }
        match code_unit(body, position) {
            Some(0xD800..=0xDBFF)
                if matches!(code_unit(body, position + 6), Some(0xDC00..=0xDFFF)) =>
            {
                position += 12;
            }
            Some(0xD800..=0xDFFF) => {
                repaired.to_mut()[position..position + 6].copy_from_slice(b"\\uFFFD");
                position += 6;
            }
            _ => position += 2,
        }
    }
    repaired
}

/// Returns the number in the `\uXXXX` at `position`, if there is one.
fn code_unit(body: &[u8], position: usize) -> Option<u16> {
    let digits = body.get(position..position + 6)?.strip_prefix(b"\\u")?;
    let mut bytes = [0; 2];
    hex::decode_to_slice(digits, &mut bytes).ok()?;
    Some(u16::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_surrogate_pairs_cost_one_character_not_the_body() {
        for (body, expected) in [
            (r#""Zo\ud83d""#, "Zo\u{FFFD}"),
            (r#""\udc4bZo""#, "\u{FFFD}Zo"),
            (r#""\ud83d\ud83d\udc4b""#, "\u{FFFD}👋"),
            (r#""\uD83D\uDC4B""#, "👋"),
            (r#""\\ud83d""#, r"\ud83d"),
            (r#""\\\ud83d\"""#, "\\\u{FFFD}\""),
        ] {
            assert_eq!(parse(body.as_bytes()), Ok(Value::from(expected)), "{body}");
        }
    }

    #[test]
    fn json_beyond_the_parsers_limits_is_not_called_no_json() {
        let number = r#"{"n": 1e400}"#.to_owned();
        let nested = |levels| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(parse(nested(127).as_bytes()).is_ok());
        for (body, reason) in [
            (number, "a number is out of range at line 1 column 11"),
            (nested(128), "it is nested more than 127 levels deep at line 1 column 128"),
        ] {
            let error = parse(body.as_bytes()).unwrap_err();
            assert_eq!(error.to_string(), format!("the body can't be read: {reason}"));
        }
    }

    #[test]
    fn errors_say_what_and_where_and_repeat_nothing() {
        for (body, line, column) in [
            (&b""[..], 1, 0),
            (b"secret", 1, 1),
            (b"{\n  \"a\": }", 2, 8),
            (b"{} {}", 1, 4),
            (b"\"\\", 1, 2),
            (b"\"\\ud8", 1, 5),
            (b"\"\xff\"", 1, 2),
        ] {
            let Err(DecodeError::NotJson { line: at_line, column: at_column, what }) = parse(body)
            else {
                panic!("{body:?} was taken for JSON");
            };
            assert_eq!((at_line, at_column), (line, column), "{what}");
            assert!(!what.contains("line") && !what.contains("secret"), "{what}");
        }
    }
}
