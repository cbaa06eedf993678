//! `[growsurf]`: how webhooks prove themselves, and what single campaigns do differently.

mod campaigns;

use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;
use serde::de::Deserializer;
use url::Url;

use crate::config::check::Check;
use crate::domain::EmailPattern;
use crate::options::address::plain_url;
use crate::options::{optional, secret, text};

pub use campaigns::{CampaignSettings, ConversionsFrom, SharesFrom};

/// The proofs of webhooks, GrowSurf's API, and the settings of single campaigns.
#[derive(Debug, Clone, Deserialize)]
pub struct GrowsurfSettings {
    /// Secrets any webhook may be signed with.
    #[serde(deserialize_with = "secret::secrets")]
    pub webhook_secrets: Vec<SecretString>,
    /// True if the relay starts without any secret, and then accepts posts of anybody.
    pub allow_unsigned: bool,
    pub signature_max_age: Duration,
    pub ignore_emails: Vec<EmailPattern>,
    #[serde(deserialize_with = "secret::key")]
    pub api_key: Option<SecretString>,
    #[serde(deserialize_with = "base_url")]
    pub base_url: Url,
    pub timeout: Duration,
    /// The URL of GrowSurf's webhooks, if its path isn't one of the relay's own.
    #[serde(deserialize_with = "webhook_url")]
    pub webhook_url: Option<Url>,
    /// Campaigns that differ from the rest; each id once.
    #[serde(default)]
    pub campaigns: Vec<CampaignSettings>,
}

impl GrowsurfSettings {
    /// True if any secret is set, for all webhooks or for a campaign's.
    pub fn has_webhook_secret(&self) -> bool {
        let of_campaigns = self.campaigns.iter().map(|campaign| &campaign.webhook_secrets);
        std::iter::once(&self.webhook_secrets)
            .chain(of_campaigns)
            .any(|secrets| !secrets.is_empty())
    }

    /// True if any key of GrowSurf's REST API is set, for all campaigns or for one.
    pub fn has_api_key(&self) -> bool {
        self.api_key.is_some() || self.campaigns.iter().any(|campaign| campaign.api_key.is_some())
    }

    /// True if the pages of any campaign may post.
    pub fn has_page_key(&self) -> bool {
        self.campaigns.iter().any(|campaign| campaign.page_key.is_some())
    }

    /// Checks the section; `needs_secret` means that webhooks are accepted.
    pub(super) fn check(&self, needs_secret: bool, check: &mut Check<'_>) {
        campaigns::check(&self.campaigns, check);
        let has_secret = self.has_webhook_secret();
        if self.allow_unsigned {
            check.warn(match has_secret {
                true => {
                    "growsurf.allow_unsigned has no effect: a secret is set, so signatures are checked"
                }
                false => "growsurf.allow_unsigned is true: anybody who knows the URL is believed",
            });
        }
        check.rule(
            &["growsurf.webhook_secrets", "growsurf.campaigns", "growsurf.allow_unsigned"],
            needs_secret && !self.allow_unsigned && !has_secret,
            "no secret is set; make one with `openssl rand -hex 32`, set it here \
             (RELAY__GROWSURF__WEBHOOK_SECRETS) and at GrowSurf, or accept unsigned webhooks with \
             growsurf.allow_unsigned = true",
        );
    }
}

/// The API at GrowSurf's own host.
const HOST: (&str, &str) = ("api.growsurf.com", "/v2");

fn base_url<'de, D: Deserializer<'de>>(from: D) -> Result<Url, D::Error> {
    text(from, |text| {
        let url = plain_url(text)?;
        let (host, path) = HOST;
        if url.host_str() == Some(host) && url.path().trim_end_matches('/') != path {
            return Err(format!("the path {path} behind {host}").into());
        }
        Ok(url)
    })
}

/// Reads a URL as GrowSurf calls it, which nothing behind a `#` reaches.
fn webhook_url<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Url>, D::Error> {
    optional(from, |text| {
        let is_web = |url: &Url| {
            let is_plain = url.fragment().is_none() && url.username().is_empty();
            matches!(url.scheme(), "http" | "https") && is_plain && url.password().is_none()
        };
        let expected = "a URL such as \"https://relay.example.com/hooks/growsurf\"";
        Url::parse(text).ok().filter(is_web).ok_or_else(|| expected.into())
    })
}
