//! `[growsurf]`: how webhooks prove themselves, and what single campaigns do differently.

use std::collections::HashSet;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use crate::config::key::{Key, Kind};
use crate::config::mapping::names::prefix_fault;
use crate::config::reader::{Item, Reader};
use crate::config::value::address::plain_url;
use crate::domain::EmailPattern;

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

/// What one campaign does differently.
#[derive(Debug, Clone)]
pub struct CampaignSettings {
    /// The campaign's id in GrowSurf, not blank.
    pub id: String,
    /// Secrets only this campaign's webhooks are signed with.
    pub webhook_secrets: Vec<SecretString>,
    /// Who may tell its conversions.
    pub conversions_from: ConversionsFrom,
    /// A key of GrowSurf's REST API that sees it, if the general one doesn't.
    pub api_key: Option<SecretString>,
    /// Who may tell its shares.
    pub shares_from: SharesFrom,
    /// What comes before the names of the attributes that tell of it; empty for nothing.
    pub attribute_prefix: String,
    /// What your pages name it by when they tell clicks and shares; everybody can read it there.
    pub page_key: Option<String>,
}

/// Who may tell a campaign's shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SharesFrom {
    /// The counts of GrowSurf's API.
    #[default]
    Sync,
    /// Only the page's script.
    Page,
}

/// Who may tell a campaign's conversions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ConversionsFrom {
    /// Webhooks, GrowSurf's API and the shop's server; the first one wins.
    #[default]
    Auto,
    /// Only the shop's server.
    Server,
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
            api_key: reader.secret("growsurf.api_key"),
            base_url: reader.parse("growsurf.base_url", plain_url),
            timeout: reader.duration("growsurf.timeout"),
            webhook_url: reader.parse("growsurf.webhook_url", |text| match text {
                "" => Ok(None),
                text => Url::parse(text).map(Some).map_err(|_| "a URL".into()),
            }),
            campaigns: campaigns(reader),
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

fn campaigns(reader: &mut Reader<'_>) -> Vec<CampaignSettings> {
    let mut seen = HashSet::new();
    let mut page_keys = HashSet::new();
    let mut campaigns = Vec::new();
    for item in reader.tables("growsurf.campaigns") {
        let id = item.text("id").unwrap_or_default().trim();
        if id.is_empty() {
            // Unless an id of the wrong type or a misspelt key is reported already.
            if reader.sound(&[&item.path]) {
                reader.broken_item(&item, "id", "is missing or blank");
            }
        } else if !seen.insert(id) {
            reader.broken_item(&item, "id", format!("{id:?} is another campaign's id too"));
        }
        campaigns.push(CampaignSettings {
            id: id.to_owned(),
            webhook_secrets: reader.item_secrets(&item, "webhook_secrets"),
            conversions_from: conversions_from(reader, &item),
            api_key: secret(&item),
            shares_from: shares_from(reader, &item),
            attribute_prefix: attribute_prefix(reader, &item),
            page_key: page_key(reader, &item, &mut page_keys),
        });
    }
    campaigns
}

fn conversions_from(reader: &mut Reader<'_>, item: &Item<'_>) -> ConversionsFrom {
    match item.text("conversions_from") {
        None | Some("auto") => ConversionsFrom::Auto,
        Some("server") => ConversionsFrom::Server,
        Some(other) => {
            let rule = format!("expected \"auto\" or \"server\", got {other:?}");
            reader.broken_item(item, "conversions_from", rule);
            ConversionsFrom::Auto
        }
    }
}

fn secret(item: &Item<'_>) -> Option<SecretString> {
    item.text("api_key").map(str::trim).filter(|text| !text.is_empty()).map(SecretString::from)
}

fn shares_from(reader: &mut Reader<'_>, item: &Item<'_>) -> SharesFrom {
    match item.text("shares_from") {
        None | Some("sync") => SharesFrom::Sync,
        Some("page") => SharesFrom::Page,
        Some(other) => {
            let rule = format!("expected \"sync\" or \"page\", got {other:?}");
            reader.broken_item(item, "shares_from", rule);
            SharesFrom::Sync
        }
    }
}

fn attribute_prefix(reader: &mut Reader<'_>, item: &Item<'_>) -> String {
    let prefix = item.text("attribute_prefix").unwrap_or_default();
    if let Some(fault) = (!prefix.is_empty()).then(|| prefix_fault(prefix)).flatten() {
        reader.broken_item(item, "attribute_prefix", fault);
    }
    prefix.to_owned()
}

/// The fewest characters of a page's key: it needn't be secret, but nobody should meet it by chance.
const PAGE_KEY: usize = 8;

fn page_key<'a>(
    reader: &mut Reader<'_>,
    item: &Item<'a>,
    seen: &mut HashSet<&'a str>,
) -> Option<String> {
    let key = item.text("page_key").filter(|key| !key.is_empty())?;
    let is_plain = key.bytes().all(|it| it.is_ascii_alphanumeric() || b"_-".contains(&it));
    if !is_plain || key.len() < PAGE_KEY {
        let rule = format!("is not at least {PAGE_KEY} letters, digits, hyphens and underscores");
        reader.broken_item(item, "page_key", rule);
    } else if !seen.insert(key) {
        reader.broken_item(item, "page_key", "is another campaign's too");
    }
    Some(key.to_owned())
}
