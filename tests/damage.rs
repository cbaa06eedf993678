//! A store that the disk has damaged: found, set aside, said clearly; and what isn't damage.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rusqlite::Connection;

use crate::kit::http;
use crate::kit::machine::Machine;
use crate::kit::relay::{Relay, Setup};
use crate::kit::sandbox::Sandbox;
use crate::kit::webhooks::{Webhook, joined};

const SOUND: &str = "the store was checked and is sound";
const NOT_ASKED: &str = "the store needs no check";

fn store(setup: &Setup) -> PathBuf {
    setup.folder().join("relay.db")
}

/// Returns a store at rest that has taken Ann's webhook in and delivered it, and was looked
/// through.
fn stored(sandbox: &Sandbox) -> (Setup, Webhook) {
    let setup = Setup::new(sandbox).set("log.level", "referral_relay=debug");
    let mut relay = setup.clone().start();
    relay.logs(SOUND);
    let ann = joined("ann");
    relay.accept(&ann);
    relay.drained();
    relay.terminate();
    (setup, ann)
}

/// Makes the store remember another start of the machine than the present one.
fn machine_restarted(setup: &Setup) {
    let connection = Connection::open(store(setup)).unwrap();
    let sql = "UPDATE meta SET value = 'another start' WHERE key = 'looked_through'";
    assert_eq!(connection.execute(sql, []).unwrap(), 1);
}

/// Fills the first page of a table or index with garbage.
fn garble(setup: &Setup, name: &str) {
    let connection = Connection::open(store(setup)).unwrap();
    let sql = "SELECT rootpage FROM sqlite_schema WHERE name = ?1";
    let page: u32 = connection.query_row(sql, [name], |row| row.get(0)).unwrap();
    let size: u32 = connection.query_row("PRAGMA page_size", [], |row| row.get(0)).unwrap();
    drop(connection);
    let garbage = vec![0xa5; size as usize];
    let file = File::options().write(true).open(store(setup)).unwrap();
    file.write_all_at(&garbage, u64::from(page - 1) * u64::from(size)).unwrap();
}

/// Returns the damaged stores that were set aside, without their logs.
fn set_aside(setup: &Setup) -> Vec<PathBuf> {
    let entries = fs::read_dir(setup.folder()).unwrap().map(|entry| entry.unwrap().path());
    let is_one = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with("relay.db.damaged-") && !name.ends_with("-wal") && !name.ends_with("-shm")
    };
    entries.filter(is_one).collect()
}

/// Starts on a damaged store: what was there is set aside as it was, and the relay works.
#[track_caller]
fn assert_set_aside(setup: &Setup, sandbox: &Sandbox, reported: &str) -> (Relay, Webhook) {
    let damaged = fs::read(store(setup)).unwrap();
    let log = fs::read(setup.folder().join("relay.db-wal")).unwrap_or_default();
    let looked = setup.command(&["check"]).expect(1);
    assert!(looked.contains("the store is damaged: "), "{looked}");
    assert!(set_aside(setup).is_empty(), "a command only looks");

    let relay = setup.clone().start();
    let aside = set_aside(setup);
    assert_eq!(aside.len(), 1, "{aside:?}");
    assert_eq!(fs::read(&aside[0]).unwrap(), damaged);
    let beside = format!("{}-wal", aside[0].display());
    assert_eq!(fs::read(beside).unwrap_or_default(), log);
    relay.logs(reported);
    relay.logs("a damaged store was set aside as ");
    assert_eq!(relay.metric("relay_store_damaged"), Some(1.0));
    let ready = http::get(relay.url("/readyz"));
    assert_eq!(ready.status, 200);
    assert!(ready.body.contains("a damaged store was set aside as "), "{}", ready.body);
    let looked = relay.command(&["check"]).expect(0);
    assert!(looked.contains("is a damaged store that was set aside"), "{looked}");
    let bob = joined("bob");
    relay.accept(&bob);
    relay.drained();
    assert!(sandbox.event_lines().contains(&"referral_program_joined bob@example.com".to_owned()));
    (relay, bob)
}

#[test]
fn a_truncated_store_is_set_aside_and_webhooks_are_accepted() {
    let sandbox = Sandbox::start();
    let (setup, _) = stored(&sandbox);
    let file = File::options().write(true).open(store(&setup)).unwrap();
    file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    drop(file);
    let (mut relay, bob) =
        assert_set_aside(&setup, &sandbox, "the relay continues with an empty one");
    // The next start is like any other, and reports it again.
    relay.terminate();
    relay.restart();
    assert_eq!(set_aside(&setup).len(), 1);
    assert_eq!(relay.metric("relay_store_damaged"), Some(1.0));
    relay.must("duplicate", &bob);
    // The report ends once an operator has removed the file.
    relay.terminate();
    let aside = set_aside(&setup).remove(0);
    for beside in ["", "-wal", "-shm"] {
        let _may_not_be_there = fs::remove_file(format!("{}{beside}", aside.display()));
    }
    relay.restart();
    assert_eq!(relay.metric("relay_store_damaged"), Some(0.0));
}

#[test]
fn a_store_whose_last_page_is_cut_off_is_set_aside() {
    let sandbox = Sandbox::start();
    let (setup, _) = stored(&sandbox);
    let file = File::options().write(true).open(store(&setup)).unwrap();
    let whole = file.metadata().unwrap().len();
    file.set_len(whole - 50).unwrap();
    drop(file);
    let reported = format!("it has {} bytes and should have {whole}", whole - 50);
    assert_set_aside(&setup, &sandbox, &reported);
}

#[test]
fn a_store_without_its_header_is_set_aside() {
    let sandbox = Sandbox::start();
    let (setup, _) = stored(&sandbox);
    let file = File::options().write(true).open(store(&setup)).unwrap();
    file.write_all_at(&[0; 100], 0).unwrap();
    drop(file);
    assert_set_aside(&setup, &sandbox, "its first page isn't SQLite's any more");
}

#[test]
fn the_log_of_a_store_that_is_gone_is_kept() {
    let sandbox = Sandbox::start();
    let setup = Setup::new(&sandbox);
    let mut relay = setup.clone().start();
    relay.accept(&joined("ann"));
    relay.kill();
    assert!(fs::metadata(setup.folder().join("relay.db-wal")).unwrap().len() > 0);
    File::options().write(true).open(store(&setup)).unwrap().set_len(0).unwrap();
    assert_set_aside(&setup, &sandbox, "its file is empty or gone, and its log is there");
}

#[test]
fn a_store_that_is_empty_all_at_once_is_set_aside() {
    let sandbox = Sandbox::start();
    let (setup, _) = stored(&sandbox);
    File::options().write(true).open(store(&setup)).unwrap().set_len(0).unwrap();
    let relay = setup.clone().start();
    relay.logs("it is empty, although a relay has used it");
    assert_eq!(set_aside(&setup).len(), 1);
    assert_eq!(relay.metric("relay_store_damaged"), Some(1.0));
}

/// The lanes are needed first of all, so this shows at the start; their index can be made anew.
#[test]
fn a_start_that_meets_a_damaged_index_loses_nothing() {
    let sandbox = Sandbox::start();
    let (setup, ann) = stored(&sandbox);
    garble(&setup, "lanes_due");
    let relay = setup.clone().start();
    relay.logs("every row of it is in a new one");
    assert_eq!(set_aside(&setup).len(), 1);
    relay.must("duplicate", &ann);
    relay.accept(&joined("bob"));
    relay.drained();
    let full = relay.command(&["check", "--full"]).expect(0);
    assert!(full.contains("every page, row and body of it is sound"), "{full}");
}

/// After a restart of the machine the relay reads everything, and so finds damage that no start reads.
/// The relay works on and reports it, and the next start repairs what it can.
#[test]
fn a_damaged_index_that_nobody_reads_is_found_after_the_machine_restarted() {
    let sandbox = Sandbox::start();
    let (setup, ann) = stored(&sandbox);
    machine_restarted(&setup);
    garble(&setup, "attempts_delivery");
    let mut relay = setup.clone().start();
    relay.logs("the store is damaged: ");
    assert_eq!(relay.metric("relay_store_damaged"), Some(1.0));
    assert!(http::get(relay.url("/readyz")).body.contains("the store is damaged: "));
    assert_eq!(http::get(relay.url("/healthz")).status, 200, "a restart is the operator's choice");
    let bob = joined("bob");
    relay.accept(&bob);
    relay.drained();
    assert!(set_aside(&setup).is_empty(), "it is worked on until the next start");

    relay.kill();
    let damaged = fs::read(store(&setup)).unwrap();
    relay.restart();
    relay.logs("every row of it is in a new one");
    assert_eq!(fs::read(&set_aside(&setup)[0]).unwrap(), damaged);
    relay.must("duplicate", &ann);
    relay.must("duplicate", &bob);
    assert_eq!(sandbox.events().len(), 2);
}

#[test]
fn a_table_with_a_hole_is_set_aside_at_the_next_start_and_the_secret_is_kept() {
    let sandbox = Sandbox::start();
    let (setup, _) = stored(&sandbox);
    let secret = |path: &Path| -> String {
        let sql = "SELECT value FROM meta WHERE key = 'hash_key'";
        Connection::open(path).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
    };
    let before = secret(&store(&setup));
    garble(&setup, "effects");
    let full = setup.command(&["check", "--full"]).expect(1);
    assert!(full.contains("it is damaged: "), "{full}");
    let mut relay = setup.clone().start();
    relay.logs("has its secret and its workspace");
    relay.terminate();
    assert_eq!(secret(&store(&setup)), before);
}

#[test]
fn a_body_that_changed_on_the_disk_is_found() {
    let sandbox = Sandbox::start();
    let (setup, _) = stored(&sandbox);
    let sql = "UPDATE inbox SET body = CAST(body || ' ' AS BLOB)";
    Connection::open(store(&setup)).unwrap().execute(sql, []).unwrap();
    let full = setup.command(&["check", "--full"]).expect(1);
    assert!(full.contains("the body of a webhook isn't what was received"), "{full}");
}

/// Numbers that contradict the rest are a mistake of the relay's; nothing is taken away for them.
#[test]
fn a_store_that_contradicts_itself_is_reported_and_never_set_aside() {
    let sandbox = Sandbox::start();
    let (setup, _) = stored(&sandbox);
    machine_restarted(&setup);
    let sql = "UPDATE counters SET value = 7 WHERE name = 'dead'";
    Connection::open(store(&setup)).unwrap().execute(sql, []).unwrap();
    let mut relay = setup.clone().start();
    relay.logs("the number of dead letters isn't the one that is kept");
    relay.terminate();
    relay.restart();
    assert!(set_aside(&setup).is_empty());
    let full = relay.command(&["check", "--full"]).expect(1);
    assert!(full.contains("it contradicts itself: the number of dead letters"), "{full}");
}

#[test]
fn nothing_is_looked_through_after_a_stop_or_a_kill() {
    let sandbox = Sandbox::start();
    let (setup, _) = stored(&sandbox);
    let mut relay = setup.start();
    relay.logs(NOT_ASKED);
    relay.accept(&joined("bob"));
    relay.kill();
    relay.restart();
    relay.logs(NOT_ASKED);
    let log = relay.whole_log().join("\n");
    assert!(!log.contains(SOUND), "{log}");
}

/// The machine doesn't say which start it is before the relay has worked.
#[test]
fn the_relay_works_before_the_store_is_checked() {
    let (sandbox, machine) = (Sandbox::start(), Machine::new());
    let (setup, _) = stored(&sandbox);
    let start = setup.folder().join("start");
    assert!(Command::new("mkfifo").arg(&start).status().unwrap().success());
    let mut relay = machine.finds_its_start_by(setup, &start).start();
    machine.is_beneath();
    assert_eq!(http::get(relay.url("/readyz")).status, 200);
    relay.accept(&joined("bob"));
    relay.drained();
    fs::write(&start, "another start\n").unwrap();
    relay.logs(SOUND);
    relay.terminate();
}

#[test]
fn a_relay_that_must_not_go_on_refuses_a_damaged_store() {
    let sandbox = Sandbox::start();
    let setup = stored(&sandbox).0.set("store.on_damage", "refuse");
    let file = File::options().write(true).open(store(&setup)).unwrap();
    file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    let printed = setup.command(&["serve"]).expect(1);
    assert!(
        printed.contains("the store is damaged: ") && printed.contains("referral-relay restore")
    );
    assert!(set_aside(&setup).is_empty());
}

#[test]
fn an_unrecognisable_store_is_set_aside_if_a_relay_has_used_it() {
    for garble in [0_u8, 0xb7] {
        let sandbox = Sandbox::start();
        let (setup, _) = stored(&sandbox);
        let length = usize::try_from(fs::metadata(store(&setup)).unwrap().len()).unwrap();
        fs::write(store(&setup), vec![garble; length]).unwrap();
        let relay = setup.clone().start();
        relay.logs("its first page isn't SQLite's any more");
        assert_eq!(set_aside(&setup).len(), 1);
        relay.accept(&joined("bob"));
        relay.drained();
    }
}

#[test]
fn what_was_never_a_store_and_what_is_newer_stays_where_it_is() {
    let refused = |write: &dyn Fn(&Path), why: &str| {
        let setup = Setup::towards("http://127.0.0.1:9");
        write(&store(&setup));
        let before = fs::read(store(&setup)).unwrap();
        let printed = setup.command(&["serve"]).expect(1);
        assert!(printed.contains(why), "{printed}");
        assert_eq!(fs::read(store(&setup)).unwrap(), before);
        assert!(set_aside(&setup).is_empty());
    };
    refused(&|path| fs::write(path, "a text".repeat(1_000)).unwrap(), "file is not a database");
    let dump = "CREATE TABLE schema_migrations (a); CREATE TABLE inbox (a);\n";
    refused(&|path| fs::write(path, dump.repeat(100)).unwrap(), "file is not a database");
    let foreign = |path: &Path| {
        let sql = "PRAGMA journal_mode = WAL; CREATE TABLE notes (text)";
        Connection::open(path).unwrap().execute_batch(sql).unwrap();
    };
    refused(&foreign, "another application");
    let newer = |path: &Path| {
        let made = Setup::towards("http://127.0.0.1:9");
        made.clone().start().terminate();
        let connection = Connection::open(store(&made)).unwrap();
        connection.execute("INSERT INTO schema_migrations VALUES (99, 'x', 0)", []).unwrap();
        drop(connection);
        fs::copy(store(&made), path).unwrap();
    };
    refused(&newer, "schema is version 99");
}

#[test]
fn a_damaged_store_behind_a_link_is_set_aside_in_place_and_reported() {
    let sandbox = Sandbox::start();
    let (setup, ann) = stored(&sandbox);
    let elsewhere = tempfile::tempdir().unwrap();
    let file = elsewhere.path().join("relay.db");
    fs::copy(store(&setup), &file).unwrap();
    fs::remove_file(store(&setup)).unwrap();
    std::os::unix::fs::symlink(&file, store(&setup)).unwrap();
    let mut relay = setup.clone().start();
    relay.must("duplicate", &ann);
    relay.terminate();
    fs::write(&file, [0xa5; 8192]).unwrap();
    let relay = setup.clone().start();
    assert_eq!(relay.metric("relay_store_damaged"), Some(1.0));
    relay.accept(&ann);
    assert!(store(&setup).is_symlink());
    assert!(fs::read_dir(elsewhere.path()).unwrap().count() > 2);
}
