//! Signatures: true ones, forged ones, old ones, unreadable ones.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::Value;

use crate::domain::Time;
use crate::sources::growsurf::signature::{
    FUTURE_LEEWAY, Key, Owner, SignatureError, sign, verify,
};

const SECRET: &[u8] = b"not a secret";
const BODY: &[u8] = b"{\"event\":\"X\"}";
const SIGNED_AT: Time = Time::from_millis(1_767_225_600_250);
const MAX_AGE: Duration = Duration::from_secs(7 * 24 * 3_600);

fn judge(header: &str, body: &[u8], secret: &[u8], at: Time) -> Result<Vec<Owner>, SignatureError> {
    verify(Some(header), body, [Key { owner: Owner::Global, secret }], at, MAX_AGE)
}

#[test]
fn the_vectors_hold_and_tampered_ones_do_not() {
    let file: Value = serde_json::from_str(include_str!("signature-vectors.json")).unwrap();
    let vectors = file["vectors"].as_array().unwrap();
    assert_eq!(vectors.len(), 4);
    for vector in vectors {
        let text = |name: &str| vector[name].as_str().unwrap();
        let (secret, body, header) = (text("secret").as_bytes(), text("body"), text("header"));
        let at = Time::from_millis(vector["ts"].as_i64().unwrap());
        assert_eq!(sign(secret, at, body.as_bytes()), header);
        assert_eq!(judge(header, body.as_bytes(), secret, at), Ok(vec![Owner::Global]));

        let longer = format!("{body} ");
        let later = header.replacen("ts=1", "ts=2", 1);
        let other = sign(b"another", at, body.as_bytes());
        let parsed: Value = serde_json::from_str(body).unwrap();
        for (header, body, secret) in [
            (header, longer.as_bytes(), secret),
            (header, &body.as_bytes()[1..], secret),
            (header, body.as_bytes(), &secret[1..]),
            (&later, body.as_bytes(), secret),
            (&other, body.as_bytes(), secret),
        ] {
            assert_eq!(judge(header, body, secret, at), Err(SignatureError::Mismatch));
        }
        let again = parsed.to_string();
        if again != body {
            let judged = judge(header, again.as_bytes(), secret, at);
            assert_eq!(judged, Err(SignatureError::Mismatch), "raw bytes are signed");
        }
    }
}

#[test]
fn any_secret_and_any_bytes_can_be_signed() {
    // Computed with another implementation of HMAC.
    for (secret, millis, body, digest) in [
        (
            &b"k"[..],
            1,
            &b""[..],
            "37c39ff90c9eaf98b76f1cf1a38399fa408e930f34e04a5179d0dc6489fe9c78",
        ),
        (
            "schlüssel, mit Komma".as_bytes(),
            1_767_225_600_250,
            b"{}",
            "9e8aea714a1dd54812681e71a7916027f182eff9b46289a9631876855368649a",
        ),
        (
            &[b'x'; 100],
            1_767_225_600_250,
            b"\x00\xff",
            "64774a96618a35b5be8fde50512afbf3e0fe4f594a68c9ca122956c4813dc093",
        ),
    ] {
        let at = Time::from_millis(millis);
        let header = format!("ts={millis},v={digest}");
        assert_eq!(sign(secret, at, body), header);
        assert_eq!(judge(&header, body, secret, at), Ok(vec![Owner::Global]));
    }
}

#[test]
fn all_owners_whose_secret_matches_are_returned() {
    let campaign = |id: &str| Owner::Campaign(id.to_owned());
    let keys = || {
        [
            Key { owner: Owner::Global, secret: b"old" },
            Key { owner: Owner::Global, secret: SECRET },
            Key { owner: campaign("a"), secret: b"of a" },
            Key { owner: campaign("b"), secret: SECRET },
            Key { owner: campaign("c"), secret: b"" },
        ]
    };
    for (secret, expected) in [
        (SECRET, Ok(vec![Owner::Global, campaign("b")])),
        (b"of a", Ok(vec![campaign("a")])),
        (b"unknown", Err(SignatureError::Mismatch)),
        (b"", Err(SignatureError::Mismatch)),
    ] {
        let header = sign(secret, SIGNED_AT, BODY);
        assert_eq!(verify(Some(&header), BODY, keys(), SIGNED_AT, MAX_AGE), expected);
    }
    let header = sign(SECRET, SIGNED_AT, BODY);
    let none = verify(Some(&header), BODY, [], SIGNED_AT, MAX_AGE);
    assert_eq!(none, Err(SignatureError::Mismatch));
}

#[test]
fn a_signature_has_an_age() {
    let header = sign(SECRET, SIGNED_AT, BODY);
    let moment = Duration::from_millis(1);
    let too_old = SignatureError::TooOld { signed_at: SIGNED_AT, max_age: MAX_AGE };
    let ahead = SignatureError::FromFuture { signed_at: SIGNED_AT };
    for (received_at, expected) in [
        (SIGNED_AT.plus(MAX_AGE), Ok(vec![Owner::Global])),
        (SIGNED_AT.plus(MAX_AGE + moment), Err(too_old.clone())),
        (SIGNED_AT.minus(FUTURE_LEEWAY), Ok(vec![Owner::Global])),
        (SIGNED_AT.minus(FUTURE_LEEWAY + moment), Err(ahead.clone())),
    ] {
        assert_eq!(judge(&header, BODY, SECRET, received_at), expected, "{received_at}");
    }
    let forged = judge(&header, BODY, b"other", SIGNED_AT.plus(2 * MAX_AGE));
    assert_eq!(forged, Err(SignatureError::Mismatch), "only an authentic webhook is called old");
    let text = "the signature of 2026-01-01T00:00:00.250Z is older than 604800 seconds";
    assert_eq!(too_old.to_string(), text);
    let text = "the signature of 2026-01-01T00:00:00.250Z is more than 86400 seconds ahead";
    assert_eq!(ahead.to_string(), text);
}

#[test]
fn the_header_is_read_by_name() {
    let header = sign(SECRET, SIGNED_AT, BODY);
    let (ts, v) = header.split_once(',').unwrap();
    let upper = format!("v={}", v[2..].to_uppercase());
    for readable in [
        format!("{v},{ts}"),
        format!(" {ts} , {v} "),
        format!("{},{}", ts.replace('=', " = "), v.replace('=', "= ")),
        format!("{ts},v2=abc=d,{v},flag,"),
        format!("{ts},{upper}"),
    ] {
        let judged = judge(&readable, BODY, SECRET, SIGNED_AT);
        assert_eq!(judged, Ok(vec![Owner::Global]), "{readable}");
    }

    let none = verify(None, BODY, [], SIGNED_AT, MAX_AGE);
    assert_eq!(none, Err(SignatureError::Missing));
    assert_eq!(none.unwrap_err().to_string(), "the growsurf-signature header is missing");
    let (time, digits) = ("ts is no time in milliseconds", "v is not 64 hexadecimal digits");
    for (header, what) in [
        (String::new(), "ts is missing"),
        (v.to_owned(), "ts is missing"),
        (ts.to_owned(), "v is missing"),
        (format!("ts,{v}"), time),
        (format!("ts=,{v}"), time),
        (format!("ts=+1,{v}"), time),
        (format!("ts=-1,{v}"), time),
        (format!("ts=1.5,{v}"), time),
        (format!("ts=99999999999999999999,{v}"), time),
        (format!("{ts},v="), digits),
        (format!("{header}0"), digits),
        (format!("{ts},v={}", "g".repeat(64)), digits),
        (format!("{ts},v={}", "é".repeat(32)), digits),
        (format!("{header},{v}"), "ts or v is given twice"),
        (format!("{ts},{header}"), "ts or v is given twice"),
    ] {
        let judged = judge(&header, BODY, SECRET, SIGNED_AT);
        assert_eq!(judged, Err(SignatureError::Malformed { what }), "{header}");
    }
}

proptest! {
    #[test]
    fn what_is_signed_verifies_and_one_bit_less_does_not(
        body in prop::collection::vec(any::<u8>(), 1..200),
        secret in prop::collection::vec(any::<u8>(), 1..200),
        millis in 0..=i64::MAX / 1_000,
        place in any::<prop::sample::Index>(),
        bit in 0..8_u8,
    ) {
        let at = Time::from_millis(millis);
        let header = sign(&secret, at, &body);
        prop_assert_eq!(judge(&header, &body, &secret, at), Ok(vec![Owner::Global]));
        let mut other = body;
        let place = place.index(other.len());
        other[place] ^= 1 << bit;
        prop_assert_eq!(judge(&header, &other, &secret, at), Err(SignatureError::Mismatch));
    }
}
