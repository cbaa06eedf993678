//! `[admin]` and `[api]`: who may use the admin API, and who may send the relay events, server to server.

use secrecy::SecretString;
use serde::Deserialize;

use crate::options::secret;

/// Who may use a part of the HTTP interface.
#[derive(Debug, Clone, Deserialize)]
pub struct TokenSettings {
    /// The bearer tokens, each of which opens it; without one it is off.
    #[serde(rename = "token", deserialize_with = "secret::tokens")]
    pub tokens: Vec<SecretString>,
}
