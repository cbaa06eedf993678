//! The document of the interface: what it says, where it is, and that the paths it names are there.
//!
//! What belongs here: the document as a whole. Whether each answer fits it is tried by schemathesis,
//! in `.ci/run`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::kit::http;
use crate::kit::relay::{Relay, Setup};
use crate::kit::sandbox::Sandbox;

const TOKEN: &str = "a-token-for-everything";

/// Returns a relay with all there is.
fn everything(sandbox: &Sandbox) -> Relay {
    let setup = Setup::new(sandbox).set("admin.token", TOKEN).set("api.token", TOKEN);
    let setup = setup.set("customerio.reporting_keys", TOKEN).set("customerio.action_keys", TOKEN);
    let page = "[page]\norigins = [\"http://127.0.0.1\"]\n";
    let campaign = "[[growsurf.campaigns]]\nid = \"demo01\"\npage_key = \"pk_trial01\"\n";
    setup.file(&format!("{page}{campaign}")).start()
}

fn printed() -> Value {
    let output = Setup::towards("http://127.0.0.1:9").command(&["openapi"]).expect(0);
    serde_json::from_str(&output).unwrap()
}

#[test]
fn a_change_of_the_interface_is_seen() {
    let mut document = printed();
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    document["info"]["version"] = json!("of the crate");
    insta::assert_json_snapshot!(document);
}

#[test]
fn the_document_is_printed_whatever_the_settings_are_and_served_the_same() {
    let setup = Setup::towards("http://127.0.0.1:9").set("log.levl", "x");
    let printed = setup.command(&["openapi"]).expect(0);
    let sandbox = Sandbox::start();
    let relay = Setup::new(&sandbox).set("server.operator_listen", "127.0.0.1:0").start();
    for url in [relay.url("/openapi.json"), relay.operator_url("/openapi.json")] {
        let served = http::get(url);
        assert_eq!(served.status, 200);
        assert_eq!(served.header("content-type"), "application/json");
        assert_eq!(served.header("cache-control"), "public, max-age=300");
        assert_eq!(served.body.trim_end(), printed.trim_end());
    }
}

#[test]
fn every_path_of_the_document_is_there_with_its_methods_and_no_other() {
    let sandbox = Sandbox::start();
    let relay = everything(&sandbox);
    let document = printed();
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() >= 12, "{paths:?}");
    for (path, operations) in paths {
        let url = relay.url(&path.replace("{id}", "1"));
        let request = http::client().request(reqwest::Method::TRACE, url).bearer_auth(TOKEN);
        let answer = http::send(request);
        assert_eq!(answer.status, 405, "{path}: {answer:?}");
        assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
        let allowed = answer.header("allow").split(',').map(str::trim).filter(|it| *it != "HEAD");
        let allowed: BTreeSet<String> = allowed.map(str::to_lowercase).collect();
        let documented: BTreeSet<String> =
            operations.as_object().unwrap().keys().cloned().collect();
        assert_eq!(allowed, documented, "{path}");
    }
}

#[test]
fn whatever_the_document_calls_secured_is_refused_without_proof_and_names_the_proof() {
    let sandbox = Sandbox::start();
    let relay = everything(&sandbox);
    let document = printed();
    let mut secured = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            if operation.get("security").is_none() {
                continue;
            }
            secured += 1;
            let method = method.to_uppercase().parse().unwrap();
            let url = relay.url(&path.replace("{id}", "1"));
            let answer = http::send(http::client().request(method, url).body("{}"));
            assert_eq!(answer.status, 401, "{path}: {answer:?}");
            let proof = answer.header("www-authenticate").to_lowercase();
            let schemes = &document["components"]["securitySchemes"];
            let names = operation["security"][0].as_object().unwrap().keys();
            let is_named = names.map(|name| &schemes[name]).any(|scheme| {
                let word = scheme["name"].as_str().or(scheme["scheme"].as_str()).unwrap();
                word.to_lowercase() == proof
            });
            assert!(is_named, "{path} asks for {proof:?}, which its scheme isn't");
        }
    }
    assert!(secured >= 8, "{secured}");
}

#[test]
fn parameters_that_cant_be_read_are_refused_as_everything_is() {
    let sandbox = Sandbox::start();
    let relay = everything(&sandbox);
    for path in ["/dead-letters?before=soon", "/dead-letters?before=", "/dead-letters/seventeen"] {
        let request = http::client().get(relay.url("/admin") + path).bearer_auth(TOKEN);
        let answer = http::send(request);
        assert_eq!(answer.status, 400, "{path}: {answer:?}");
        assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
        assert_eq!(answer.json()["status"], 400, "{path}");
    }
}
