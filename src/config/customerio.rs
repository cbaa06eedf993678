//! `[customerio]`: the workspace, the pace of its calls, and the identifier of a person there.

use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;
use serde::de::{Deserializer, Error};
use url::Url;

use crate::config::check::Check;
use crate::customerio::Region;
use crate::domain::check_metadata_key;
use crate::mapping::IdentifyBy;
use crate::options::address::plain_url;
use crate::options::{Expected, optional, secret, text, whole};

#[derive(Debug, Clone, Deserialize)]
pub struct CustomerioSettings {
    /// The site ID, the user of basic authentication; without colon.
    #[serde(deserialize_with = "site_id")]
    pub site_id: Option<String>,
    #[serde(deserialize_with = "secret::key")]
    pub api_key: Option<SecretString>,
    pub region: Region,
    /// The address in place of the region's host, for tests and sandboxes.
    #[serde(deserialize_with = "base_url")]
    pub base_url: Option<Url>,
    /// Calls a second at most; a batch counts each of its calls. At least 1.
    #[serde(deserialize_with = "whole::<_, _, 1, 1_000_000>")]
    pub calls_per_second: u32,
    pub timeout: Duration,
    #[serde(deserialize_with = "identify_by")]
    pub identify_by: IdentifyBy,
    pub trust_metadata_id: bool,
    /// The keys of reporting webhooks; without one none is accepted.
    #[serde(deserialize_with = "secret::secrets")]
    pub reporting_keys: Vec<SecretString>,
    /// The keys of campaigns' webhook actions; without one none is accepted.
    #[serde(deserialize_with = "secret::secrets")]
    pub action_keys: Vec<SecretString>,
    /// The greatest age of a signature of either.
    pub webhook_max_age: Duration,
}

impl CustomerioSettings {
    /// Returns the credentials of the Track API; `None` only where the command said it needs none.
    pub fn credentials(&self) -> Option<(&str, &SecretString)> {
        self.site_id.as_deref().zip(self.api_key.as_ref())
    }

    /// Checks the section; `needs_credentials` says that calls are made.
    pub(super) fn check(&self, needs_credentials: bool, check: &mut Check<'_>) {
        for (key, variable, is_missing) in [
            ("customerio.site_id", "CIO_SITE_ID", self.site_id.is_none()),
            ("customerio.api_key", "CIO_API_KEY", self.api_key.is_none()),
        ] {
            let rule = format!("is not set; Customer.io shows it, {variable} sets it");
            check.rule(&[key], needs_credentials && is_missing, rule);
        }
        let fault = self.base_url.as_ref().and_then(|it| self.region.base_url_fault(it));
        let keys = ["customerio.base_url", "customerio.region"];
        check.rule(&keys, fault.is_some(), fault.unwrap_or_default());
        if self.trust_metadata_id && self.identify_by == IdentifyBy::Email {
            check.warn(
                "customerio.trust_metadata_id has no effect while customerio.identify_by is \
                 \"email\"",
            );
        }
    }
}

fn site_id<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let site_id = Option::<String>::deserialize(from)?;
    let is_of_site_id = |it: char| it.is_ascii_alphanumeric() || "-_.".contains(it);
    if site_id.as_ref().is_some_and(|it| !it.chars().all(is_of_site_id)) {
        let rule = "is no site ID, which has letters and digits, and no colon, blank or other mark";
        return Err(D::Error::custom(rule));
    }
    Ok(site_id)
}

fn base_url<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Url>, D::Error> {
    optional(from, plain_url)
}

fn identify_by<'de, D: Deserializer<'de>>(from: D) -> Result<IdentifyBy, D::Error> {
    text(from, identifier)
}

fn identifier(text: &str) -> Result<IdentifyBy, Expected> {
    match (text, text.strip_prefix("metadata.")) {
        ("email", _) => Ok(IdentifyBy::Email),
        (_, Some(key)) => match check_metadata_key(key) {
            Ok(()) => Ok(IdentifyBy::Metadata(key.to_owned())),
            Err(error) => Err(format!("\"email\" or \"metadata.<key>\" with {error}").into()),
        },
        _ => Err("\"email\" or \"metadata.<key>\"".into()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::{IdentifyBy, identifier, plain_url};

    #[test]
    fn parses_the_identifier() {
        assert_eq!(identifier("email"), Ok(IdentifyBy::Email));
        assert_eq!(identifier("metadata.userId"), Ok(IdentifyBy::Metadata("userId".into())));
        for text in ["", "id", "metadata", "metadata.", "metadata. id", "Email"] {
            assert!(identifier(text).is_err(), "{text:?}");
        }
        for text in ["metadata.user_id", "metadata.user.id", "metadata.UserId"] {
            let shown = identifier(text).unwrap_err().to_string();
            assert!(shown.ends_with("here \"userId\""), "{shown}");
        }
    }

    #[test]
    fn parses_the_base_url() {
        assert!(plain_url("http://127.0.0.1:9000").is_ok());
        for text in ["127.0.0.1:9000", "ftp://a", "http://u:p@a", "http://a?x=1", "http://"] {
            assert!(plain_url(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in any::<String>()) {
            let _ = identifier(&text);
            let _ = plain_url(&text);
        }
    }
}
