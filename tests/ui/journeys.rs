//! The way of an operator through the pages, by keyboard alone and without scripts.

use super::accessibility::log_in;
use super::filled;
use crate::kit::browser::{Browser, Chromium, Habits};
use crate::kit::eventually;
use crate::kit::pages::{OPERATE, started};
use crate::kit::sandbox::Sandbox;

const TAB: &str = "\u{e004}";
const ENTER: &str = "\u{e007}";

/// Presses the tabulator until the focus is where it should be.
#[track_caller]
fn tab_to(browser: &Browser, wanted: &str) {
    let mut passed = Vec::new();
    for _ in 0..80 {
        browser.press(TAB);
        let focused = browser.focused();
        if focused.starts_with(wanted) {
            return;
        }
        passed.push(focused);
    }
    panic!("the keyboard doesn't reach {wanted:?} on {}: {passed:?}", browser.url());
}

/// Goes with the keyboard to an element and presses Enter there; waits until a page is open that has the text.
#[track_caller]
fn enter(browser: &Browser, wanted: &str, expected: &str) {
    tab_to(browser, wanted);
    browser.press(ENTER);
    eventually(&format!("{wanted:?} leads to {expected:?}"), || {
        browser.source().contains(expected)
    });
}

/// Logs in, finds a person, redelivers a dead letter and logs out.
fn journey(browser: &Browser) {
    let sandbox = Sandbox::start();
    let relay = started(&sandbox);
    filled(&sandbox, &relay);
    browser.open(&relay.url("/ui"));
    assert_eq!(browser.url(), relay.url("/ui/login"));
    tab_to(browser, "token");
    browser.press(OPERATE);
    tab_to(browser, "name");
    browser.press("Kim");
    browser.press(ENTER);
    eventually("the overview is open", || browser.source().contains("<h1>Overview</h1>"));

    tab_to(browser, "q");
    browser.press("fay@example.com");
    browser.press(ENTER);
    eventually("the person is shown", || browser.source().contains("referral_program_joined"));
    assert!(browser.url().contains("/ui/people/") && !browser.url().contains("fay"));

    enter(browser, "Dead letters", "<h1>Dead letters</h1>");
    // The only cause, then its only letter.
    let cause = link(browser, "/ui/dead/");
    enter(browser, &cause, "/ui/dead/letter/");
    let letter = link(browser, "/ui/dead/letter/");
    enter(browser, &letter, "<h1>Dead letter ");
    enter(browser, "Redeliver", "<h1>");
    relay.drained();
    assert_eq!(relay.dead_letters(), 0);
    enter(browser, "Log out", "for the audit");
    browser.open(&relay.url("/ui"));
    assert_eq!(browser.url(), relay.url("/ui/login"), "the session is over");
}

/// Returns the text of the first link of the page's content that begins with the path.
#[track_caller]
fn link(browser: &Browser, path: &str) -> String {
    browser.text(&format!("main a[href^=\"{path}\"]"))
}

#[test]
fn an_operator_needs_no_mouse() {
    journey(&Chromium::start().browser());
}

#[test]
fn an_operator_needs_no_script() {
    let chromium = Chromium::start();
    let habits = Habits { no_script: true, ..Habits::default() };
    let browser = chromium.browser_with(&habits);
    journey(&browser);
    // That scripts are off is seen where one would change the page.
    let sandbox = Sandbox::start();
    let relay = started(&sandbox);
    filled(&sandbox, &relay);
    log_in(&browser, &relay, OPERATE);
    browser.open(&relay.url("/ui/dead"));
    assert!(!browser.source().contains(">Copy<"));
}
