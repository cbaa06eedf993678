//! Characters that can't be seen, and how they are shown.

use std::borrow::Cow;
use std::fmt::Write;

use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory, NoncharacterCodePoint};
use icu_properties::{CodePointMapData, CodePointSetData};

/// Characters that an address has only when quoted (RFC 5322, 3.2.3), which is never seen.
const QUOTED: [char; 11] = ['<', '>', '(', ')', '[', ']', ',', ';', ':', '"', '\\'];

/// The categories of characters that can't be seen.
const INVISIBLE: [GeneralCategory; 5] = [
    GeneralCategory::Control,
    GeneralCategory::Format,
    GeneralCategory::LineSeparator,
    GeneralCategory::ParagraphSeparator,
    GeneralCategory::SpaceSeparator,
];

/// True if a character can't be seen.
///
/// True for white space, control and format characters, separators and noncharacters. True for Unicode's
/// `Default_Ignorable_Code_Point`, such as variation selectors and tags.
pub fn is_invisible(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_control() || character == ' ';
    }
    let category = CodePointMapData::<GeneralCategory>::new().get(character);
    INVISIBLE.contains(&category)
        || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(character)
        || CodePointSetData::new::<NoncharacterCodePoint>().contains(character)
}

/// True if no e-mail address contains the character.
pub fn is_not_of_address(character: char) -> bool {
    QUOTED.contains(&character) || is_invisible(character)
}

/// True if a character can't be seen and isn't white space within a line.
pub fn is_hidden(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_control();
    }
    let category = CodePointMapData::<GeneralCategory>::new().get(character);
    category != GeneralCategory::SpaceSeparator && is_invisible(character)
}

/// Returns a text from outside for a terminal or log: one line, hidden characters escaped as in JSON (RFC
/// 8259, 7).
///
/// An escaped JSON document keeps its meaning.
pub fn escape(text: &str) -> Cow<'_, str> {
    escape_but(text, |_| false)
}

/// Returns a text like [`escape`], but keeps line feeds and tabs.
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
    fn whatever_cant_be_seen_is_found_by_category_and_letters_of_all_scripts_arent() {
        let invisible = [
            '\0',
            '\t',
            ' ',
            '\u{7f}',
            '\u{85}',
            '\u{a0}',
            '\u{ad}',
            '\u{34f}',
            '\u{61c}',
            '\u{115f}',
            '\u{1160}',
            '\u{1680}',
            '\u{17b4}',
            '\u{180b}',
            '\u{180e}',
            '\u{2000}',
            '\u{200b}',
            '\u{200c}',
            '\u{200d}',
            '\u{200e}',
            '\u{200f}',
            '\u{2028}',
            '\u{2029}',
            '\u{202a}',
            '\u{202e}',
            '\u{202f}',
            '\u{2060}',
            '\u{2064}',
            '\u{2065}',
            '\u{2066}',
            '\u{2069}',
            '\u{206f}',
            '\u{3000}',
            '\u{3164}',
            '\u{fdd0}',
            '\u{fe00}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{fff0}',
            '\u{fff9}',
            '\u{fffb}',
            '\u{ffff}',
            '\u{110bd}',
            '\u{13430}',
            '\u{1bca0}',
            '\u{1d173}',
            '\u{1fffe}',
            '\u{e0001}',
            '\u{e0020}',
            '\u{e007f}',
            '\u{e0100}',
            '\u{e0fff}',
            '\u{10ffff}',
        ];
        for character in invisible {
            assert!(is_invisible(character), "{character:?}");
        }
        for character in "azAZ09._%+-'!#$&*/=?^`{|}~ëßñøžжшקعहิ가あ漢𠮷😀\u{301}".chars()
        {
            assert!(!is_invisible(character), "{character:?}");
        }
    }

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
