//! Copies between any two backends.

use std::time::Duration;

use crate::domain::{
    Act, Actor, AuditEntry, Destination, Email, Link, ReadKey, ReceivedWebhook, Status,
};
use crate::store::contract::Bench;
use crate::store::contract::effects::{event, reported};
use crate::store::contract::model::moved_stores_do_what_the_model_does;
use crate::store::contract::script::{
    CAMPAIGN, Saying, Script, arrival, at, attempt, bury, did, drain, inbox, lease, notification,
    take, verdict,
};
use crate::store::postgres::tests::Schema;
use crate::store::sqlite::tests::Folder;
use crate::store::{AvailabilityClock, DeadLetters, Stats, StoreLocation, Verdict, Workspace};

use super::*;

fn file() -> Box<dyn Bench> {
    Box::new(Folder::new())
}

fn server() -> Box<dyn Bench> {
    Box::new(Schema::new())
}

/// Returns every way from one kind to another.
fn ways() -> Vec<(Box<dyn Bench>, Box<dyn Bench>)> {
    vec![(file(), server()), (server(), file()), (file(), file()), (server(), server())]
}

async fn copied(from: &dyn Bench, to: &dyn Bench) -> Result<Vec<Compared>, CopyError> {
    copy(&from.place().await, &to.place().await, &mut |_step| ()).await
}

#[test]
fn a_store_that_moves_to_a_server_and_back_does_what_the_model_does() {
    moved_stores_do_what_the_model_does(|moves| match moves % 2 {
        0 => file(),
        _ => server(),
    });
}

const WORKSPACE: Workspace = Workspace { environment_id: 77 };

/// Makes a store with rows of every kind and no work in progress.
async fn filled(bench: &dyn Bench) {
    let store = &*bench.open().await;
    take(store, "dora", "dead", at(0)).await;
    let leased = lease(store, at(0)).await;
    let again = Verdict::Retry { at: at(0), failing_since: Duration::from_secs(1) };
    let mut failed = verdict(&leased, &again);
    failed.results[0].attempt = Some(attempt(at(0), "busy"));
    store
        .settle(
            vec![failed],
            AvailabilityClock {
                destination: Destination::CustomerIo,
                reading: Duration::from_secs(5),
            },
            at(0),
        )
        .await
        .unwrap();
    bury(store, at(0)).await;
    drain(store, at(1)).await;
    take(store, "done", "delivered", at(2)).await;
    drain(store, at(2)).await;
    let opened = reported("delivered", "m1", "opened", at(2));
    store.accept(arrival("opened", at(2), opened), at(2)).await.unwrap();
    let gone = Email::parse("gone@example.com").unwrap();
    let both = did("gone", "forgotten").participant("dora@example.com", "dora");
    let both = both.coded(["dora-links"]);
    let body = "dora@example.com and gone@example.com";
    store.accept(arrival(body, at(3), both.effect("kept", None)), at(3)).await.unwrap();
    let traced = store.find_subject(&gone).await.unwrap();
    store.cancel_pending(&traced, at(4)).await.unwrap();
    store.erase(&traced, at(4)).await.unwrap();
    let parked = ReceivedWebhook {
        decoded: Err("why not".to_owned()),
        ..arrival("?", at(5), notification())
    };
    store.accept(parked, at(5)).await.unwrap();
    take(store, "amy", "waiting", at(6)).await;
    let (name, origin) = ("Kim".to_owned(), "cli".to_owned());
    let actor = Actor { name, role: "operate", origin };
    store.record(AuditEntry::new(at(6), &actor, Act::Reveal, "person 1", "shown")).await.unwrap();
    store.add_traffic(vec![("webhook accepted".to_owned(), 7)], at(6), at(0)).await.unwrap();
    store.remember_workspace(WORKSPACE).await.unwrap();
    let (name, origin) = ("Kim".to_owned(), "192.0.2.1".to_owned());
    let actor = Actor { name, role: "operate", origin };
    store.record(AuditEntry::new(at(7), &actor, Act::Reveal, "person 1", "shown")).await.unwrap();
    store.add_traffic(vec![("webhook accepted".to_owned(), 1)], at(7), at(0)).await.unwrap();
    store.close().await.unwrap();
}

/// Asserts that a store still holds everything, and that it goes on.
async fn goes_on(bench: &dyn Bench, stats: Stats) {
    let store = &*bench.open().await;
    assert_eq!(store.stats().await.unwrap(), stats);
    assert_eq!(bench.count().await, stats);
    let again = arrival("?", at(9), notification());
    assert_eq!(store.accept(again, at(9)).await.unwrap().status, Status::Accepted);
    for (body, person, effect) in [
        ("gone again", "gone", "came back"),
        ("done again", "done", "delivered"),
        ("amy again", "amy", "waiting"),
    ] {
        let receipt = store.accept(arrival(body, at(9), did(person, effect)), at(9)).await.unwrap();
        assert_eq!((receipt.status, receipt.calls), (Status::Accepted, 0), "{body}");
    }
    let letters = store.dead_letters(None, 10).await.unwrap();
    let (letter, attempts) = store.dead_letter(letters[0].delivery.id).await.unwrap().unwrap();
    assert_eq!((letters.len(), letter.reason.as_str(), letter.delivery.attempts), (1, "no", 1));
    assert_eq!(attempts.len(), 1);
    assert_eq!(inbox(store, false).await.len(), 7);
    assert_eq!(store.destination().await.unwrap().workspace, Some(WORKSPACE));
    let link = Link { campaign: CAMPAIGN.to_owned(), code: "dora-links".to_owned() };
    let owner = store.person(&ReadKey::Link(link.clone())).await.unwrap().unwrap();
    assert_eq!(owner.key.value(), "dora@example.com");
    let shown = store.effect(event("delivered"), at(0)).await.unwrap().unwrap();
    assert_eq!((shown.calls.len(), &*shown.messages[0].delivery), (1, "m1"));
    let mut waiting = drain(store, at(10)).await;
    waiting.sort();
    assert_eq!(waiting, ["identify", "identify", "kept", "waiting"]);
    assert_eq!(store.redeliver(DeadLetters::All, at(11)).await.unwrap(), 1);
    take(store, "new", "another", at(12)).await;
    assert_eq!(drain(store, at(12)).await.last().unwrap(), "another");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_holds_everything_and_goes_on_where_the_store_was() {
    for (from, to) in ways() {
        filled(&*from).await;
        let compared = copied(&*from, &*to).await.unwrap();
        for Compared { part, rows, .. } in compared {
            assert!(rows > 0, "there are no {part}, so that nothing is shown of them");
        }
        let stats = from.count().await;
        goes_on(&*to, stats).await;
        assert_eq!(from.count().await, stats);
        goes_on(&*from, stats).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_has_as_many_webhooks_as_fit_into_memory() {
    for bench in [file(), server()] {
        let store = bench.open().await;
        for number in 0..4 {
            let body = number.to_string().repeat(12 << 20);
            store.accept(arrival(&body, at(0), notification()), at(0)).await.unwrap();
        }
        store.close().await.unwrap();
        let tables = &mut *bench.place().await.tables().await.unwrap();
        let [inbox, ..] = &Part::ALL;
        let (mut after, mut lengths) = (None::<Row>, Vec::new());
        loop {
            let rows = dialect::page(tables, inbox, after.as_ref()).await.unwrap();
            let Some(last) = rows.last() else { break };
            after = Some(last[..1].to_vec());
            lengths.push(rows.len());
        }
        assert_eq!(lengths, [3, 1]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odd_values_come_back_from_a_server_as_they_were() {
    let (from, server, back) = (Folder::new(), server(), Folder::new());
    filled(&from).await;
    for odd in [
        "''",
        "' '",
        r"'\x00'",
        "'NULL'",
        r#"'{"a",''b''}'"#,
        "'ü😀\u{202e}'",
        "'12'",
        "printf('%.*c', 2500, 'y')",
    ] {
        from.sql(&format!("INSERT INTO links VALUES ({odd}, {odd}, 1) RETURNING person"));
        from.sql(&format!("INSERT INTO participants VALUES ({odd}, {odd}, 1) RETURNING person"));
        from.sql(&format!("INSERT INTO meta VALUES ({odd}, {odd}) RETURNING 1"));
        from.sql(&format!("UPDATE attempts SET reason = {odd}, http_status = NULL RETURNING 1"));
        from.sql(&format!("UPDATE dead_letters SET field = {odd} RETURNING 1"));
    }
    for body in ["x''", "x'00'", "x'00ff80'", "zeroblob(3000000)", "NULL"] {
        from.sql(&format!("INSERT INTO inbox (id, sha256, received_at, source, owner, event, body)
             VALUES (randomblob(16), randomblob(32), -9223372036854775808, '', '', '', {body}) RETURNING 1"));
    }
    from.sql("UPDATE lanes SET due_at = 9223372036854775807, token = -1 RETURNING 1");
    from.sql("INSERT INTO tombstones VALUES (x'', -1) RETURNING 1");
    let there = copied(&from, &*server).await.unwrap();
    let again = copied(&*server, &back).await.unwrap();
    let straight = Folder::new();
    let file = copied(&from, &straight).await.unwrap();
    assert_eq!(there, again);
    assert_eq!(there, file);
}

/// Returns a copy that dies once it has copied this many more pages.
async fn dying(from: &dyn Bench, to: &dyn Bench, pages: usize) -> Option<Result<(), CopyError>> {
    let (from, to) = (from.place().await, to.place().await);
    let mut left = pages;
    let mut report = move |step| {
        if let Step::Copied(..) = step {
            assert!(left > 0, "dies as it should");
            left -= 1;
        }
    };
    let copying = tokio::spawn(async move { copy(&from, &to, &mut report).await.map(drop) });
    copying.await.ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_died_is_no_store_and_goes_on_behind_its_last_page() {
    for (from, to) in ways() {
        filled(&*from).await;
        let mut deaths = 0;
        while dying(&*from, &*to, 0).await.is_none() {
            deaths += 1;
            let half = StoreLocation::open(to.place().await, std::sync::Arc::new(Script)).await;
            assert!(matches!(half, Err(StoreError::HalfCopied)));
            let further = copied(&*to, &*file()).await;
            assert!(matches!(further, Err(CopyError::Store(Side::From, StoreError::HalfCopied))));
        }
        assert_eq!(deaths, Part::ALL.len(), "one for each page");
        goes_on(&*to, from.count().await).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changes_under_a_copy_is_noticed() {
    for (from, to) in ways() {
        filled(&*from).await;
        assert!(dying(&*from, &*to, 3).await.is_none());
        let store = from.open().await;
        take(&store, "late", "behind the copy", at(20)).await;
        store.close().await.unwrap();
        drop(store);
        let result = copied(&*from, &*to).await;
        assert!(
            matches!(result, Err(CopyError::Differs { part, .. }) if part == Part::ALL[0]),
            "{result:?}"
        );
        let half = StoreLocation::open(to.place().await, std::sync::Arc::new(Script)).await;
        assert!(matches!(half, Err(StoreError::HalfCopied)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_copied_over_something_else_or_under_a_relay() {
    for (from, to) in ways() {
        let missing = copied(&*from, &*to).await;
        assert!(matches!(missing, Err(CopyError::NoStore)), "{missing:?}");
        filled(&*from).await;
        let other = file();
        filled(&*other).await;
        assert!(dying(&*other, &*to, 2).await.is_none());
        assert!(matches!(copied(&*from, &*to).await, Err(CopyError::OtherCopy)));
        assert!(matches!(copied(&*from, &*other).await, Err(CopyError::NotEmpty)));
        let (one, fresh) = (from.open().await, file());
        one.take_over(at(30)).await.unwrap();
        let used = copied(&*from, &*fresh).await;
        assert!(matches!(used, Err(CopyError::InUse(Side::From))), "{used:?}");
        let used = copied(&*other, &*from).await;
        assert!(matches!(used, Err(CopyError::InUse(Side::To))), "{used:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_with_the_longest_ids_moves_and_one_that_was_tampered_with_ends_the_copy() {
    let (from, to, back) = (Folder::new(), server(), file());
    let store = from.open().await;
    for (number, letter) in ["x", "é", "\u{1}", "\""].into_iter().enumerate() {
        let id = letter.repeat(200 / letter.len());
        let notification = notification().participant(&format!("p{number}@example.com"), &id);
        let notification = notification.effect(&number.to_string(), None);
        store.accept(arrival(&id, at(0), notification), at(0)).await.unwrap();
    }
    store.close().await.unwrap();
    drop(store);
    copied(&from, &*to).await.unwrap();
    copied(&*to, &*back).await.unwrap();

    let noise: String = (0..5_000).map(|_| fastrand::alphanumeric()).collect();
    from.sql(&format!(
        "UPDATE participants SET growsurf_id = '{noise}' WHERE person = 1 RETURNING 1"
    ));
    let other = server();
    let copying = tokio::time::timeout(Duration::from_secs(60), copied(&from, &*other));
    assert!(copying.await.expect("it ends").is_err());
}
