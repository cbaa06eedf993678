//! Text of one person in another person's messages.
//!
//! What belongs here: the rule for names, ids and addresses that reach other people. What doesn't: operators'
//! texts, and a person's own text in their own messages.
//!
//! Anybody can sign up under any name, and the name is sent to the referrer. It must be harmless in HTML, in
//! Liquid and to programs that make links of text. A name with a link in it is dropped.

use super::characters::is_hidden;

/// The longest display name, in characters.
const LONGEST: usize = 80;

/// Beginnings of addresses, at any place.
const SCHEMES: [&str; 4] = ["http", "hxxp", "www.", "xn--"];

/// Dots spelled out to disguise a link.
const WRITTEN_DOTS: [&str; 4] = ["[.]", "(.)", "[dot]", "(dot)"];

/// Returns a person's display name, filtered by [`display_text`].
pub fn display_name<'a>(parts: impl IntoIterator<Item = Option<&'a str>>) -> Option<String> {
    let parts: Vec<&str> = parts.into_iter().flatten().collect();
    display_text(&parts.join(" "))
}

/// Returns a person's text for another person's messages: one line, at most 80 characters, no hidden
/// characters, `<`, `{{` or `{%`.
///
/// `None` if nothing is left, or if it holds a URL: a scheme, `www.`, a host, an IP address, or character
/// references. Some harmless texts are dropped as well, such as `St.John` without a blank.
pub fn display_text(text: &str) -> Option<String> {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        let after_brace = shown.ends_with('{');
        match character {
            it if it.is_whitespace() => {
                if !shown.is_empty() && !shown.ends_with(' ') {
                    shown.push(' ');
                }
            }
            it if is_hidden(it) => {}
            '<' => {}
            '{' | '%' if after_brace => {}
            it => shown.push(it),
        }
    }
    if holds_url(&shown) {
        return None;
    }
    let end = shown.char_indices().nth(LONGEST).map_or(shown.len(), |(end, _)| end);
    shown.truncate(end);
    let shown = shown.trim_end();
    (!shown.is_empty()).then(|| shown.to_owned())
}

/// Returns an address for another person's messages; `None` if a template, page or mail program could misread
/// it.
///
/// Allowed before the `@`: letters, digits and `._+-'=~`. Allowed behind it: labels of letters, digits and
/// hyphens.
pub fn display_address(address: &str) -> Option<&str> {
    let (local, domain) = address.rsplit_once('@')?;
    let is_local = |it: char| it.is_alphanumeric() || "._+-'=~".contains(it);
    let is_domain = |it: char| it.is_alphanumeric() || "-.".contains(it);
    let is_plain = local.chars().all(is_local)
        && domain.chars().all(is_domain)
        && fold_all(address) == address;
    (is_plain && !address.chars().any(is_hidden)).then_some(address)
}

fn fold_all(text: &str) -> String {
    text.chars().map(fold).collect()
}

/// True if a text may hold a URL.
fn holds_url(text: &str) -> bool {
    let text: String = text.chars().map(fold).flat_map(char::to_lowercase).collect();
    let is_written = |part: &&str| text.contains(*part);
    text.contains("//")
        || text.contains("\\\\")
        || SCHEMES.iter().any(is_written)
        || WRITTEN_DOTS.iter().any(is_written)
        || holds_scheme(&text)
        || holds_reference(&text)
        || holds_host(&text)
}

/// True if a colon joins two words, as in `mailto:x` and `a:80`.
fn holds_scheme(text: &str) -> bool {
    let is_part = |it: Option<char>| it.is_some_and(|it| !it.is_whitespace());
    text.match_indices(':').any(|(place, _)| {
        is_part(text[..place].chars().next_back()) && is_part(text[place + 1..].chars().next())
    })
}

/// True if a text may hold a character reference of HTML, such as `&#46;` or `&period;`.
fn holds_reference(text: &str) -> bool {
    text.match_indices('&').any(|(place, _)| {
        let rest = &text[place + 1..];
        let name = rest.trim_start_matches(|it: char| it.is_ascii_alphanumeric());
        rest.starts_with('#') || (name.len() < rest.len() && name.starts_with(';'))
    })
}

/// True if a dot joins two labels like a host's: two characters follow, or digits are on both sides.
fn holds_host(text: &str) -> bool {
    let is_part =
        |it: char| it == '-' || it == '_' || !(it.is_whitespace() || it.is_ascii_punctuation());
    text.match_indices('.').any(|(place, _)| {
        let before = text[..place].chars().next_back();
        let label: Vec<char> =
            text[place + 1..].chars().take_while(|it| is_part(*it)).take(2).collect();
        let is_number = |it: &char| it.is_ascii_digit();
        match (before.filter(|it| is_part(*it)), label.as_slice()) {
            (Some(_), [_, _]) => true,
            (Some(before), [first]) => is_number(&before) && is_number(first),
            _ => false,
        }
    })
}

/// Returns the character that browsers read within an address (UTS 46).
fn fold(character: char) -> char {
    match character {
        '\u{ff01}'..='\u{ff5e}' => {
            let plain = u32::from(character) - 0xfee0;
            char::from_u32(plain).expect("full-width forms have an ASCII character each")
        }
        '\u{3002}' | '\u{ff61}' | '\u{2024}' | '\u{fe52}' => '.',
        '\u{2215}' | '\u{2044}' | '\u{29f8}' => '/',
        '\u{2236}' | '\u{a789}' | '\u{fe55}' | '\u{fe13}' => ':',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_stay_names() {
        for name in [
            "Fay Tester",
            "Zoë d'Angelo-O'Brien",
            "J. R. R. Tolkien",
            "J.R. Ewing Jr.",
            "Dr. Strange, Ph.D.",
            "山田 太郎",
            "אורי",
            "Tom & Jerry",
            "Anne/Marie (the 2nd)",
            "100%",
            "{smile}",
        ] {
            assert_eq!(display_text(name).as_deref(), Some(name));
        }
        assert_eq!(display_name([Some("Fay"), None]).as_deref(), Some("Fay"));
        assert_eq!(display_name([Some(" Fay "), Some("Tester")]).as_deref(), Some("Fay Tester"));
        assert_eq!(display_name([None, None]), None);
    }

    #[test]
    fn what_could_do_harm_is_left_out() {
        for (text, shown) in [
            ("Fay\r\nTester\u{2028}\u{85}\tx", Some("Fay Tester x")),
            ("\u{202e}Fay\u{2066}\u{200b}\u{feff}\u{ad}\0\u{1b}[1m", Some("Fay[1m")),
            ("<b>Fay</b>", Some("b>Fay/b>")),
            ("{{customer}}", Some("{customer}}")),
            ("{{customer.email}}", None),
            ("{<{ x", Some("{ x")),
            ("{\u{200b}% if x", Some("{ if x")),
            ("{{{%{%", Some("{")),
            (" \n ", None),
            ("\u{200b}", None),
        ] {
            assert_eq!(display_text(text).as_deref(), shown, "{text:?}");
        }
        let long = display_text(&"é".repeat(300)).unwrap();
        assert_eq!(long.chars().count(), 80);
    }

    #[test]
    fn a_text_with_a_url_is_dropped() {
        for url in [
            "http://evil.example/x",
            "HTTPS://EVIL.EXAMPLE",
            "hxxp://evil",
            "//evil",
            "www.evil",
            "evil.example",
            "evil.example/x",
            "bit.ly/x",
            "t.co",
            "xn--e1afmkfd",
            "пример.рф",
            "例え.テスト",
            "💩.la",
            "evil。example",
            "ｅｖｉｌ．ｅｘａｍｐｌｅ",
            "evil\u{2024}example",
            "evil.<example",
            "evil.\u{200b}example",
            "evil[.]example",
            "evil(dot)example",
            "evil&#46;example",
            "evil&period;example",
            "&lt;a",
            "192.0.2.7",
            "1.1.1.1/x",
            "localhost:8080",
            "mailto:x",
            "tel:112",
            "javascript:alert(1)",
            "fay@evil.example",
            "\\\\evil",
        ] {
            for text in [url.to_owned(), format!("Fay {url}"), format!("{url} won, Fay")] {
                assert_eq!(display_text(&text), None, "{text}");
            }
        }
        let far = format!("{} evil.example", "Fay ".repeat(100));
        assert_eq!(display_text(&far), None, "behind what would be shown");
    }

    #[test]
    fn an_address_is_shown_unless_it_is_a_template() {
        for address in
            ["fay+x@example.com", "o'brien_7.a=b~c-d@mail.xn--caf-dma.example", "zoë@exämple.com"]
        {
            assert_eq!(display_address(address), Some(address));
        }
        for address in [
            "{{x}}@a.b",
            "{%x%}@a.b",
            "<fay@a.b",
            "f\u{202e}y@a.b",
            "evil.com/claim?x=1@example.com",
            "www.evil.com/login@example.com",
            "x@evil.com/path",
            "x@evil.com?y",
            "x@evil.com#z",
            "x@evil.com:80",
            "x@evil\u{3002}com",
            "http//evil@example.com",
            "%7b%7bx@example.com",
            "'onmouseover=alert`1`@example.com",
            "a&period;b@example.com",
            "no address",
        ] {
            assert_eq!(display_address(address), None, "{address}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_shown_is_harmless(
            text in proptest::collection::vec(
                prop_oneof![
                    any::<char>(),
                    proptest::sample::select("<{%{{.:/&#;\u{200b}\u{202e}\n aé1".chars().collect::<Vec<_>>()),
                ],
                0..200,
            ),
        ) {
            let text: String = text.into_iter().collect();
            if let Some(shown) = display_text(&text) {
                prop_assert!((1..=80).contains(&shown.chars().count()));
                prop_assert!(!shown.contains(is_hidden));
                for part in ["<", "{{", "{%", "//"] {
                    prop_assert!(!shown.contains(part), "{:?}", shown);
                }
                prop_assert_eq!(display_text(&shown), Some(shown));
            }
        }

        #[test]
        fn no_url_gets_through(before in ".{0,50}", behind in ".{0,50}", host in "[a-z]{2,9}\\.[a-z]{2,9}") {
            prop_assert_eq!(display_text(&format!("{before}{host}{behind}")), None);
            prop_assert_eq!(display_text(&format!("{before}http{behind}")), None);
        }
    }
}
