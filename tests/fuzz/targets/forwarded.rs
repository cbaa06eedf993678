//! `Forwarded` and `X-Forwarded-For`: only entries of trusted proxies count.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName, HeaderValue};
use referral_relay::http::client_ip;
use referral_relay::options::network::Network;

/// Reads the peer, a line of trusted networks, then headers.
pub fn forwarded(data: &[u8]) {
    let mut lines = data.split(|byte| *byte == b'\n');
    let mut text = || std::str::from_utf8(lines.next().unwrap_or_default()).unwrap_or_default();
    let Ok(peer) = text().parse::<IpAddr>() else { return };
    let trusted: Vec<Network> = text().split(',').filter_map(|it| it.parse().ok()).collect();
    let header = |line: &[u8]| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        Some((name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?))
    };
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(header) {
        headers.append(name, value);
    }
    judge(peer, &headers, &trusted);
}

fn judge(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) {
    let client = client_ip(SocketAddr::new(peer, 4711), headers, trusted);
    let is_trusted = |ip: IpAddr| trusted.iter().any(|network| network.contains(ip));
    let peer = peer.to_canonical();
    assert_eq!(client, client.to_canonical());
    if !is_trusted(peer) {
        assert_eq!(client, peer, "a peer that nobody trusts speaks for itself");
    }
    if client != peer {
        let reported = ["forwarded", "x-forwarded-for"].map(|name| headers.get_all(name));
        let mut reported = reported.iter().flatten().flat_map(|value| value.as_bytes());
        let digits = reported.any(u8::is_ascii_hexdigit);
        assert!(digits || client.is_unspecified(), "{client} stands in no header");
    }
    if !headers.contains_key("x-forwarded-for") && headers.contains_key("forwarded") {
        return;
    }
    // From the near end on, each entry of a trusted sender, as far as addresses can be read.
    let mut nearest = peer;
    let reported = headers.get_all("x-forwarded-for").iter();
    let reported: Vec<_> =
        reported.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    let reported: Vec<&str> =
        reported.iter().flat_map(|value| value.split(',')).map(str::trim).collect();
    for text in reported.into_iter().rev() {
        // Ports and brackets are left to the parser itself.
        if text.contains(['"', '[', ']']) || (text.contains('.') && text.contains(':')) {
            return;
        }
        match text.parse::<IpAddr>() {
            Ok(ip) if is_trusted(nearest) => nearest = ip.to_canonical(),
            _ => break,
        }
    }
    assert_eq!(client, nearest);
}
