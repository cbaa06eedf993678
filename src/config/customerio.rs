//! `[customerio]`: the workspace, how fast it is called, and what identifies a person there.

use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;
use serde::de::{Deserializer, Error};
use url::Url;

use crate::config::check::Check;
use crate::domain::check_metadata_key;
use crate::mapping::IdentifyBy;
use crate::options::address::plain_url;
use crate::options::{Expected, secret, text, whole};

/// The workspace, how fast it is called, and what identifies a person there.
#[derive(Debug, Clone, Deserialize)]
pub struct CustomerioSettings {
    /// The site ID, the user of basic authentication; without colon.
    #[serde(deserialize_with = "site_id")]
    pub site_id: Option<String>,
    /// The API key, the password.
    #[serde(deserialize_with = "secret::key")]
    pub api_key: Option<SecretString>,
    /// The data centre of the workspace.
    pub region: Region,
    /// Stands for the region's host, for tests and sandboxes: http or https, without user,
    /// password, query or fragment.
    #[serde(deserialize_with = "base_url")]
    pub base_url: Option<Url>,
    /// Calls a second at most; a batch counts each of its calls. At least 1.
    #[serde(deserialize_with = "whole::<_, _, 1, 1_000_000>")]
    pub calls_per_second: u32,
    /// Time one request may take.
    pub timeout: Duration,
    /// What a person is identified by.
    #[serde(deserialize_with = "identify_by")]
    pub identify_by: IdentifyBy,
    /// True if ids from participant metadata are written by a server alone.
    pub trust_metadata_id: bool,
    /// The keys that reporting webhooks may be signed with; without one none is taken.
    #[serde(deserialize_with = "secret::secrets")]
    pub reporting_keys: Vec<SecretString>,
    /// The keys that webhook actions of campaigns may be signed with; without one none is taken.
    #[serde(deserialize_with = "secret::secrets")]
    pub action_keys: Vec<SecretString>,
    /// How old the time in a signature of either may be.
    pub webhook_max_age: Duration,
}

/// The data centre of a workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Region {
    /// United States.
    Us,
    /// European Union.
    Eu,
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
            if needs_credentials && is_missing && check.sound(&[key]) {
                let rule = format!("is not set; Customer.io shows it, {variable} sets it");
                check.broken(key, rule);
            }
        }
        if check.sound(&["customerio.base_url", "customerio.region"])
            && let Some(fault) = self.base_url.as_ref().and_then(|it| self.region.fault(it))
        {
            check.broken("customerio.base_url", fault);
        }
        if self.trust_metadata_id && self.identify_by == IdentifyBy::Email {
            check.warn(
                "customerio.trust_metadata_id has no effect while customerio.identify_by is \
                 \"email\"",
            );
        }
    }
}

impl Region {
    /// The host of the region's Track API.
    pub(super) fn host(self) -> &'static str {
        match self {
            Self::Us => "track.customer.io",
            Self::Eu => "track-eu.customer.io",
        }
    }

    /// Returns the rule that a base URL at Customer.io breaks.
    fn fault(self, base_url: &Url) -> Option<&'static str> {
        let host = base_url.host_str()?;
        let is_host = |region: Self| region.host() == host;
        if is_host(Self::Us) || is_host(Self::Eu) {
            if !is_host(self) {
                return Some(
                    "is another region's host; set customerio.region and leave this empty",
                );
            }
            return (base_url.path() != "/").then_some("must be the host without a path");
        }
        let is_another = host == "customer.io" || host.ends_with(".customer.io");
        is_another.then_some("is not the Track API; leave it empty for the region's host")
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
    let text = Option::<String>::deserialize(from)?;
    text.map(|text| plain_url(&text)).transpose().map_err(D::Error::custom)
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

    use super::{IdentifyBy, Region, identifier, plain_url};

    #[test]
    fn parses_the_identifier() {
        assert_eq!(identifier("email"), Ok(IdentifyBy::Email));
        assert_eq!(identifier("metadata.userId"), Ok(IdentifyBy::Metadata("userId".into())));
        for text in ["", "id", "metadata", "metadata.", "metadata. id", "Email"] {
            assert!(identifier(text).is_err(), "{text:?}");
        }
        for text in ["metadata.user_id", "metadata.user.id", "metadata.UserId"] {
            let told = identifier(text).unwrap_err().to_string();
            assert!(told.ends_with("here \"userId\""), "{told}");
        }
    }

    #[test]
    fn tells_a_base_url_that_the_region_contradicts() {
        for (region, text, why) in [
            (Region::Us, "https://track-eu.customer.io", Some("customerio.region")),
            (Region::Eu, "https://track.customer.io/", Some("customerio.region")),
            (Region::Eu, "https://track-eu.customer.io", None),
            (Region::Us, "https://track.customer.io/api/v1", Some("without a path")),
            (Region::Us, "https://api.customer.io", Some("not the Track API")),
            (Region::Eu, "https://cdp-eu.customer.io/v1", Some("not the Track API")),
            (Region::Us, "http://127.0.0.1:9000/cio", None),
        ] {
            let url = plain_url(text).unwrap();
            let fault = region.fault(&url);
            assert_eq!(fault.is_some(), why.is_some(), "{text}: {fault:?}");
            assert!(fault.unwrap_or_default().contains(why.unwrap_or_default()), "{text}");
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
