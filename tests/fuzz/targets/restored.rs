//! Backups of outsiders: each is restored as a store that works, or refused, and nothing is left of it.

use std::fs;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use referral_relay::domain::{Class, ReceivedWebhook, Source, Time, Webhook, WebhookId};
use referral_relay::ingest::decode;
use referral_relay::mapping::Mapper;
use referral_relay::store::sqlite::{self, Options, SqliteStore, restore};
use referral_relay::store::{Store, StoreError};
use rusqlite::Connection;
use tokio::runtime::Runtime;

use super::webhook::STANDARD;

/// The longest sentence about a backup.
const REASON_BYTES: usize = 4_000;

const NOW: Time = Time::from_seconds(1_790_000_000);

/// A webhook of a participant whom another one referred.
const WEBHOOK: &[u8] = include_bytes!("../corpus/webhook/participant-added.json");

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("there are threads"));

/// A store with a webhook, two people and their calls, as a file's bytes.
static BACKUP: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let (path, backup) = (folder.path().join("relay.db"), folder.path().join("backup.db"));
    RUNTIME.block_on(async {
        let store = open(&path).await.expect("a new store opens");
        let (source, body) = (Source::Growsurf, WEBHOOK.to_vec());
        let reading = decode(source, None, None, &body, NOW).reading;
        let decoded = Ok(reading.expect("the webhook can be read"));
        let id = WebhookId::new(NOW, 7);
        let webhook = Webhook { id, received_at: NOW, source, owner: None, event: None, body };
        let arrival = ReceivedWebhook { webhook, decoded, class: Class::Live };
        let receipt = store.accept(arrival, NOW).await.expect("a new store accepts");
        assert!(receipt.calls > 0);
        store.close().await.expect("nothing holds the store");
        sqlite::back_up(&path, &backup, false, NOW).await.expect("a store can be backed up");
    });
    fs::read(backup).expect("the backup is a file")
});

/// Changes to a good backup, one a line: a statement in SQL, or `@OFFSET BYTE`.
pub fn restored(data: &[u8]) {
    let Ok(changes) = std::str::from_utf8(data) else { return };
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let (made, path) = (folder.path().join("made.db"), folder.path().join("relay.db"));
    make(&made, changes);
    let bytes = fs::read(&made).expect("the backup is a file");
    match restore(sqlite::Source::Stream(&mut bytes.as_slice()), &path, &options()) {
        Ok(restored) => RUNTIME.block_on(async {
            assert_eq!(restored.set_aside, None);
            let store = open(&path).await.expect("a restored store opens");
            let stats = store.stats().await.expect("a restored store can be read");
            assert_eq!(stats.pending, restored.contents.stats.pending);
            store.probe(NOW).await.expect("a restored store takes a write");
            store.close().await.expect("nothing holds the store");
        }),
        Err(error) => {
            assert!(!changes.trim().is_empty(), "an untouched backup is refused: {error}");
            let reason = error.to_string();
            assert!(!reason.is_empty() && reason.len() <= REASON_BYTES, "{reason:?}");
            assert!(!path.exists(), "a refused backup became the store");
        }
    }
}

/// Writes the good backup with changes. Those that can't be made are left out.
fn make(path: &Path, changes: &str) {
    let mut bytes = BACKUP.clone();
    let (patches, statements): (Vec<_>, Vec<_>) =
        changes.lines().partition(|line| line.starts_with('@'));
    fs::write(path, &bytes).expect("a short file can be written");
    if !statements.is_empty() {
        let connection = Connection::open(path).expect("the backup is a database");
        for statement in statements {
            let _may_be_no_sql = connection.execute_batch(statement);
        }
        drop(connection);
        bytes = fs::read(path).expect("the backup is a file");
    }
    for patch in patches {
        let Some((offset, byte)) = patch[1..].split_once(' ') else { continue };
        let (Ok(offset), Ok(byte)) = (offset.parse::<usize>(), byte.parse()) else { continue };
        if let Some(place) = bytes.get_mut(offset) {
            *place = byte;
        }
    }
    fs::write(path, bytes).expect("a short file can be written");
}

fn options() -> Options {
    Options::new([7; 32], NOW)
}

async fn open(path: &Path) -> Result<Store, StoreError> {
    let planner = Arc::new(Mapper::new(STANDARD.clone()));
    SqliteStore::open(path, planner, options()).await
}
