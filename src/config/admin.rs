//! `[admin]`: who may use the admin API.

use secrecy::SecretString;

use crate::config::key::{Key, Kind};
use crate::config::reader::Reader;

pub(super) const KEYS: &[Key] = &[Key::new("token", Kind::Tokens)];

/// Settings of the admin API.
#[derive(Debug, Clone)]
pub struct AdminSettings {
    /// The bearer tokens, each of which opens it; without one the admin API is off.
    pub tokens: Vec<SecretString>,
}

impl AdminSettings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self { tokens: reader.tokens("admin.token") }
    }
}
