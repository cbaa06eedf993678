//! `[admin]`: who may use the admin API.

use secrecy::{ExposeSecret, SecretString};

use crate::config::key::{Key, Kind};
use crate::config::reader::Reader;

pub(super) const KEYS: &[Key] = &[Key::new("token", Kind::Secret)];

/// A shorter token could be guessed; in bytes.
const WEAK_TOKEN_BYTES: usize = 16;

/// Who may use the admin API.
#[derive(Debug, Clone)]
pub struct AdminSettings {
    /// The bearer token; without one the admin API is off.
    pub token: Option<SecretString>,
}

impl AdminSettings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self { token: bearer_token("admin.token", reader) }
    }
}

/// A bearer token; warns of one that could be guessed.
pub(super) fn bearer_token(key: &'static str, reader: &mut Reader<'_>) -> Option<SecretString> {
    let token = reader.secret(key)?;
    if token.expose_secret().len() < WEAK_TOKEN_BYTES {
        reader.warn(format!("{key} is shorter than {WEAK_TOKEN_BYTES} bytes and could be guessed"));
    }
    Some(token)
}
