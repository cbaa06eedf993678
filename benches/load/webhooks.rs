//! Webhooks as bytes, each of another person.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The secret of the signed candidate.
pub const SECRET: &str = "secret-of-the-benchmark";

/// Makes requests that never repeat within one store.
pub struct Requests {
    signed: bool,
    next: u64,
    millis: i64,
}

impl Requests {
    /// From the first on; `millis` is the time they are signed at.
    pub fn new(signed: bool, millis: i64) -> Self {
        Self { signed, next: 0, millis }
    }

    /// Writes the next request over `request`.
    ///
    /// The guide's shape, because the handler it is compared with knows that one only.
    pub fn write(&mut self, request: &mut Vec<u8>) {
        use std::io::Write;
        let n = self.next;
        self.next += 1;
        let body = format!(
            r#"{{"event":"PARTICIPANT_CREATED","participant":{{"email":"person{n}@example.com","firstName":"Pat","lastName":"Number {n}","referralCode":"pat-{n}","shareUrl":"https://shop.example.com?grsf=pat-{n}","referralCount":0,"campaignId":"ct8f71","campaignName":"Example Shop Referral Program"}}}}"#
        );
        request.clear();
        write!(
            request,
            "POST /api/growsurf-to-cio HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
            body.len()
        )
        .unwrap();
        if self.signed {
            let ts = self.millis;
            let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
            mac.update(format!("{ts}.{body}").as_bytes());
            let signature = hex::encode(mac.finalize().into_bytes());
            write!(request, "GrowSurf-Signature: ts={ts},v={signature}\r\n").unwrap();
        }
        write!(request, "\r\n{body}").unwrap();
    }
}
