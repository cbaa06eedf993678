//! Origins of web pages, just as browsers write them in the `Origin` header.

use serde::{Deserialize, Deserializer};
use url::{Host, Url};

use crate::options::Expected;

/// Reads a list of origins.
pub fn origins<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    Ok(Vec::deserialize(from)?.into_iter().map(|Origin(origin)| origin).collect())
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Origin(String);

impl TryFrom<String> for Origin {
    type Error = Expected;

    fn try_from(text: String) -> Result<Self, Expected> {
        origin(&text).map(Self)
    }
}

/// Reads an origin: scheme, host, and the port unless it is the scheme's own.
pub fn origin(text: &str) -> Result<String, Expected> {
    let expected = |why: &str| {
        let rule = "an origin as browsers send it, such as \"https://shop.example.com\"";
        Expected::from(format!("{rule}: {why}"))
    };
    if text.contains('*') {
        return Err(expected("name each host, because a browser sends no \"*\""));
    }
    let form = "scheme, host, and the port unless it is the scheme's own";
    let url = Url::parse(text).map_err(|_| expected(form))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(expected(form));
    }
    if let Some(fault) = url.host().and_then(|host| host_fault(&host)) {
        return Err(expected(fault));
    }
    if url.port() == Some(0) {
        return Err(expected("no page is at port 0"));
    }
    let sent = url.origin().ascii_serialization();
    if sent == text { Ok(sent) } else { Err(expected(&format!("here {sent:?}"))) }
}

/// The most bytes of a name in the DNS, and of the part between two dots (RFC 1035, 2.3.4).
const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;

/// Returns the rule that a host breaks if no page can be there. An underscore isn't a fault: no host
/// should have one, but browsers open pages of those that do.
fn host_fault(host: &Host<&str>) -> Option<&'static str> {
    let Host::Domain(name) = host else { return None };
    let is_letter = |it: u8| it.is_ascii_alphanumeric() || b"-_".contains(&it);
    if name.ends_with('.') {
        return Some("the host ends without a dot");
    }
    if name.split('.').any(str::is_empty) {
        return Some("a host has a name before each dot");
    }
    if !name.split('.').all(|label| label.bytes().all(is_letter)) {
        return Some(
            "a host has letters, digits and hyphens, and a list names each origin by itself",
        );
    }
    let is_long = name.len() > MAX_NAME || name.split('.').any(|label| label.len() > MAX_LABEL);
    is_long.then_some("no host has so long a name")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::origin;

    #[test]
    fn accepts_what_browsers_send() {
        for text in [
            "https://shop.example.com",
            "http://127.0.0.1:8080",
            "http://[::1]:3000",
            "https://xn--caf-dma.example",
            "https://my_shop.example.com",
            "http://localhost:3000",
            "http://shop",
        ] {
            assert_eq!(origin(text).as_deref(), Ok(text));
        }
    }

    #[test]
    fn refuses_what_no_browser_sends_and_names_what_it_does() {
        for (text, sent) in [
            ("https://shop.example.com/", Some("https://shop.example.com")),
            ("https://shop.example.com/cart?a=b#c", Some("https://shop.example.com")),
            ("https://ann:hush@shop.example.com", Some("https://shop.example.com")),
            ("HTTPS://Shop.Example.com", Some("https://shop.example.com")),
            ("https://shop.example.com:443", Some("https://shop.example.com")),
            ("https://caf\u{e9}.example", Some("https://xn--caf-dma.example")),
            ("https://*.example.com", None),
            ("https://.example.com", None),
            ("https://shop..example.com", None),
            ("https://shop.example.com.", None),
            ("https://.", None),
            ("https://shop.example.com,shop2.example.com", None),
            ("https://shop.example.com;", None),
            ("https://shop.example.com\"", None),
            ("https://'shop.example.com", None),
            ("https://(shop).example.com", None),
            ("https://shop.example.com:0", None),
            (&format!("https://{}.example", "a".repeat(64)), None),
            (&format!("https://{}example", "a.".repeat(130)), None),
            ("*", None),
            ("null", None),
            ("shop.example.com", None),
            ("file:///index.html", None),
            ("https://", None),
            ("", None),
        ] {
            let shown = origin(text).unwrap_err().to_string();
            match sent {
                Some(sent) => {
                    assert!(shown.ends_with(&format!("here {sent:?}")), "{text}: {shown}")
                }
                None => assert!(!shown.contains("here"), "{text}: {shown}"),
            }
            assert!(!shown.contains("hush"), "{shown}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in any::<String>()) {
            let _ = origin(&text);
        }
    }
}
