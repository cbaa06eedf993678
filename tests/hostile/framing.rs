//! Requests that aren't quite HTTP.

use std::io::{Read, Write};

use serde_json::Value;

use super::{MIB, connect, head, plausible, request, rest, say, statuses, takes_promptly};
use crate::kit::relay::{Relay, Setup};
use crate::kit::sandbox::Sandbox;

#[test]
fn what_is_not_quite_http_is_refused_and_nothing_of_it_is_believed() {
    let sandbox = Sandbox::start();
    let setup = Setup::new(&sandbox).set("server.header_timeout", "1s");
    let relay = setup.set("server.body_timeout", "1s").start();
    let good = request("fay", "");
    let plausible = plausible();
    let chunked = |chunks: &str, more: &str| {
        let head = "POST /webhooks/growsurf HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n";
        format!("{head}{plausible}{more}\r\n{chunks}").into_bytes()
    };
    let long = format!("GET /healthz HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(MIB));
    let many = "X: y\r\n".repeat(100_000);
    let many = format!("GET /healthz HTTP/1.1\r\nHost: a\r\n{many}\r\n");
    let path = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(MIB));
    let two_lengths = String::from_utf8(good.clone()).unwrap();
    let two_lengths = two_lengths.replacen("Host: a", "Content-Length: 5\r\nHost: a", 1);
    for (what, bytes, allowed) in [
        ("nothing", Vec::new(), &[][..]),
        ("noise", (0..=255).cycle().take(100_000).collect(), &[400]),
        (
            "the preface of HTTP/2",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec(),
            &[400, 505],
        ),
        ("a TLS hello", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03".to_vec(), &[400]),
        ("a long header", long.into_bytes(), &[431]),
        ("many headers", many.into_bytes(), &[431, 400]),
        ("a long path", path.into_bytes(), &[414, 431, 400]),
        ("two lengths", two_lengths.into_bytes(), &[400]),
        ("a length that is no number", head(0, "").replace(" 0", " 1e3").into_bytes(), &[400]),
        ("a length below zero", head(0, "").replace(" 0", " -1").into_bytes(), &[400]),
        (
            "a length beyond numbers",
            head(0, "").replace(" 0", " 99999999999999999999").into_bytes(),
            &[400],
        ),
        ("a huge length", head(usize::MAX / 4, &plausible).into_bytes(), &[413]),
        ("less than announced", head(5_000, &plausible).into_bytes(), &[400, 408]),
        (
            "a chunk that isn't as long as it says",
            chunked("5\r\nhello world\r\n0\r\n\r\n", ""),
            &[400],
        ),
        ("a chunk without a length", chunked("zz\r\nhello\r\n0\r\n\r\n", ""), &[400]),
        ("a chunk of all there is", chunked("ffffffffffffffff\r\nhello", ""), &[400, 408]),
        ("a chunk longer than numbers", chunked("fffffffffffffffff\r\nhello", ""), &[400]),
        ("chunks that never end", chunked("5\r\nhello\r\n", ""), &[400, 408]),
        ("a length and chunks", chunked("0\r\n\r\n", "Content-Length: 3\r\n"), &[400, 401]),
    ] {
        let answer = say(&relay, &bytes);
        // The first answer counts, and there may be none: what comes behind it isn't read.
        let first = statuses(&answer).first().copied();
        assert!(first.is_none_or(|status| allowed.contains(&status)), "{what}: {answer}");
    }
    assert_eq!(relay.metric("relay_webhooks_total{outcome=\"accepted\"}").unwrap_or(0.0), 0.0);
    // A good request, and garbage behind it in the same breath: the good one counts.
    let answer = say(&relay, &[good.as_slice(), b"\0\xff garbage\r\n\r\n"].concat());
    assert_eq!(statuses(&answer)[0], 200, "{answer}");
    // Two good ones in one breath are two.
    let two = [request("ann", ""), request("ben", "Connection: close\r\n")].concat();
    assert_eq!(statuses(&say(&relay, &two)), [200, 200]);
    assert_eq!(relay.metric("relay_webhooks_total{outcome=\"accepted\"}"), Some(3.0));
    takes_promptly(&relay, "rae");
}

#[test]
fn a_client_that_expects_100_continue_gets_it_or_the_refusal() {
    let sandbox = Sandbox::start();
    let relay = Relay::start(&sandbox);
    let whole = String::from_utf8(request("fay", "Expect: 100-continue\r\nConnection: close\r\n"));
    let whole = whole.unwrap();
    let (head_of_it, body) = whole.split_at(whole.find("\r\n\r\n").unwrap() + 4);
    let mut stream = connect(&relay);
    stream.write_all(head_of_it.as_bytes()).unwrap();
    let mut reported = [0; 25];
    stream.read_exact(&mut reported).unwrap();
    assert_eq!(&reported, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(body.as_bytes()).unwrap();
    let answer = rest(&stream);
    let document = answer.split("\r\n\r\n").nth(1).unwrap();
    let document: Value = serde_json::from_str(document).unwrap();
    assert_eq!(document["status"], "accepted");
    // Too large: the refusal comes instead of the word to go on.
    let mut stream = connect(&relay);
    stream
        .write_all(head(9 * MIB, &(plausible() + "Expect: 100-continue\r\n")).as_bytes())
        .unwrap();
    let answer = rest(&stream);
    assert_eq!(statuses(&answer), [413], "{answer}");
}
