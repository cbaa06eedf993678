//! Quotations: what a destination said, in a reason of the relay's.
//!
//! What belongs here: the marks around such words, and the words of them that masked pages and logs show. What
//! doesn't: addresses and ids of people, which are masked when an answer is read (`customerio`, `growsurf`).

use std::collections::HashSet;
use std::sync::LazyLock;

use super::is_boundary;

/// The marks around a quotation. No quotation holds them.
const MARKS: [char; 2] = ['\u{201c}', '\u{201d}'];

/// The stand-in for words that aren't shown.
const HIDDEN: &str = "***";

/// Returns what a destination said as a part of a reason.
pub fn quote(said: &str) -> String {
    let [begin, end] = MARKS;
    format!("{begin}{}{end}", said.replace(MARKS, "\""))
}

/// Returns a reason in which quotations show only known words, names of fields, and numbers beside a unit.
pub fn mask_quotations(reason: &str) -> String {
    let [begin, end] = MARKS;
    let mut masked = String::new();
    let mut rest = reason;
    while let Some((own, quoted)) = rest.split_once(begin) {
        // One that was cut off goes to the end.
        let (said, after) = quoted.split_once(end).unwrap_or((quoted, ""));
        masked.push_str(own);
        masked.push(begin);
        masked.push_str(&known(said));
        masked.push(end);
        rest = after;
    }
    masked.push_str(rest);
    masked
}

/// True if a text can be the name of a field, and no number or code of a person.
pub fn is_field_name(text: &str) -> bool {
    let is_of_name = |it: char| it.is_ascii_alphanumeric() || "_.-[]$".contains(it);
    let digits = text.chars().filter(char::is_ascii_digit).count();
    !text.is_empty() && text.len() <= 100 && text.chars().all(is_of_name) && digits < 5
}

/// Returns the known words of what a destination said.
fn known(said: &str) -> String {
    let pieces: Vec<(&str, &str)> = said.split_inclusive(is_boundary).map(split).collect();
    let bare = |place: Option<usize>| {
        let (word, _) = place.and_then(|place| pieces.get(place))?;
        Some(word.trim_matches(is_mark).to_ascii_lowercase())
    };
    let mut shown = String::new();
    for (place, (word, after)) in pieces.iter().enumerate() {
        let is_number = word.bytes().all(|it| it.is_ascii_digit());
        let is_shown = if is_number {
            let beside = |word: Option<String>, units: &[&str]| {
                word.is_some_and(|word| units.contains(&word.as_str()))
            };
            word.is_empty()
                || beside(bare(place.checked_sub(1)), &BEFORE_NUMBER)
                || beside(bare(Some(place + 1)), &AFTER_NUMBER)
        } else {
            let parts = word.trim_matches(is_mark).to_ascii_lowercase();
            parts.is_empty() || is_masked(word) || parts.split('.').all(|part| KNOWN.contains(part))
        };
        match is_shown {
            true => shown.push_str(word),
            // Several in a row say no more than one.
            false if shown.trim_end_matches(' ').ends_with(HIDDEN) => {
                shown.truncate(shown.trim_end_matches(' ').len());
            }
            false => shown.push_str(HIDDEN),
        }
        shown.push_str(after);
    }
    shown
}

/// Returns a word and what ends it.
fn split(piece: &str) -> (&str, &str) {
    piece.split_at(piece.trim_end_matches(is_boundary).len())
}

/// True if the relay masked the word when it read the answer.
fn is_masked(word: &str) -> bool {
    word.split_once(HIDDEN).is_some_and(|(first, host)| {
        first.chars().count() <= 1 && (host.is_empty() || host.starts_with('@'))
    })
}

/// True for punctuation beside a word.
fn is_mark(character: char) -> bool {
    matches!(character, '.' | '!' | '?' | '/' | '-' | '=' | '{' | '}')
}

/// Words before a number that says something of the request.
const BEFORE_NUMBER: [&str; 6] = ["after", "answered", "code", "http", "status", "than"];

/// Words behind such a number.
const AFTER_NUMBER: [&str; 15] = [
    "allowed",
    "are",
    "attempts",
    "attributes",
    "bytes",
    "calls",
    "characters",
    "days",
    "hours",
    "items",
    "kb",
    "minutes",
    "ms",
    "requests",
    "seconds",
];

/// Words of the services' answers, and names of fields. No given name is among them.
const WORDS: &str = "a about above accepted access account action address after again all allowed already also an \
    and anonymous_id another any api are array as ask at attribute attributes authentication \
    authorization available bad batch be because been before below between blank body boolean \
    both but by bytes call calls campaign campaign_id campaignid can can't cannot character \
    characters cio_id client code conflict contain contains content could coupon coupon_code \
    created credentials credit currency current customer data date deleted denied did didn't \
    disabled do does doesn't down duplicate duplicated each either email empty enabled error \
    errors event events exceed exceeded exceeds exist existing exists expected expired failed \
    failure false field fields first_name firstname for forbidden format found from gateway \
    given good greater growsurf has have header html http id identifier identifiers identify if \
    ignored in incorrect index input integer internal invalid io is isn't it item items its json \
    key keys known large last_name lastname length less limit limits link list locked long longer \
    malformed many match maximum merge message messages metadata method minimum minute missing \
    more must name named names no nobody not nothing nowhere null number numbers object of off \
    ok on one only operation or other out over owner parameter parameter's parameters parse \
    participant participantid path payload pending permission person phone please present \
    primary processed profile program properties property provided quota rate reached read \
    reason received recipient referral referral_code referredby referrer referrerid rejected \
    request requests required reserved resource reward reward_id rewardid same schema secondary \
    sent server service shorter should size slow some something sortby status string \
    subscription such support supported suppressed syntax taken temporarily text than that the \
    there they this time timed timeout timestamp to token too track true twice two type types \
    unable unauthorized unavailable under unexpected unique unknown unprocessable unsubscribed \
    unsupported until update updated url use used user valid validation value values version was \
    wasn't were when which while with without workspace wrong you your zero";

static KNOWN: LazyLock<HashSet<&str>> = LazyLock::new(|| WORDS.split_whitespace().collect());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotations_show_known_words_and_no_name_phone_or_coupon() {
        for (said, shown) in [
            (
                "event name cannot be longer than 100 bytes",
                "event name cannot be longer than 100 bytes",
            ),
            ("Fay Friend is suppressed", "*** is suppressed"),
            ("phone +49 30 1234567 is invalid", "phone *** is invalid"),
            ("phone 030 123 456 is invalid", "phone *** is invalid"),
            ("coupon_code 'SAVE-20' was used by Kim.", "coupon_code '***' was used by ***"),
            ("attributes.email is invalid.", "attributes.email is invalid."),
            ("attributes.plan: too long", "***: too long"),
            ("{\"first_name\":\"Fay\"} is malformed", "{\"first_name\":\"***\"} is malformed"),
            ("person u*** (f***@example.com) has", "person u*** (f***@example.com) has"),
            ("", ""),
        ] {
            let masked = mask_quotations(&format!("customer.io answered 400: {}", quote(said)));
            assert_eq!(masked, format!("customer.io answered 400: \u{201c}{shown}\u{201d}"));
        }
        let own = "gave up after 12 attempts; the last: no connection to customer.io: refused";
        assert_eq!(mask_quotations(own), own);
        assert_eq!(mask_quotations("x: \u{201c}Fay"), "x: \u{201c}***\u{201d}", "cut off");
        let both = format!("{}; {}", quote("Fay\u{201d} is"), quote("taken"));
        assert_eq!(mask_quotations(&both), "\u{201c}***\" is\u{201d}; \u{201c}taken\u{201d}");
    }

    #[test]
    fn names_of_fields_are_no_numbers_of_people() {
        assert!(is_field_name("attributes.plan_2") && is_field_name("errors[0].name"));
        assert!(!is_field_name("fay friend") && !is_field_name("491234567") && !is_field_name(""));
    }
}
