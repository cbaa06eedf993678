//! E-mail addresses.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::characters::{is_invisible, is_not_of_address};

/// An e-mail address, trimmed and lower-cased. `Debug` shows it masked.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Email(String);

/// The longest deliverable address (RFC 5321, 4.5.3.1.3, without angle brackets).
const EMAIL_BYTES: usize = 254;

impl Email {
    /// Reads an address.
    ///
    /// # Errors
    /// The fault, without the address. Invisible characters are refused: they come along when an address is
    /// pasted, and make it another one.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        // Lower case first, because it can be longer.
        let text = text.trim().to_lowercase();
        if text.is_empty() {
            return Err("is empty");
        }
        if text.len() > EMAIL_BYTES {
            return Err("is longer than 254 bytes");
        }
        if text.contains(is_invisible) {
            return Err("holds white space or another character that can't be seen");
        }
        if text.contains(is_not_of_address) {
            return Err("holds a character that no address has");
        }
        let mut parts = text.split('@');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(local), Some(host), None)
                if !local.is_empty() && host.split('.').all(|label| !label.is_empty()) =>
            {
                Ok(Self(text))
            }
            _ => Err("is no e-mail address"),
        }
    }

    /// Returns the address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the address for logs: first letter and host.
    pub fn masked(&self) -> String {
        mask(&self.0)
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

/// Returns an address, or an id that may hold one, for logs: first letter and host.
pub(super) fn mask(text: &str) -> String {
    let first = text.chars().next().filter(|first| *first != '@').unwrap_or('*');
    match text.split_once('@') {
        Some((_, host)) => format!("{first}***@{host}"),
        None => format!("{first}***"),
    }
}

/// Returns a text with addresses masked, and white space in the place of control characters.
///
/// Anything with an `@` or its percent encoding counts as an address, up to white space, quotes, brackets or
/// commas.
pub fn mask_addresses(text: &str) -> String {
    let mut safe = String::new();
    for piece in text.split_inclusive(is_boundary) {
        let word = piece.trim_end_matches(is_boundary);
        if word.contains("%40") {
            safe.push_str("***");
        } else if word.contains('@') {
            let masked = Email::parse(word).map(|email| email.masked());
            safe.push_str(masked.as_deref().unwrap_or("***"));
        } else {
            safe.push_str(word);
        }
        let rest = piece[word.len()..].chars();
        safe.extend(rest.map(|character| if character.is_control() { ' ' } else { character }));
    }
    safe
}

/// True if no word goes on over the character.
pub fn is_boundary(character: char) -> bool {
    character.is_whitespace()
        || character.is_control()
        || matches!(
            character,
            '"' | '\'' | '`' | '<' | '>' | '(' | ')' | '[' | ']' | ',' | ';' | ':'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_trimmed_lower_cased_and_masked() {
        let email = Email::parse("  Fay.Friend+x@Example.COM\n").unwrap();
        assert_eq!(email.as_str(), "fay.friend+x@example.com");
        assert_eq!(format!("{email:?}"), "f***@example.com");
        assert_eq!(Email::parse("zoë@exämple.com").unwrap().masked(), "z***@exämple.com");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("{}@example.com", "a".repeat(250));
        for text in [
            "",
            " ",
            "a",
            "@",
            "a@",
            "@b",
            "a@b@c",
            "a b@c",
            "***************",
            "<a@b.c>",
            "a@b..c",
            "a@.b",
            "\u{200b}a@b.c",
            "a\u{200f}@b.c",
            "a@b.c\u{ad}",
            "a@b\u{2066}.c",
            "a\u{fe0f}@b.c",
            "a\u{e0001}@b.c",
            "a@\u{3164}.c",
            &long,
        ] {
            assert!(Email::parse(text).is_err(), "{text}");
        }
    }
}
