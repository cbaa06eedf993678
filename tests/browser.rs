//! The script for pages in a real browser: the whole way from a landing to a joined profile here, what
//! the script does by itself in the files below.

mod clobbering;
mod privacy;
mod script;

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::kit::browser::{Browser, Chromium};
use crate::kit::http;
use crate::kit::ids::signature;
use crate::kit::relay::{Relay, SECRET, Setup};
use crate::kit::sandbox::Sandbox;
use crate::kit::server::Port;
use crate::kit::shop::{PAGE_KEY, Recorder, Shop};
use crate::kit::webhooks::{CAMPAIGN, email, joined};
use crate::kit::{eventually, now_millis};

/// Returns a shop whose page posts to a recorder.
fn recorded() -> (Recorder, Shop) {
    recorded_at(Port::free())
}

/// Returns the same with the page at this port.
fn recorded_at(port: Port) -> (Recorder, Shop) {
    let recorder = Recorder::start();
    let shop = Shop::open(port, recorder.url(), |_| {});
    (recorder, shop)
}

/// Returns the script's requests in this page, whether they have arrived or not.
#[track_caller]
fn fetched(browser: &Browser) -> Vec<String> {
    let all = browser.run("return fetched.filter((url) => url.includes('/v1/'))");
    serde_json::from_value(all).unwrap()
}

/// Signs a visitor up through the page's form.
#[track_caller]
fn sign_up(browser: &Browser, shop: &Shop, name: &str) -> Value {
    let before = shop.sign_ups().len();
    let shown = "return document.querySelector('output').children.length";
    let lines = browser.run(shown);
    browser.run("document.getElementById('join').reset()");
    browser.fill("[name=email]", &email(name));
    browser.click("form button");
    eventually("the page shows the participant", || browser.run(shown) != lines);
    let mut sign_ups = shop.sign_ups();
    assert_eq!(sign_ups.len(), before + 1, "{sign_ups:?}");
    sign_ups.remove(before)
}

/// Sends the webhook of a sign-up, which GrowSurf knows only from the page.
fn send_webhook(relay: &Relay, reported: &Value) {
    let mut webhook = joined(reported["id"].as_str().unwrap());
    if let Some(referrer) = reported["referredBy"].as_str() {
        webhook = webhook.referred_by(referrer);
    }
    let body = webhook.with("/data/metadata", reported["metadata"].clone()).body();
    let signature = signature(SECRET, now_millis(), body.as_bytes());
    let answer = http::send(relay.post("/webhooks/growsurf", body, Some(signature)));
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[test]
fn a_visitor_lands_signs_up_and_shares_and_all_of_it_is_theirs() {
    let sandbox = Sandbox::start();
    let port = Port::free();
    let origin = port.origin();
    let file = format!(
        "[page]\norigins = [\"{origin}\"]\n\
         [[growsurf.campaigns]]\nid = \"{CAMPAIGN}\"\npage_key = \"{PAGE_KEY}\"\n\
         shares_from = \"page\"\n"
    );
    let relay = Arc::new(Setup::new(&sandbox).file(&file).start());
    relay.accept(&joined("rae"));
    relay.drained();
    let reported = Arc::clone(&relay);
    let shop = Shop::open(port, relay.url(""), move |sign_up| send_webhook(&reported, sign_up));

    // The landing: an unknown visitor came by Rae's link.
    let chromium = Chromium::start();
    let browser = chromium.browser();
    browser.open(&shop.url("/landing?grsf=rae&utm_source=newsletter"));
    eventually("the click is there", || !sandbox.events_named("referral_link_clicked").is_empty());
    let click = sandbox.event("referral_link_clicked");
    let visitor = browser.cookies()[0]["value"].as_str().unwrap().to_owned();
    assert_eq!(click.shown["anonymous_id"], visitor);
    assert_eq!(click.shown["cio_id"], Value::Null, "nobody's yet: {click:?}");
    assert_eq!(click.data()["referral_code"], "rae");
    assert_eq!(click.data()["page"], format!("{origin}/landing"));
    assert_eq!(sandbox.people().len(), 1, "a visitor is nobody yet");

    // The sign-up, which GrowSurf reports.
    let sign_up = sign_up(&browser, &shop, "fay");
    assert_eq!(sign_up["metadata"]["cioAnonymousId"], visitor);
    relay.drained();
    let fay = sandbox.person(&email("fay")).unwrap();
    assert_eq!(fay["anonymous_ids"], json!([visitor]));
    let click = sandbox.event("referral_link_clicked");
    assert_eq!(click.shown["cio_id"], fay["cio_id"], "hers from now on: {click:?}");
    assert_eq!(sandbox.event("referral_friend_signed_up").person(), email("rae"));

    // The share.
    browser.click("[data-share=copyLink]");
    eventually("the share is there", || !sandbox.events_named("referral_shared").is_empty());
    let share = sandbox.event("referral_shared");
    assert_eq!(share.person(), email("fay"));
    assert_eq!(share.data()["share_method"], "link");

    // The next visit is hers at once.
    browser.open(&shop.url("/?grsf=rae-spring"));
    browser.open(&shop.url("/other?grsf=fay"));
    eventually("the click is there", || sandbox.events_named("referral_link_clicked").len() == 2);
    relay.drained();
    let clicks = sandbox.events_named("referral_link_clicked");
    assert!(clicks.iter().all(|it| it.shown["cio_id"] == fay["cio_id"]), "{clicks:?}");
    assert_eq!(relay.dead_letters(), 0);
    assert_eq!(browser.run("return wrong"), json!([]));

    // What it looked like is kept with the build's other products.
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("ci-artefacts");
    browser.open(&shop.url("/landing?grsf=rae"));
    sign_up_again(&browser, &shop);
    browser.picture(&kept.join("browser.png"));
    assert_eq!(std::fs::read(kept.join("browser.png")).unwrap()[..4], *b"\x89PNG");
}

/// Signs Fay up a second time, which GrowSurf doesn't report, and shares in both ways.
#[track_caller]
fn sign_up_again(browser: &Browser, shop: &Shop) {
    sign_up(browser, shop, "fay");
    browser.click("[data-share=facebook]");
    browser.click("[data-share=copyLink]");
}
