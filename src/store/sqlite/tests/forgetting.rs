//! Promises of erasing that only this backend makes: bytes and keys.

use std::sync::Arc;

use crate::domain::{Email, Scalar};
use crate::store::contract::script::{Script, arrival, at, did, drain};
use crate::store::{Store, StoreError};

use super::{Folder, Options, SqliteStore};

async fn forget(store: &Store) -> crate::store::Erased {
    let ann = Email::parse("ann@example.com").unwrap();
    let traced = store.find_subject(&ann).await.unwrap();
    store.cancel_pending(&traced, at(50)).await.unwrap();
    store.erase(&traced, at(50)).await.unwrap()
}

/// Returns the places of a text in the store's files.
fn grep(folder: &Folder, text: &str) -> Vec<String> {
    let files = std::fs::read_dir(folder.file().parent().unwrap()).unwrap();
    let holds = |bytes: Vec<u8>| bytes.windows(text.len()).any(|it| it == text.as_bytes());
    let found =
        files.map(|file| file.unwrap().path()).filter(|path| holds(std::fs::read(path).unwrap()));
    found.map(|path| path.display().to_string()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_byte_of_an_erased_person_stays_in_the_files() {
    let folder = Folder::new();
    let store = folder.open_sqlite().await;
    let long = "x".repeat(9_000);
    for number in 0..60 {
        let who = ["ann", "bob"][number % 2];
        let body = format!("{who}@example.com {number} {long}");
        let notification = did(who, &number.to_string());
        store.accept(arrival(&body, at(0), notification), at(0)).await.unwrap();
    }
    drain(&store, at(1)).await;
    // What was pruned before is in unused pages by now, unless it was overwritten.
    assert_eq!(store.prune(at(2), 20).await.unwrap(), 20);
    assert_ne!(grep(&folder, "ann@example.com"), [""; 0]);
    assert!(forget(&store).await.log_emptied);
    assert_eq!(grep(&folder, "ann@example.com"), [""; 0]);
    assert_ne!(grep(&folder, "bob@example.com"), [""; 0]);
}

/// Accepting and settling free pages without overwriting them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_byte_stays_in_pages_that_were_freed_in_passing() {
    let folder = Folder::new();
    let store = folder.open_sqlite().await;
    for (number, length) in [9_000, 5_000, 20, 9_000, 20].into_iter().enumerate() {
        let mut notification = did("ann", &number.to_string());
        let name = Scalar::from("ann@example.com ".repeat(length / 16));
        notification.people[0].facts.insert("first_name".to_owned(), name);
        store
            .accept(arrival(&format!("ann@example.com {number}"), at(0), notification), at(0))
            .await
            .unwrap();
        drain(&store, at(1)).await;
    }
    assert!(folder.sql("SELECT freelist_count FROM pragma_freelist_count") > 0, "none was freed");
    assert!(forget(&store).await.log_emptied);
    assert_eq!(grep(&folder, "ann@example.com"), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_tombstone_key_is_refused_after_an_erasure() {
    let folder = Folder::new();
    let open = |key: Option<&str>| {
        let tombstone_key = key.map(|key| key.to_owned().into());
        let options = Options { tombstone_key, ..Options::new([1; 32], at(0)) };
        let file = folder.file();
        async move { SqliteStore::open(&file, Arc::new(Script), options).await }
    };
    open(Some("other")).await.unwrap().close().await.unwrap();
    let store = open(Some("key")).await.unwrap();
    store.accept(arrival("ann@example.com", at(0), did("ann", "a")), at(0)).await.unwrap();
    forget(&store).await;
    store.close().await.unwrap();
    for key in [None, Some("other")] {
        assert!(matches!(open(key).await.err(), Some(StoreError::OtherKey)), "{key:?}");
    }
    let store = open(Some("key")).await.unwrap();
    let again = store.accept(arrival("ann again", at(60), did("ann", "b")), at(60)).await.unwrap();
    assert_eq!(again.calls, 0);
}
