//! `[api]`: who may send the relay events, server to server.

use secrecy::SecretString;
use serde::Deserialize;

use crate::options::secret;

/// Settings of `/v1/events`.
#[derive(Debug, Clone, Deserialize)]
pub struct ApiSettings {
    /// The bearer tokens, each of which is accepted; without one the path is off.
    #[serde(rename = "token", deserialize_with = "secret::tokens")]
    pub tokens: Vec<SecretString>,
}
