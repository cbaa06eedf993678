//! The client of a request: the peer, or the one that trusted proxies name.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::http::HeaderMap;

use crate::options::network::Network;

/// The part of an IPv6 address that one client can't change at will: the first 64 bits.
const NETWORK: u128 = !0 << 64;

/// Returns the key of a client in limits: its address, of IPv6 the /64 network.
pub fn network(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & NETWORK)),
        v4 => v4,
    }
}

/// True if the address is a trusted proxy's.
pub fn is_trusted(ip: IpAddr, trusted: &[Network]) -> bool {
    trusted.iter().any(|network| network.contains(ip))
}

/// Returns the address of the client, for logs and limits. Walks the chain of proxies from the near end,
/// and trusts each entry only as long as all nearer ones are trusted (RFC 7239, 8.1).
pub fn client_ip(peer: SocketAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let mut client = peer.ip().to_canonical();
    if !is_trusted(client, trusted) {
        return client;
    }
    for ip in forwarded_for(headers).into_iter().rev() {
        if !is_trusted(client, trusted) {
            break;
        }
        let Some(ip) = ip else { break };
        client = ip;
    }
    client
}

/// Returns the chain that the headers name, far end first; `None` where an entry is no address.
///
/// Where there is an `X-Forwarded-For`, `Forwarded` is ignored. Most proxies write the former alone
/// and pass on the client's own `Forwarded`, which may name anybody.
fn forwarded_for(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    // Bytes that are no text spoil their own entry only, not what a proxy appended behind them.
    let values = |name| {
        let values = headers.get_all(name).iter();
        values.map(|value| String::from_utf8_lossy(value.as_bytes()))
    };
    if headers.contains_key("x-forwarded-for") {
        let nodes = values("x-forwarded-for");
        return nodes.flat_map(|it| it.split(',').map(address).collect::<Vec<_>>()).collect();
    }
    values("forwarded")
        .flat_map(|it| {
            split_unquoted(&it, b',').into_iter().map(forwarded_node).collect::<Vec<_>>()
        })
        .collect()
}

/// Returns the address that an element of `Forwarded` names; `None` if it names several nodes or none.
fn forwarded_node(element: &str) -> Option<IpAddr> {
    let pairs = split_unquoted(element, b';').into_iter().filter_map(|it| it.split_once('='));
    let mut nodes = pairs.filter(|(name, _)| name.trim().eq_ignore_ascii_case("for"));
    let (_, node) = nodes.next()?;
    if nodes.next().is_some() { None } else { address(node) }
}

/// Returns the parts of a text between separators outside quoted strings (RFC 7239, 4).
///
/// It reads from the end, where the nearest proxy wrote: a quote that a client left open before can't
/// swallow the proxy's own entry.
fn split_unquoted(text: &str, separator: u8) -> Vec<&str> {
    let bytes = text.as_bytes();
    let (mut parts, mut end, mut is_quoted) = (Vec::new(), text.len(), false);
    for at in (0..text.len()).rev() {
        let byte = bytes[at];
        if byte == b'"' {
            let escapes = bytes[..at].iter().rev().take_while(|it| **it == b'\\').count();
            is_quoted ^= !is_quoted || escapes % 2 == 0;
        } else if byte == separator && !is_quoted {
            parts.push(&text[at + 1..end]);
            end = at;
        }
    }
    parts.push(&text[..end]);
    parts.reverse();
    parts
}

/// Reads `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `"[2001:db8::1]:80"`.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"');
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<IpAddr>().ok().or_else(with_port).map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::header::FORWARDED;

    use super::*;

    fn client(peer: &str, headers: &[(&'static str, &'static str)], trusted: &[&str]) -> String {
        let trusted: Vec<Network> = trusted.iter().map(|text| text.parse().unwrap()).collect();
        let headers = headers.iter().map(|(name, value)| {
            (name.parse().unwrap(), axum::http::HeaderValue::from_bytes(value.as_bytes()).unwrap())
        });
        client_ip(peer.parse().unwrap(), &headers.collect(), &trusted).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let xff = [("x-forwarded-for", "203.0.113.9, 198.51.100.7, 10.0.0.2")];
        assert_eq!(client("192.0.2.1:5", &xff, &[]), "192.0.2.1");
        assert_eq!(client("10.0.0.1:5", &xff, &["10.0.0.0/8"]), "198.51.100.7");
        let all = ["10.0.0.0/8", "198.51.100.7"];
        assert_eq!(client("10.0.0.1:5", &xff, &all), "203.0.113.9");
        let spoofed = [("x-forwarded-for", "unknown, 10.0.0.2")];
        assert_eq!(client("10.0.0.1:5", &spoofed, &["10.0.0.0/8"]), "10.0.0.2");
    }

    #[test]
    fn a_client_is_its_ipv4_address_or_its_ipv6_network() {
        let same = |one: &str, other: &str| {
            network(one.parse().unwrap()) == network(other.parse().unwrap())
        };
        assert!(same("2001:db8:1:2::1", "2001:db8:1:2:ffff::7"));
        assert!(!same("2001:db8:1:2::1", "2001:db8:1:3::1"));
        assert!(same("203.0.113.9", "::ffff:203.0.113.9"));
        assert!(!same("203.0.113.9", "203.0.113.10"));
    }

    #[test]
    fn the_standard_header_is_read_where_it_is_the_only_one() {
        let standard = ("forwarded", "for=\"[2001:db8::7]:4711\";proto=https");
        assert_eq!(client("10.0.0.1:5", &[standard], &["10.0.0.0/8"]), "2001:db8::7");
    }

    #[test]
    fn what_stands_in_quotes_of_the_standard_header_names_nobody() {
        let proxied = |client: &str| format!("{client}, for=203.0.113.9;host=\"a.example\"");
        for header in [
            r#"for=203.0.113.9;host="a, for=192.0.2.66""#.to_owned(),
            r#"for=203.0.113.9;host="a;for=192.0.2.66""#.to_owned(),
            r#"host="a\", for=192.0.2.66";for=203.0.113.9"#.to_owned(),
            r#"host="a\\";for="203.0.113.9:80""#.to_owned(),
            // What the client left open, or closed once too often, is its own.
            proxied(r#"for=192.0.2.66;host=""#),
            proxied(r#"for="192.0.2.66"#),
            proxied(r#"for=192.0.2.66;host="a""#),
            proxied(r#"for=192.0.2.66;host="a\"#),
            proxied(r#"for=192.0.2.66\""#),
        ] {
            let headers = HeaderMap::from_iter([(FORWARDED, header.parse().unwrap())]);
            let trusted = ["10.0.0.0/8".parse().unwrap()];
            let client = client_ip("10.0.0.1:5".parse().unwrap(), &headers, &trusted);
            assert_eq!(client.to_string(), "203.0.113.9", "{header}");
        }
        let twice = ("forwarded", "for=192.0.2.66;for=203.0.113.9");
        assert_eq!(client("10.0.0.1:5", &[twice], &["10.0.0.0/8"]), "10.0.0.1");
    }

    #[test]
    fn what_a_client_says_of_itself_past_its_proxy_isnt_believed() {
        let own = ("forwarded", "for=192.0.2.66");
        for header in ["203.0.113.9", "192.0.2.7, 203.0.113.9", "\u{e9}, 203.0.113.9"] {
            let headers = [own, ("x-forwarded-for", header)];
            assert_eq!(client("10.0.0.1:5", &headers, &["10.0.0.0/8"]), "203.0.113.9", "{header}");
        }
    }
}
