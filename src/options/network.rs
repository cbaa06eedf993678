//! A network of IP addresses, such as `10.0.0.0/8`, or one address.
//!
//! Only what trusting proxies needs: reading one, and testing an address.

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use serde_with::DeserializeFromStr;

use crate::options::Expected;

/// A network of IP addresses; a single address is a network of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, DeserializeFromStr)]
pub struct Network(IpNet);

impl Network {
    /// True if every address of a family is in the network.
    pub fn is_everybody(&self) -> bool {
        self.0.prefix_len() == 0
    }

    /// True if the address is in the network; an IPv4 address written as IPv6 (`::ffff:10.0.0.1`)
    /// counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl FromStr for Network {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        let expected = "an IP address or network such as \"10.0.0.7\" or \"10.0.0.0/8\"";
        network.map(Self).map_err(|_| expected.into())
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use proptest::prelude::{any, proptest};

    use super::Network;

    #[test]
    fn contains_its_addresses_only() {
        for (network, address, inside) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("10.0.0.7", "10.0.0.7", true),
            ("10.0.0.7", "10.0.0.6", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "::1", false),
            ("::/0", "2001:db8::1", true),
            ("2001:db8::/32", "2001:db8:1::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
        ] {
            let network: Network = network.parse().unwrap();
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(network.contains(address), inside, "{network:?} {address}");
        }
    }

    #[test]
    fn refuses_the_rest() {
        for text in ["", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0/8", "10.0.0.0/+8", "host"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in any::<String>(), address: IpAddr, prefix: u8) {
            let _ = text.parse::<Network>();
            if let Ok(network) = format!("{address}/{prefix}").parse::<Network>() {
                assert!(network.contains(address) || address != address.to_canonical());
            }
        }
    }
}
