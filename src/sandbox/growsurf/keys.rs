//! API keys: what each may do, and in which campaigns.

use http::{HeaderMap, header};
use serde::{Deserialize, Serialize};

use super::refusal::Refusal;

/// The key at the start.
const KEY: &str = "sandbox";

/// An API key. Without a list it may do everything, or see all campaigns.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Key {
    key: String,
    scopes: Option<Vec<String>>,
    campaigns: Option<Vec<String>>,
}

/// All keys.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Keys {
    keys: Vec<Key>,
}

impl Default for Keys {
    fn default() -> Self {
        Self { keys: vec![Key { key: KEY.to_owned(), scopes: None, campaigns: None }] }
    }
}

impl Keys {
    /// Returns the key in a request's headers.
    ///
    /// # Errors
    ///
    /// 403 if it is missing or unknown.
    pub(super) fn of(&self, headers: &HeaderMap) -> Result<Key, Refusal> {
        let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let sent = value.and_then(|value| value.strip_prefix("Bearer "));
        let key = self.keys.iter().find(|key| sent == Some(key.key.as_str()));
        key.cloned().ok_or_else(Refusal::forbidden)
    }
}

impl Key {
    /// Checks that the key has a scope, and sees the campaign.
    ///
    /// # Errors
    ///
    /// 403, in the same words as for an unknown key.
    pub(super) fn may(&self, scope: &str, campaign: Option<&str>) -> Result<(), Refusal> {
        let has = self.scopes.as_ref().is_none_or(|scopes| scopes.iter().any(|it| it == scope));
        if has && campaign.is_none_or(|campaign| self.sees(campaign)) {
            return Ok(());
        }
        Err(Refusal::forbidden())
    }

    /// True if the key sees a campaign.
    pub(super) fn sees(&self, campaign: &str) -> bool {
        self.campaigns.as_ref().is_none_or(|campaigns| campaigns.iter().any(|it| it == campaign))
    }
}
