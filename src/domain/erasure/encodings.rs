//! Encodings: a name or an address in a text, in any form.
//!
//! What belongs here: escapes, encodings, and the ends of words and addresses. What doesn't: whose they are.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// Fields that name a participant by a code or an id, which may be a bare number.
const REFERENCES: [&str; 8] = [
    "referredBy",
    "referred_by",
    "referrerId",
    "referredId",
    "participantId",
    "participant_id",
    "participant",
    "referralCode",
];

/// True if a text holds a referral link that carries an id or a code.
pub(super) fn is_in_link(text: &str, name: &str) -> bool {
    let text = unfold(text);
    let mut behind = text.match_indices("grsf=").map(|(start, key)| &text[start + key.len()..]);
    behind.any(|code| code.strip_prefix(name).is_some_and(|rest| !rest.starts_with(is_word)))
}

/// True if a body holds an id or code in a link or in a field that refers to a participant. Ids also count in
/// quotes.
pub(super) fn is_in_body(text: &str, name: &str, is_id: bool) -> bool {
    text.match_indices(name).any(|(start, name)| {
        let (before, behind) = (&text[..start], &text[start + name.len()..]);
        if before.ends_with(is_word) || behind.starts_with(is_word) {
            return false;
        }
        let is_quoted = before.ends_with('"') && behind.starts_with('"');
        let before_value = before.trim_end_matches('"').trim_end();
        let field = before_value.strip_suffix(':').map(|it| it.trim_end().trim_end_matches('"'));
        let refers = field.is_some_and(|field| {
            REFERENCES
                .iter()
                .any(|name| field.strip_suffix(name).is_some_and(|it| it.ends_with('"')))
        });
        (is_id && is_quoted) || refers || before.ends_with("grsf=")
    })
}

fn is_word(it: char) -> bool {
    it.is_alphanumeric() || "_-".contains(it)
}

/// True if the text between two places is a whole address: "joann@" doesn't contain "ann@", nor ".com.au"
/// ".com". Punctuation of a sentence belongs to no address.
pub(super) fn is_apart(text: &str, start: usize, end: usize) -> bool {
    let mut before = text[..start].chars().rev();
    let goes_on_before = match before.next() {
        Some('.' | '-' | '_' | '+') => before.next().is_some_and(char::is_alphanumeric),
        Some(character) => character.is_alphanumeric(),
        None => false,
    };
    let mut behind = text[end..].chars();
    let goes_on_behind = match behind.next() {
        Some('.' | '-') => behind.next().is_some_and(char::is_alphanumeric),
        Some(character) => character.is_alphanumeric(),
        None => false,
    };
    !goes_on_before && !goes_on_behind
}

/// Returns the text of a body, by its byte order mark or as UTF-8.
pub(super) fn decode(body: &[u8]) -> Cow<'_, str> {
    let units = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = rest.chunks_exact(2).map(|it| unit([it[0], it[1]])).collect();
        Cow::Owned(String::from_utf16_lossy(&units))
    };
    match body {
        [0xff, 0xfe, rest @ ..] => units(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => units(rest, u16::from_be_bytes),
        body => String::from_utf8_lossy(body),
    }
}

/// Returns a text with every escape decoded: `%40`, `&#64;`, `&#x40;`, `&commat;` and `\u0040`, also nested.
pub(super) fn unfold(text: &str) -> Cow<'_, str> {
    /// Nested escapes that are decoded.
    const LEVELS: u32 = 3;
    let mut text = Cow::Borrowed(text);
    for _ in 0..LEVELS {
        if !text.contains(['%', '&', '\\']) {
            break;
        }
        let decoded = percent_decode_str(&text).decode_utf8_lossy();
        let mut unfolded = String::with_capacity(decoded.len());
        let mut rest = &*decoded;
        while let Some(place) = rest.find(['&', '\\']) {
            unfolded.push_str(&rest[..place]);
            rest = &rest[place..];
            let (character, length) = escaped(rest).unwrap_or_else(|| {
                let mark = rest.chars().next().unwrap_or_default();
                (mark, mark.len_utf8())
            });
            unfolded.push(character);
            rest = &rest[length..];
        }
        unfolded.push_str(rest);
        if unfolded == *text {
            break;
        }
        text = Cow::Owned(unfolded);
    }
    text
}

/// Returns the character escaped at a text's beginning, and the length of the escape.
fn escaped(text: &str) -> Option<(char, usize)> {
    let hex = |digits: &str| char::from_u32(u32::from_str_radix(digits, 16).ok()?);
    if text.starts_with('\\') {
        let escape = text.trim_start_matches('\\');
        let skipped = text.len() - escape.len();
        return match escape.chars().next()? {
            'u' => Some((hex(escape.get(1..5)?)?, skipped + 5)),
            'n' | 'r' | 't' | 'b' | 'f' => Some((' ', skipped + 1)),
            it @ ('"' | '/') => Some((it, skipped + 1)),
            _ => None,
        };
    }
    let end = text.bytes().take(12).position(|byte| byte == b';')?;
    let name = text[..end].strip_prefix('&')?;
    let character =
        match (name.strip_prefix("#x").or_else(|| name.strip_prefix("#X")), name.strip_prefix('#'))
        {
            (Some(digits), _) => hex(digits)?,
            (None, Some(digits)) => char::from_u32(digits.parse().ok()?)?,
            (None, None) => match name {
                "commat" => '@',
                "period" => '.',
                _ => return None,
            },
        };
    Some((character, name.len() + 2))
}
