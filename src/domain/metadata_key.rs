//! Keys of GrowSurf's metadata, of participants and of rewards.
//!
//! GrowSurf converts keys to camelCase of letters and digits, at most 40 characters
//! (<https://docs.growsurf.com/developer-tools/metadata>). A setting that names `user_id` would never match.

/// The most characters of a key.
pub const METADATA_KEY_CHARS: usize = 40;

/// The key that GrowSurf reserves.
const RESERVED: &str = "gdprAgreements";

/// Reason for refusing a key, worded as what is expected instead.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MetadataKeyError {
    /// GrowSurf reserves the key.
    #[error("another metadata key, because GrowSurf reserves this one")]
    Reserved,
    /// GrowSurf would rename the key. Holds the new name, if there is one.
    #[error(
        "a metadata key as GrowSurf keeps it: camelCase of letters and digits, at most \
         {METADATA_KEY_CHARS} characters{}",
        .0.as_ref().map(|key| format!(", here {key:?}")).unwrap_or_default()
    )]
    Renamed(Option<String>),
}

/// Checks that GrowSurf keeps a metadata key as it is.
///
/// # Errors
/// Names the camelCase form of a key that GrowSurf would rename.
pub fn check_metadata_key(text: &str) -> Result<(), MetadataKeyError> {
    let is_reserved = |key: &str| key.eq_ignore_ascii_case(RESERVED);
    if is_reserved(text) {
        return Err(MetadataKeyError::Reserved);
    }
    let is_short = |key: &str| (1..=METADATA_KEY_CHARS).contains(&key.len());
    let is_plain = text.chars().all(|it| it.is_ascii_alphanumeric());
    if is_plain && is_short(text) && !text.starts_with(|it: char| it.is_ascii_uppercase()) {
        return Ok(());
    }
    let kept = Some(camel_case(text)).filter(|key| is_short(key) && !is_reserved(key));
    Err(MetadataKeyError::Renamed(kept))
}

/// Returns GrowSurf's form of a key; empty if it has no letter or digit.
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

    use super::{camel_case, check_metadata_key};

    #[test]
    fn accepts_what_growsurf_can_keep() {
        for key in ["a", "userId", "userID", "plan2", "2ndName", &"k".repeat(40)] {
            assert_eq!(check_metadata_key(key), Ok(()));
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
            ("GDPRAgreements", None),
            ("gdpr_agreements", None),
            (&"k".repeat(41), None),
        ] {
            let reason = check_metadata_key(key).unwrap_err().to_string();
            match suggested {
                Some(form) => {
                    assert!(reason.ends_with(&format!("here {form:?}")), "{key}: {reason}")
                }
                None => assert!(!reason.contains(", here"), "{key}: {reason}"),
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_suggested_is_accepted(text in any::<String>(), near in "[A-Za-z0-9 _.-]{1,40}") {
            for text in [text, near] {
                let suggested = camel_case(&text);
                let is_own = suggested.eq_ignore_ascii_case("gdprAgreements");
                if !is_own && (1..=40).contains(&suggested.len()) {
                    assert!(check_metadata_key(&suggested).is_ok(), "{text:?} {suggested:?}");
                }
            }
        }
    }
}
