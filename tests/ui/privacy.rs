//! Personal data and secrets: in no page, no header and no log line of the role `view`.

use serde_json::json;

use super::accessibility::log_in;
use super::{crawl, filled};
use crate::kit::browser::{Browser, Chromium};
use crate::kit::eventually;
use crate::kit::http;
use crate::kit::pages::{OPERATE, VIEW, page, session, started};
use crate::kit::relay::{API_KEY, SECRET};
use crate::kit::sandbox::Sandbox;
use crate::kit::webhooks::joined;

/// A name that breaks out of texts, attributes, templates and lines where it isn't escaped.
const HOSTILE: &str = "<img src=x onerror=\"window.breached = 1\">\"><svg onload=breached=1></script>\
    {{7*7}}{% raw %}\u{202e}\0'";

/// The personal data of `filled`, and the secrets of the relay. Masked addresses show their first letter and
/// their host.
const HIDDEN: [&str; 12] = [
    "fay@",
    "rae@",
    "%40example.com",
    "Fay",
    "Rae",
    "Tester",
    "PROMO_20_OFF",
    "internal-note-of-the-team",
    SECRET,
    API_KEY,
    OPERATE,
    VIEW,
];

#[test]
fn viewers_see_no_personal_data_and_no_secret() {
    let sandbox = Sandbox::start();
    let mut relay = started(&sandbox);
    filled(&sandbox, &relay);
    let cookie = session(&relay, VIEW);
    let paths = crawl(&relay, &cookie);
    for shape in ["/ui/people/", "/ui/webhooks/", "/ui/events/", "/ui/dead/letter/"] {
        assert!(paths.iter().any(|it| it.starts_with(shape)), "{shape}: {paths:?}");
    }
    for path in &paths {
        let request = http::client().get(relay.url(path)).header("Cookie", &cookie);
        let json = http::send(request.header("Accept", "application/json"));
        for answer in [page(&relay, path, &cookie), json] {
            let shown = format!("{path} {:?} {}", answer.headers, answer.body);
            for hidden in HIDDEN {
                assert!(!shown.contains(hidden), "{hidden} on {path}: {}", answer.body);
            }
        }
    }
    let log = relay.whole_log().join("\n");
    for hidden in HIDDEN {
        assert!(!log.contains(hidden), "{hidden} in the log: {log}");
    }
}

#[test]
fn names_of_outsiders_change_no_element() {
    let chromium = Chromium::start();
    let [plain, hostile] = ["Fay", HOSTILE].map(|name| {
        let sandbox = Sandbox::start();
        let relay = started(&sandbox);
        let webhook = joined("fay").with("/data/firstName", name).with("/data/lastName", name);
        let webhook = relay.accept(&webhook.with("/data/metadata/companyName", name));
        let odd = joined("ann").with("/event", format!("EVENT {name}")).with("/data/id", name);
        let odd = relay.must("parked", &odd)["id"].as_str().unwrap().to_owned();
        relay.drained();
        let browser = chromium.browser();
        log_in(&browser, &relay, OPERATE);
        let mut trees = Vec::new();
        let mut look = |browser: &Browser| {
            let path = browser.url().replace(&relay.url(""), "");
            // The charts of the Overview grow with time. Its last table holds what outsiders chose.
            let selector = if path == "/ui" { "main > .scroll:last-of-type *" } else { "*" };
            let tree = format!(
                "return [...document.querySelectorAll('{selector}')].map((it) => it.tagName).join()"
            );
            trees.push((path, browser.run(&tree)));
            assert_eq!(browser.run("return window.breached"), json!(null));
        };
        for id in [webhook, odd] {
            browser.open(&relay.url(&format!("/ui/webhooks/{id}")));
            look(&browser);
            browser.click("form[action$=reveal] button");
            eventually("it is revealed", || !browser.source().contains("/reveal\""));
            let shown = if name == "Fay" { "Fay" } else { "&lt;img" };
            assert!(browser.source().contains(shown));
            look(&browser);
        }
        browser.fill("#q", "fay@example.com");
        browser.click("[role=search] button");
        eventually("the person is shown", || browser.url().contains("/ui/people/"));
        look(&browser);
        browser.click("form[action$=reveal] button");
        eventually("the person is revealed", || browser.source().contains("fay@example.com"));
        look(&browser);
        for path in ["/ui", "/ui/webhooks", "/ui/parked"] {
            browser.open(&relay.url(path));
            look(&browser);
        }
        assert_eq!(browser.console(), [""; 0]);
        trees
    });
    assert_eq!(plain.len(), hostile.len());
    for ((path, plain), (_, hostile)) in plain.into_iter().zip(hostile) {
        assert_eq!(plain, hostile, "{path}");
    }
}
