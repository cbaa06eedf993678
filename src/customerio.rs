//! Customer.io's Track API, and the signatures of its webhooks.
//!
//! What belongs here: requests (`limits`, then `request`), outcomes (`answer`, then `response`), the HTTP
//! client, and signatures. All but the client is pure. What doesn't: the content of webhooks (`sources`), the
//! time and order of sending (`delivery`), and the content of calls (`mapping`).

pub mod limits;

pub mod request;

pub mod answer;

pub mod response;

pub mod client;

pub mod erasure;

pub mod signature;

mod text;

use url::Url;

/// Returns the address of the Track API in a region, `us` or `eu`.
///
/// The region belongs to the account. The other host redirects or refuses
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
