//! Refusals by headers: before a body is read, and in place of the word to go on.

use std::io::Write;
use std::time::{Duration, Instant};

use super::{PROMPT, connect, head, plausible, request, rest, say, statuses};
use crate::kit::relay::{Relay, Setup};
use crate::kit::sandbox::Sandbox;
use crate::kit::{now_millis, now_seconds};

const TOKEN: &str = "the-token-of-the-backend-of-the-tests";
const DAY: i64 = 24 * 60 * 60;

/// Returns a relay on which every route is there.
fn with_everything(sandbox: &Sandbox) -> Relay {
    let setup = Setup::new(sandbox).set("api.token", TOKEN);
    let setup = setup.set("customerio.reporting_keys", "the-reporting-key-of-the-tests");
    let setup = setup.set("customerio.action_keys", "the-action-key-of-the-tests");
    let setup = setup.set("admin.token", "the-token-of-the-administrator");
    let setup = setup.file(
        "[page]\norigins = [\"https://shop.example.com\"]\n\
         [[growsurf.campaigns]]\nid = \"ct8f71\"\npage_key = \"pk_spring\"\n",
    );
    setup.set("server.body_timeout", "60s").start()
}

fn to(path: &str, length: usize, more: &str) -> String {
    head(length, more).replace("/webhooks/growsurf", path)
}

#[test]
fn what_headers_alone_refuse_is_refused_before_a_byte_of_the_body() {
    let sandbox = Sandbox::start();
    let relay = with_everything(&sandbox);
    let (millis, seconds, hex) = (now_millis(), now_seconds(), "0".repeat(64));
    let growsurf = |text: String| format!("GrowSurf-Signature: {text}\r\n");
    let customerio = |at: &str, signature: &str| {
        format!("X-CIO-Timestamp: {at}\r\nX-CIO-Signature: {signature}\r\n")
    };
    let of_webhooks = [
        String::new(),
        growsurf(String::new()),
        growsurf("nothing".to_owned()),
        growsurf(format!("ts={millis}")),
        growsurf(format!("v={hex}")),
        growsurf(format!("ts={millis},v={}", &hex[1..])),
        growsurf(format!("ts={millis},v={hex},v={hex}")),
        growsurf(format!("ts=-{millis},v={hex}")),
        growsurf(format!("ts=now,v={hex}")),
        growsurf(format!("ts={},v={hex}", millis - 8 * DAY * 1000)),
        growsurf(format!("ts={},v={hex}", millis + 2 * DAY * 1000)),
        growsurf(format!("ts=0,v={hex}")),
    ];
    let of_reports = [
        String::new(),
        customerio("", &hex),
        customerio("now", &hex),
        customerio(&seconds.to_string(), ""),
        customerio(&seconds.to_string(), &hex[2..]),
        customerio(&(seconds - 9 * DAY).to_string(), &hex),
        customerio(&(seconds + DAY).to_string(), &hex),
        format!("X-CIO-Timestamp: {seconds}\r\n"),
        format!("X-CIO-Signature: {hex}\r\n"),
        plausible(),
    ];
    let of_events = [
        String::new(),
        "Authorization: Bearer\r\n".to_owned(),
        "Authorization: Bearer wrong\r\n".to_owned(),
        format!("Authorization: Basic {TOKEN}\r\n"),
    ];
    let paths: [(&str, &[String]); 5] = [
        ("/webhooks/growsurf", &of_webhooks),
        ("/api/growsurf-to-cio", &of_webhooks),
        ("/webhooks/customerio/reporting", &of_reports),
        ("/webhooks/customerio/action", &of_reports),
        ("/v1/events", &of_events),
    ];
    for (path, headers) in paths {
        for more in headers {
            for expects in ["", "Expect: 100-continue\r\n"] {
                let began = Instant::now();
                let mut stream = connect(&relay);
                let more = format!("{more}{expects}");
                stream.write_all(to(path, 1_000_000, &more).as_bytes()).unwrap();
                // Nobody sends the body, and the connection ends with that side of it.
                stream.shutdown(std::net::Shutdown::Write).unwrap();
                let answer = rest(&stream);
                assert_eq!(statuses(&answer), [401], "{path} {more}: {answer}");
                assert!(answer.to_lowercase().contains("\r\nconnection: close"), "{answer}");
                assert!(began.elapsed() < PROMPT, "{path} {more} took {:?}", began.elapsed());
            }
        }
    }
    // Wrong tokens are counted by themselves.
    let all = of_webhooks.len() * 4 + of_reports.len() * 4;
    let counted = relay.count("relay_webhooks_total{outcome=\"unauthorized\"}");
    assert_eq!(counted, f64::from(u32::try_from(all).unwrap()));
}

#[test]
fn a_coded_body_is_refused_wherever_one_can_be_posted() {
    let sandbox = Sandbox::start();
    let relay = with_everything(&sandbox);
    let token = format!("Authorization: Bearer {TOKEN}\r\n");
    let admin = "Authorization: Bearer the-token-of-the-administrator\r\n";
    for (path, more) in [
        ("/webhooks/growsurf", plausible().as_str()),
        ("/api/growsurf-to-cio", plausible().as_str()),
        ("/webhooks/customerio/reporting", ""),
        ("/webhooks/customerio/action", ""),
        ("/v1/events", token.as_str()),
        ("/v1/clicks", "Origin: https://shop.example.com\r\n"),
        ("/v1/shares", "Origin: https://shop.example.com\r\n"),
        ("/admin/dead-letters/1/redeliver", admin),
        ("/admin/dead-letters/1/discard", admin),
    ] {
        for coding in ["gzip", "x-gzip", "GZIP", "deflate", "br", "zstd", "identity, gzip"] {
            let more = format!("{more}Content-Encoding: {coding}\r\n");
            let answer = say(&relay, (to(path, 2, &more) + "{}").as_bytes());
            assert_eq!(statuses(&answer), [415], "{path} {coding}: {answer}");
        }
        for coding in ["gzip, chunked", "x-gzip,chunked", "deflate , chunked"] {
            let head = to(path, 2, more).replace("Content-Length: 2\r\n", "");
            let head =
                head.replace("\r\n\r\n", &format!("\r\nTransfer-Encoding: {coding}\r\n\r\n"));
            let answer = say(&relay, (head + "2\r\n{}\r\n0\r\n\r\n").as_bytes());
            assert_eq!(statuses(&answer), [415], "{path} {coding}: {answer}");
        }
        let twice = format!("{more}Content-Encoding: identity\r\nContent-Encoding: gzip\r\n");
        assert_eq!(
            statuses(&say(&relay, (to(path, 2, &twice) + "{}").as_bytes())),
            [415],
            "{path}"
        );
    }
    // Before the body, and in place of the word to go on.
    let began = Instant::now();
    let more = plausible() + "Content-Encoding: gzip\r\nExpect: 100-continue\r\n";
    assert_eq!(statuses(&say(&relay, head(5_000, &more).as_bytes())), [415]);
    assert!(began.elapsed() < Duration::from_secs(10));
    for (number, coding) in
        ["identity", "Identity", "identity, identity", "", ","].iter().enumerate()
    {
        let more = format!("Content-Encoding: {coding}\r\nConnection: close\r\n");
        let name = format!("fay{number}");
        assert_eq!(statuses(&say(&relay, &request(&name, &more))), [200], "{coding}");
    }
}
