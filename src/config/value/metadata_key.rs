//! Keys of GrowSurf's metadata, of participants and of rewards.
//!
//! GrowSurf converts each key to camelCase of letters and digits, at most 40 characters, so a setting
//! that names `user_id` would wait for it for ever.

use crate::config::value::Expected;

/// The most characters of a key.
const MAX_CHARS: usize = 40;

/// The key that GrowSurf keeps for itself.
const RESERVED: &str = "gdprAgreements";

/// Reads a metadata key.
///
/// # Errors
/// Names the camelCase form of a key that GrowSurf would rename.
pub fn metadata_key(text: &str) -> Result<String, Expected> {
    if text == RESERVED {
        return Err("another metadata key, because GrowSurf reserves this one".into());
    }
    let is_plain = text.chars().all(|it| it.is_ascii_alphanumeric());
    let is_camel_case = is_plain && !text.starts_with(|it: char| it.is_ascii_uppercase());
    if is_camel_case && !text.is_empty() && text.len() <= MAX_CHARS {
        return Ok(text.to_owned());
    }
    let rule = format!(
        "a metadata key as GrowSurf keeps it: camelCase of letters and digits, at most {MAX_CHARS}"
    );
    let suggested = camel_case(text);
    let is_any_good =
        !suggested.is_empty() && suggested.len() <= MAX_CHARS && suggested != RESERVED;
    Err(if is_any_good { format!("{rule}, here {suggested:?}") } else { rule }.into())
}

/// Returns the text as GrowSurf would write it as a key; empty if there is no letter or digit in it.
fn camel_case(text: &str) -> String {
    let words = text.split(|it: char| !it.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut key = String::new();
    for word in words {
        let is_shouted = !word.contains(|it: char| it.is_ascii_lowercase());
        let word = if is_shouted { word.to_ascii_lowercase() } else { word.to_owned() };
        let (first, rest) = word.split_at(1);
        let is_first = key.is_empty();
        key += &if is_first { first.to_ascii_lowercase() } else { first.to_ascii_uppercase() };
        key += rest;
    }
    key
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::{camel_case, metadata_key};

    #[test]
    fn accepts_what_growsurf_can_keep() {
        for key in ["a", "userId", "userID", "plan2", "2ndName", &"k".repeat(40)] {
            assert_eq!(metadata_key(key).as_deref(), Ok(key));
        }
    }

    #[test]
    fn refuses_the_rest_and_names_the_form_that_works() {
        for (key, suggested) in [
            ("user_id", Some("userId")),
            ("user.id", Some("userId")),
            ("user-id", Some("userId")),
            ("My Metadata Key", Some("myMetadataKey")),
            ("UserId", Some("userId")),
            ("USER_ID", Some("userId")),
            ("stra\u{df}e", Some("straE")),
            ("", None),
            ("_", None),
            ("gdprAgreements", None),
            (&"k".repeat(41), None),
        ] {
            let told = metadata_key(key).unwrap_err().to_string();
            match suggested {
                Some(form) => assert!(told.ends_with(&format!("here {form:?}")), "{key}: {told}"),
                None => assert!(!told.contains(", here"), "{key}: {told}"),
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_suggested_is_accepted(text in any::<String>(), near in "[A-Za-z0-9 _.-]{1,40}") {
            for text in [text, near] {
                let suggested = camel_case(&text);
                if !suggested.is_empty() && suggested.len() <= 40 {
                    assert!(metadata_key(&suggested).is_ok(), "{text:?} {suggested:?}");
                }
            }
        }
    }
}
