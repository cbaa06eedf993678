//! Cross-site requests: a page of another site can't act with an operator's session.
//!
//! The rule is that of Go's `net/http.CrossOriginProtection`: browsers say in `Sec-Fetch-Site` where a
//! request comes from; older ones send `Origin`, which must name this host.

use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::failure::Failure;

/// Refuses requests that change something and come from another site, 403.
pub async fn refuse_cross_site(request: Request, next: Next) -> Response {
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD);
    if is_safe || is_same_origin(request.headers()) {
        return next.run(request).await;
    }
    let detail = "this request comes from another site, or names none: it has neither \
                  `Sec-Fetch-Site: same-origin` nor an `Origin` of this host. A proxy in between must \
                  pass these headers and `Host` on.";
    Failure::new(StatusCode::FORBIDDEN, detail).into_response()
}

/// True if a request comes from this site, or carries no cookie that a browser would add by itself.
fn is_same_origin(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if headers.contains_key("sec-fetch-site") {
        return matches!(text("sec-fetch-site"), Some("same-origin" | "none"));
    }
    if headers.contains_key(header::ORIGIN) {
        let origin = text(header::ORIGIN.as_str()).and_then(|origin| origin.split_once("://"));
        return origin.is_some_and(|(_, host)| Some(host) == text(header::HOST.as_str()));
    }
    !headers.contains_key(header::COOKIE)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn only_requests_of_this_site_change_anything() {
        for (given, is_same) in [
            (&[("sec-fetch-site", "same-origin")][..], true),
            (&[("sec-fetch-site", "none")], true),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("sec-fetch-site", "cross-site"), ("origin", "http://r:1"), ("host", "r:1")], false),
            (&[("origin", "http://r:1"), ("host", "r:1")], true),
            (&[("origin", "https://r"), ("host", "r")], true),
            (&[("origin", "http://r:2"), ("host", "r:1")], false),
            (&[("origin", "null"), ("host", "r:1")], false),
            (&[("host", "r:1"), ("cookie", "a=b")], false),
            (&[("host", "r:1")], true),
        ] {
            let header = |(name, value): &(&'static str, &'static str)| {
                (HeaderName::from_static(name), HeaderValue::from_static(value))
            };
            let headers: HeaderMap = given.iter().map(header).collect();
            assert_eq!(is_same_origin(&headers), is_same, "{given:?}");
        }
    }
}
