//! Backups beside a relay at work, and the way back.

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rusqlite::Connection;
use serde_json::json;

use crate::kit::eventually;
use crate::kit::process::binary;
use crate::kit::relay::{Beyond, Relay, Setup};
use crate::kit::sandbox::Sandbox;
use crate::kit::webhooks::{NOTES, Webhook, email, joined};

/// Returns the names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
    let mut names: Vec<String> = entries.map(|entry| name(entry.unwrap())).collect();
    names.sort();
    names
}

/// Returns a number that is asked of a SQLite file.
fn ask(file: &Path, sql: &str) -> i64 {
    Connection::open(file).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
}

/// Returns a setup whose store, at rest, has taken these people's webhooks in and delivered none.
fn stored(people: &[&str]) -> (Setup, PathBuf) {
    let setup = Setup::towards("http://127.0.0.1:9");
    let store = setup.folder().join("relay.db");
    let mut relay = setup.clone().start();
    for name in people {
        relay.accept(&joined(name));
    }
    relay.terminate();
    (setup, store)
}

#[test]
fn a_backup_made_under_load_has_all_that_was_acknowledged_and_is_a_store_again() {
    let sandbox = Sandbox::start();
    sandbox.faults(json!([{"match": {"path": "/api/"}, "status": 503}]));
    let mut relay = Relay::start(&sandbox);
    let acknowledged: Mutex<Vec<Webhook>> = Mutex::default();
    let stop = AtomicBool::new(false);
    let before: Vec<Webhook> = thread::scope(|scope| {
        for sender in 0..4 {
            let (relay, acknowledged, stop) = (&relay, &acknowledged, &stop);
            scope.spawn(move || {
                for number in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let webhook = joined(&format!("p{number}of{sender}"));
                    relay.accept(&webhook);
                    acknowledged.lock().unwrap().push(webhook);
                }
            });
        }
        eventually("there is something to lose", || acknowledged.lock().unwrap().len() > 60);
        let before = acknowledged.lock().unwrap().clone();
        let printed = relay.command(&["backup", "backup.db"]).expect(0);
        assert!(printed.contains(" webhooks, ") && printed.contains("schema "), "{printed}");
        let then = acknowledged.lock().unwrap().len();
        eventually("the relay goes on", || acknowledged.lock().unwrap().len() > then);
        stop.store(true, Ordering::Relaxed);
        before
    });
    let backup = relay.setup().folder().join("backup.db");
    assert_eq!(fs::metadata(&backup).unwrap().permissions().mode() & 0o777, 0o600);
    let copied = ask(&backup, "SELECT COUNT(*) FROM inbox");
    relay.kill();

    let elsewhere = Setup::new(&sandbox);
    let printed = elsewhere.command(&["restore", backup.to_str().unwrap()]).expect(0);
    assert!(printed.contains(&format!("Restored {copied} webhooks")), "{printed}");
    assert!(printed.contains("newest webhook came at 20"), "{printed}");
    assert!(printed.contains(&format!("sends {} pending calls", 2 * copied)), "{printed}");
    assert!(!printed.contains("The old store"), "there was none: {printed}");
    sandbox.heal();
    let relay = elsewhere.start();
    relay.drained();
    for webhook in &before {
        relay.must("duplicate", webhook);
    }
    let events = sandbox.event_lines();
    assert_eq!(events.len(), usize::try_from(copied).unwrap(), "each once: {events:?}");
    for webhook in &before {
        let event =
            format!("referral_program_joined {}", webhook.0["data"]["email"].as_str().unwrap());
        assert!(events.contains(&event), "{event} is lost");
    }
}

#[test]
fn a_backup_replaces_a_file_only_if_it_may() {
    let (setup, _) = stored(&["fay"]);
    let backup = setup.folder().join("backup.db");
    fs::write(&backup, "something else").unwrap();
    let printed = setup.command(&["backup", "backup.db"]).expect(1);
    assert!(
        printed.contains("backup.db exists already") && printed.contains("--force"),
        "{printed}"
    );
    assert_eq!(fs::read_to_string(&backup).unwrap(), "something else");
    let printed = setup.command(&["backup", "--force", "backup.db"]).expect(0);
    let copied = "Copied 1 webhook, 1 person, 2 pending calls, 0 dead letters, 0 parked webhooks (";
    assert!(printed.starts_with(copied), "{printed}");
    assert_eq!(ask(&backup, "SELECT COUNT(*) FROM inbox"), 1);
}

#[test]
fn a_backup_to_standard_output_leaves_nothing_beside_the_store() {
    let (setup, store) = stored(&["fay"]);
    let folder = tempfile::tempdir().unwrap();
    let backup = folder.path().join("backup.db");
    let mut command = binary();
    command.args(["backup", "-"]).current_dir(setup.folder());
    command.env("RELAY__STORE__URL", format!("sqlite:{}", store.display()));
    let command = command.stdout(File::create(&backup).unwrap()).stderr(Stdio::piped());
    let output = command.spawn().unwrap().wait_with_output().unwrap();
    let printed = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && printed.starts_with("Copied 1 webhook, "), "{printed}");
    assert_eq!(ask(&backup, "SELECT COUNT(*) FROM inbox"), 1);
    let unfinished = |name: &String| name.contains("unfinished");
    assert!(!names(setup.folder()).iter().any(unfinished));
}

#[test]
fn a_backup_that_cannot_be_made_says_why_and_leaves_nothing_behind() {
    let (setup, store) = stored(&["fay"]);
    fs::write(setup.folder().join("used.db-wal"), "").unwrap();
    symlink(&store, setup.folder().join("link.db")).unwrap();
    let refused = |setup: &Setup, arguments: &[&str], why: &str| {
        let before = names(setup.folder());
        let printed = setup.command(arguments).expect(1);
        assert!(printed.contains(why), "{arguments:?}: {printed}");
        let after: Vec<String> = names(setup.folder());
        let new = after.iter().filter(|name| !before.contains(name));
        // A reader of a store at rest leaves SQLite's own files beside it.
        let new: Vec<_> = new.filter(|name| !name.starts_with("relay.db-")).collect();
        assert!(new.is_empty(), "{arguments:?} left {new:?}");
    };
    refused(&setup, &["backup", "nowhere/backup.db"], "there is no folder nowhere; make it first");
    refused(&setup, &["backup", "/proc/backup.db"], "can't make /proc/backup.db");
    refused(&setup, &["backup", "used.db"], "used.db-wal is left there from another SQLite file");
    for itself in ["relay.db", "./relay.db", "relay.db-wal", "relay.db.lock", "link.db"] {
        refused(&setup, &["backup", "--force", itself], "is a file of the store itself");
    }
    let printed = setup.command_up_to(32, Beyond::Fails, &["backup", "backup.db"]).expect(1);
    assert!(printed.contains("can't copy ") && printed.contains("backup.db"), "{printed}");
    assert!(!names(setup.folder()).iter().any(|name| name.starts_with("backup.db")));

    let nowhere = setup.clone().set("store.url", "sqlite:nowhere/relay.db");
    refused(
        &nowhere,
        &["backup", "backup.db"],
        "there is no store nowhere/relay.db; check store.url",
    );
    fs::write(setup.folder().join("text.db"), "not a database, but long enough").unwrap();
    let text = setup.clone().set("store.url", "sqlite:text.db");
    refused(&text, &["backup", "backup.db"], "file is not a database");
}

#[test]
fn a_backup_killed_in_the_middle_has_no_name_and_the_next_one_is_whole() {
    let (setup, _) = stored(&["fay"]);
    let killed = setup.command_up_to(32, Beyond::Kills, &["backup", "backup.db"]);
    assert_eq!(killed.code, None, "{killed:?}");
    assert!(!names(setup.folder()).contains(&"backup.db".to_owned()));
    setup.command(&["backup", "backup.db"]).expect(0);
    assert_eq!(ask(&setup.folder().join("backup.db"), "SELECT COUNT(*) FROM inbox"), 1);
}

#[test]
fn nothing_is_restored_while_the_store_is_in_use() {
    let sandbox = Sandbox::start();
    let mut relay = Relay::start(&sandbox);
    relay.accept(&joined("fay"));
    relay.command(&["backup", "backup.db"]).expect(0);
    let printed = relay.command(&["restore", "backup.db"]).expect(1);
    assert!(printed.contains("a relay runs on ") && printed.contains("stop it first"), "{printed}");
    relay.accept(&joined("rae"));
    relay.drained();
    relay.terminate();

    let other = Connection::open(relay.setup().folder().join("relay.db")).unwrap();
    other.query_row("SELECT COUNT(*) FROM inbox", [], |_| Ok(())).unwrap();
    let printed = relay.command(&["restore", "backup.db"]).expect(1);
    assert!(printed.contains("another process has ") && printed.contains(" open"), "{printed}");
    drop(other);
    relay.command(&["restore", "backup.db"]).expect(0);
}

#[test]
fn the_store_before_is_set_aside_whole_and_can_come_back() {
    let (setup, store) = stored(&["fay"]);
    setup.command(&["backup", "backup.db"]).expect(0);
    // Killed, so that what came last is in the log alone.
    let mut relay = setup.clone().start();
    let webhook = joined("rae");
    relay.accept(&webhook);
    relay.kill();
    let printed = setup.command(&["restore", "backup.db"]).expect(0);
    let line = printed.lines().find_map(|line| line.strip_prefix("The old store is now ")).unwrap();
    let aside = line.strip_suffix('.').unwrap().to_owned();
    assert!(aside.contains("relay.db.replaced-20"), "{aside}");
    assert_eq!(ask(&store, "SELECT COUNT(*) FROM inbox"), 1);
    assert_eq!(ask(Path::new(&aside), "SELECT COUNT(*) FROM inbox"), 2);

    setup.command(&["restore", &aside]).expect(0);
    assert_eq!(ask(&store, "SELECT COUNT(*) FROM inbox"), 2);
    let mut relay = setup.start();
    relay.must("duplicate", &webhook);
    relay.terminate();
}

#[test]
fn a_person_is_nowhere_in_a_restored_store_once_they_are_erased() {
    let names: Vec<String> = (0..60).map(|number| format!("guest{number:02}")).collect();
    let (setup, _) = stored(&names.iter().map(String::as_str).collect::<Vec<_>>());
    setup.command(&["backup", "backup.db"]).expect(0);
    let elsewhere = Setup::towards("http://127.0.0.1:9");
    let backup = setup.folder().join("backup.db");
    elsewhere.command(&["restore", backup.to_str().unwrap()]).expect(0);
    for name in names.iter().step_by(7) {
        assert_ne!(elsewhere.holding(&email(name)), [""; 0]);
        elsewhere.command(&["erase", &email(name)]).expect(0);
        assert_eq!(elsewhere.holding(&email(name)), [""; 0], "{name}");
    }
}

#[test]
fn a_copy_with_its_log_beside_it_is_restored_with_what_is_in_the_log() {
    let setup = Setup::towards("http://127.0.0.1:9");
    let mut relay = setup.clone().start();
    relay.accept(&joined("fay"));
    relay.kill();
    fs::create_dir(setup.folder().join("by-hand")).unwrap();
    for name in ["relay.db", "relay.db-wal"] {
        fs::copy(setup.folder().join(name), setup.folder().join("by-hand").join(name)).unwrap();
    }
    let elsewhere = setup.clone().set("store.url", "sqlite:elsewhere/relay.db");
    let printed = elsewhere.command(&["restore", "by-hand/relay.db"]).expect(0);
    assert!(printed.contains("Restored 1 webhook, "), "{printed}");
    assert_eq!(names(&setup.folder().join("by-hand")), ["relay.db", "relay.db-wal"]);
}

#[test]
fn a_backup_comes_back_from_standard_input_too() {
    let (setup, store) = stored(&["fay"]);
    setup.command(&["backup", "backup.db"]).expect(0);
    let mut command = binary();
    command.args(["restore", "-"]).env("RELAY__STORE__URL", "sqlite:new/folder/relay.db");
    command.stdin(File::open(setup.folder().join("backup.db")).unwrap());
    let output = command.current_dir(setup.folder()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(ask(&setup.folder().join("new/folder/relay.db"), "SELECT COUNT(*) FROM inbox"), 1);
    assert_eq!(ask(&store, "SELECT COUNT(*) FROM inbox"), 1);
}

#[test]
fn what_is_no_fit_backup_is_refused_and_the_store_stays() {
    let (setup, store) = stored(&["fay"]);
    setup.command(&["backup", "backup.db"]).expect(0);
    let backup = setup.folder().join("backup.db");
    let bytes = fs::read(&backup).unwrap();
    let before = fs::read(&store).unwrap();
    let refused = |name: &str, why: &str| {
        let printed = setup.command(&["restore", name]).expect(1);
        assert!(printed.contains(name) && printed.contains(why), "{printed}");
        assert_eq!(fs::read(&store).unwrap(), before);
        assert!(!names(setup.folder()).iter().any(|name| name.contains("unfinished")));
    };
    let write = |name: &str, bytes: &[u8]| fs::write(setup.folder().join(name), bytes).unwrap();

    write("half.db", &bytes[..bytes.len() / 2]);
    refused("half.db", &format!("it is damaged: it has {} bytes and ", bytes.len() / 2));
    // SQLite itself completes the last page with zeros.
    for missing in [1, 50, 99] {
        write("cut.db", &bytes[..bytes.len() - missing]);
        let (found, whole) = (bytes.len() - missing, bytes.len());
        refused("cut.db", &format!("it is damaged: it has {found} bytes and should have {whole}"));
    }
    let mut page = bytes.clone();
    page[5 * 2_048..6 * 2_048].fill(0xff);
    write("page.db", &page);
    refused("page.db", "it is damaged: ");
    // These stand in the webhook's body alone.
    let notes = NOTES.as_bytes();
    let place = bytes.windows(notes.len()).position(|window| window == notes).unwrap();
    let mut letter = bytes.clone();
    letter[place] = b'?';
    write("letter.db", &letter);
    refused("letter.db", "it is damaged: the body of a webhook isn't what was received");
    write("text.db", b"this is a text");
    refused("text.db", "it isn't a SQLite file");
    write("empty.db", b"");
    refused("empty.db", "no store of referral-relay");
    let foreign = Connection::open(setup.folder().join("foreign.db")).unwrap();
    foreign.execute_batch("CREATE TABLE inbox (id INTEGER)").unwrap();
    drop(foreign);
    refused("foreign.db", "it is a SQLite file, but no store of referral-relay");
    refused("nothing.db", "can't read nothing.db: No such file");
    refused("relay.db", "is the store itself");

    let newer = Connection::open(&backup).unwrap();
    newer.execute("INSERT INTO schema_migrations VALUES (99, 'x', 0)", []).unwrap();
    drop(newer);
    refused("backup.db", "its schema is version 99 and this referral-relay knows ");
}

#[test]
fn a_restore_killed_in_the_middle_leaves_the_old_store_at_work() {
    let (setup, _) = stored(&["fay"]);
    setup.command(&["backup", "backup.db"]).expect(0);
    let killed = setup.command_up_to(32, Beyond::Kills, &["restore", "backup.db"]);
    assert_eq!(killed.code, None, "{killed:?}");
    let printed = setup.command_up_to(32, Beyond::Fails, &["restore", "backup.db"]).expect(1);
    assert!(printed.contains("can't copy the backup to "), "{printed}");
    let mut relay = setup.clone().start();
    assert_eq!(relay.metric("relay_pending_calls"), Some(2.0));
    relay.accept(&joined("rae"));
    relay.terminate();
    setup.command(&["restore", "backup.db"]).expect(0);
}

/// An operator may work as root in a folder that belongs to the relay's user, who could put links
/// there to another user's files.
#[test]
fn a_restore_follows_no_link_to_other_files() {
    let (setup, store) = stored(&["ann"]);
    let backup = setup.folder().join("backup.db");
    setup.command(&["backup", backup.to_str().unwrap()]).expect(0);
    let log = setup.folder().join("backup.db-wal");
    fs::write(&log, "").unwrap();
    let victim = setup.folder().join("victim");
    for name in ["relay.db.lock", "relay.db.unfinished-1-wal"] {
        fs::write(&victim, "another user's").unwrap();
        let link = setup.folder().join(name);
        let _there = fs::remove_file(&link);
        symlink(&victim, &link).unwrap();
        let refused = setup.command(&["restore", backup.to_str().unwrap()]).expect(1);
        assert!(refused.contains(name), "{refused}");
        assert_eq!(fs::read_to_string(&victim).unwrap(), "another user's");
        assert_eq!(ask(&store, "SELECT COUNT(*) FROM inbox"), 1);
        let _gone = fs::remove_file(&link);
    }
    let elsewhere = setup.folder().join("elsewhere.db");
    fs::rename(&store, &elsewhere).unwrap();
    symlink(&elsewhere, &store).unwrap();
    let refused = setup.command(&["restore", backup.to_str().unwrap()]).expect(1);
    assert!(refused.contains("is a symbolic link"), "{refused}");
    assert_eq!(ask(&elsewhere, "SELECT COUNT(*) FROM inbox"), 1);
    let log = setup.folder().join("elsewhere.db-wal");
    let refused = setup.command(&["backup", log.to_str().unwrap()]).expect(1);
    assert!(refused.contains("a file of the store itself"), "{refused}");
    fs::rename(&elsewhere, &store).unwrap();
    setup.command(&["restore", backup.to_str().unwrap()]).expect(0);
}

#[test]
fn a_backup_replaces_nothing_but_files() {
    let (setup, _store) = stored(&["ann"]);
    let link = setup.folder().join("link");
    symlink("/dev/null", &link).unwrap();
    for target in [link.to_str().unwrap(), "/dev/null"] {
        let refused = setup.command(&["backup", target, "--force"]).expect(1);
        assert!(refused.contains("no ordinary file"), "{refused}");
    }
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
}

#[test]
fn a_backup_whose_schema_is_not_the_relays_own_is_refused_with_what_differs() {
    let (setup, _) = stored(&["fay"]);
    setup.command(&["backup", "backup.db"]).expect(0);
    let before = names(setup.folder());
    for (change, difference) in [
        (
            "CREATE TRIGGER leak AFTER INSERT ON inbox BEGIN DELETE FROM effects; END",
            "it holds trigger \"leak\" of \"inbox\"",
        ),
        ("CREATE VIEW people_now AS SELECT * FROM people", "it holds view \"people_now\""),
        ("CREATE INDEX extra ON inbox (owner)", "it holds index \"extra\" of \"inbox\""),
        ("CREATE TABLE \"a\u{1b}[2Jb\" (x)", "it holds table \"a\\u{1b}[2Jb\""),
        ("ALTER TABLE people ADD COLUMN more TEXT", "its table \"people\" was altered"),
        ("ALTER TABLE inbox RENAME COLUMN owner TO tenant", "its table \"inbox\" was altered"),
        ("DROP INDEX inbox_parked", "its index \"inbox_parked\" is missing"),
        (
            "DROP INDEX inbox_parked; CREATE INDEX inbox_parked ON inbox (id)",
            "its index \"inbox_parked\" of \"inbox\" was altered",
        ),
        (
            "DROP TABLE mentions; CREATE VIEW mentions AS SELECT 1 AS person, 1 AS webhook",
            "mentions",
        ),
        ("PRAGMA application_id = 7", "its application_id is 7"),
    ] {
        let foreign = setup.folder().join("foreign.db");
        fs::copy(setup.folder().join("backup.db"), &foreign).unwrap();
        Connection::open(&foreign).unwrap().execute_batch(change).unwrap();
        let printed = setup.command(&["restore", "foreign.db"]).expect(1);
        assert!(printed.contains(difference), "{change}: {printed}");
        assert!(printed.contains("referral-relay backup"), "what to do: {printed}");
        fs::remove_file(&foreign).unwrap();
        assert_eq!(names(setup.folder()), before, "{change}");
    }
    // Numbers that SQLite collects of its own tables are nobody's schema.
    let analyzed = Connection::open(setup.folder().join("backup.db")).unwrap();
    analyzed.execute_batch("ANALYZE").unwrap();
    drop(analyzed);
    setup.command(&["restore", "backup.db"]).expect(0);
}

#[test]
fn a_store_with_foreign_tables_is_not_backed_up_and_names_the_fix() {
    let (setup, store) = stored(&["fay"]);
    let before = names(setup.folder());
    for (change, undo, difference) in [
        (
            "CREATE TRIGGER leak AFTER INSERT ON inbox BEGIN DELETE FROM effects; END",
            "DROP TRIGGER leak",
            "it holds trigger \"leak\" of \"inbox\"",
        ),
        (
            "PRAGMA application_id = 7",
            "PRAGMA application_id = 1380273217",
            "its application_id is 7",
        ),
    ] {
        Connection::open(&store).unwrap().execute_batch(change).unwrap();
        let printed = setup.command(&["backup", "backup.db"]).expect(1);
        assert!(
            printed.contains("can't be backed up") && printed.contains(difference),
            "{printed}"
        );
        assert!(printed.contains("undo that change to the store"), "{printed}");
        assert!(!printed.contains("take a backup"), "{printed}");
        Connection::open(&store).unwrap().execute_batch(undo).unwrap();
        assert_eq!(names(setup.folder()), before, "{change}");
    }
    setup.command(&["backup", "backup.db"]).expect(0);
}

#[test]
fn a_restore_that_fails_leaves_nothing_and_blames_what_is_at_fault() {
    let (setup, _) = stored(&["fay"]);
    let folder = setup.folder().join("backups");
    fs::create_dir(&folder).unwrap();
    fs::write(setup.folder().join("text"), "no store").unwrap();
    let before = names(setup.folder());
    let elsewhere = setup.clone().set("store.url", "sqlite:of/a/restore/relay.db");
    let beside = setup.clone().set("store.url", "sqlite:other.db");
    for (backup, why) in [
        (folder.to_str().unwrap(), format!("can't read {}: ", folder.display())),
        ("missing.db", "can't read missing.db: ".to_owned()),
        ("text", "text can't be restored: it isn't a SQLite file".to_owned()),
    ] {
        for setup in [&elsewhere, &beside, &setup] {
            let printed = setup.command(&["restore", backup]).expect(1);
            assert!(printed.contains(&why), "{why}: {printed}");
            assert_eq!(names(setup.folder()), before, "{backup}");
        }
    }
    // Folders that were there stay.
    fs::create_dir(setup.folder().join("of")).unwrap();
    elsewhere.command(&["restore", "text"]).expect(1);
    assert!(names(&setup.folder().join("of")).is_empty());
}

#[test]
fn folders_that_the_relay_makes_are_its_owners_alone() {
    let (setup, _) = stored(&["fay"]);
    setup.command(&["backup", "backup.db"]).expect(0);
    let mode =
        |path: &str| fs::metadata(setup.folder().join(path)).unwrap().permissions().mode() & 0o777;
    let started = setup.clone().set("store.url", "sqlite:of/a/start/relay.db").start();
    drop(started);
    let restored = setup.clone().set("store.url", "sqlite:of/a-restore/relay.db");
    restored.command(&["restore", "backup.db"]).expect(0);
    for folder in ["of", "of/a", "of/a/start", "of/a-restore"] {
        assert_eq!(mode(folder), 0o700, "{folder}");
    }
    for file in ["of/a/start/relay.db", "of/a-restore/relay.db"] {
        assert_eq!(mode(file), 0o600, "{file}");
    }
}

#[test]
fn a_backup_on_which_the_relay_could_not_run_is_refused_with_the_row_at_fault() {
    let sandbox = Sandbox::start();
    let mut relay = Relay::start(&sandbox);
    let webhook = joined("fay");
    relay.accept(&webhook);
    relay.drained();
    relay.terminate();
    let setup = relay.setup().clone();
    setup.command(&["backup", "backup.db"]).expect(0);
    let before = names(setup.folder());
    let last = i64::MAX;
    for (change, why) in [
        ("INSERT INTO meta VALUES ('copying', 'x')".to_owned(), "`referral-relay store copy`"),
        (
            "UPDATE meta SET value = 7 WHERE key = 'hash_key'".to_owned(),
            "row hash_key of its table meta",
        ),
        (
            "UPDATE meta SET value = '00' WHERE key = 'hash_key'".to_owned(),
            "row hash_key of its table meta",
        ),
        (
            "INSERT OR REPLACE INTO meta VALUES ('probed_at', 'x')".to_owned(),
            "row probed_at of its table meta",
        ),
        (
            "INSERT INTO meta VALUES ('tombstone_check', hex(zeroblob(32)))".to_owned(),
            "store.tombstone_key",
        ),
        (
            "UPDATE people SET state = '{'".to_owned(),
            "row 1 of its table people can't be read: a person: EOF",
        ),
        ("UPDATE people SET identifier = 'phone:1'".to_owned(), "row 1 of its table people"),
        (
            "UPDATE deliveries SET call = '{'".to_owned(),
            "row 1 of its table deliveries can't be read: a call: EOF",
        ),
        ("UPDATE deliveries SET identify = '[]'".to_owned(), "row 1 of its table deliveries"),
        (
            "UPDATE inbox SET source = 'nobody'".to_owned(),
            "row 1 of its table inbox, a source: \"nobody\"",
        ),
        (
            "UPDATE meta SET value = 'x' WHERE key = 'made_at'".to_owned(),
            "row made_at of its table meta",
        ),
        (
            "UPDATE counters SET value = 7 WHERE name = 'dead'".to_owned(),
            "the number of dead letters isn't",
        ),
        ("UPDATE lanes SET due_at = 1".to_owned(), "a lane is due with nothing pending"),
        (
            format!("UPDATE sqlite_sequence SET seq = {last} WHERE name = 'people'"),
            "row people of its table sqlite_sequence can't be read: a number: seq leaves no room",
        ),
        (
            format!("UPDATE lanes SET token = {last}"),
            "row 1 of its table lanes can't be read: a number: token",
        ),
    ] {
        let unfit = setup.folder().join("unfit.db");
        fs::copy(setup.folder().join("backup.db"), &unfit).unwrap();
        Connection::open(&unfit).unwrap().execute_batch(&change).unwrap();
        let printed = setup.command(&["restore", "unfit.db"]).expect(1);
        assert!(
            printed.contains("unfit.db can't be restored") && printed.contains(why),
            "{change}: {printed}"
        );
        // Nor is such a store backed up: nothing could be made of the copy.
        let store = format!("sqlite:{}", unfit.display());
        if !change.contains("copying") && !change.contains("tombstone") {
            let printed =
                setup.clone().set("store.url", store).command(&["backup", "more.db"]).expect(1);
            assert!(printed.contains(why), "{change}: {printed}");
        }
        for suffix in ["", "-wal", "-shm"] {
            let _gone = fs::remove_file(format!("{}{suffix}", unfit.display()));
        }
        assert_eq!(names(setup.folder()), before, "{change}");
    }
    // A newer version may remember more.
    let newer = Connection::open(setup.folder().join("backup.db")).unwrap();
    newer.execute("INSERT INTO meta VALUES ('of_a_newer_version', 'x')", []).unwrap();
    drop(newer);
    setup.command(&["restore", "backup.db"]).expect(0);
    let mut relay = setup.start();
    relay.must("duplicate", &webhook);
    relay.terminate();
}

#[test]
fn a_note_of_damage_stays_with_the_file_in_which_it_was_found() {
    let (setup, store) = stored(&["fay"]);
    let noted = Connection::open(&store).unwrap();
    noted.execute("INSERT INTO meta VALUES ('damaged', 'an index')", []).unwrap();
    drop(noted);
    setup.command(&["backup", "backup.db"]).expect(0);
    setup.command(&["restore", "backup.db"]).expect(0);
    let mut relay = setup.set("store.on_damage", "refuse").start();
    relay.terminate();
}
