//! `[[growsurf.campaigns]]`: the settings of single campaigns.

use std::collections::HashSet;

use secrecy::SecretString;
use serde::Deserialize;

use crate::config::check::Check;
use crate::mapping::names::prefix_fault;
use crate::options::secret;

#[derive(Debug, Clone, Deserialize)]
pub struct CampaignSettings {
    /// The campaign's id in GrowSurf, not blank.
    #[serde(default)]
    pub id: String,
    /// The secrets of this campaign's webhooks alone.
    #[serde(deserialize_with = "secret::secrets")]
    pub webhook_secrets: Vec<SecretString>,
    /// The source of its conversions.
    pub conversions_from: ConversionsFrom,
    /// A key of GrowSurf's REST API that sees it, if the general one doesn't.
    #[serde(deserialize_with = "secret::key")]
    pub api_key: Option<SecretString>,
    /// The source of its shares.
    pub shares_from: SharesFrom,
    /// The prefix of its attributes' names; empty for none.
    pub attribute_prefix: String,
    /// The campaign's name in the posts of your pages, where everybody can read it.
    pub page_key: Option<String>,
}

/// The source of a campaign's shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SharesFrom {
    /// The counts of GrowSurf's API.
    Sync,
    /// The page's script alone.
    Page,
}

/// The source of a campaign's conversions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConversionsFrom {
    /// Webhooks, GrowSurf's API and your own server; the first one wins.
    Auto,
    /// Your own server alone.
    Server,
}

/// The most bytes of an id from outside.
const MAX_ID_BYTES: usize = 200;

/// The fewest characters of a page's key: it isn't secret, but nobody should guess it by chance.
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
