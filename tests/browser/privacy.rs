//! Cases in which the script stores and posts nothing.

use serde_json::{Value, json};

use super::{fetched, recorded, sign_up};
use crate::kit::browser::{Browser, Chromium, Habits};
use crate::kit::eventually;

/// Returns the traces of a visit in this browser: cookies, and names in the session's storage.
#[track_caller]
fn kept(browser: &Browser) -> (usize, Value) {
    (browser.cookies().len(), browser.run("return Object.keys(sessionStorage)"))
}

/// Signs up and shares, and asserts that the relay got no post and GrowSurf no id.
#[track_caller]
fn says_nothing(browser: &Browser, shop: &crate::kit::shop::Shop, name: &str) {
    let sign_up = sign_up(browser, shop, name);
    browser.click("[data-share=facebook]");
    assert_eq!(sign_up["metadata"].get("cioAnonymousId"), None, "{sign_up}");
    assert_eq!(fetched(browser), [""; 0]);
    assert_eq!(browser.run("return referralRelay.id()"), Value::Null);
    assert_eq!(kept(browser), (0, json!([])));
    assert_eq!(browser.run("return wrong"), json!([]));
}

#[test]
fn visitors_who_refuse_tracking_are_not_tracked() {
    let (recorder, shop) = recorded();
    let chromium = Chromium::start();
    let shy = chromium.browser_with(&Habits { do_not_track: true, ..Habits::default() });
    shy.open(&shop.url("/?grsf=rae"));
    assert_eq!(shy.run("return navigator.doNotTrack"), "1");
    says_nothing(&shy, &shop, "fay");
    // The page's word doesn't count more than the visitor's.
    shy.run("referralRelay.consent(true)");
    says_nothing(&shy, &shop, "zoe");

    // The same by Global Privacy Control, turned on later by a visitor with an id.
    let browser = chromium.browser();
    browser.open(&shop.url("/?grsf=rae"));
    eventually("the click is reported", || recorder.bodies("/v1/clicks").len() == 1);
    assert_eq!(kept(&browser), (1, json!(["rr_click:rae"])));
    shop.early(
        "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {get: () => true})",
    );
    browser.open(&shop.url("/?grsf=ned"));
    says_nothing(&browser, &shop, "ann");
    assert_eq!(recorder.requests().len(), 1);
}

#[test]
fn nothing_is_stored_or_reported_before_consent() {
    let (recorder, shop) = recorded();
    let chromium = Chromium::start();
    let browser = chromium.browser();
    shop.tag("data-consent=\"wait\"");
    browser.open(&shop.url("/?grsf=rae"));
    says_nothing(&browser, &shop, "fay");

    // The landing is reported once it may be, an earlier share isn't.
    browser.run("referralRelay.consent(true)");
    eventually("the click is reported", || recorder.bodies("/v1/clicks").len() == 1);
    let first = recorder.bodies("/v1/clicks").remove(0);
    browser.run("referralRelay.consent(true)");
    assert_eq!(fetched(&browser).len(), 1);
    assert_eq!(browser.run("return referralRelay.id()"), first["anonymous_id"]);
    browser.click("[data-share=facebook]");
    eventually("the share is reported", || recorder.bodies("/v1/shares").len() == 1);

    // Without consent, the id is deleted and nothing is reported.
    browser.run("referralRelay.consent(false)");
    assert_eq!(kept(&browser), (0, json!([])));
    browser.click("[data-share=facebook]");
    assert_eq!(fetched(&browser).len(), 2);
    assert_eq!(browser.run("return referralRelay.id()"), Value::Null);

    // With new consent it is another visitor; the landing was reported before.
    browser.run("referralRelay.consent(true)");
    let second = browser.run("return referralRelay.id()");
    assert!(second.is_string() && second != first["anonymous_id"], "{second}");
    assert_eq!(fetched(&browser).len(), 2);
}

#[test]
fn an_answer_that_came_before_the_script_counts() {
    let (recorder, shop) = recorded();
    let chromium = Chromium::start();
    let browser = chromium.browser();
    shop.tag("data-consent=\"wait\"");
    shop.early("window.referralRelay = {consent: true}");
    browser.open(&shop.url("/?grsf=rae"));
    eventually("the click is reported", || recorder.bodies("/v1/clicks").len() == 1);
    assert_eq!(kept(&browser).0, 1);

    // Without an answer on the next page it waits again, and keeps the id until there is one.
    shop.early("");
    browser.open(&shop.url("/?grsf=ned"));
    assert_eq!(fetched(&browser), [""; 0]);
    assert_eq!((kept(&browser).0, browser.run("return referralRelay.id()")), (1, Value::Null));

    shop.tag("");
    shop.early("window.referralRelay = {consent: false}");
    browser.open(&shop.url("/?grsf=ann"));
    says_nothing(&browser, &shop, "fay");
}
