//! Classes of characters: as regular expressions for the document of the interface, and the hidden ones.
//!
//! What belongs here: insides of character classes, spelt out because dialects of regular expressions
//! disagree about the short forms; and how hidden characters are shown. What doesn't: reading; the
//! schemas' tests see that both agree.

use std::borrow::Cow;
use std::fmt::Write;

/// White space, which doesn't matter around a text.
pub const SPACE: &str =
    r"\u0009-\u000d\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000";

/// Control characters.
pub const CONTROL: &str = r"\u0000-\u001f\u007f-\u009f";

/// What stands nowhere in an e-mail address but, once, its `@`.
pub const NOT_OF_ADDRESS: &str = r#"\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200d\u2028\u2029\u202f\u205f\u2060\u3000\ufeff@<>()\[\],;:"\\"#;

/// The invisible characters: Unicode's format characters (Cf) and all that are default-ignorable
/// (Unicode 16, `DerivedCoreProperties.txt`), and the separators of lines and paragraphs.
const INVISIBLE: [(char, char); 25] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{600}', '\u{605}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{6dd}', '\u{6dd}'),
    ('\u{70f}', '\u{70f}'),
    ('\u{890}', '\u{891}'),
    ('\u{8e2}', '\u{8e2}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{110bd}', '\u{110bd}'),
    ('\u{110cd}', '\u{110cd}'),
    ('\u{13430}', '\u{1343f}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// True if a character can't be seen and isn't white space within a line: controls of both sets,
/// separators of lines, bidirectional and other format characters, and the default-ignorable.
pub fn is_hidden(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_control();
    }
    character.is_control()
        || INVISIBLE.iter().any(|(first, last)| (*first..=*last).contains(&character))
}

/// Returns a text from outside as a terminal or a log may show it: in one line, with every hidden
/// character escaped as JSON escapes it (RFC 8259, 7).
///
/// So what is escaped within a document of JSON stays one, with the same meaning.
pub fn escape(text: &str) -> Cow<'_, str> {
    escape_but(text, |_| false)
}

/// Returns a text of several lines with every hidden character but line feeds and tabs escaped, see
/// [`escape`].
pub fn escape_lines(text: &str) -> Cow<'_, str> {
    escape_but(text, |character| matches!(character, '\n' | '\t'))
}

fn escape_but(text: &str, is_kept: impl Fn(char) -> bool) -> Cow<'_, str> {
    let is_escaped = |character: char| is_hidden(character) && !is_kept(character);
    let Some(first) = text.find(is_escaped) else { return Cow::Borrowed(text) };
    let mut escaped = text[..first].to_owned();
    for character in text[first..].chars() {
        match character {
            it if !is_escaped(it) => escaped.push(it),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            it => {
                for unit in it.encode_utf16(&mut [0; 2]) {
                    write!(escaped, "\\u{unit:04x}").expect("writing into a string can't fail");
                }
            }
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hidden_characters_are_shown_as_json_escapes_them() {
        for (text, shown) in [
            ("Zoë 山田 \u{1f600} \\ \"", "Zoë 山田 \u{1f600} \\ \""),
            ("a\nb\r\tc", "a\\nb\\r\\tc"),
            ("\u{1b}[31mred\u{7}\u{8}\u{7f}\0", "\\u001b[31mred\\u0007\\u0008\\u007f\\u0000"),
            ("\u{9b}31m\u{85}", "\\u009b31m\\u0085"),
            ("\u{202e}\u{2066}\u{200f}\u{61c}", "\\u202e\\u2066\\u200f\\u061c"),
            ("\u{2028}\u{2029}\u{feff}\u{ad}", "\\u2028\\u2029\\ufeff\\u00ad"),
            ("\u{e0041}", "\\udb40\\udc41"),
        ] {
            assert_eq!(escape(text), shown);
        }
        assert_eq!(escape_lines("{\n\t\u{1b}\r}"), "{\n\t\\u001b\\r}");
    }

    proptest! {
        #[test]
        fn no_hidden_character_gets_through(text in ".*", hidden in any::<char>()) {
            let text = format!("{text}{hidden}\u{202e}\n");
            prop_assert!(!escape(&text).contains(is_hidden));
            prop_assert!(!escape_lines(&text).replace(['\n', '\t'], "").contains(is_hidden));
        }

        #[test]
        fn an_escaped_document_is_the_same_document(text in any::<String>()) {
            let document = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(serde_json::from_str::<String>(&escape(&document)).unwrap(), text);
        }
    }
}
