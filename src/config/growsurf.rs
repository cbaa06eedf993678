//! `[growsurf]`: how webhooks prove themselves, and what single campaigns do differently.

use std::collections::HashSet;
use std::time::Duration;

use secrecy::SecretString;

use crate::config::key::{Key, Kind};
use crate::config::reader::{Item, Reader};
use crate::domain::EmailPattern;

pub(super) const KEYS: &[Key] = &[
    Key::new("webhook_secrets", Kind::Secrets),
    Key::new("allow_unsigned", Kind::Flag),
    Key::new("signature_max_age", Kind::Text),
    Key::new("ignore_emails", Kind::List),
    Key::new(
        "campaigns",
        Kind::Tables(&[
            Key::new("id", Kind::Text),
            Key::new("webhook_secrets", Kind::Secrets),
            Key::new("conversions_from", Kind::Text),
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
