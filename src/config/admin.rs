//! `[admin]`: who may use the admin API.

use secrecy::SecretString;
use serde::Deserialize;

use crate::options::secret;

/// Settings of the admin API.
#[derive(Debug, Clone, Deserialize)]
pub struct AdminSettings {
    /// The bearer tokens, each of which opens it; without one the admin API is off.
    #[serde(rename = "token", deserialize_with = "secret::tokens")]
    pub tokens: Vec<SecretString>,
}
