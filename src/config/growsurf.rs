//! `[growsurf]`: how webhooks prove themselves, and what single campaigns do differently.

mod campaigns;

use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use crate::config::key::{Key, Kind};
use crate::config::reader::Reader;
use crate::config::value::Expected;
use crate::config::value::address::plain_url;
use crate::domain::EmailPattern;

pub use campaigns::{CampaignSettings, ConversionsFrom, SharesFrom};

pub(super) const KEYS: &[Key] = &[
    Key::new("webhook_secrets", Kind::Secrets),
    Key::new("allow_unsigned", Kind::Flag),
    Key::new("signature_max_age", Kind::Text),
    Key::new("ignore_emails", Kind::List),
    Key::new("api_key", Kind::Secret),
    Key::new("base_url", Kind::Text),
    Key::new("timeout", Kind::Text),
    Key::new("webhook_url", Kind::Text),
    Key::new(
        "campaigns",
        Kind::Tables(&[
            Key::new("id", Kind::Text),
            Key::new("webhook_secrets", Kind::Secrets),
            Key::new("conversions_from", Kind::Text),
            Key::new("api_key", Kind::Secret),
            Key::new("shares_from", Kind::Text),
            Key::new("attribute_prefix", Kind::Text),
            Key::new("page_key", Kind::Text),
        ]),
    ),
];

/// How webhooks prove themselves, and what single campaigns do differently.
#[derive(Debug, Clone)]
pub struct GrowsurfSettings {
    /// Secrets any webhook may be signed with.
    pub webhook_secrets: Vec<SecretString>,
    /// Whether the relay starts without any secret, and then believes whoever posts.
    pub allow_unsigned: bool,
    /// How old the time in a signature may be.
    pub signature_max_age: Duration,
    /// Addresses whose webhooks are parked.
    pub ignore_emails: Vec<EmailPattern>,
    /// The key of GrowSurf's REST API.
    pub api_key: Option<SecretString>,
    /// Where that API is.
    pub base_url: Url,
    /// How long one request to it may take.
    pub timeout: Duration,
    /// Where GrowSurf sends webhooks, if its path isn't one of the relay's own.
    pub webhook_url: Option<Url>,
    /// Campaigns that differ from the rest; each id once.
    pub campaigns: Vec<CampaignSettings>,
}

impl GrowsurfSettings {
    pub(super) fn read(reader: &mut Reader<'_>, needs_secret: bool) -> Self {
        let settings = Self {
            webhook_secrets: reader.secrets("growsurf.webhook_secrets"),
            allow_unsigned: reader.flag("growsurf.allow_unsigned"),
            signature_max_age: reader.duration("growsurf.signature_max_age"),
            ignore_emails: reader.parse_list("growsurf.ignore_emails", |text| {
                text.parse::<EmailPattern>().map_err(Into::into)
            }),
            api_key: reader.key("growsurf.api_key"),
            base_url: reader.parse("growsurf.base_url", base_url),
            timeout: reader.duration("growsurf.timeout"),
            webhook_url: reader.parse("growsurf.webhook_url", webhook_url),
            campaigns: campaigns::read(reader),
        };
        settings.check(reader, needs_secret);
        settings
    }

    /// Whether any secret is set, for all webhooks or for a campaign's.
    pub fn has_webhook_secret(&self) -> bool {
        let of_campaigns = self.campaigns.iter().map(|campaign| &campaign.webhook_secrets);
        std::iter::once(&self.webhook_secrets)
            .chain(of_campaigns)
            .any(|secrets| !secrets.is_empty())
    }

    /// Whether any key of GrowSurf's REST API is set, for all campaigns or for one.
    pub fn has_api_key(&self) -> bool {
        self.api_key.is_some() || self.campaigns.iter().any(|campaign| campaign.api_key.is_some())
    }

    /// Whether pages may tell anything, of any campaign.
    pub fn has_page_key(&self) -> bool {
        self.campaigns.iter().any(|campaign| campaign.page_key.is_some())
    }

    fn check(&self, reader: &mut Reader<'_>, needs_secret: bool) {
        match (self.allow_unsigned, self.has_webhook_secret()) {
            (true, true) => reader.warn(
                "growsurf.allow_unsigned has no effect: a secret is set, so signatures are checked",
            ),
            (true, false) => {
                reader
                    .warn("growsurf.allow_unsigned is true: anybody who knows the URL is believed");
            }
            (false, _) => {}
        }
        // A secret of the wrong type or in an unreadable file is reported already.
        let sound = reader.sound(&["growsurf.webhook_secrets", "growsurf.campaigns"])
            && reader.sound(&["growsurf.allow_unsigned"]);
        if needs_secret && sound && !self.allow_unsigned && !self.has_webhook_secret() {
            reader.broken(
                "growsurf.webhook_secrets",
                "no secret is set; set the one GrowSurf shows (RELAY__GROWSURF__WEBHOOK_SECRETS), \
                 or accept unsigned webhooks with growsurf.allow_unsigned = true",
            );
        }
    }
}

/// Where GrowSurf's own host has its API.
const HOST: (&str, &str) = ("api.growsurf.com", "/v2");

fn base_url(text: &str) -> Result<Url, Expected> {
    let url = plain_url(text)?;
    let (host, path) = HOST;
    if url.host_str() == Some(host) && url.path().trim_end_matches('/') != path {
        return Err(format!("the path {path} behind {host}").into());
    }
    Ok(url)
}

/// A URL as GrowSurf calls it, which nothing behind a `#` reaches.
fn webhook_url(text: &str) -> Result<Option<Url>, Expected> {
    if text.is_empty() {
        return Ok(None);
    }
    let expected = || Expected::from("a URL such as \"https://relay.example.com/hooks/growsurf\"");
    let url = Url::parse(text).map_err(|_| expected())?;
    let is_plain = url.fragment().is_none() && url.username().is_empty();
    let is_web = matches!(url.scheme(), "http" | "https") && is_plain && url.password().is_none();
    if is_web { Ok(Some(url)) } else { Err(expected()) }
}
