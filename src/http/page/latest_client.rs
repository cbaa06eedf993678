//! Recognition of a proxy that `server.trusted_proxies` doesn't list: one private address makes every post.
//!
//! Behind such a proxy all visitors share one client's limit, and their posts are dropped in silence.

use std::net::IpAddr;

/// The number of posts without another client's after which a private address stands out.
const STANDS_OUT: u32 = 50;

/// The client of the latest post, and how many it made since another client's.
#[derive(Debug, Default)]
pub struct LatestClient {
    address: Option<IpAddr>,
    posts: u32,
}

impl LatestClient {
    /// Counts a post. Returns true when its client begins to stand out, false when another one ends that.
    pub fn count(&mut self, client: IpAddr) -> Option<bool> {
        let stood_out = self.posts >= STANDS_OUT && self.address.is_some_and(is_private);
        if self.address == Some(client) {
            self.posts = self.posts.saturating_add(1);
        } else {
            *self = Self { address: Some(client), posts: 1 };
        }
        let stands_out = self.posts >= STANDS_OUT && is_private(client);
        (stands_out != stood_out).then_some(stands_out)
    }
}

/// True if the address belongs to no visitor from the internet.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_loopback() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts the posts of a client one by one; returns what changed.
    fn changes(latest: &mut LatestClient, client: &str, posts: u32) -> Vec<bool> {
        let client = client.parse().unwrap();
        (0..posts).filter_map(|_| latest.count(client)).collect()
    }

    #[test]
    fn a_private_address_stands_out_until_another_client_posts() {
        let mut latest = LatestClient::default();
        assert_eq!(changes(&mut latest, "172.17.0.1", STANDS_OUT - 1), [false; 0]);
        assert_eq!(changes(&mut latest, "172.17.0.1", 200), [true]);
        assert_eq!(changes(&mut latest, "203.0.113.9", 200), [false]);
        assert_eq!(changes(&mut latest, "fd00::1", STANDS_OUT), [true]);
        assert_eq!(changes(&mut latest, "::1", 1), [false]);
    }
}
