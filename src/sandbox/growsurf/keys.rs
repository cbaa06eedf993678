//! API keys, with the scopes and campaigns of each.

use http::{HeaderMap, header};
use serde::{Deserialize, Serialize};

use super::refusal::Refusal;

/// An API key. Null is all scopes, or all campaigns.
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
        Self { keys: vec![Key { key: "sandbox".to_owned(), scopes: None, campaigns: None }] }
    }
}

impl Keys {
    /// Returns the key in a request's headers.
    pub(super) fn of(&self, headers: &HeaderMap) -> Result<Key, Refusal> {
        let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let sent = value.and_then(|value| value.strip_prefix("Bearer "));
        let key = self.keys.iter().find(|key| sent == Some(key.key.as_str()));
        key.cloned().ok_or_else(Refusal::forbidden)
    }
}

impl Key {
    /// True if the key has a scope.
    pub(super) fn has(&self, scope: &str) -> bool {
        self.scopes.as_ref().is_none_or(|scopes| scopes.iter().any(|it| it == scope))
    }

    /// True if the key sees a campaign.
    pub(super) fn sees(&self, campaign: &str) -> bool {
        self.campaigns.as_ref().is_none_or(|campaigns| campaigns.iter().any(|it| it == campaign))
    }
}
