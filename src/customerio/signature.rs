//! Customer.io's signatures of its webhooks
//! (<https://docs.customer.io/journeys/webhooks/#securely-verify-requests>).

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use thiserror::Error;

use crate::domain::Time;

/// The header with the time of signing, in Unix seconds.
const TIMESTAMP: &str = "x-cio-timestamp";

/// The header with the hexadecimal signature.
const SIGNATURE: &str = "x-cio-signature";

/// The most that Customer.io's clock may be ahead.
const AHEAD: Duration = Duration::from_secs(60 * 60);

/// Reason for refusing a signature. Shown to the sender; says nothing about keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum SignatureError {
    /// A header is missing.
    #[error("header {0} is missing")]
    Missing(&'static str),
    /// A header is malformed.
    #[error("header {0} is malformed")]
    Malformed(&'static str),
    /// No key made the signature.
    #[error("the signature fits none of the keys")]
    Wrong,
    /// The signature is too old, or in the future.
    #[error("the signature's time is out of range; check the clock and customerio.webhook_max_age")]
    OutOfTime,
}

impl SignatureError {
    /// Returns the label in logs.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Missing(_) => "signature_missing",
            Self::Malformed(_) => "signature_malformed",
            Self::Wrong => "signature_wrong",
            Self::OutOfTime => "signature_time",
        }
    }
}

/// Checks the headers before there is a body: present, readable, and at most `max_age` old. `header` returns
/// a header of the request.
///
/// # Errors
/// [`SignatureError`].
pub fn check_headers<'h>(
    header: impl Fn(&'static str) -> Option<&'h str>,
    now: Time,
    max_age: Duration,
) -> Result<(), SignatureError> {
    Signature::parse(header)?.check_age(now, max_age)
}

/// Checks that one of `keys` signed `v0:<timestamp>:<body>` at most `max_age` ago, in constant time. `header`
/// returns a header of the request.
///
/// # Errors
/// [`SignatureError`].
pub fn verify<'h, 'k>(
    header: impl Fn(&'static str) -> Option<&'h str>,
    body: &[u8],
    keys: impl IntoIterator<Item = &'k [u8]>,
    now: Time,
    max_age: Duration,
) -> Result<(), SignatureError> {
    let signature = Signature::parse(header)?;
    // Every key is tried, so that the time doesn't reveal the one that fits.
    let fits = keys.into_iter().fold(false, |fits, key| {
        let mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
        let mac = mac.chain_update("v0:").chain_update(signature.timestamp).chain_update(":");
        mac.chain_update(body).verify_slice(&signature.digest).is_ok() | fits
    });
    if !fits {
        return Err(SignatureError::Wrong);
    }
    signature.check_age(now, max_age)
}

/// The parsed headers. The timestamp's text is what was signed.
struct Signature<'h> {
    timestamp: &'h str,
    signed_at: Time,
    digest: [u8; 32],
}

impl<'h> Signature<'h> {
    fn parse(header: impl Fn(&'static str) -> Option<&'h str>) -> Result<Self, SignatureError> {
        let header = |name| header(name).map(str::trim).ok_or(SignatureError::Missing(name));
        let (timestamp, signature) = (header(TIMESTAMP)?, header(SIGNATURE)?);
        let malformed = SignatureError::Malformed(TIMESTAMP);
        if timestamp.is_empty() || !timestamp.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(malformed);
        }
        let seconds: i64 = timestamp.parse().map_err(|_| malformed)?;
        let signed_at = seconds.checked_mul(1_000_000).map(Time::from_micros).ok_or(malformed)?;
        let mut digest = [0; 32];
        hex::decode_to_slice(signature, &mut digest)
            .map_err(|_| SignatureError::Malformed(SIGNATURE))?;
        Ok(Self { timestamp, signed_at, digest })
    }

    fn check_age(&self, now: Time, max_age: Duration) -> Result<(), SignatureError> {
        if self.signed_at.plus(max_age) < now || self.signed_at > now.plus(AHEAD) {
            return Err(SignatureError::OutOfTime);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    const KEY: &[u8] = b"signing-secret";
    const AT: &str = "1614265384";
    const BODY: &[u8] = br#"{"event_id":"abc","object_type":"email","metric":"delivered"}"#;
    const SIGNED: &str = "6f55cf23f9b73a2ff07733fe04421f64ce9ec5e409696edda6b2a80311944230";
    const NOW: Time = Time::from_seconds(1_614_265_384);
    const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);

    fn check(at: &str, signature: &str, body: &[u8], key: &[u8]) -> Result<(), SignatureError> {
        verify(headers(Some(at), Some(signature)), body, [key], NOW, WEEK)
    }

    /// Returns the headers of a request, either of which may be missing.
    fn headers<'h>(
        at: Option<&'h str>,
        signature: Option<&'h str>,
    ) -> impl Fn(&'static str) -> Option<&'h str> {
        move |name| if name == TIMESTAMP { at } else { signature }
    }

    #[test]
    fn the_published_example_is_believed_whichever_of_the_keys_signed() {
        assert_eq!(check(AT, SIGNED, BODY, KEY), Ok(()));
        assert_eq!(check(AT, &SIGNED.to_uppercase(), BODY, KEY), Ok(()));
        for keys in [[KEY, b"old"], [b"old".as_slice(), KEY]] {
            assert_eq!(verify(headers(Some(AT), Some(SIGNED)), BODY, keys, NOW, WEEK), Ok(()));
        }
    }

    #[test]
    fn whatever_is_tampered_with_is_not() {
        let wrong = Err(SignatureError::Wrong);
        assert_eq!(check("1614265385", SIGNED, BODY, KEY), wrong);
        assert_eq!(check("01614265384", SIGNED, BODY, KEY), wrong);
        assert_eq!(check(AT, SIGNED, b"{}", KEY), wrong);
        assert_eq!(check(AT, SIGNED, &[BODY, b" "].concat(), KEY), wrong);
        assert_eq!(check(AT, SIGNED, BODY, b"signing-secret2"), wrong);
        assert_eq!(check(AT, &SIGNED.replace('6', "7"), BODY, KEY), wrong);
        assert_eq!(verify(headers(Some(AT), Some(SIGNED)), BODY, [], NOW, WEEK), wrong);
        for signature in
            ["", "6f", &SIGNED[..62], &format!("{SIGNED}00"), &SIGNED.replace('6', "g")]
        {
            let malformed = Err(SignatureError::Malformed(SIGNATURE));
            assert_eq!(check(AT, signature, BODY, KEY), malformed, "{signature}");
        }
        for at in ["", "-1614265384", "+1614265384", "1614265384.0", "now", &"9".repeat(30)] {
            let malformed = Err(SignatureError::Malformed(TIMESTAMP));
            assert_eq!(check(at, SIGNED, BODY, KEY), malformed, "{at}");
        }
        let missing = |name| Err(SignatureError::Missing(name));
        assert_eq!(verify(headers(None, Some(SIGNED)), BODY, [KEY], NOW, WEEK), missing(TIMESTAMP));
        assert_eq!(verify(headers(Some(AT), None), BODY, [KEY], NOW, WEEK), missing(SIGNATURE));
    }

    #[test]
    fn an_old_signature_is_refused_and_so_is_one_from_the_future() {
        let at = |now: Time| {
            let verified = verify(headers(Some(AT), Some(SIGNED)), BODY, [KEY], now, WEEK);
            let checked = check_headers(headers(Some(AT), Some(SIGNED)), now, WEEK);
            assert_eq!(checked, verified, "the headers alone show it");
            verified
        };
        assert_eq!(at(NOW.plus(WEEK)), Ok(()));
        assert_eq!(at(NOW.plus(WEEK).plus(Duration::from_secs(1))), Err(SignatureError::OutOfTime));
        assert_eq!(at(NOW.minus(AHEAD)), Ok(()));
        assert_eq!(at(NOW.minus(AHEAD * 2)), Err(SignatureError::OutOfTime));
    }

    proptest! {
        #[test]
        fn nothing_else_is_believed_and_nothing_panics(at in any::<String>(), signature in "[0-9a-f]{0,70}", body in any::<Vec<u8>>()) {
            assert!(check(&at, &signature, &body, KEY).is_err());
        }
    }
}
