//! The client against a server of a few lines, which answers with given bytes.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use super::*;
use crate::customerio::response;
use crate::domain::Time;

/// Answers each connection once with the given bytes, `then` does as received, and closes it. Gives
/// what was request.
fn server(bytes: Vec<u8>, then: fn(TcpStream)) -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, received) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let request = read_request(&mut stream);
            stream.write_all(&bytes).ok();
            then(stream);
            if sender.send(request).is_err() {
                break;
            }
        }
    });
    (address, received)
}

fn read_request(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    let mut buffer = [0; 4_096];
    loop {
        let read = stream.read(&mut buffer).unwrap();
        request.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8(request.clone()).unwrap();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
            return text;
        }
    }
}

fn client_with(base_url: &str, timeout: Duration) -> Client {
    let (site_id, api_key) = ("the-site".to_owned(), "the key?>~".into());
    let base_url = Url::parse(base_url).unwrap();
    Client::new(ClientConfig { base_url, site_id, api_key, timeout, connections: 2 }).unwrap()
}

fn client(address: SocketAddr) -> Client {
    client_with(&format!("http://{address}"), Duration::from_secs(10))
}

fn request() -> Request {
    Request {
        method: Method::PUT,
        path: "/api/v1/customers/fay%2Bx%40example.com".to_owned(),
        body: Bytes::from_static(b"{\"a\":1}"),
        retry: 0,
    }
}

fn plain(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len()).into()
}

/// Returns an error and its causes, as a log line has them.
fn chain(error: &dyn std::error::Error) -> String {
    let below = error.source().map(|source| format!(": {}", chain(source)));
    format!("{error}{}", below.unwrap_or_default())
}

#[tokio::test]
async fn a_request_arrives_as_it_was_made() {
    let (address, received) = server(plain("200 OK", "", "{}\n"), drop);
    let client = client_with(&format!("http://{address}/stand-in/"), Duration::from_secs(10));
    let answer = client.send(&Request { retry: 2, ..request() }).await.unwrap();
    assert_eq!((answer.status, &answer.body[..], answer.complete), (200, &b"{}\n"[..], true));
    let request = received.recv().unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "{\"a\":1}");
    let line = "PUT /stand-in/api/v1/customers/fay%2Bx%40example.com HTTP/1.1";
    assert_eq!(head.lines().next(), Some(line));
    for header in [
        // Standard base 64: a `/` where the URL-safe one has a `_`.
        "authorization: Basic dGhlLXNpdGU6dGhlIGtleT8+fg==",
        "content-type: application/json",
        concat!("user-agent: referral-relay/", env!("CARGO_PKG_VERSION")),
        "x-retry-count: 2",
    ] {
        assert!(head.lines().any(|line| line == header), "{header} in {head}");
    }
    assert!(!format!("{client:?}{:?}", client.http).contains("dGhl"));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let location = "location: https://track-eu.customer.io/api\r\nretry-after: 7\r\n";
    let (address, received) = server(plain("301 Moved", location, ""), drop);
    let answer = client(address).send(&request()).await.unwrap();
    assert_eq!(answer.status, 301);
    assert_eq!(answer.location.as_deref(), Some("https://track-eu.customer.io/api"));
    assert_eq!(answer.retry_after.as_deref(), Some("7"));
    assert!(!received.recv().unwrap().contains("x-retry-count"));
    assert!(received.try_recv().is_err());
}

#[tokio::test]
async fn nobody_there_is_a_connect_error() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = client(address).send(&request()).await.unwrap_err();
    assert!(matches!(error, SendError::Connect(_)), "{error:?}");
    assert!(!chain(&error).contains("example.com"), "{}", chain(&error));
    let outcome = response::single(&Err(error), Time::default());
    let reason = outcome.reason().unwrap();
    assert!(reason.starts_with("no connection to customer.io: Connection refused"), "{reason}");
}

#[tokio::test]
async fn silence_is_a_timeout_before_and_within_the_answer() {
    fn wait(stream: TcpStream) {
        thread::sleep(Duration::from_secs(5));
        drop(stream);
    }
    for beginning in [&b""[..], b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}"] {
        let (address, _received) = server(beginning.to_vec(), wait);
        let client = client_with(&format!("http://{address}"), Duration::from_millis(200));
        let error = client.send(&request()).await.unwrap_err();
        assert!(matches!(error, SendError::Timeout(_)), "{error:?}");
        assert!(!chain(&error).contains("example.com"), "{}", chain(&error));
    }
}

#[tokio::test]
async fn half_an_answer_is_none() {
    for half in [
        &b""[..],
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}",
        b"this is no HTTP\r\n\r\n",
    ] {
        let (address, _received) = server(half.to_vec(), drop);
        let error = client(address).send(&request()).await.unwrap_err();
        assert!(matches!(error, SendError::Interrupted(_)), "{error:?}");
        assert!(!chain(&error).contains("example.com"), "{}", chain(&error));
    }
}

#[tokio::test]
async fn no_more_than_the_bound_is_read() {
    for (length, complete) in [(ANSWER_BYTES, true), (ANSWER_BYTES + 1, false), (5_000_000, false)]
    {
        let (address, _received) = server(plain("400 Bad", "", &"x".repeat(length)), drop);
        let answer = client(address).send(&request()).await.unwrap();
        assert_eq!((answer.status, answer.body.len()), (400, ANSWER_BYTES));
        assert_eq!(answer.complete, complete);
    }
}

#[tokio::test]
async fn an_error_never_repeats_the_credentials() {
    let echo = r#"{"meta":{"error":"the key?>~ Basic dGhlLXNpdGU6dGhlIGtleT8+fg== no"}}"#;
    for status in ["400 Bad", "207 Some"] {
        let (address, _received) = server(plain(status, "", echo), drop);
        let answer = client(address).send(&request()).await.unwrap();
        assert_eq!(answer.body, r#"{"meta":{"error":"*** Basic *** no"}}"#);
    }
}

#[tokio::test]
async fn the_region_is_read_or_the_error_is_definite() {
    let body = r#"{"url":"https://track-eu.customer.io","region":"eu","environment_id":7,"x":1}"#;
    let (address, received) = server(plain("200 OK", "", body), drop);
    let region = client(address).region().await.unwrap();
    assert_eq!((region.region.as_str(), region.environment_id), ("eu", 7));
    assert_eq!(region.url, "https://track-eu.customer.io");
    assert!(received.recv().unwrap().starts_with("GET /api/v1/accounts/region HTTP/1.1\r\n"));

    for (status, definite) in
        [("401 No", true), ("404 No", true), ("302 No", true), ("200 OK", true), ("503 No", false)]
    {
        let (address, _received) = server(plain(status, "", "{}"), drop);
        let error = client(address).region().await.unwrap_err();
        assert_eq!(error.is_definite(), definite, "{error}");
        assert_eq!(matches!(error, RegionError::Credentials { .. }), status == "401 No");
    }
    let (address, _received) = server(Vec::new(), drop);
    assert!(!client(address).region().await.unwrap_err().is_definite());
}

#[test]
fn a_base_url_or_site_id_that_would_mislead_is_refused() {
    let build = |base_url: &str, site_id: &str| {
        Client::new(ClientConfig {
            base_url: Url::parse(base_url).unwrap(),
            site_id: site_id.to_owned(),
            api_key: "key".into(),
            timeout: Duration::from_secs(1),
            connections: 1,
        })
    };
    assert!(build("https://track.customer.io", "site").is_ok());
    assert!(matches!(build("https://track.customer.io", "a:b"), Err(ClientError::SiteId)));
    for base_url in ["ftp://h", "http://u@h", "http://u:p@h", "http://h?q", "http://h#f"] {
        assert!(matches!(build(base_url, "site"), Err(ClientError::BaseUrl)), "{base_url}");
    }
}
