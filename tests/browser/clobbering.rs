//! The script on a page with outsiders' markup: elements whose names and ids hide properties of the document
//! and the window.

use serde_json::{Value, json};

use super::recorded;
use crate::kit::browser::Chromium;
use crate::kit::eventually;
use crate::kit::shop::PAGE_KEY;
use crate::kit::webhooks::email;

/// All that the script reads of the document and the window, and some more; but nothing without which
/// the shop itself would fail.
const NAMES: [&str; 15] = [
    "currentScript",
    "cookie",
    "referralRelay",
    "growsurf",
    "doNotTrack",
    "navigator",
    "location",
    "crypto",
    "fetch",
    "sessionStorage",
    "console",
    "setTimeout",
    "URLSearchParams",
    "Document",
    "HTMLScriptElement",
];

/// An attacker's tag would have these.
const ATTRIBUTES: &str = "src=\"/evil/relay.js\" data-key=\"pk_evil\" data-consent=\"wait\"";

#[test]
fn markup_changes_neither_the_target_nor_the_content_of_a_post() {
    let (recorder, shop) = recorded();
    let chromium = Chromium::start();
    let other = recorder.url();
    let kinds: [(&str, String); 5] = [
        ("img", format!("<img name=NAME id=NAME alt=\"\" {ATTRIBUTES}>")),
        (
            "form",
            format!(
                "<form name=NAME id=NAME action=\"1\" {ATTRIBUTES}><input name=id value=x>\
                 <input name=consent value=x><input name=subscribe><input name=dataset></form>"
            ),
        ),
        ("iframe", format!("<iframe name=NAME id=NAME src=\"{other}/frame\"></iframe>")),
        ("object", format!("<object name=NAME id=NAME {ATTRIBUTES}></object>")),
        ("several", "<a name=NAME id=NAME href=\"1\"></a><a id=NAME></a>".to_owned()),
    ];
    for (number, (kind, markup)) in kinds.into_iter().enumerate() {
        let markup: String = NAMES.iter().map(|name| markup.replace("NAME", name)).collect();
        shop.early(&format!("document.write({})", json!(markup)));
        let browser = chromium.browser();
        browser.open(&shop.url("/?grsf=rae"));
        eventually("the click is reported", || recorder.bodies("/v1/clicks").len() == number + 1);
        let click = recorder.bodies("/v1/clicks").remove(number);
        assert_eq!(click["key"], PAGE_KEY, "{kind}");
        let [cookie] = browser.cookies().try_into().unwrap();
        assert_eq!(cookie["value"], click["anonymous_id"], "{kind}");
        assert_eq!(browser.run("return wrong"), json!([]), "{kind}");
        let who = email(&format!("fay{number}"));
        let signed_up = browser.run(&format!("return growsurf.addParticipant('{who}')"));
        assert_eq!(signed_up["email"], json!(who), "{kind}: {signed_up}");
        let metadata = &shop.sign_ups()[number]["metadata"];
        assert_eq!(metadata["cioAnonymousId"], click["anonymous_id"], "{kind}");
        assert_eq!(browser.run("return referralRelay.id()"), click["anonymous_id"], "{kind}");
        browser.run("referralRelay.consent(false)");
        assert_eq!(browser.cookies(), [] as [Value; 0], "{kind}");
        assert_eq!(browser.run("return wrong"), json!([]), "{kind}");
    }
}

#[test]
fn what_isnt_a_script_element_of_html_is_no_tag() {
    let (recorder, shop) = recorded();
    let chromium = Chromium::start();
    let browser = chromium.browser();
    shop.early(&format!(
        "document.write('<svg><script data-key=\"pk_evil\" href=\"{}/relay.js\"></' + 'script></svg>')",
        recorder.url()
    ));
    browser.open(&shop.url("/?grsf=rae"));
    eventually("the click is reported", || recorder.bodies("/v1/clicks").len() == 1);
    assert_eq!(recorder.bodies("/v1/clicks")[0]["key"], PAGE_KEY);
    assert_eq!(browser.run("return wrong"), json!([]));
}
