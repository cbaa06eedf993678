//! Moving a store to a server and back, by `store copy`.

use serde_json::json;

use crate::kit::postgres::{Cluster, Database};
use crate::kit::process::Process;
use crate::kit::relay::Setup;
use crate::kit::sandbox::Sandbox;
use crate::kit::webhooks::joined;
use crate::promises::assert_kept;

/// Two places for the store of one relay.
struct Move {
    setup: Setup,
    file: String,
    database: Database,
}

impl Move {
    fn new(sandbox: &Sandbox) -> Self {
        let setup = Setup::new(sandbox);
        let file = format!("sqlite:{}", setup.folder().join("relay.db").display());
        Self { setup, file, database: Cluster::shared().database() }
    }

    fn on(&self, url: &str) -> Setup {
        let server = format!("127.0.0.1:{}", Cluster::shared().port());
        self.setup.clone().on(&self.database, &server).set("store.url", url)
    }

    fn copy<'a>(&self, from: &'a str, to: &'a str) -> [&'a str; 6] {
        ["store", "copy", "--from", from, "--to", to]
    }
}

#[test]
fn a_store_moves_to_a_server_and_back_and_nothing_is_lost_or_sent_twice() {
    let sandbox = Sandbox::start();
    let to_move = Move::new(&sandbox);
    let (file, server) = (to_move.file.clone(), to_move.database.url());
    let back = file.replace("relay.db", "back.db");
    let webhooks = ["ann", "bob", "cem"].map(joined);
    for (moves, url) in [&file, &server, &back].into_iter().enumerate() {
        if moves > 0 {
            let from = if moves == 1 { &file } else { &server };
            let said = to_move.setup.command(&to_move.copy(from, url)).expect(0);
            assert!(said.contains("Both hold the same."), "{said}");
            assert!(said.contains("copying webhooks") && said.contains("comparing"), "{said}");
        }
        let mut relay = to_move.on(url).start();
        for earlier in &webhooks[..moves] {
            relay.must("duplicate", earlier);
        }
        // What was pending when the store moved goes out, and then only what is new waits again.
        sandbox.faults(json!([]));
        relay.drained();
        sandbox.faults(json!([{"match": {"path": "/api/"}, "status": 503}]));
        relay.accept(&webhooks[moves]);
        relay.terminate();
    }
    sandbox.faults(json!([]));
    let relay = to_move.on(&back).start();
    let expected =
        ["ann", "bob", "cem"].map(|name| format!("referral_program_joined {name}@example.com"));
    assert_kept(&relay, &sandbox, &expected.each_ref().map(String::as_str));
}

#[test]
fn a_store_in_use_is_neither_copied_nor_copied_into() {
    let sandbox = Sandbox::start();
    let to_move = Move::new(&sandbox);
    let (file, server) = (to_move.file.clone(), to_move.database.url());
    for (used, other) in [(&file, &server), (&server, &file)] {
        let mut relay = to_move.on(used).start();
        relay.answers("/readyz", 200);
        let from = relay.command(&to_move.copy(used, other)).expect(1);
        assert!(from.contains("the source is in use"), "{from}");
        let fresh = file.replace("relay.db", "fresh.db");
        let mut other_relay = to_move.on(&fresh).start();
        other_relay.terminate();
        let to = relay.command(&to_move.copy(&fresh, used)).expect(1);
        assert!(to.contains("the target is in use"), "{to}");
        relay.terminate();
        to_move.setup.command(&to_move.copy(&fresh, used)).expect(0);
        std::fs::remove_file(to_move.setup.folder().join("fresh.db")).unwrap();
    }
}

#[test]
fn a_copy_that_is_killed_again_and_again_goes_on_and_half_of_it_is_no_store() {
    let sandbox = Sandbox::start();
    sandbox.faults(json!([{"match": {"path": "/api/"}, "status": 503}]));
    let to_move = Move::new(&sandbox);
    let (file, server) = (to_move.file.clone(), to_move.database.url());
    let mut relay = to_move.on(&file).start();
    // Enough rows for a kill before the next part is copied as well.
    let people: Vec<String> = (0..2_000).map(|number| format!("p{number:04}")).collect();
    people.iter().for_each(|name| drop(relay.accept(&joined(name))));
    relay.terminate();
    let parts = ["webhooks", "people", "effects", "deliveries", "mentions"];
    for (place, part) in parts.into_iter().enumerate() {
        let command = to_move.setup.prepared(&to_move.copy(&file, &server));
        let mut copying = Process::spawn(command);
        // A kill may come so late that the next part is copied already.
        let is_there = |line: &str| {
            parts[place..]
                .iter()
                .chain(&["counters"])
                .any(|it| line.contains(&format!("copying {it}")))
        };
        copying.wait_for(part, |line| is_there(line).then_some(()));
        copying.kill();
        let refused = to_move.on(&server).command(&["serve"]).expect(1);
        assert!(refused.contains("run the same `referral-relay store copy`"), "{refused}");
    }
    let said = to_move.setup.command(&to_move.copy(&file, &server)).expect(0);
    assert!(said.contains("Both hold the same."), "{said}");
    sandbox.faults(json!([]));
    let relay = to_move.on(&server).start();
    let expected: Vec<String> =
        people.iter().map(|name| format!("referral_program_joined {name}@example.com")).collect();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    assert_kept(&relay, &sandbox, &expected);
}

#[test]
fn a_store_that_cannot_be_copied_is_named_with_the_reason() {
    let sandbox = Sandbox::start();
    let to_move = Move::new(&sandbox);
    let (file, server) = (to_move.file.clone(), to_move.database.url());
    let refused = |from: &str, to: &str, code: i32, why: &str| {
        let said = to_move.setup.command(&to_move.copy(from, to)).expect(code);
        assert!(said.contains(why), "{said}");
    };
    refused("mysql://db", &server, 64, "--from: expected a URL such as");
    refused(&file, &file, 64, "the same store");
    refused(&file, &server, 1, "there is no store at --from");
    refused(&file, "postgres://nobody@127.0.0.1:9/relay", 1, "there is no store at --from");
    for url in [&file, &server] {
        let mut relay = to_move.on(url).start();
        relay.accept(&joined("ann"));
        relay.terminate();
    }
    refused(&file, &server, 1, "isn't empty; name a new file or database");
    refused(&server, &file, 1, "isn't empty; name a new file or database");
    refused(&file, "postgres://nobody@127.0.0.1:9/relay", 1, "the target: the store can't");
}
