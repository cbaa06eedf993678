//! Proxies that the environment puts between the relay and the services that it calls.
//!
//! The HTTP clients go through the proxies of `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and their
//! lower-case forms, but for this machine and for hosts of `NO_PROXY`. What belongs here: saying so. What
//! doesn't: the calls.

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;

use crate::config::Settings;
use crate::config::sources::Sources;
use crate::domain::is_loopback;
use crate::options::masked::Masked;

/// Returns a warning for each service that is called through a proxy.
pub(super) fn warnings(sources: &Sources, settings: &Settings) -> Vec<String> {
    // As the clients do, so that CGI's header `Proxy:` names none.
    if sources.environment().contains_key("REQUEST_METHOD") {
        return Vec::new();
    }
    let first = |names: [&str; 2]| {
        let found = names.iter().find_map(|name| sources.environment().get(*name));
        found.map_or("", String::as_str)
    };
    let matcher = Matcher::builder()
        .all(first(["ALL_PROXY", "all_proxy"]))
        .http(first(["HTTP_PROXY", "http_proxy"]))
        .https(first(["HTTPS_PROXY", "https_proxy"]))
        .no(first(["NO_PROXY", "no_proxy"]))
        .build();
    let customerio = &settings.customerio;
    let of_region = || format!("https://{}", customerio.region.host());
    let customerio_url = customerio.base_url.as_ref().map_or_else(of_region, ToString::to_string);
    let growsurf = &settings.growsurf;
    let growsurf_url = growsurf.has_api_key().then(|| growsurf.base_url.to_string());
    let urls = [Some(customerio_url), growsurf_url].into_iter().flatten();
    urls.filter_map(|url| {
        let uri: Uri = url.parse().ok()?;
        if uri.host().is_some_and(is_loopback) {
            return None;
        }
        let proxy = matcher.intercept(&uri)?.uri().to_string();
        let host = uri.host()?;
        Some(format!(
            "calls to {host}, which carry credentials, go through the proxy {}, which the environment \
             names; NO_PROXY={host} leaves it out",
            Masked(&proxy)
        ))
    })
    .collect()
}
