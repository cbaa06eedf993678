//! `[[growsurf.campaigns]]`: what single campaigns do differently.

use std::collections::HashSet;

use secrecy::SecretString;

use crate::config::mapping::names::prefix_fault;
use crate::config::reader::{Item, Reader};

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

/// Reads the tables, each campaign once.
pub(super) fn read(reader: &mut Reader<'_>) -> Vec<CampaignSettings> {
    let mut seen = HashSet::new();
    let mut page_keys = HashSet::new();
    let mut campaigns = Vec::new();
    for item in reader.tables("growsurf.campaigns") {
        let id = item.text("id").unwrap_or_default();
        if id.is_empty() {
            // Unless an id of the wrong type or a misspelt key is reported already.
            if reader.sound(&[&item.path]) {
                reader.broken_item(&item, "id", "is missing or blank");
            }
        } else if !is_id(id) {
            let rule = "is no id of GrowSurf's, which has letters, digits, hyphens and underscores";
            reader.broken_item(&item, "id", rule);
        } else if id.len() > MAX_ID_BYTES {
            reader.broken_item(&item, "id", format!("is longer than {MAX_ID_BYTES} bytes"));
        } else if !seen.insert(id) {
            reader.broken_item(&item, "id", format!("{id:?} is another campaign's id too"));
        }
        campaigns.push(CampaignSettings {
            id: id.to_owned(),
            webhook_secrets: reader.item_secrets(&item, "webhook_secrets"),
            conversions_from: conversions_from(reader, &item),
            api_key: reader.item_key(&item, "api_key"),
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

/// The most bytes of an id from outside.
const MAX_ID_BYTES: usize = 200;

fn is_id(id: &str) -> bool {
    let is_plain = |it: u8| it.is_ascii_alphanumeric() || b"_-".contains(&it);
    id.bytes().all(is_plain)
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
