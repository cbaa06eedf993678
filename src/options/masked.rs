//! Texts as they may be shown: without what may be a password in them.
//!
//! What belongs here: the one rule for problems, `check`, logs and errors. What doesn't: secrets that
//! are secrets as a whole, which are never shown.

use std::fmt;

use url::form_urlencoded;

/// The options in a URL's query, or of a list `host=db user=relay`, that the driver knows.
pub const OPTIONS: &str = "application_name channel_binding connect_timeout dbname host hostaddr \
    keepalives keepalives_idle keepalives_interval keepalives_retries load_balance_hosts options \
    password port sslmode sslnegotiation target_session_attrs tcp_user_timeout user";

/// The words that such an option may choose between.
const CHOICES: &str = "any direct disable negotiate postgres prefer prefer-standby primary \
    random read-only read-write require standby verify-ca verify-full";

/// The stand-in for a part that isn't shown.
const HIDDEN: &str = "...";

/// A text as it may be shown.
///
/// A URL keeps scheme, host, path and the options that are known to hold no secret; one of a database
/// keeps its user as well. Where it can't be said what is what, only the scheme is left.
#[derive(Debug, Clone, Copy)]
pub struct Masked<'a>(pub &'a str);

impl fmt::Display for Masked<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0;
        if let Some((scheme, rest)) = text.split_once("://") {
            write!(out, "{scheme}://{}", url(scheme, rest))
        } else if is_list(text) {
            out.write_str(&pairs(text.split_whitespace(), " "))
        } else if let (Some(colon), Some(at)) = (text.find(':'), text.rfind('@'))
            && colon < at
        {
            write!(out, "{HIDDEN}{}", &text[at..])
        } else {
            out.write_str(text)
        }
    }
}

/// Masks the passwords in a message of another program.
pub fn mask_words(message: &str) -> String {
    let words = message.split_inclusive(|it: char| it.is_whitespace() || "'\"`".contains(it));
    words
        .map(|word| {
            let bare = word.trim_end_matches(|it: char| it.is_whitespace() || "'\"`".contains(it));
            let (bare, rest) = word.split_at(bare.len());
            format!("{}{rest}", Masked(bare))
        })
        .collect()
}

/// True for a list of options, such as `host=db password=...`.
fn is_list(text: &str) -> bool {
    text.contains('=') && text.to_ascii_lowercase().contains("pass")
}

/// Returns the part of a URL behind `://`.
fn url(scheme: &str, rest: &str) -> String {
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    // A password with a slash in it would seem to end the host.
    if rest.contains('@') {
        return HIDDEN.to_owned();
    }
    let (rest, fragment) = match rest.split_once('#') {
        Some((rest, _)) => (rest, "#..."),
        None => (rest, ""),
    };
    let (path, query) = match rest.split_once('?') {
        Some((path, query)) => (path, format!("?{}", pairs(query.split('&'), "&"))),
        None => (rest, String::new()),
    };
    let authority = match authority.rsplit_once('@') {
        None => authority.to_owned(),
        Some((who, host)) => format!("{}@{host}", user(scheme, who)),
    };
    format!("{authority}{path}{query}{fragment}")
}

/// Returns the user of a database; elsewhere a token may stand in their place.
fn user(scheme: &str, who: &str) -> String {
    if !scheme.contains("postgres") {
        return HIDDEN.to_owned();
    }
    match who.split_once(':') {
        Some((user, _)) => format!("{user}:{HIDDEN}"),
        None => who.to_owned(),
    }
}

fn pairs<'a>(pairs: impl Iterator<Item = &'a str>, between: &str) -> String {
    let shown = pairs.map(|pair| {
        let Some((name, _)) = pair.split_once('=') else { return HIDDEN.to_owned() };
        let mut decoded = form_urlencoded::parse(pair.as_bytes());
        let is_plain = decoded.next().is_some_and(|(name, value)| is_plain(&name, &value));
        if is_plain { pair.to_owned() } else { format!("{name}={HIDDEN}") }
    });
    shown.collect::<Vec<_>>().join(between)
}

/// True if an option holds no secret: it names the database or a user, or is a number or a choice. Any
/// other text may be a password in the wrong place.
fn is_plain(name: &str, value: &str) -> bool {
    let is_number = || value.bytes().all(|byte| byte.is_ascii_digit() || byte == b',');
    OPTIONS.split(' ').any(|option| option == name)
        && match name {
            "dbname" | "host" | "hostaddr" | "user" => true,
            "application_name" | "options" | "password" => false,
            _ => is_number() || CHOICES.split(' ').any(|choice| choice == value),
        }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::{Masked, mask_words};

    #[test]
    fn hides_passwords_wherever_they_stand() {
        for (text, shown) in [
            ("postgres://relay:hush@db:5433/relay", "postgres://relay:...@db:5433/relay"),
            ("postgres://relay@db/relay", "postgres://relay@db/relay"),
            ("postgres://r:h%75sh%40@db/r", "postgres://r:...@db/r"),
            (
                "postgres://db/relay?sslmode=require&password=hush&sslpassword=hush&passfile=/hush",
                "postgres://db/relay?sslmode=require&password=...&sslpassword=...&passfile=...",
            ),
            ("postgres://db/r?options=-chush%3Dhush", "postgres://db/r?options=..."),
            ("postgres://db/r?application_name=hush", "postgres://db/r?application_name=..."),
            ("postgres://db/r?sslmode=hush&port=hush", "postgres://db/r?sslmode=...&port=..."),
            (
                "postgres://db/r?sslmode=disable&port=1,2",
                "postgres://db/r?sslmode=disable&port=1,2",
            ),
            ("postgres://db/r?pool=hush", "postgres://db/r?pool=..."),
            ("postgres://db/r?pass%77ord=hush", "postgres://db/r?pass%77ord=..."),
            (
                "postgres://db/r?keepalives_idle=30&keepalives_retries=3&password=hush",
                "postgres://db/r?keepalives_idle=30&keepalives_retries=3&password=...",
            ),
            ("postgres://db/r?PASSWORD=hush", "postgres://db/r?PASSWORD=..."),
            ("postgres://db/r?password=a@hush", "postgres://..."),
            ("postgres://r:a/hush@db/r", "postgres://..."),
            ("postgres://r:a@hush/b@db/r", "postgres://..."),
            ("postgres://r:a?hush@db/r", "postgres://..."),
            ("postgres://r:a#hush@db/r", "postgres://..."),
            ("postgres://db/r?hush", "postgres://db/r?..."),
            ("postgres://db/r#hush", "postgres://db/r#..."),
            ("postgresql://r:hush@[::1]/r", "postgresql://r:...@[::1]/r"),
            (
                "jdbc:postgresql://db/r?user=r&password=hush",
                "jdbc:postgresql://db/r?user=r&password=...",
            ),
            ("host=db user=relay password=hush", "host=db user=relay password=..."),
            ("host=db password='a hush' dbname=r", "host=db password=... ... dbname=r"),
            ("http://hush@proxy:3128/", "http://...@proxy:3128/"),
            ("http://ann:hush@proxy:3128/", "http://...@proxy:3128/"),
            ("https://a.example/?token=hush", "https://a.example/?token=..."),
            ("relay:hush@db:5432", "...@db:5432"),
        ] {
            assert_eq!(Masked(text).to_string(), shown, "{text}");
        }
    }

    #[test]
    fn leaves_other_texts_alone() {
        for text in ["", ":8080", "sqlite:data/relay.db", "*@example.com", "8 apples", "a=b"] {
            assert_eq!(Masked(text).to_string(), text);
        }
    }

    #[test]
    fn masks_passwords_within_a_message() {
        for (message, masked) in [
            ("argument 'postgres://r:hush@db/r'\n", "argument 'postgres://r:...@db/r'\n"),
            ("'host=db password=hush' found", "'host=db password=...' found"),
            ("'sqlite:r:hush@db/r' found", "'...@db/r' found"),
            ("by ann@example.com: a:b", "by ann@example.com: a:b"),
        ] {
            assert_eq!(mask_words(message), masked);
        }
    }

    proptest! {
        #[test]
        fn no_password_is_shown(text in any::<String>(), around in "[a-z:/@?&#=%]{0,8}", user in "[a-z]{1,3}") {
            let _never_panics = Masked(&text).to_string();
            for url in [
                format!("postgres://{user}:HUSH{around}@db/relay"),
                format!("postgres://{user}:{around}HUSH@db/relay"),
                format!("postgres://db/relay?password={around}HUSH"),
                format!("postgres://db/relay?user=a&sslpassword=HUSH{around}"),
            ] {
                // Behind a mark that ends the value, or begins another option, no longer the password.
                if around.contains(['&', '#', '=']) && url.contains('?') {
                    continue;
                }
                assert!(!Masked(&url).to_string().contains("HUSH"), "{url}");
            }
        }
    }
}
