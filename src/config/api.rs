//! `[api]`: who may send the relay events, server to server.

use secrecy::SecretString;

use crate::config::key::{Key, Kind};
use crate::config::reader::Reader;

pub(super) const KEYS: &[Key] = &[Key::new("token", Kind::Tokens)];

/// Settings of `/v1/events`.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    /// The bearer tokens, each of which is accepted; without one the path is off.
    pub tokens: Vec<SecretString>,
}

impl ApiSettings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self { tokens: reader.tokens("api.token") }
    }
}
