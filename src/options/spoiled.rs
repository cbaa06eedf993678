//! Marks that an editor, a shell or a copy from a web page leaves in a value.
//!
//! Such a value looks right and works nowhere: a secret with a byte order mark verifies nothing. What
//! belongs here: finding the mark and naming it, without the value. What doesn't: whether the rest of
//! the value makes sense, which its section knows.

use std::borrow::Cow;

use crate::domain::characters::is_hidden;

/// The strictness with which a value is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// A text that people read, such as a tier's name; it may hold joined emoji and a quotation mark.
    Text,
    /// A text that programs read, such as an address or an id.
    Plain,
    /// A secret: every character counts.
    Secret,
}

/// Returns the mark that spoils a value, as a rule that the value breaks; `None` if there is none.
pub fn mark(text: &str, strictness: Strictness) -> Option<Cow<'static, str>> {
    let (is_secret, is_text) = (strictness == Strictness::Secret, strictness == Strictness::Text);
    let (first, last) = (text.chars().next()?, text.chars().next_back()?);
    if text.contains('\u{feff}') {
        return Some("holds a byte order mark; save it as UTF-8 without one".into());
    }
    if text.contains('\r') {
        return Some("holds a carriage return; save it with the line ends of Unix".into());
    }
    if text.contains('\n') {
        return Some("holds a line break; write it on one line".into());
    }
    if first.is_whitespace() || last.is_whitespace() {
        let end = if first.is_whitespace() { "starts" } else { "ends" };
        return Some(format!("{end} with a blank; remove it").into());
    }
    if let Some(odd) = text.chars().find(|it| is_odd(*it, is_secret)) {
        let code = u32::from(odd);
        return Some(format!("holds an invisible character (U+{code:04X}); remove it").into());
    }
    let (opens, closes) = (is_quote(first), is_quote(last) && text.len() > first.len_utf8());
    if opens && closes {
        return Some(
            "has quotation marks around it, which count as a part of it; remove them".into(),
        );
    }
    if !is_text && (opens || closes) {
        let end = if opens { "starts" } else { "ends" };
        return Some(
            format!("{end} with a quotation mark, which counts as a part of it; remove it").into(),
        );
    }
    if strictness == Strictness::Plain && ends_list(text) {
        return Some(SEPARATOR.into());
    }
    if text.contains(" # ") || (is_secret && text.contains(" #")) {
        return Some("has a comment behind it, which counts as a part of it; remove it".into());
    }
    None
}

/// The rule that a text breaks if it [ends as an item of a list does](ends_list).
pub const SEPARATOR: &str =
    "ends with a comma or a semicolon, which counts as a part of it; remove it";

/// True if a text ends with what comes after an item of a list. A password may end so.
pub fn ends_list(text: &str) -> bool {
    text.ends_with([',', ';'])
}

fn is_quote(c: char) -> bool {
    matches!(
        c,
        '"' | '\'' | '`' | '\u{ab}' | '\u{b4}' | '\u{bb}' | '\u{2018}'..='\u{201f}'
            | '\u{2032}'..='\u{2036}' | '\u{2039}' | '\u{203a}' | '\u{300c}'..='\u{300f}'
            | '\u{301d}'..='\u{301f}' | '\u{ff02}' | '\u{ff07}'
    )
}

/// True if a character can't be seen, or looks like a blank and isn't one.
fn is_odd(c: char, is_secret: bool) -> bool {
    // Emoji are joined by the one and coloured by the other.
    let joins = !is_secret && matches!(c, '\u{200d}' | '\u{fe0f}');
    !joins && (is_hidden(c) || (c.is_whitespace() && c != ' '))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::Strictness::{Plain, Secret, Text};
    use super::mark;

    #[test]
    fn names_the_mark_and_never_the_value() {
        for (text, why) in [
            ("\u{feff}hush", "byte order mark"),
            ("hush\u{feff}", "byte order mark"),
            ("hush\r", "carriage return"),
            ("hush\r\n", "carriage return"),
            ("hush\nhush", "line break"),
            (" hush", "starts with a blank"),
            ("hush ", "ends with a blank"),
            ("hush\t", "ends with a blank"),
            ("\u{a0}hush", "starts with a blank"),
            ("hush\u{a0}", "ends with a blank"),
            ("hu\u{a0}sh", "invisible character (U+00A0)"),
            ("hu\tsh", "invisible character (U+0009)"),
            ("hush\u{200b}", "invisible character (U+200B)"),
            ("hu\u{2060}sh", "invisible character (U+2060)"),
            ("hu\u{ad}sh", "invisible character (U+00AD)"),
            ("hush\0", "invisible character (U+0000)"),
            ("\"hush\"", "quotation marks"),
            ("'hush'", "quotation marks"),
            ("\u{201c}hush\u{201d}", "quotation marks"),
            ("`hush`", "quotation marks"),
            ("hush # mine", "comment"),
        ] {
            for strictness in [Secret, Plain, Text] {
                let found = mark(text, strictness).unwrap_or_default();
                assert!(found.contains(why), "{text:?}: {found}");
                assert!(!found.contains("hush"), "{found}");
            }
        }
    }

    #[test]
    fn reads_a_secret_more_strictly_than_a_text() {
        for text in ["\"hush", "hush'", "hush\u{201d}", "\u{ab}hush", "hush #mine", "hu\u{200d}sh"]
        {
            assert!(mark(text, Secret).is_some(), "{text:?}");
            assert_eq!(mark(text, Text), None, "{text:?}");
        }
        for text in ["\"hush", "hush\"", "'hush", "hush'", "hush\u{201d}", "hush,", "hush;"] {
            assert!(mark(text, Plain).is_some(), "{text:?}");
            assert_eq!(mark(text, Text), None, "{text:?}");
        }
    }

    #[test]
    fn leaves_alone_what_people_write() {
        for text in ["", "0012", "a b", "a,b", "p#w", "caf\u{e9}", "\u{1f469}\u{200d}\u{1f4bb}"] {
            assert_eq!(mark(text, Text), None, "{text:?}");
        }
        for text in ["", "0012", "a b", "a,b", "p#w", "it's", "caf\u{e9}"] {
            assert_eq!(mark(text, Secret), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in any::<String>()) {
            let _ = (mark(&text, Text), mark(&text, Plain), mark(&text, Secret));
        }
    }
}
