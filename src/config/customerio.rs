//! `[customerio]`: the workspace, how fast it is called, and what identifies a person there.

use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use crate::config::key::{Key, Kind};
use crate::config::reader::Reader;
use crate::config::value::Expected;
use crate::config::value::address::plain_url;
use crate::config::value::metadata_key;

pub(super) const KEYS: &[Key] = &[
    Key::new("site_id", Kind::Text),
    Key::new("api_key", Kind::Secret),
    Key::new("region", Kind::Text),
    Key::new("base_url", Kind::Text),
    Key::new("calls_per_second", Kind::Whole),
    Key::new("timeout", Kind::Text),
    Key::new("identify_by", Kind::Text),
    Key::new("trust_metadata_id", Kind::Flag),
    Key::new("reporting_keys", Kind::Secrets),
    Key::new("action_keys", Kind::Secrets),
    Key::new("webhook_max_age", Kind::Text),
];

/// The workspace, how fast it is called, and what identifies a person there.
#[derive(Debug, Clone)]
pub struct CustomerioSettings {
    /// The Track API credentials; `None` only where the command said it needs none.
    pub credentials: Option<Credentials>,
    /// The data centre of the workspace.
    pub region: Region,
    /// Stands for the region's host, for tests and sandboxes: http or https, without user,
    /// password, query or fragment.
    pub base_url: Option<Url>,
    /// Calls a second at most; a batch counts each of its calls. At least 1.
    pub calls_per_second: u32,
    /// Time one request may take.
    pub timeout: Duration,
    /// What a person is identified by.
    pub identify_by: IdentifyBy,
    /// Whether ids from participant metadata are written by a server alone.
    pub trust_metadata_id: bool,
    /// The keys that reporting webhooks may be signed with; without one none is taken.
    pub reporting_keys: Vec<SecretString>,
    /// The keys that webhook actions of campaigns may be signed with; without one none is taken.
    pub action_keys: Vec<SecretString>,
    /// How old the time in a signature of either may be.
    pub webhook_max_age: Duration,
}

/// The credentials of the Track API.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The site ID, the user of basic authentication; without colon.
    pub site_id: String,
    /// The API key, the password.
    pub api_key: SecretString,
}

/// The data centre of a workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Region {
    /// United States.
    Us,
    /// European Union.
    Eu,
}

/// What a person is identified by at Customer.io.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentifyBy {
    /// The address, trimmed and lower case.
    Email,
    /// The id in the participant's metadata under this key.
    Metadata(String),
}

impl CustomerioSettings {
    pub(super) fn read(reader: &mut Reader<'_>, needs_credentials: bool) -> Self {
        let settings = Self {
            credentials: credentials(reader, needs_credentials),
            region: reader.parse("customerio.region", |text| match text {
                "us" => Ok(Region::Us),
                "eu" => Ok(Region::Eu),
                _ => Err("\"us\" or \"eu\"".into()),
            }),
            base_url: reader.parse("customerio.base_url", base_url),
            calls_per_second: reader.whole("customerio.calls_per_second", 1..=1_000_000),
            timeout: reader.duration("customerio.timeout"),
            identify_by: reader.parse("customerio.identify_by", identify_by),
            trust_metadata_id: reader.flag("customerio.trust_metadata_id"),
            reporting_keys: reader.secrets("customerio.reporting_keys"),
            action_keys: reader.secrets("customerio.action_keys"),
            webhook_max_age: reader.duration("customerio.webhook_max_age"),
        };
        if reader.sound(&["customerio.base_url", "customerio.region"])
            && let Some(fault) = settings.base_url.as_ref().and_then(|it| settings.region.fault(it))
        {
            reader.broken("customerio.base_url", fault);
        }
        if settings.trust_metadata_id && settings.identify_by == IdentifyBy::Email {
            reader.warn(
                "customerio.trust_metadata_id has no effect while customerio.identify_by is \
                 \"email\"",
            );
        }
        settings
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

fn credentials(reader: &mut Reader<'_>, needed: bool) -> Option<Credentials> {
    let site_id = reader.text("customerio.site_id").to_owned();
    let api_key = reader.key("customerio.api_key");
    let is_of_site_id = |it: char| it.is_ascii_alphanumeric() || "-_.".contains(it);
    if !site_id.chars().all(is_of_site_id) {
        let rule = "is no site ID, which has letters and digits, and no colon, blank or other mark";
        reader.broken("customerio.site_id", rule);
    }
    for (key, variable, is_missing) in [
        ("customerio.site_id", "CIO_SITE_ID", site_id.is_empty()),
        ("customerio.api_key", "CIO_API_KEY", api_key.is_none()),
    ] {
        if needed && is_missing && reader.sound(&[key]) {
            let rule = format!("is not set; Customer.io shows it, {variable} sets it");
            reader.broken(key, rule);
        }
    }
    let api_key = api_key?;
    (!site_id.is_empty()).then_some(Credentials { site_id, api_key })
}

fn base_url(text: &str) -> Result<Option<Url>, Expected> {
    if text.is_empty() { Ok(None) } else { plain_url(text).map(Some) }
}

fn identify_by(text: &str) -> Result<IdentifyBy, Expected> {
    match (text, text.strip_prefix("metadata.")) {
        ("email", _) => Ok(IdentifyBy::Email),
        (_, Some(key)) => metadata_key(key).map(IdentifyBy::Metadata).map_err(|Expected(key)| {
            Expected::from(format!("\"email\" or \"metadata.<key>\" with {key}"))
        }),
        _ => Err("\"email\" or \"metadata.<key>\"".into()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::{IdentifyBy, Region, base_url, identify_by};

    #[test]
    fn parses_the_identifier() {
        assert_eq!(identify_by("email"), Ok(IdentifyBy::Email));
        assert_eq!(identify_by("metadata.userId"), Ok(IdentifyBy::Metadata("userId".into())));
        for text in ["", "id", "metadata", "metadata.", "metadata. id", "Email"] {
            assert!(identify_by(text).is_err(), "{text:?}");
        }
        for text in ["metadata.user_id", "metadata.user.id", "metadata.UserId"] {
            let told = identify_by(text).unwrap_err().to_string();
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
            let url = base_url(text).unwrap().unwrap();
            let fault = region.fault(&url);
            assert_eq!(fault.is_some(), why.is_some(), "{text}: {fault:?}");
            assert!(fault.unwrap_or_default().contains(why.unwrap_or_default()), "{text}");
        }
    }

    #[test]
    fn parses_the_base_url() {
        assert_eq!(base_url(""), Ok(None));
        assert!(base_url("http://127.0.0.1:9000").unwrap().is_some());
        for text in ["127.0.0.1:9000", "ftp://a", "http://u:p@a", "http://a?x=1", "http://"] {
            assert!(base_url(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in any::<String>()) {
            let _ = identify_by(&text);
            let _ = base_url(&text);
        }
    }
}
