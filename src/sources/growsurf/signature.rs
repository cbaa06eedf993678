//! GrowSurf's signature: who vouches for a webhook, decided on the raw bytes.
//!
//! What belongs here: the header's form, the keyed hash over timestamp and body, and how old a
//! signature may be. What doesn't: what a body says (no JSON is read here), where secrets come
//! from, and what the HTTP answer to a bad signature is. The scheme is the one of
//! <https://docs.growsurf.com/developer-tools/webhooks>, "Securing Your Webhooks".

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use thiserror::Error;

use crate::domain::Time;

/// The header that carries the signature, as HTTP libraries spell names.
pub const HEADER: &str = "growsurf-signature";

/// The time by which a signature may lie ahead, as an event's own time may. It is a day, because a
/// relay whose clock is slow must not refuse everything.
pub const FUTURE_LEEWAY: Duration = Duration::from_secs(24 * 60 * 60);

/// SHA-256 gives this many bytes; the header holds twice as many hexadecimal digits.
const DIGEST_BYTES: usize = 32;

/// The owner of a secret. A signature made with it vouches for the owner alone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Owner {
    /// Every campaign.
    Global,
    /// The campaign of this id alone.
    Campaign(String),
}

/// A secret to verify against. It has no `Debug`, so that no log line can show it.
pub struct Key<'a> {
    /// The secret's owner.
    pub owner: Owner,
    /// Any text, as its owner typed it at GrowSurf. An empty one never matches, because anybody
    /// could sign with it.
    pub secret: &'a [u8],
}

/// Reasons why a webhook isn't authentic. They are fit to be shown to the sender: no secret, no
/// expected value.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum SignatureError {
    /// There is no signature header.
    #[error("the {HEADER} header is missing")]
    Missing,
    /// The header can't be read.
    #[error("the {HEADER} header is malformed: {what}")]
    Malformed {
        /// The part at fault.
        what: &'static str,
    },
    /// No secret makes this signature from this body.
    #[error("the signature matches no secret")]
    Mismatch,
    /// Signed too long ago.
    #[error("the signature of {signed_at} is older than {} seconds", max_age.as_secs())]
    TooOld {
        signed_at: Time,
        /// The greatest age.
        max_age: Duration,
    },
    /// Signed by a clock that is far ahead of this one.
    #[error("the signature of {signed_at} is more than {} seconds ahead", FUTURE_LEEWAY.as_secs())]
    FromFuture { signed_at: Time },
}

impl SignatureError {
    /// Returns the reason as the log sums it.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Missing => "signature_missing",
            Self::Malformed { .. } => "signature_malformed",
            Self::Mismatch => "signature_wrong",
            Self::TooOld { .. } | Self::FromFuture { .. } => "signature_time",
        }
    }
}

/// Checks all that the header alone shows, before there is a body.
///
/// # Errors
/// When the header is missing or malformed, or when its time is more than `max_age` before or
/// [`FUTURE_LEEWAY`] after `received_at`.
pub fn check_header(
    header: Option<&str>,
    received_at: Time,
    max_age: Duration,
) -> Result<(), SignatureError> {
    let signature = Signature::parse(header.ok_or(SignatureError::Missing)?)?;
    signature.check_age(received_at, max_age)
}

/// Returns the owners of all secrets that made the signature of `body`, in the given order.
///
/// Every key is tried and each comparison takes constant time.
///
/// # Errors If the header is missing or malformed, if no key matches, or if the signature's time is
/// out of bounds: more than `max_age` before or [`FUTURE_LEEWAY`] after `received_at`.
pub fn verify<'a>(
    header: Option<&str>,
    body: &[u8],
    keys: impl IntoIterator<Item = Key<'a>>,
    received_at: Time,
    max_age: Duration,
) -> Result<Vec<Owner>, SignatureError> {
    let signature = Signature::parse(header.ok_or(SignatureError::Missing)?)?;
    let owners: Vec<Owner> = keys
        .into_iter()
        .filter(|key| !key.secret.is_empty())
        .filter(|key| {
            let digest = keyed_hash(key.secret, signature.timestamp, body);
            digest.verify_slice(&signature.digest).is_ok()
        })
        .map(|key| key.owner)
        .collect();
    if owners.is_empty() {
        return Err(SignatureError::Mismatch);
    }
    signature.check_age(received_at, max_age)?;
    Ok(owners)
}

/// Returns the header's value for `body`, as GrowSurf would send it: for samples and tests.
pub fn sign(secret: &[u8], signed_at: Time, body: &[u8]) -> String {
    let timestamp = signed_at.millis().to_string();
    let digest = keyed_hash(secret, &timestamp, body).finalize().into_bytes();
    format!("ts={timestamp},v={}", hex::encode(digest))
}

fn keyed_hash(secret: &[u8], timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body);
    mac
}

/// A header taken apart. The timestamp is kept as text, because the text is what was signed.
struct Signature<'a> {
    timestamp: &'a str,
    signed_at: Time,
    digest: [u8; DIGEST_BYTES],
}

impl<'a> Signature<'a> {
    fn parse(header: &'a str) -> Result<Self, SignatureError> {
        let malformed = |what| SignatureError::Malformed { what };
        let (mut timestamp, mut digest) = (None, None);
        for part in header.split(',') {
            // Parts of other names are left alone: GrowSurf may add some.
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let earlier = match name.trim() {
                "ts" => timestamp.replace(value.trim()),
                "v" => digest.replace(value.trim()),
                _ => None,
            };
            if earlier.is_some() {
                return Err(malformed("ts or v is given twice"));
            }
        }
        let timestamp = timestamp.ok_or_else(|| malformed("ts is missing"))?;
        let digest = digest.ok_or_else(|| malformed("v is missing"))?;
        // The digits are checked first, because the parser takes a sign.
        let millis = Some(timestamp)
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| malformed("ts is no time in milliseconds"))?;
        let mut bytes = [0; DIGEST_BYTES];
        hex::decode_to_slice(digest, &mut bytes)
            .map_err(|_| malformed("v is not 64 hexadecimal digits"))?;
        Ok(Self { timestamp, signed_at: Time::from_millis(millis), digest: bytes })
    }

    fn check_age(&self, received_at: Time, max_age: Duration) -> Result<(), SignatureError> {
        let signed_at = self.signed_at;
        if signed_at < received_at.minus(max_age) {
            return Err(SignatureError::TooOld { signed_at, max_age });
        }
        if signed_at > received_at.plus(FUTURE_LEEWAY) {
            return Err(SignatureError::FromFuture { signed_at });
        }
        Ok(())
    }
}
