//! Webhooks as bytes, each of another person.

use std::io::Write;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The secret of the signed candidate.
pub const SECRET: &str = "secret-of-the-benchmark";

/// Number of calls that each webhook leads to: an identify and a track.
pub const CALLS: u64 = 2;

/// Writes what person `n` joining looks like over `body`.
///
/// The guide's shape, because the handler that the relay is compared with knows that one only.
pub fn write_body(n: u64, body: &mut Vec<u8>) {
    body.clear();
    write!(
        body,
        r#"{{"event":"PARTICIPANT_CREATED","participant":{{"email":"person{n}@example.com","firstName":"Pat","lastName":"Number {n}","referralCode":"pat-{n}","shareUrl":"https://shop.example.com?grsf=pat-{n}","referralCount":0,"campaignId":"ct8f71","campaignName":"Example Shop Referral Program"}}}}"#
    )
    .unwrap();
}

/// Writes that person `n` joined as a friend of person `referrer` over `body`.
pub fn write_friend(n: u64, referrer: u64, body: &mut Vec<u8>) {
    write_body(n, body);
    body.pop();
    write!(
        body,
        r#","referrer":{{"email":"person{referrer}@example.com","firstName":"Pat","lastName":"Number {referrer}","referralCode":"pat-{referrer}","shareUrl":"https://shop.example.com?grsf=pat-{referrer}","referralCount":1,"campaignId":"ct8f71"}}}}"#
    )
    .unwrap();
}

/// Makes requests that never repeat.
pub struct Requests {
    signed: bool,
    next: u64,
    millis: i64,
    body: Vec<u8>,
}

impl Requests {
    /// Returns webhooks from person `first` on, signed at `millis`.
    pub fn new(signed: bool, first: u64, millis: i64) -> Self {
        Self { signed, next: first, millis, body: Vec::new() }
    }

    /// Writes the next request over `request`; returns the person's number.
    pub fn write(&mut self, request: &mut Vec<u8>) -> u64 {
        let person = self.next;
        self.next += 1;
        write_body(person, &mut self.body);
        request.clear();
        write!(
            request,
            "POST /api/growsurf-to-cio HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
            self.body.len()
        )
        .unwrap();
        if self.signed {
            let ts = self.millis;
            let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
            mac.update(format!("{ts}.").as_bytes());
            mac.update(&self.body);
            let signature = hex::encode(mac.finalize().into_bytes());
            write!(request, "GrowSurf-Signature: ts={ts},v={signature}\r\n").unwrap();
        }
        request.extend_from_slice(b"\r\n");
        request.extend_from_slice(&self.body);
        person
    }
}
