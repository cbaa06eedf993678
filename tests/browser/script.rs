//! Posts of the script, and their number.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::{fetched, recorded, recorded_at, sign_up};
use crate::kit::browser::{Chromium, Habits};
use crate::kit::eventually;
use crate::kit::server::Port;
use crate::kit::shop::PAGE_KEY;
use crate::kit::webhooks::email;

const SCRIPT: &str = include_str!("../../src/http/page/relay.js");

/// Returns true if it is a UUID of random bits.
fn is_uuid(id: &Value) -> bool {
    let parts: Vec<&str> = id.as_str().unwrap_or("").split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    lengths == [8, 4, 4, 4, 12]
        && parts.iter().all(|part| part.bytes().all(is_hex))
        && parts[2].starts_with('4')
        && parts[3].starts_with(['8', '9', 'a', 'b'])
}

#[track_caller]
fn fields(body: &Value) -> Vec<&str> {
    let mut fields: Vec<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    fields
}

#[test]
fn it_is_small() {
    let mut gzip = Command::new("gzip")
        .args(["-9", "-n", "-c"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    gzip.stdin.take().unwrap().write_all(SCRIPT.as_bytes()).unwrap();
    let size = gzip.wait_with_output().unwrap().stdout.len();
    assert!((500..3_000).contains(&size), "{size} bytes compressed");
}

#[test]
fn a_click_and_a_share_are_reported_with_ids_alone() {
    let (recorder, shop) = recorded();
    let chromium = Chromium::start();
    let browser = chromium.browser();
    browser.open(&shop.url("/"));
    assert_eq!(browser.cookies(), [] as [Value; 0], "there is nothing to say yet");
    assert_eq!(fetched(&browser), [""; 0]);

    browser.open(&shop.url("/a/page?grsf=rae&email=zoe@example.com#top"));
    eventually("the click is reported", || recorder.bodies("/v1/clicks").len() == 1);
    let click = recorder.bodies("/v1/clicks").remove(0);
    assert_eq!(fields(&click), ["anonymous_id", "click_id", "grsf", "key", "page"]);
    assert_eq!((&click["key"], &click["grsf"]), (&json!(PAGE_KEY), &json!("rae")));
    assert_eq!(click["page"], shop.url("/a/page"));
    assert!(is_uuid(&click["anonymous_id"]) && is_uuid(&click["click_id"]), "{click}");

    sign_up(&browser, &shop, "fay");
    // That GrowSurf is ready may be said twice.
    browser.run("dispatchEvent(new Event('grsfReady'))");
    browser.click("[data-share=facebook]");
    assert_eq!(fetched(&browser).len(), 2);
    eventually("the share is reported", || recorder.bodies("/v1/shares").len() == 1);
    let share = recorder.bodies("/v1/shares").remove(0);
    assert_eq!(fields(&share), ["channel", "key", "participant", "share_id"]);
    assert_eq!((&share["channel"], &share["participant"]), (&json!("facebook"), &json!("fay")));
    assert!(is_uuid(&share["share_id"]));

    for request in recorder.requests() {
        assert_eq!(request.method, "POST", "no preflight: {request:?}");
        assert_eq!(request.header("content-type"), "text/plain;charset=UTF-8");
        assert_eq!(request.header("cookie"), "");
        assert!(!format!("{request:?}").contains("example.com"), "{request:?}");
        let referer = request.header("referer");
        assert!(referer.is_empty() || referer == shop.url("/"), "{referer}");
    }

    // One cookie, for a year, and no other trace but the reported links.
    let [cookie] = browser.cookies().try_into().unwrap();
    assert_eq!((&cookie["name"], &cookie["value"]), (&json!("rr_id"), &click["anonymous_id"]));
    assert_eq!((&cookie["path"], &cookie["sameSite"]), (&json!("/"), &json!("Lax")));
    let days = (cookie["expiry"].as_i64().unwrap() - crate::kit::now_seconds()) / 86_400;
    assert!((364..=365).contains(&days), "{cookie}");
    let kept = browser.run("return [Object.keys(sessionStorage), Object.keys(localStorage)]");
    assert_eq!(kept, json!([["rr_click:rae"], []]));
    assert_eq!(browser.run("return wrong"), json!([]));
}

#[test]
fn a_landing_is_reported_once_however_often_it_loads() {
    let (recorder, shop) = recorded();
    let chromium = Chromium::start();
    let browser = chromium.browser();
    // Until it is accepted, a reload posts the same click, and the page tries again by itself.
    recorder.answers(&[503, 503, 503]);
    browser.open(&shop.url("/?grsf=rae"));
    eventually("it is reported", || !recorder.bodies("/v1/clicks").is_empty());
    browser.reload();
    let is_sent = "return sessionStorage.getItem('rr_click:rae') === 'sent'";
    eventually("it is taken", || browser.run(is_sent) == true);
    let clicks = recorder.bodies("/v1/clicks");
    assert_eq!(clicks.len(), 4, "{clicks:?}");
    assert!(clicks.iter().all(|click| *click == clicks[0]), "{clicks:?}");

    browser.reload();
    assert_eq!(fetched(&browser), [""; 0]);
    browser.open(&shop.url("/elsewhere?grsf=rae"));
    assert_eq!(fetched(&browser), [""; 0]);

    // The tag may be there twice.
    let tag = format!("async src=\"{}/relay.js\" data-key=\"{PAGE_KEY}\"", recorder.url());
    shop.tag(&format!("></script><script {tag}"));
    browser.open(&shop.url("/?grsf=ned"));
    eventually("it is reported", || recorder.bodies("/v1/clicks").len() == 5);
    assert_eq!(fetched(&browser).len(), 1);
    let click = recorder.bodies("/v1/clicks").remove(4);
    assert_eq!(click["grsf"], "ned");
    assert_eq!(click["anonymous_id"], clicks[0]["anonymous_id"]);
    assert_ne!(click["click_id"], clicks[0]["click_id"]);
}

#[test]
fn a_share_is_posted_again_until_it_is_accepted_a_few_times_at_most() {
    let (recorder, shop) = recorded();
    let chromium = Chromium::start();
    let browser = chromium.browser();
    browser.open(&shop.url("/"));
    // Waits of seconds pass at once.
    browser.run(
        "window.waits = [];
         window.setTimeout = (work, wait) => { waits.push(wait); Promise.resolve().then(work) };",
    );
    sign_up(&browser, &shop, "fay");
    recorder.answers(&[503, 500]);
    browser.click("[data-share=copyLink]");
    eventually("it is taken", || recorder.bodies("/v1/shares").len() == 3);
    recorder.answers(&[503; 4]);
    browser.click("[data-share=facebook]");
    eventually("it is given up", || recorder.bodies("/v1/shares").len() == 7);
    browser.click("[data-share=copyLink]");
    eventually("the next is taken", || recorder.bodies("/v1/shares").len() == 8);
    let shares = recorder.bodies("/v1/shares");
    let mut ids: Vec<&Value> = shares.iter().map(|share| &share["share_id"]).collect();
    ids.dedup();
    assert_eq!(ids.len(), 3, "{shares:?}");
    let waits: Vec<f64> = serde_json::from_value(browser.run("return waits")).unwrap();
    assert_eq!(waits.len(), 5);
    for (wait, least) in waits.iter().zip([1e3, 4e3, 1e3, 4e3, 16e3]) {
        assert!((least..=2.0 * least).contains(wait), "{waits:?}");
    }
}

#[test]
fn every_kind_of_sign_up_carries_the_id() {
    let (_recorder, shop) = recorded();
    let chromium = Chromium::start();
    let browser = chromium.browser();
    // As soon as GrowSurf is ready the page signs a visitor up.
    shop.late(&format!(
        "addEventListener('grsfReady', () => growsurf.addParticipant('{}'), {{once: true}})",
        email("early")
    ));
    browser.open(&shop.url("/"));
    eventually("a visitor signed up", || !shop.sign_ups().is_empty());
    let own = browser.run("return referralRelay.id()");
    assert!(is_uuid(&own));
    assert_eq!(shop.sign_ups()[0]["metadata"], json!({"cioAnonymousId": own}));

    let given = browser.run(
        "const given = {email: 'ann@example.com', firstName: 'Ann', company: 'Example Ltd'};
         return new Promise((done) => growsurf.addParticipant(given, (who) => done([given, who.id])))",
    );
    let untouched = json!({"email": email("ann"), "firstName": "Ann", "company": "Example Ltd"});
    assert_eq!(given, json!([untouched, "ann"]), "the page's object is the page's");
    browser.run("return growsurf.addReferredParticipant({email: 'bea@example.com'})");
    browser.run("return growsurf.triggerReferral('cat@example.com')");
    browser.run("return growsurf.triggerReferral()");
    // GrowSurf is set up anew, and what the page says of the id itself counts.
    browser.run("startGrowsurf()");
    browser
        .run("return growsurf.addParticipant({email: 'dan@example.com', cioAnonymousId: 'mine'})");
    let mut sign_ups = shop.sign_ups();
    sign_ups.remove(0);
    let reported: Vec<Value> =
        sign_ups.iter().map(|it| json!([it["id"], it["firstName"], it["metadata"]])).collect();
    let id = json!({"cioAnonymousId": own});
    assert_eq!(
        reported,
        [
            json!(["ann", "Ann", {"cioAnonymousId": own, "company": "Example Ltd"}]),
            json!(["bea", null, id]),
            json!(["cat", null, id]),
            json!(["dan", null, {"cioAnonymousId": "mine"}]),
        ]
    );
}

#[test]
fn one_visitor_is_one_visitor_on_all_hosts_of_a_domain_where_the_tag_says_so() {
    let (recorder, shop) = recorded();
    let chromium = Chromium::start();
    let browser = chromium.browser_with(&Habits { hosts: "*.example.com", ..Habits::default() });
    shop.tag("data-domain=\"example.com\"");
    browser.open(&shop.url_at("www.example.com", "/?grsf=rae"));
    eventually("the click is reported", || recorder.bodies("/v1/clicks").len() == 1);
    let click = recorder.bodies("/v1/clicks").remove(0);
    // Such a page has no TLS, and so no ready-made UUIDs.
    assert_eq!(browser.run("return 'randomUUID' in crypto"), false);
    assert!(is_uuid(&click["anonymous_id"]) && is_uuid(&click["click_id"]), "{click}");
    browser.open(&shop.url_at("app.example.com", "/sign-up"));
    let sign_up = sign_up(&browser, &shop, "fay");
    assert_eq!(sign_up["metadata"]["cioAnonymousId"], click["anonymous_id"]);
    let [cookie] = browser.cookies().try_into().unwrap();
    assert_eq!(cookie["domain"], ".example.com");
    browser.run("referralRelay.consent(false)");
    browser.open(&shop.url_at("www.example.com", "/"));
    assert_eq!(browser.cookies(), [] as [Value; 0]);
}

#[test]
fn on_a_page_with_tls_the_cookie_is_never_sent_without() {
    let (recorder, shop) = recorded_at(Port::encrypted());
    let chromium = Chromium::start();
    let browser = chromium.browser();
    browser.open(&shop.url("/?grsf=rae"));
    eventually("the click is reported", || recorder.bodies("/v1/clicks").len() == 1);
    let click = recorder.bodies("/v1/clicks").remove(0);
    assert_eq!(click["page"], shop.url("/"));
    let [cookie] = browser.cookies().try_into().unwrap();
    assert_eq!((&cookie["value"], &cookie["secure"]), (&click["anonymous_id"], &json!(true)));
    browser.run("referralRelay.consent(false)");
    assert_eq!(browser.cookies(), [] as [Value; 0]);
}

#[test]
fn whatever_a_page_or_browser_is_like_the_page_works() {
    let (recorder, shop) = recorded();
    let chromium = Chromium::start();
    let broken = [
        // No storage at all.
        "for (const [where, name] of [[Document.prototype, 'cookie'], [window, 'sessionStorage']])
           Object.defineProperty(where, name, {get() { throw new Error('no') }, set() { throw new Error('no') }});",
        // A GrowSurf that isn't to be touched, or isn't what it is said to be.
        "addEventListener('grsfReady', () => Object.freeze(Object.getPrototypeOf(growsurf)));
         addEventListener('grsfReady', () => Object.freeze(growsurf));
         window.growsurf = {};",
        "window.growsurf = {subscribe() { throw new Error('no') }, addParticipant: 1};",
        // No way to post, and no randomness.
        "delete window.fetch; Object.defineProperty(window, 'fetch', {value: undefined});
         Object.defineProperty(window, 'crypto', {value: undefined});",
    ];
    for (number, script) in broken.into_iter().enumerate() {
        let browser = chromium.browser();
        shop.early(script);
        browser.open(&shop.url("/?grsf=rae"));
        assert_eq!(browser.run("return wrong"), json!([]), "{number}");
        assert_eq!(browser.run("return typeof referralRelay.id"), "function", "{number}");
        if number < 3 {
            sign_up(&browser, &shop, &format!("fay{number}"));
            eventually("the click is reported", || {
                recorder.bodies("/v1/clicks").len() == number + 1
            });
        }
    }
}

#[test]
fn a_tag_without_its_key_says_so_and_does_nothing() {
    let (recorder, shop) = recorded();
    let chromium = Chromium::start();
    let browser = chromium.browser();
    shop.early("console.warn = (text) => { window.warned = text };");
    shop.whole_tag("data-kye=\"pk_spring\"");
    browser.open(&shop.url("/?grsf=rae"));
    assert_eq!(browser.run("return warned"), "relay.js: the script tag has no data-key");
    assert_eq!(browser.run("return typeof referralRelay"), "undefined");
    assert!(recorder.requests().is_empty() && fetched(&browser).is_empty());
}
