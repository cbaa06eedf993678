//! The operator's pages as a browser uses them: signing in, forms, cookies.

use reqwest::RequestBuilder;

use super::http::{self, Answer};
use super::relay::{Relay, Setup};
use super::sandbox::Sandbox;

pub const OPERATE: &str = "the-token-of-operators";
pub const VIEW: &str = "the-token-of-viewers";

pub fn started(sandbox: &Sandbox) -> Relay {
    let setup = Setup::new(sandbox).set("admin.token", OPERATE).set("insights.every", "100ms");
    setup.set("admin.view_token", VIEW).start()
}

/// Returns a form as a browser of this site posts it.
pub fn form(relay: &Relay, path: &str, fields: &str) -> RequestBuilder {
    http::client()
        .post(relay.url(path))
        .header("Content-Type", "application/x-www-form-urlencoded")
        .header("Sec-Fetch-Site", "same-origin")
        .body(fields.to_owned())
}

pub fn sign_in(relay: &Relay, token: &str) -> Answer {
    http::send(form(relay, "/ui/login", &format!("token={token}&name=Kim")))
}

/// Returns the session's cookie as a browser sends it back.
#[track_caller]
pub fn session(relay: &Relay, token: &str) -> String {
    let answer = sign_in(relay, token);
    assert_eq!((answer.status, answer.header("location")), (303, "/ui"), "{answer:?}");
    let cookie = answer.header("set-cookie");
    for attribute in ["; HttpOnly", "; SameSite=Strict", "; Path=/ui"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    cookie.split(';').next().unwrap().to_owned()
}

pub fn page(relay: &Relay, path: &str, cookie: &str) -> Answer {
    http::send(http::client().get(relay.url(path)).header("Cookie", cookie))
}
