//! Origins of web pages, just as browsers write them in the `Origin` header.

use url::Url;

use crate::config::value::Expected;

/// Reads an origin: scheme, host, and the port unless it is the scheme's own.
///
/// # Errors
/// Names what a browser never sends, or what it sends instead.
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
    let sent = url.origin().ascii_serialization();
    if sent == text { Ok(sent) } else { Err(expected(&format!("here {sent:?}"))) }
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
            ("*", None),
            ("null", None),
            ("shop.example.com", None),
            ("file:///index.html", None),
            ("https://", None),
            ("", None),
        ] {
            let told = origin(text).unwrap_err().to_string();
            match sent {
                Some(sent) => assert!(told.ends_with(&format!("here {sent:?}")), "{text}: {told}"),
                None => assert!(!told.contains("here"), "{text}: {told}"),
            }
            assert!(!told.contains("hush"), "{told}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in any::<String>()) {
            let _ = origin(&text);
        }
    }
}
