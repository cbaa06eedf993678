//! HTTP Basic authentication: site id as user, Track API key as password.
//!
//! The sandbox has no accounts, so any pair will do, but it must be well-formed and neither part
//! may be empty.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, header};

/// Returns true if the request carries a site id and a key.
pub(super) fn is_authorized(headers: &HeaderMap) -> bool {
    credentials(headers).is_some_and(|(site_id, key)| !site_id.is_empty() && !key.is_empty())
}

fn credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }

    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (site_id, key) = decoded.split_once(':')?;
    Some((site_id.to_owned(), key.to_owned()))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn authorized(value: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::AUTHORIZATION,
            HeaderValue::from_str(value).expect("the tests' headers are ASCII"),
        );
        is_authorized(&headers)
    }

    #[test]
    fn any_pair_of_site_id_and_key_will_do() {
        assert!(authorized("Basic c2l0ZTprZXk="));
        assert!(authorized("basic c2l0ZTprZXk="));
    }

    #[test]
    fn everything_else_is_refused() {
        assert!(!is_authorized(&HeaderMap::new()));
        assert!(!authorized("Bearer c2l0ZTprZXk="));
        // These are `site:`, `:key` and `site`.
        assert!(!authorized("Basic c2l0ZTo="));
        assert!(!authorized("Basic OmtleQ=="));
        assert!(!authorized("Basic c2l0ZQ=="));
        assert!(!authorized("Basic ???"));
    }
}
