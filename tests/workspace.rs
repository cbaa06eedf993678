//! Effects stay out of a workspace that isn't theirs.

use serde_json::{Value, json};

use crate::kit::eventually;
use crate::kit::relay::{Relay, Setup};
use crate::kit::sandbox::Sandbox;
use crate::kit::webhooks::joined;

/// Returns the question whose workspace it is gets another answer from now on.
fn another_workspace() -> Value {
    let other = json!({"url": "http://elsewhere", "region": "us", "environment_id": 2});
    json!({"match": {"path": "/accounts/region"}, "status": 200, "body": other})
}

/// Returns a relay that has delivered something, and knows whereto.
fn relay_with_a_workspace(sandbox: &Sandbox) -> Relay {
    let relay = Relay::start(sandbox);
    relay.accept(&joined("fay"));
    relay.drained();
    workspace_is_remembered(&relay);
    relay
}

fn workspace_is_remembered(relay: &Relay) {
    let is_known = "the one that the store belongs to";
    eventually("the workspace is remembered", || {
        relay.command(&["check"]).stdout.contains(is_known)
    });
}

#[test]
fn another_workspace_than_the_stores_gets_nothing() {
    let sandbox = Sandbox::start();
    let mut relay = relay_with_a_workspace(&sandbox);
    relay.terminate();

    sandbox.faults(json!([another_workspace()]));
    let before = sandbox.calls().len();
    relay.restart();
    relay.destination_is("halted");
    relay.accept(&joined("rae"));
    let probes = sandbox.uses(0);
    let warnings = crate::kit::http::get(relay.url("/readyz")).json()["warnings"].to_string();
    assert!(warnings.contains("workspace 2") && warnings.contains("store.url"), "{warnings}");
    let checked = relay.command(&["check"]).expect(1);
    assert!(checked.contains("workspace"), "{checked}");
    assert!(sandbox.uses(0) > probes);
    assert_eq!(sandbox.calls().len(), before);
    relay.terminate();
    assert_eq!(sandbox.calls().len(), before, "nothing went to the other workspace");

    sandbox.heal();
    relay.restart();
    relay.drained();
    assert_eq!(sandbox.events().len(), 2);
}

#[test]
fn what_waits_at_the_start_does_not_go_before_the_workspace_is_known() {
    let sandbox = Sandbox::start();
    let mut relay = relay_with_a_workspace(&sandbox);
    let down = json!({"match": {"path": "/customers/"}, "status": 503});
    sandbox.faults(json!([down]));
    relay.accept(&joined("rae"));
    eventually("a call waits", || sandbox.uses(0) > 0);
    relay.terminate();

    // The answer is slow, and in the meantime Customer.io would take everything.
    let mut other = another_workspace();
    other["latency_ms"] = json!(700);
    sandbox.faults(json!([other]));
    let before = sandbox.calls().len();
    relay.restart();
    relay.destination_is("halted");
    assert_eq!(sandbox.calls().len(), before, "nothing went to the other workspace");
}

#[test]
fn the_workspace_is_remembered_though_the_credentials_were_wrong_at_first() {
    let sandbox = Sandbox::start();
    sandbox.faults(json!([{"status": 401}]));
    let mut relay = Setup::new(&sandbox).start();
    relay.accept(&joined("fay"));
    relay.destination_is("halted");
    sandbox.heal();
    relay.drained();
    workspace_is_remembered(&relay);
    relay.terminate();
    sandbox.faults(json!([another_workspace()]));
    let before = sandbox.calls().len();
    relay.restart();
    relay.destination_is("halted");
    relay.accept(&joined("rae"));
    relay.terminate();
    assert_eq!(sandbox.calls().len(), before, "nothing went to the other workspace");
}
