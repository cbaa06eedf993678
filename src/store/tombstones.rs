//! Tombstones: keyed hashes of erased people.
//!
//! What belongs here: the key and the hashes. What doesn't: their rows, which each backend keeps, and who
//! counts as erased, which the plan decides.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use crate::domain::ErasureKey;

use super::StoreError;

/// The key of the hashes.
pub(super) struct TombstoneKey([u8; 32]);

impl TombstoneKey {
    /// Returns the key of the settings, else one made of the store's own secret.
    pub(super) fn new(setting: Option<&SecretString>, hash_key: &[u8; 32]) -> Self {
        Self(match setting {
            Some(key) => digest(key.expose_secret().as_bytes(), &[b"tombstones"]),
            None => digest(hash_key, &[b"tombstones"]),
        })
    }

    pub(super) fn hash(&self, key: &ErasureKey) -> [u8; 32] {
        match key {
            ErasureKey::Participant(key) => {
                let parts = [b"participant", key.campaign.as_bytes(), key.participant.as_bytes()];
                digest(&self.0, &parts)
            }
            ErasureKey::Address(email) => digest(&self.0, &[b"address", email.as_str().as_bytes()]),
        }
    }

    /// Returns a text that shows if the key is the same, and not which it is.
    pub(super) fn check(&self) -> String {
        hex::encode(digest(&self.0, &[b"check"]))
    }

    /// True if there are tombstones: a store has the check of the key that it made them with.
    ///
    /// # Errors
    /// [`StoreError::OtherKey`] if that is another key. They wouldn't be found.
    pub(super) fn verify(&self, check: Option<&str>) -> Result<bool, StoreError> {
        match check {
            Some(check) if check != self.check() => Err(StoreError::OtherKey),
            check => Ok(check.is_some()),
        }
    }
}

fn digest(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mac = Hmac::<Sha256>::new_from_slice(key);
    let mut mac = mac.expect("HMAC takes a key of any length");
    for part in parts {
        // With its length, so that no two lists of parts read the same.
        mac.update(&u64::try_from(part.len()).expect("a length").to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}
