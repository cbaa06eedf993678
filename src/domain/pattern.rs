//! Patterns of e-mail addresses, such as `*@example.com`: `*` is any text, case is ignored.

use std::str::FromStr;

use serde_with::DeserializeFromStr;
use wildmatch::WildMatchPattern;

use super::Email;

/// A pattern of e-mail addresses, in lower case. No address has the wildcard for one character.
#[derive(Debug, Clone, PartialEq, DeserializeFromStr)]
pub struct EmailPattern(WildMatchPattern<'*', '\0'>);

impl EmailPattern {
    /// True if the whole address matches.
    pub fn matches(&self, email: &Email) -> bool {
        self.0.matches(email.as_str())
    }
}

impl FromStr for EmailPattern {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        // A pattern of stars alone would silence every webhook.
        let is_all = text.chars().all(|c| c == '*');
        if is_all || !matches_any(text) {
            return Err("expected a pattern of e-mail addresses such as \"*@example.com\"");
        }
        Ok(Self(WildMatchPattern::new(&text.to_lowercase())))
    }
}

/// True if a pattern matches any address: one is made of it by a text for each star.
fn matches_any(pattern: &str) -> bool {
    let is_email = |text: String| Email::parse(&text).is_ok();
    is_email(pattern.replace('*', "x"))
        || pattern.match_indices('*').any(|(at, star)| {
            let (before, behind) = (&pattern[..at], &pattern[at + star.len()..]);
            is_email(format!("{before}x@x{behind}").replace('*', "x"))
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert, proptest};

    use super::{Email, EmailPattern};

    #[test]
    fn matches_whole_addresses() {
        for (pattern, address, matches) in [
            ("*@example.com", "Ann@Example.com", true),
            ("*@example.com", "ann@example.com.evil.org", false),
            ("ann@example.com", "ANN@example.com ", true),
            ("ann@example.com", "joann@example.com", false),
            ("test+*@*", "test+1@a.b", true),
            ("test*", "test@a.b", true),
            ("a*b*c@x", "a-b-b-c@x", true),
            ("ab*b@c", "ab@c", false),
            ("*.test", "a@b.test", true),
            ("a?b@*", "a?b@c", true),
            ("a?b@*", "axb@c", false),
        ] {
            let parsed: EmailPattern = pattern.parse().unwrap();
            let email = Email::parse(address).unwrap();
            assert_eq!(parsed.matches(&email), matches, "{pattern} {address}");
        }
    }

    #[test]
    fn refuses_what_matches_everybody_or_nobody() {
        for text in [
            "",
            " ",
            "*",
            "**",
            "ann",
            "a b@c",
            "\"*@example.com",
            "*@example.com\"",
            "*@a.example;",
            "*@a.example;*@b.example",
            "a@b@c",
            "@example.com",
            "*@",
            "*@.example.com",
            "*@example.com.",
            "<*@example.com>",
        ] {
            assert!(text.parse::<EmailPattern>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(pattern in any::<String>(), local in "[^@\\s]{1,20}", host in "[^@\\s]{1,20}") {
            let email = Email::parse(&format!("{local}@{host}"));
            if let (Ok(pattern), Ok(email)) = (pattern.parse::<EmailPattern>(), email) {
                pattern.matches(&email);
            }
        }

        #[test]
        fn a_star_takes_any_text(start in "[a-z]{1,4}", any in "[a-z.]{0,8}", end in "@[a-z]{1,4}") {
            let pattern: EmailPattern = format!("{start}*{end}").parse().unwrap();
            let email = Email::parse(&format!("{start}{any}{end}")).unwrap();
            prop_assert!(pattern.matches(&email));
        }
    }
}
