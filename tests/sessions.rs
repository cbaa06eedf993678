//! Hours that pass, for a session and for a halt; and pages while the machine does wrong.

use std::time::Duration;

use serde_json::{Value, json};

use crate::kit::machine::Machine;
use crate::kit::pages::{OPERATE, page, session};
use crate::kit::relay::Setup;
use crate::kit::sandbox::Sandbox;
use crate::kit::webhooks::joined;
use crate::kit::{eventually, now_millis};

const HOUR: Duration = Duration::from_secs(3_600);

fn setup(sandbox: &Sandbox) -> Setup {
    Setup::new(sandbox).set("admin.token", OPERATE)
}

#[test]
fn a_session_is_renewed_while_it_is_used_and_ends_after_a_day() {
    let (sandbox, machine) = (Sandbox::start(), Machine::new());
    let relay = machine.beneath(setup(&sandbox)).start();
    machine.is_beneath();
    let first = session(&relay, OPERATE);
    assert_eq!(page(&relay, "/ui", &first).header("set-cookie"), "", "it is new");
    let mut cookie = first.clone();
    for hours in [11, 22] {
        machine.passes(11 * HOUR);
        let answer = page(&relay, "/ui", &cookie);
        assert_eq!(answer.status, 200, "after {hours} hours");
        let renewed = answer.header("set-cookie");
        assert!(renewed.contains("HttpOnly") && renewed.contains("SameSite=Strict"), "{renewed}");
        cookie = renewed.split(';').next().unwrap().to_owned();
    }
    assert_eq!(page(&relay, "/ui", &first).status, 303, "nobody used this one for 22 hours");
    machine.passes(HOUR);
    assert_eq!(page(&relay, "/ui", &cookie).status, 200);
    machine.passes(HOUR);
    let over = page(&relay, "/ui", &cookie);
    assert_eq!((over.status, over.header("location")), (303, "/ui/login"), "a day is over");
}

#[test]
fn a_halt_is_reported_again_and_counts_72_hours_from_the_event() {
    let (sandbox, machine) = (Sandbox::start(), Machine::new());
    sandbox.faults(json!([{"match": {"path": "/api/"}, "status": 401}]));
    let mut relay = machine.beneath(setup(&sandbox)).start();
    machine.is_beneath();
    let ago = now_millis() - 10 * 3_600_000;
    relay.accept(&joined("fay").with("/createdAt", ago).with("/data/createdAt", ago));
    eventually("the halt is reported", || {
        let status = relay.command(&["status", "--json"]).expect(0);
        status.contains("\"state\": \"halted\"")
    });
    machine.passes(Duration::from_secs(6 * 60));
    relay.logs("the destination is still halted");
    let cookie = session(&relay, OPERATE);
    let shown = page(&relay, "/ui", &cookie).body;
    assert!(
        shown.contains("class=\"banner red\"") && shown.contains("Customer.io is halted"),
        "{shown}"
    );
    assert!(shown.contains("passes 72 h at"), "{shown}");
    relay.terminate();
    let log = relay.whole_log();
    let line = log.iter().find(|line| line.contains("the destination is still halted")).unwrap();
    let line: Value = serde_json::from_str(line).unwrap();
    let left = line["minutes_left"].as_i64().or(line["fields"]["minutes_left"].as_i64());
    let left = left.unwrap_or_else(|| panic!("{line}"));
    assert!((61 * 60..62 * 60).contains(&left), "{line}");
}

#[test]
fn pages_are_answered_while_the_store_is_silent() {
    let (sandbox, machine) = (Sandbox::start(), Machine::new());
    let relay = machine.beneath(setup(&sandbox)).start();
    machine.is_beneath();
    relay.accept(&joined("fay"));
    relay.drained();
    let cookie = session(&relay, OPERATE);
    machine.disk_hangs(true);
    let alarm = "The relay isn&#39;t ready";
    eventually("the page says so", || {
        let shown = page(&relay, "/ui", &cookie);
        assert_eq!(shown.status, 200, "{shown:?}");
        shown.body.contains(alarm) && shown.body.contains("class=\"banner red\"")
    });
    assert_eq!(page(&relay, "/ui/webhooks", &cookie).status, 200);
    machine.disk_hangs(false);
    eventually("the store answers", || !page(&relay, "/ui", &cookie).body.contains(alarm));
}
