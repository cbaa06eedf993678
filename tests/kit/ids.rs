//! Event ids and signatures, made by the published rules and not by the library.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// Returns the event id of an effect: the first 128 bits of the key's SHA-256 as a ULID.
pub fn event_id(effect_key: &str) -> String {
    let digest = Sha256::digest(effect_key.as_bytes());
    let mut bits = digest[..16].iter().fold(0_u128, |bits, byte| bits << 8 | u128::from(*byte));
    let mut text = Vec::new();
    for _ in 0..26 {
        text.push(b"0123456789ABCDEFGHJKMNPQRSTVWXYZ"[usize::try_from(bits % 32).unwrap()]);
        bits /= 32;
    }
    text.reverse();
    String::from_utf8(text).unwrap()
}

/// Returns the `GrowSurf-Signature` header of a body.
pub fn signature(secret: &str, millis: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{millis}.").as_bytes());
    mac.update(body);
    format!("ts={millis},v={}", hex::encode(mac.finalize().into_bytes()))
}

/// Returns the `X-CIO-Signature` header of a body.
pub fn report_signature(key: &str, seconds: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(format!("v0:{seconds}:").as_bytes());
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}
