//! `[admin]` and `[api]`: who may use the admin API, and who may send the relay events, server to server.

use secrecy::SecretString;
use serde::Deserialize;

use crate::options::secret;

#[derive(Debug, Clone, Deserialize)]
pub struct AdminSettings {
    /// The tokens that open both; without one they are off.
    #[serde(rename = "token", deserialize_with = "secret::tokens")]
    pub tokens: Vec<SecretString>,
    /// The tokens that open the pages alone, to look and not to act.
    #[serde(rename = "view_token", deserialize_with = "secret::tokens")]
    pub view_tokens: Vec<SecretString>,
    /// The listeners on which the pages are.
    pub ui: UiMode,
}

/// The listeners on which the operator's pages are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UiMode {
    /// A listener of the operators, or one on a loopback address.
    Auto,
    /// The operators' listener, whatever its address.
    On,
    Off,
}

/// The tokens for a part of the HTTP interface.
#[derive(Debug, Clone, Deserialize)]
pub struct TokenSettings {
    /// The bearer tokens; any of them is accepted. Without one the interface is off.
    #[serde(rename = "token", deserialize_with = "secret::tokens")]
    pub tokens: Vec<SecretString>,
}
