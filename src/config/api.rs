//! `[api]`: who may tell the relay events, server to server.

use secrecy::SecretString;

use crate::config::admin::bearer_token;
use crate::config::key::{Key, Kind};
use crate::config::reader::Reader;

pub(super) const KEYS: &[Key] = &[Key::new("token", Kind::Secret)];

/// Who may tell the relay events, server to server.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    /// The bearer token; without one nobody may.
    pub token: Option<SecretString>,
}

impl ApiSettings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self { token: bearer_token("api.token", reader) }
    }
}
