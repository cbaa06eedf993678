//! The store as a file: what the relay makes of it that a server's store hasn't.

use rusqlite::Connection;

use crate::kit::relay::{Relay, Setup};
use crate::kit::sandbox::Sandbox;
use crate::kit::webhooks::{email, joined};

#[test]
fn a_clean_end_leaves_one_file() {
    let sandbox = Sandbox::start();
    let mut relay = Relay::start(&sandbox);
    relay.accept(&joined("fay"));
    relay.drained();
    relay.terminate();
    let folder = relay.setup().folder();
    assert!(folder.join("relay.db").exists());
    assert!(!folder.join("relay.db-wal").exists(), "the store was not checkpointed");
}

#[test]
fn a_first_start_makes_the_folders_of_its_store() {
    let setup = Setup::towards("http://127.0.0.1:9").set("store.url", "sqlite:data/of/relay.db");
    let mut relay = setup.start();
    relay.accept(&joined("fay"));
    relay.terminate();
    assert!(relay.setup().folder().join("data/of/relay.db").exists());
}

#[test]
fn a_backup_takes_webhooks_without_their_bodies() {
    let sandbox = Sandbox::start();
    let relay = Relay::start(&sandbox);
    relay.accept(&joined("fay").referred_by("rae"));
    relay.drained();
    relay.command(&["erase", &email("rae")]).expect(0);
    let backup = relay.command(&["backup", "after.db"]).expect(0);
    assert!(backup.contains("Copied 1 webhook"), "{backup}");
}

#[test]
fn check_notes_what_is_foreign_in_the_store() {
    // Nothing answers there, so `check` fails in any case.
    let setup = Setup::towards("http://127.0.0.1:9");
    setup.clone().start().terminate();
    let store = setup.folder().join("relay.db");
    let printed = setup.command(&["check"]).expect(1);
    assert!(!printed.contains("as referral-relay makes it"), "{printed}");
    let foreign = "CREATE VIEW people_now AS SELECT * FROM people";
    Connection::open(&store).unwrap().execute_batch(foreign).unwrap();
    let printed = setup.command(&["check"]).expect(1);
    assert!(
        printed.contains("note  store        it differs from what referral-relay makes"),
        "{printed}"
    );
    assert!(printed.contains("it holds view \"people_now\""), "{printed}");
}
