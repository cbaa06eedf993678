//! Texts from outside: cut to a length, and made fit for logs.

use crate::domain::{is_boundary, mask_addresses};

/// Returns the longest beginning of at most `max_bytes` bytes that ends with a whole character.
pub(super) fn cut(text: &str, max_bytes: usize) -> &str {
    let mut end = max_bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Returns a text for errors: addresses masked, no control characters, at most `max_bytes` bytes.
pub(super) fn shown(text: &str, max_bytes: usize) -> String {
    let mut safe = mask_addresses(text);
    // Cut last: a cut before the masking could leave the first half of an address.
    safe.truncate(cut_words(&safe, max_bytes).len());
    safe
}

/// Returns the same as [`cut`] without a cut word, which may be a part of an id. A single word is cut
/// anywhere.
pub(super) fn cut_words(text: &str, max_bytes: usize) -> &str {
    let start = cut(text, max_bytes);
    if start.len() == text.len() {
        return text;
    }
    let whole = start.trim_end_matches(|character| !is_boundary(character));
    if whole.is_empty() { start } else { whole }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_cut_never_splits_a_character() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "abc");
        assert_eq!(cut("aé", 2), "a");
        assert_eq!(cut("🙂", 3), "");
    }

    #[test]
    fn addresses_are_masked_wherever_they_stand() {
        for (text, safe) in [
            ("email fay@example.com is taken", "email f***@example.com is taken"),
            ("\"Fay@Example.com\",<a@b>", "\"f***@example.com\",<a***@b>"),
            ("mailto:fay@x.com", "mailto:f***@x.com"),
            ("/customers/fay%40x.com/events", "***"),
            ("a@b@c and email=fay@x.com", "*** and e***@x.com"),
            ("two\r\nlines\u{1b}[0m", "two  lines [0m"),
            ("", ""),
        ] {
            assert_eq!(shown(text, 500), safe);
        }
        assert_eq!(shown("fay.friend@example.com", 5), "f***@");
    }

    proptest! {
        #[test]
        fn no_address_gets_through(before in ".*", after in ".*", max in 0..300_usize) {
            let text = shown(&format!("{before} secret.person@example.com {after}"), max);
            prop_assert!(!text.contains("secret.person"));
            prop_assert!(!text.contains(char::is_control));
            prop_assert!(text.len() <= max);
        }
    }
}
