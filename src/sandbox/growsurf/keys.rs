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
    /// True if the key has the scope, and sees the campaign if there is one.
    pub(super) fn may(&self, scope: &str, campaign: Option<&str>) -> bool {
        let has = |all: &Option<Vec<String>>, one: &str| {
            all.as_ref().is_none_or(|all| all.iter().any(|it| it == one))
        };
        has(&self.scopes, scope) && campaign.is_none_or(|it| has(&self.campaigns, it))
    }
}
