//! Customer.io: its Track API as a destination, and its webhooks as a source.
//!
//! What belongs here: how a call becomes an HTTP request (`limits`, then `request`), how an answer
//! becomes an outcome (`answer`, then `response`), and the HTTP client between the two; whether a webhook is its own
//! (`signature`). All but the client is pure. What doesn't: what a webhook says (`sources`), when to send, how often and in what order (`delivery`
//! decides), what to send (`mapping` decides), and settings, which come in as plain values.

pub mod limits;

pub mod request;

pub mod answer;

pub mod response;

pub mod client;

pub mod erasure;

pub mod signature;

mod text;

use url::Url;

/// The address of the Track API in a region, `us` or `eu`; `None` for any other word.
///
/// The region belongs to the account. The wrong host either redirects or refuses
/// (<https://docs.customer.io/integrations/api/track/>, servers).
pub fn base_url(region: &str) -> Option<Url> {
    let address = match region {
        "us" => "https://track.customer.io",
        "eu" => "https://track-eu.customer.io",
        _ => return None,
    };
    Some(Url::parse(address).expect("a constant address is well-formed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_region_has_its_host() {
        assert_eq!(base_url("us").unwrap().as_str(), "https://track.customer.io/");
        assert_eq!(base_url("eu").unwrap().as_str(), "https://track-eu.customer.io/");
        assert_eq!(base_url("EU "), None);
    }
}
