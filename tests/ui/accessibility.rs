//! The operator's pages for everybody: faults that axe-core finds, small and large windows, light and dark
//! colours, and what a browser complains about.

use serde_json::{Value, json};

use super::{crawl, filled};
use crate::kit::browser::{Browser, Chromium};
use crate::kit::eventually;
use crate::kit::libraries::Libraries;
use crate::kit::pages::{OPERATE, session, started};
use crate::kit::relay::Relay;
use crate::kit::sandbox::Sandbox;

/// The looks of a page: width, height and colours.
const LOOKS: [(u32, u32, &str); 4] =
    [(1280, 900, "light"), (1280, 900, "dark"), (390, 844, "light"), (390, 844, "dark")];

/// Logs in through the form.
#[track_caller]
pub fn log_in(browser: &Browser, relay: &Relay, token: &str) {
    browser.open(&relay.url("/ui/login"));
    browser.fill("#token", token);
    browser.fill("#name", "Kim");
    browser.click("main button");
    eventually("the overview is open", || browser.url() == relay.url("/ui"));
}

/// Returns the faults of the page that is open, in each look.
#[track_caller]
fn faults(browser: &Browser, axe: &str) -> Vec<Value> {
    let mut faults = Vec::new();
    for (width, height, scheme) in LOOKS {
        browser.look(width, height, scheme);
        let found = browser.run(&format!(
            "{axe}; return axe.run(document, {{resultTypes: ['violations']}}).then((found) =>
                 found.violations.map((it) => [it.id, it.nodes.map((node) => node.html)]))"
        ));
        let found = found.as_array().unwrap().iter();
        faults.extend(found.map(|it| json!([width, scheme, it])));
        let is_too_wide = "return document.documentElement.scrollWidth > innerWidth";
        if browser.run(is_too_wide) == true {
            faults.push(json!([width, scheme, "wider than the window"]));
        }
    }
    faults
}

/// Opens pages and asserts that none has a fault.
#[track_caller]
fn assert_faultless(browser: &Browser, relay: &Relay, paths: &[String], axe: &str) {
    let mut all = Vec::new();
    for path in paths {
        browser.open(&relay.url(path));
        let found = faults(browser, axe);
        if !found.is_empty() {
            all.push(json!({ path: found }));
        }
        // A page that refuses says so with its status, which is no fault of the page.
        let is_status = |line: &String| line.contains("the server responded with a status of 4");
        let complaints: Vec<_> =
            browser.console().into_iter().filter(|it| !is_status(it)).collect();
        assert!(complaints.is_empty(), "{path}: {complaints:?}");
    }
    assert!(all.is_empty(), "{}", serde_json::to_string_pretty(&all).unwrap());
}

#[test]
fn no_page_has_a_fault_of_accessibility_in_any_look() {
    let axe = Libraries::installed().axe();
    let sandbox = Sandbox::start();
    let relay = started(&sandbox);
    let chromium = Chromium::start();
    let browser = chromium.browser();
    browser.open(&relay.url("/ui/login"));
    assert_eq!(faults(&browser, &axe), [] as [Value; 0], "log in");
    log_in(&browser, &relay, OPERATE);
    let cookie = session(&relay, OPERATE);
    let mut empty = crawl(&relay, &cookie);
    empty.extend(["/ui/nowhere", "/ui/people/999"].map(str::to_owned));
    assert_faultless(&browser, &relay, &empty, &axe);

    filled(&sandbox, &relay);
    let full = crawl(&relay, &cookie);
    assert!(full.len() > empty.len() && full.iter().any(|it| it.contains("/people/")), "{full:?}");
    assert_faultless(&browser, &relay, &full, &axe);
}

#[test]
fn a_first_visit_takes_few_requests_and_all_of_them_to_the_relay() {
    let sandbox = Sandbox::start();
    let relay = started(&sandbox);
    filled(&sandbox, &relay);
    let chromium = Chromium::start();
    for path in ["/ui/login", "/ui"] {
        let browser = chromium.browser();
        if path == "/ui" {
            log_in(&browser, &relay, OPERATE);
            browser.open(&relay.url(path));
        } else {
            browser.open(&relay.url(path));
        }
        let loaded = browser.run(
            "const kinds = ['navigation', 'resource'];
             const all = kinds.flatMap((kind) => performance.getEntriesByType(kind));
             return all.map((it) => [it.name, it.decodedBodySize])",
        );
        let loaded = loaded.as_array().unwrap();
        assert!((2..=4).contains(&loaded.len()), "{path}: {loaded:?}");
        let own = relay.url("/ui");
        assert!(loaded.iter().all(|it| it[0].as_str().unwrap().starts_with(&own)), "{loaded:?}");
        let bytes: u64 = loaded.iter().map(|it| it[1].as_u64().unwrap()).sum();
        assert!((1_000..110_000).contains(&bytes), "{path}: {loaded:?}");
    }
}
