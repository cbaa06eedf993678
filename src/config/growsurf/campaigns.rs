//! `[[growsurf.campaigns]]`: what single campaigns do differently.

use std::collections::HashSet;

use secrecy::SecretString;
use serde::Deserialize;

use crate::config::check::Check;
use crate::config::mapping::names::prefix_fault;
use crate::options::secret;

/// What one campaign does differently.
#[derive(Debug, Clone, Deserialize)]
pub struct CampaignSettings {
    /// The campaign's id in GrowSurf, not blank.
    #[serde(default)]
    pub id: String,
    /// Secrets only this campaign's webhooks are signed with.
    #[serde(default, deserialize_with = "secret::secrets")]
    pub webhook_secrets: Vec<SecretString>,
    /// Who may tell its conversions.
    #[serde(default)]
    pub conversions_from: ConversionsFrom,
    /// A key of GrowSurf's REST API that sees it, if the general one doesn't.
    #[serde(default, deserialize_with = "secret::key")]
    pub api_key: Option<SecretString>,
    /// Who may tell its shares.
    #[serde(default)]
    pub shares_from: SharesFrom,
    /// What comes before the names of the attributes that tell of it; empty for nothing.
    #[serde(default)]
    pub attribute_prefix: String,
    /// What your pages name it by when they tell clicks and shares; everybody can read it there.
    pub page_key: Option<String>,
}

/// Who may tell a campaign's shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SharesFrom {
    /// The counts of GrowSurf's API.
    #[default]
    Sync,
    /// Only the page's script.
    Page,
}

/// Who may tell a campaign's conversions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConversionsFrom {
    /// Webhooks, GrowSurf's API and the shop's server; the first one wins.
    #[default]
    Auto,
    /// Only the shop's server.
    Server,
}

/// The most bytes of an id from outside.
const MAX_ID_BYTES: usize = 200;

/// The fewest characters of a page's key: it needn't be secret, but nobody should meet it by chance.
const PAGE_KEY: usize = 8;

/// Checks the tables, each campaign once.
pub(super) fn check(campaigns: &[CampaignSettings], check: &mut Check<'_>) {
    let (mut seen, mut page_keys) = (HashSet::new(), HashSet::new());
    for (number, campaign) in campaigns.iter().enumerate() {
        let path = format!("growsurf.campaigns[{number}]");
        let CampaignSettings { id, attribute_prefix: prefix, page_key, .. } = campaign;
        if id.is_empty() {
            // Unless an id of the wrong type or a misspelt key is reported already.
            let key = format!("{path}.id");
            if !check.problems.explain(&key) {
                check.broken(&key, "is missing or blank");
            }
        } else if let Some(rule) = id_fault(id) {
            check.broken(&format!("{path}.id"), rule);
        } else if !seen.insert(id) {
            check.broken(&format!("{path}.id"), format!("{id:?} is another campaign's id too"));
        }
        if let Some(rule) = (!prefix.is_empty()).then(|| prefix_fault(prefix)).flatten() {
            check.broken(&format!("{path}.attribute_prefix"), rule);
        }
        let Some(key) = page_key else { continue };
        if !is_plain(key) || key.len() < PAGE_KEY {
            let rule =
                format!("is not at least {PAGE_KEY} letters, digits, hyphens and underscores");
            check.broken(&format!("{path}.page_key"), rule);
        } else if !page_keys.insert(key) {
            check.broken(&format!("{path}.page_key"), "is another campaign's too");
        }
    }
}

fn id_fault(id: &str) -> Option<String> {
    if !is_plain(id) {
        let rule = "is no id of GrowSurf's, which has letters, digits, hyphens and underscores";
        return Some(rule.to_owned());
    }
    (id.len() > MAX_ID_BYTES).then(|| format!("is longer than {MAX_ID_BYTES} bytes"))
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|it| it.is_ascii_alphanumeric() || b"_-".contains(&it))
}
