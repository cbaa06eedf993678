//! Stores of earlier releases, and of later ones.
//!
//! `tests/fixtures/stores` has a store of each release, written by its own binary. All of them
//! have the same content, the one in `write_store`. A release adds its own, of the commit that it
//! is made of; until then it may be written anew:
//!
//! ```sh
//! RELAY_TEST_WRITE_STORE=tests/fixtures/stores/0.1.0.db cargo test --test integration upgrades
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::kit::http;
use crate::kit::ids::signature;
use crate::kit::relay::{SECRET, Setup};
use crate::kit::sandbox::Sandbox;
use crate::kit::webhooks::{email, joined};
use crate::kit::{eventually, now_millis};

/// Returns the stores of all releases.
fn stores() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/stores");
    let entries = fs::read_dir(folder).unwrap();
    let mut stores: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    stores.sort();
    assert!(!stores.is_empty());
    stores
}

fn open(store: &Path) -> Connection {
    Connection::open_with_flags(store, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
}

/// Writes a store in which something is in every state: `fay`, whom `rae` referred, is delivered,
/// `dora`'s event is dead, `gil` is parked by a setting and another webhook because nobody knows
/// its event, and `pat` is pending.
fn write_store() -> (Setup, PathBuf) {
    let sandbox = Sandbox::start();
    sandbox.faults(json!([{"match": {"path": "dora%40example.com/events"}, "status": 400}]));
    let setup = Setup::new(&sandbox);
    let mut relay = setup.clone().set("growsurf.ignore_emails", email("gil")).start();
    relay.accept(&joined("fay").referred_by("rae"));
    relay.drained();
    relay.accept(&joined("dora"));
    relay.drained();
    relay.must("parked", &joined("gil"));
    relay.must("parked", &joined("uma").with("/event", "PARTICIPANT_TELEPORTED"));
    eventually("the workspace is remembered", || {
        relay.command(&["check"]).stdout.contains("the one that the store belongs to")
    });
    sandbox.faults(json!([{"status": 503}]));
    relay.accept(&joined("pat"));
    eventually("an attempt has failed", || sandbox.uses(0) > 0);
    relay.terminate();
    let store = setup.folder().join("relay.db");
    // As short as it can be, because it stays in the repository for ever.
    let shrink = "PRAGMA journal_mode = DELETE; PRAGMA page_size = 512; VACUUM";
    Connection::open(&store).unwrap().execute_batch(shrink).unwrap();
    (setup, store)
}

/// Runs today's binary on a copy of a store with that content, and continues with it.
#[track_caller]
fn assert_goes_on(store: &Path) {
    let connection = open(store);
    let sql = "SELECT body FROM inbox WHERE parked IS NULL";
    let mut statement = connection.prepare(sql).unwrap();
    let bodies = statement.query_map([], |row| row.get(0)).unwrap();
    let bodies: Vec<Vec<u8>> = bodies.map(Result::unwrap).collect();
    assert_eq!(bodies.len(), 3, "fay, dora and pat");

    let sandbox = Sandbox::start();
    // Its webhooks are as old as the release.
    let setup = Setup::new(&sandbox).set("store.keep_payloads", "36500d");
    fs::copy(store, setup.folder().join("relay.db")).unwrap();
    let relay = setup.start();
    assert_eq!(http::get(relay.url("/readyz")).status, 200);
    relay.drained();
    let calls = sandbox.calls();
    let called: Vec<(&str, &str)> =
        calls.iter().map(|call| (call.name.as_str(), call.person())).collect();
    let pat = email("pat");
    assert_eq!(called, [("identify", pat.as_str()), ("referral_program_joined", &pat)]);
    for body in bodies {
        let proof = signature(SECRET, now_millis(), &body);
        let answer = http::send(relay.post("/webhooks/growsurf", body, Some(proof)));
        assert_eq!(answer.json()["status"], "duplicate", "{answer:?}");
    }
    let printed = relay.command(&["dead-letters", "list", "--all"]).expect(0);
    assert!(printed.contains("d***@example.com") && printed.lines().count() == 2, "{printed}");
    relay.command(&["dead-letters", "redeliver", "--all"]).expect(0);
    let printed = relay.command(&["replay", "--parked"]).expect(0);
    assert!(printed.contains("led to 2 new calls, 1 still parked"), "{printed}");
    relay.drained();
    let once = |name| format!("referral_program_joined {}", email(name));
    assert_eq!(sandbox.event_lines(), ["dora", "gil", "pat"].map(once), "{}", store.display());
    assert_eq!(relay.dead_letters(), 0);
    assert_eq!(relay.metric("relay_parked_webhooks"), Some(1.0));
}

#[test]
fn the_store_of_every_release_goes_on_with_this_version() {
    for store in stores() {
        println!("{}", store.display());
        assert_goes_on(&store);
    }
}

#[test]
fn a_store_of_this_version_has_the_content_that_the_next_version_will_read() {
    let (_setup, store) = write_store();
    assert_goes_on(&store);
    if let Some(path) = std::env::var_os("RELAY_TEST_WRITE_STORE") {
        fs::copy(store, path).unwrap();
    }
}

#[test]
fn a_migration_that_was_released_is_never_changed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/sqlite/migrations");
    let migration = |version: i64| {
        let mut files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        let start = format!("{version:04}_");
        let is_it =
            |file: &PathBuf| file.file_name().unwrap().to_str().unwrap().starts_with(&start);
        files.find(is_it).unwrap_or_else(|| panic!("migration {version} is gone"))
    };
    for store in stores() {
        let connection = open(&store);
        let sql = "SELECT version, sha256 FROM schema_migrations";
        let mut statement = connection.prepare(sql).unwrap();
        let applied = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let applied: Vec<(i64, String)> = applied.map(Result::unwrap).collect();
        assert!(!applied.is_empty());
        for (version, sha256) in applied {
            let file = migration(version);
            assert_eq!(
                hex::encode(Sha256::digest(fs::read(&file).unwrap())),
                sha256,
                "{} isn't what {} was made with. Stores of that release would refuse to open: \
                 take the change back, and make it in a new migration.",
                file.display(),
                store.file_name().unwrap().display()
            );
        }
    }
}

#[test]
fn a_store_of_a_newer_version_stops_the_start_and_the_way_out_is_named() {
    let setup = Setup::towards("http://127.0.0.1:9");
    setup.clone().start().terminate();
    let store = Connection::open(setup.folder().join("relay.db")).unwrap();
    store.execute("INSERT INTO schema_migrations VALUES (99, 'x', 0)", []).unwrap();
    drop(store);
    for command in [&["serve"][..], &["replay"], &["dead-letters", "list"], &["check"]] {
        let printed = setup.command(command).expect(1);
        assert!(printed.contains("schema is version 99"), "{printed}");
        assert!(printed.contains("start the newer version again"), "{printed}");
        assert!(printed.contains("referral-relay restore"), "{printed}");
    }
}
