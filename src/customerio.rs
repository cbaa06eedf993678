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

use serde::Deserialize;
use strum::IntoStaticStr;
use url::Url;

/// The data centre of a workspace, by its name at Customer.io. The host of another region either
/// redirects or refuses (<https://docs.customer.io/integrations/api/track/>, servers).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Region {
    /// United States.
    Us,
    /// European Union.
    Eu,
}

impl Region {
    /// Returns the host of the Track API.
    pub fn host(self) -> &'static str {
        match self {
            Self::Us => "track.customer.io",
            Self::Eu => "track-eu.customer.io",
        }
    }

    /// Returns the address of the Track API.
    pub fn base_url(self) -> Url {
        let address = format!("https://{}", self.host());
        Url::parse(&address).expect("a constant address is well-formed")
    }

    /// Returns the rule that another base URL breaks by being at Customer.io.
    pub fn base_url_fault(self, base_url: &Url) -> Option<&'static str> {
        let host = base_url.host_str()?;
        if [Self::Us, Self::Eu].iter().any(|region| region.host() == host) {
            if host != self.host() {
                return Some(
                    "is another region's host; set customerio.region and leave this empty",
                );
            }
            return (base_url.path() != "/").then_some("must be the host without a path");
        }
        let is_another = host == "customer.io" || host.ends_with(".customer.io");
        is_another.then_some("is not the Track API; leave it empty for the region's host")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_a_base_url_that_the_region_contradicts() {
        for (region, text, why) in [
            (Region::Us, "https://track-eu.customer.io", Some("customerio.region")),
            (Region::Eu, "https://track.customer.io/", Some("customerio.region")),
            (Region::Eu, "https://track-eu.customer.io", None),
            (Region::Us, "https://track.customer.io/api/v1", Some("without a path")),
            (Region::Us, "https://api.customer.io", Some("not the Track API")),
            (Region::Eu, "https://cdp-eu.customer.io/v1", Some("not the Track API")),
            (Region::Us, "http://127.0.0.1:9000/cio", None),
        ] {
            let fault = region.base_url_fault(&Url::parse(text).unwrap());
            assert_eq!(fault.is_some(), why.is_some(), "{text}: {fault:?}");
            assert!(fault.unwrap_or_default().contains(why.unwrap_or_default()), "{text}");
        }
    }
}
