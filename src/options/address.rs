//! Addresses of HTTP APIs.

use url::Url;

use crate::options::Expected;

/// Returns a URL with nothing in it but where the API is.
pub fn plain_url(text: &str) -> Result<Url, Expected> {
    let expected = || {
        Expected::from(
            "a URL such as \"http://127.0.0.1:9000\" without user, password, query or fragment",
        )
    };
    let url = Url::parse(text).map_err(|_| expected())?;
    let is_plain = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if matches!(url.scheme(), "http" | "https") && is_plain { Ok(url) } else { Err(expected()) }
}
