//! The contract on SQLite, and promises that only this backend makes.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::Connection;
use tempfile::TempDir;

use crate::domain::Destination;
use crate::store::contract::script::{Script, arrival, at, did, drain, lease, take};
use crate::store::contract::{Bench, contract_tests};
use crate::store::engine::Backend;
use crate::store::{Stats, Store, StoreError, StoreLocation};

use super::connection::DatabasePath;
use super::queue::Priority;
use super::writer::Writer;
use super::{Options, SqliteStore};

pub(crate) mod counted;
mod forgetting;
pub(crate) mod watch;

use counted::counted;
use watch::Watch;

contract_tests!(Folder::new());

/// A temporary folder with one store file in a folder of its own.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("data").join("relay.db")
    }

    async fn try_open(&self) -> Result<Store, StoreError> {
        SqliteStore::open(&self.file(), Arc::new(Script), Self::options()).await
    }

    fn options() -> Options {
        // A seed of its own for each opening, to show that only the first one counts.
        let seed = std::array::from_fn(|_| fastrand::u8(1..));
        // No test here cuts the power, and the disk is spared.
        let watch = Some(Watch::idle());
        let busy_timeout = Duration::from_secs(10);
        Options { busy_timeout, watch, ..Options::new(seed, at(0)) }
    }

    async fn open_sqlite(&self) -> Store {
        self.try_open().await.unwrap()
    }

    fn connection(&self) -> Connection {
        let connection = Connection::open(self.file()).unwrap();
        connection.busy_timeout(Duration::from_secs(10)).unwrap();
        connection
    }

    pub(crate) fn sql(&self, sql: &str) -> i64 {
        self.connection().query_row(sql, [], |row| row.get(0)).unwrap()
    }
}

fn writer(store: &Store) -> &Writer {
    let Backend::File(file) = &*store.backend else { panic!("a file") };
    &file.writer
}

#[async_trait]
impl Bench for Folder {
    async fn open(&self) -> Arc<Store> {
        Arc::new(self.open_sqlite().await)
    }

    async fn place(&self) -> StoreLocation {
        StoreLocation::File(self.file(), Self::options())
    }

    async fn count(&self) -> Stats {
        counted(&self.connection())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_accepts_at_once_share_few_commits() {
    let folder = Folder::new();
    let store = Arc::new(folder.open_sqlite().await);
    // While another holds the right to write, all of them come to wait.
    let other = Connection::open(folder.file()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut waiting = tokio::task::JoinSet::new();
    for number in 0..200 {
        let store = Arc::clone(&store);
        waiting.spawn(async move {
            let notification = did(&format!("p{number}"), &format!("e{number}"));
            store.accept(arrival(&number.to_string(), at(0), notification), at(0)).await.unwrap()
        });
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(waiting.join_all().await.len(), 200);
    assert!(store.commits() < 20, "{}", store.commits());
    assert_eq!(store.stats().await.unwrap(), folder.count().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_fails_or_panics_takes_nothing_else_with_it() {
    let folder = Folder::new();
    let store = folder.open_sqlite().await;
    let sabotage = "INSERT INTO meta (key, value) VALUES ('sabotage', 1)";
    let failing = writer(&store).write_unit(Priority::Rest, "fail", move |connection| {
        connection.execute(sabotage, [])?;
        Ok(connection.execute("INSERT INTO nowhere VALUES (1)", [])?)
    });
    let panicking = writer(&store).write_unit::<()>(Priority::Rest, "panic", move |connection| {
        connection.execute(sabotage, [])?;
        panic!("on purpose")
    });
    let (failed, panicked, accepted) =
        tokio::join!(failing, panicking, store.accept(arrival("x", at(0), did("ann", "a")), at(0)));
    let (failed, panicked) = (failed.unwrap_err(), panicked.unwrap_err());
    assert!(matches!(failed, StoreError::Unavailable { .. }), "{failed:?}");
    assert!(matches!(panicked, StoreError::Contradiction { .. }), "{panicked:?}");
    assert_eq!(accepted.unwrap().calls, 2);
    assert_eq!(folder.sql("SELECT COUNT(*) FROM meta WHERE key = 'sabotage'"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_cannot_write_says_so_and_recovers() {
    let folder = Folder::new();
    let store = folder.open_sqlite().await;
    take(&store, "ann", "a", at(0)).await;
    let break_disk = |pragma: &'static str| {
        writer(&store).write_unit(Priority::Rest, "break the disk", move |connection| {
            Ok(connection.execute_batch(pragma)?)
        })
    };
    // This connection refuses to write, as on a disk that went read-only; the next one doesn't.
    break_disk("PRAGMA query_only = ON").await.unwrap();
    let refused = store.accept(arrival("b", at(1), did("ann", "b")), at(1)).await;
    assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{refused:?}");
    take(&store, "ann", "b", at(2)).await;

    // The disk is full: nothing of a body that is too large stays, and nothing else is harmed.
    break_disk("PRAGMA max_page_count = 1").await.unwrap();
    let body = "x".repeat(1 << 20);
    let refused = store.accept(arrival(&body, at(3), did("bob", "c")), at(3)).await;
    assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{refused:?}");
    break_disk("PRAGMA max_page_count = 4294967294").await.unwrap();
    let accepted = store.accept(arrival(&body, at(4), did("bob", "c")), at(4)).await.unwrap();
    assert_eq!(accepted.calls, 2);
    assert_eq!(store.stats().await.unwrap(), folder.count().await);
    assert_eq!(drain(&store, at(5)).await.len(), 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_locked_by_another_process_says_so_and_recovers() {
    let folder = Folder::new();
    let options =
        Options { busy_timeout: Duration::from_millis(50), ..Options::new([1; 32], at(0)) };
    let store = SqliteStore::open(&folder.file(), Arc::new(Script), options).await.unwrap();
    let other = Connection::open(folder.file()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = store.probe(at(0)).await;
    assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{refused:?}");
    assert_eq!(
        store.next_due(Destination::CustomerIo, true, at(0)).await.unwrap(),
        None,
        "readers don't wait for writers"
    );
    other.execute_batch("ROLLBACK").unwrap();
    store.probe(at(0)).await.unwrap();
}

#[tokio::test]
async fn a_link_to_the_file_leads_to_the_same_store_and_the_same_right_to_deliver() {
    let folder = Folder::new();
    let store = folder.open_sqlite().await;
    assert_eq!(store.take_over(at(0)).await.unwrap(), 0);
    take(&store, "ann", "a", at(0)).await;
    let link = folder.0.path().join("link.db");
    std::os::unix::fs::symlink(folder.file(), &link).unwrap();
    let options = Options::new([1; 32], at(0));
    let linked = SqliteStore::open(&link, Arc::new(Script), options).await.unwrap();
    assert!(linked.is_attended(at(0)).await.unwrap());
    take(&linked, "bob", "b", at(0)).await;
    assert_eq!(store.stats().await.unwrap(), folder.count().await);
}

#[tokio::test]
async fn what_others_have_written_is_synced_before_an_answer_that_comes_of_it() {
    let folder = Folder::new();
    folder.open_sqlite().await.close().await.unwrap();
    let place = DatabasePath::new(&folder.file(), Duration::ZERO);
    let syncs = Arc::<AtomicU32>::default();
    let counting = Arc::clone(&syncs);
    let sync = move |_: &std::fs::File| {
        counting.fetch_add(1, Ordering::Relaxed);
        Ok(())
    };
    let writer = Writer::start(place.clone(), place.writer().unwrap(), sync).unwrap();
    let look = || writer.write_unit(Priority::Rest, "look", |_| Ok(()));
    look().await.unwrap();
    assert_eq!(syncs.load(Ordering::Relaxed), 1, "one that was killed may have left something");
    look().await.unwrap();
    assert_eq!(syncs.load(Ordering::Relaxed), 1);
    folder.connection().execute_batch("CREATE TABLE added (x)").unwrap();
    look().await.unwrap();
    assert_eq!(syncs.load(Ordering::Relaxed), 2);
    let drop_table =
        |connection: &mut Connection| Ok(connection.execute_batch("DROP TABLE added")?);
    writer.write_unit(Priority::Rest, "write", drop_table).await.unwrap();
    look().await.unwrap();
    assert_eq!(syncs.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_changed_migration_is_refused() {
    let folder = Folder::new();
    folder.open_sqlite().await.close().await.unwrap();
    folder.sql("UPDATE schema_migrations SET sha256 = 'other' RETURNING version");
    let refused = folder.try_open().await.err().unwrap();
    assert!(matches!(refused, StoreError::Unreadable { what: "a schema", .. }), "{refused:?}");
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let folder = Folder::new();
    folder.open_sqlite().await.close().await.unwrap();
    folder.sql("INSERT INTO schema_migrations VALUES (99, 'x', 0) RETURNING version");
    let refused = folder.try_open().await.err().unwrap();
    assert!(matches!(refused, StoreError::TooNew { found: 99, .. }), "{refused:?}");
}

#[tokio::test]
async fn a_lane_that_cannot_be_read_stops_no_other() {
    let folder = Folder::new();
    let store = folder.open_sqlite().await;
    take(&store, "ann", "a", at(0)).await;
    folder.sql("UPDATE deliveries SET call = '{}', identify = NULL RETURNING id");
    take(&store, "bob", "b", at(0)).await;
    let leased = lease(&store, at(1)).await;
    assert_eq!(leased.key.value(), "bob@example.com");
    assert_eq!(store.stats().await.unwrap().pending, 4);
    // A person who can't be read parks the webhook, which is kept and can be replayed.
    folder.sql("UPDATE people SET state = '{}' RETURNING id");
    let receipt = store.accept(arrival("c", at(2), did("ann", "c")), at(2)).await.unwrap();
    assert!(matches!(receipt.status, crate::domain::Status::Parked { .. }), "{receipt:?}");
}

#[tokio::test]
async fn a_closed_store_leaves_one_file_that_only_its_owner_reads() {
    let folder = Folder::new();
    let store = folder.open_sqlite().await;
    take(&store, "ann", "a", at(0)).await;
    store.stats().await.unwrap();
    store.close().await.unwrap();
    let names = std::fs::read_dir(folder.file().parent().unwrap()).unwrap();
    let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["relay.db"]);
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(folder.file()).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

fn indexes(connection: &Connection) -> Vec<String> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'index'";
    let mut statement = connection.prepare(sql).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

#[tokio::test]
async fn no_statement_scans_a_table_and_each_index_is_used() {
    // A few walk over a partial index that holds nothing but what they want, or over the schema.
    const FINE: [&str; 6] = [
        // A row a number.
        "SCAN counters",
        "CONSTANT ROW",
        "INDEX deliveries_planned",
        "SCAN dead_letters",
        "SCAN sqlite_schema",
        "SCAN sqlite_sequence",
    ];
    // What runs for each webhook or call makes no table in memory, either: that takes longer than
    // all the rest of a statement.
    const EACH_WEBHOOK: [&str; 4] = ["deliveries.rs", "inbox.rs", "lanes.rs", "people.rs"];
    let folder = Folder::new();
    folder.open_sqlite().await.close().await.unwrap();
    let connection = DatabasePath::new(&folder.file(), Duration::ZERO).writer().unwrap();
    let sources = concat!(env!("CARGO_MANIFEST_DIR"), "/src/store/sqlite");
    let mut seen = 0;
    let mut indexes = indexes(&connection);
    let files = |folder: &str| std::fs::read_dir(folder).unwrap();
    for source in files(sources).chain(files(&format!("{sources}/tables"))) {
        let path = source.unwrap().path();
        // What is looked at whole is a copy, beside the store, or the store for damage, beside
        // the service.
        let skipped = [
            "tests.rs",
            "migrate.rs",
            "backup_manifest.rs",
            "restore.rs",
            "rebuild.rs",
            "soundness.rs",
            "values.rs",
            "copying.rs",
        ];
        let skipped = skipped.iter().any(|name| path.ends_with(name));
        if skipped || path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let verbs = ["SELECT ", "SELECT\n", "UPDATE ", "DELETE ", "INSERT "];
        for sql in text.split('"').filter(|text| verbs.iter().any(|verb| text.starts_with(verb))) {
            let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let mut rows = plan.raw_query();
            while let Some(row) = rows.next().unwrap() {
                let detail: String = row.get(3).unwrap();
                indexes.retain(|index| !detail.contains(&format!("INDEX {index}")));
                let walks = detail.starts_with("SCAN") || detail.contains("TEMP B-TREE");
                let fine = !walks || FINE.iter().any(|fine| detail.contains(fine));
                assert!(fine, "{detail}: {sql}");
            }
            let each_webhook = EACH_WEBHOOK.iter().any(|name| path.ends_with(name));
            let mut code = connection.prepare(&format!("EXPLAIN {sql}")).unwrap();
            let mut rows = code.raw_query();
            while let Some(row) = rows.next().unwrap() {
                let makes_table = row.get::<_, String>(1).unwrap() == "OpenEphemeral";
                let rare =
                    sql.contains("INDEXED BY lanes_") || sql.contains("deliveries SET class");
                assert!(!makes_table || !each_webhook || rare, "a table in memory: {sql}");
            }
            seen += 1;
        }
    }
    assert!(seen > 40, "{seen}");
    assert_eq!(indexes, [""; 0], "no statement asks for them");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_takes_too_long_is_interrupted_and_the_next_one_goes_on() {
    let store = Folder::new();
    let store = store.open_sqlite().await;
    let counts = (0..5_000).map(|number| (format!("webhook {number}"), 1)).collect();
    store.add_traffic(counts, at(0), at(0)).await.unwrap();
    let slow = store.bounded(2, Duration::ZERO).traffic(at(0)).await;
    assert!(matches!(slow, Err(StoreError::TooSlow { .. })), "{slow:?}");
    let bounded = store.bounded(2, Duration::from_secs(60));
    assert_eq!(bounded.traffic(at(0)).await.unwrap().len(), 5_000);
    assert_eq!(store.traffic(at(0)).await.unwrap().len(), 5_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_may_open_a_new_store_at_once() {
    for _ in 0..5 {
        let folder = Arc::new(Folder::new());
        let mut opening = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let folder = Arc::clone(&folder);
            opening.spawn(async move { folder.try_open().await.map(|store| store.commits()) });
        }
        for opened in opening.join_all().await {
            opened.unwrap();
        }
        assert_eq!(folder.sql("SELECT COUNT(*) FROM meta WHERE key = 'hash_key'"), 1);
    }
}
