//! GrowSurf's signature header: believed exactly when a second reading of the rules believes it.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use referral_relay::domain::Time;
use referral_relay::sources::growsurf::signature::{Key, Owner, SignatureError, verify};
use sha2::Sha256;

const NOW: i64 = 1_767_225_600_250;
const MAX_AGE: Duration = Duration::from_secs(7 * 24 * 3_600);
const DAY: i64 = 24 * 3_600 * 1_000;

/// The secrets, and what stands in an input for the digest that each of them makes.
const SECRETS: [(&str, &[u8]); 3] =
    [("{v}", b"the secret of all"), ("{w}", b"the secret of one campaign"), ("{0}", b"")];

/// Verifies a signature: the first line is the header, the rest the body.
pub fn signature(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (header, body) = (&data[..end], data.get(end + 1..).unwrap_or_default());
    let Ok(header) = std::str::from_utf8(header) else { return };
    let header = filled(header, body);

    let judged = judge(&header, body);
    let signers = signers(&header, body);
    match &judged {
        Ok(owners) => {
            assert!(!signers.is_empty(), "{header} is believed");
            assert_eq!(*owners, signers, "{header}");
            let mut other = body.to_vec();
            other.push(b' ');
            assert_eq!(judge(&header, &other), Err(SignatureError::Mismatch));
        }
        Err(SignatureError::TooOld { signed_at, .. }) => {
            assert!(!signers.is_empty() && signed_at.millis() < NOW - 7 * DAY, "{header}");
        }
        Err(SignatureError::FromFuture { signed_at }) => {
            assert!(!signers.is_empty() && signed_at.millis() > NOW + DAY, "{header}");
        }
        Err(error) => {
            assert!(signers.is_empty(), "{header} isn't believed: {error}");
            assert!(!error.to_string().is_empty());
        }
    }
}

fn judge(header: &str, body: &[u8]) -> Result<Vec<Owner>, SignatureError> {
    let [all, one, none] = SECRETS.map(|(_, secret)| secret);
    let keys = [(Owner::Global, all), (owner_of_one(), one), (Owner::Global, none)];
    let keys = keys.map(|(owner, secret)| Key { owner, secret });
    verify(Some(header), body, keys, Time::from_millis(NOW), MAX_AGE)
}

fn owner_of_one() -> Owner {
    Owner::Campaign("ct8f71".to_owned())
}

/// Puts digests in the places kept for them, because no fuzzer finds one.
fn filled(header: &str, body: &[u8]) -> String {
    let time = values(header, "ts").first().copied().unwrap_or_default().to_owned();
    SECRETS.iter().fold(header.to_owned(), |header, (place, secret)| {
        header.replace(place, &digest(secret, &time, body))
    })
}

fn digest(secret: &[u8], time: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(&[time.as_bytes(), b".", body].concat());
    hex::encode(mac.finalize().into_bytes())
}

/// Returns all values of a name in the header.
fn values<'a>(header: &'a str, name: &str) -> Vec<&'a str> {
    let pairs = header.split(',').map(|part| part.split_once('=').unwrap_or((part, "")));
    pairs.filter(|(it, _)| it.trim() == name).map(|(_, value)| value.trim()).collect()
}

/// Returns the owners of the secrets that signed the body, at any time.
fn signers(header: &str, body: &[u8]) -> Vec<Owner> {
    let (times, digests) = (values(header, "ts"), values(header, "v"));
    let ([time], [given]) = (times.as_slice(), digests.as_slice()) else { return Vec::new() };
    if time.starts_with(['+', '-']) || time.parse::<i64>().is_err() {
        return Vec::new();
    }
    let [all, one, _] = SECRETS.map(|(_, secret)| secret);
    let signed = |secret| digest(secret, time, body).eq_ignore_ascii_case(given);
    let mut signers = Vec::new();
    signers.extend(signed(all).then_some(Owner::Global));
    signers.extend(signed(one).then(owner_of_one));
    signers
}
