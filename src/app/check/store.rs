//! The part of `check` about the store, without making one: writes, damage, and the queue.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::app::{self, StartError};
use crate::clock::SystemClock;
use crate::config::Settings;
use crate::domain::{Clock, plural};
use crate::inspect::{CheckReport, Grade};
use crate::store::sqlite::{Examination, damaged_aside, examine, foreign};
use crate::store::{Store, StoreError};
use crate::telemetry::ErrorChain;

/// Reports every finding. Returns the store, if there is one. With `full` reads all of it.
pub(super) async fn check(
    settings: &Settings,
    full: bool,
    report: &mut CheckReport,
) -> Option<Arc<Store>> {
    let url = settings.store.url.to_string();
    let store = match app::open_existing_store(settings).await {
        Ok(store) => Some(store),
        Err(StartError::NoStore { .. }) => {
            match settings.store.url.file().map_or(Ok(()), try_to_make) {
                Ok(()) => {
                    let detail = format!("there is none at {url} yet; `serve` makes it");
                    report.add(Grade::Good, "store", detail);
                }
                Err(error) => {
                    let detail = format!("there is none at {url}, and none can be made: {error}");
                    report.add(Grade::Bad, "store", detail);
                }
            }
            None
        }
        Err(error) => {
            report.fail("store", &error);
            None
        }
    };
    if let Some(store) = &store {
        check_writes(&url, store, report).await;
    }
    if let Some(file) = settings.store.url.file() {
        if store.is_some() {
            check_schema(file, report).await;
        }
        check_soundness(file, full && store.is_some(), report).await;
    }
    store
}

/// Reports every finding about a store that is open.
pub(super) async fn check_open(settings: &Settings, store: &Store, report: &mut CheckReport) {
    check_writes(&settings.store.url.to_string(), store, report).await;
    if let Some(file) = settings.store.url.file() {
        check_schema(file, report).await;
        check_soundness(file, false, report).await;
    }
}

/// Tries to make a file in the nearest folder that exists.
fn try_to_make(store: &Path) -> io::Result<()> {
    let here = Path::new(".");
    if store.try_exists()? {
        return OpenOptions::new().write(true).open(store).map(drop);
    }
    let folders = store.ancestors().skip(1);
    let folders = folders.map(|it| if it.as_os_str().is_empty() { here } else { it });
    for folder in folders {
        if !folder.try_exists()? {
            continue;
        }
        let probe = folder.join(format!(".referral-relay-check-{}", std::process::id()));
        OpenOptions::new().write(true).create_new(true).open(&probe)?;
        return fs::remove_file(&probe);
    }
    Ok(())
}

async fn check_writes(url: &str, store: &Store, report: &mut CheckReport) {
    let checked = async {
        store.probe(SystemClock.now()).await?;
        store.stats().await
    };
    match checked.await {
        Ok(stats) => {
            let detail = format!(
                "{url} accepts writes; {}, {}, {}",
                plural(stats.pending, "pending call"),
                plural(stats.dead, "dead letter"),
                plural(stats.parked, "parked webhook")
            );
            let grade = if stats.dead > 0 { Grade::Note } else { Grade::Good };
            report.add(grade, "store", detail);
        }
        Err(error) => {
            report.add(Grade::Bad, "store", format!("{url}: {}", ErrorChain(&error)));
        }
    }
}

/// Notes a foreign change of the store's schema, which prevents backups.
async fn check_schema(store: &Path, report: &mut CheckReport) {
    let path = store.to_owned();
    let checking = tokio::task::spawn_blocking(move || foreign(&path));
    match checking.await {
        Ok(Ok(None)) => {}
        Ok(Ok(Some(difference))) => {
            let detail = format!(
                "it differs from what referral-relay makes: {difference}; it can't be backed up, and \
                 the relay may misbehave; stop the relay and undo that change"
            );
            report.add(Grade::Note, "store", detail);
        }
        Ok(Err(error)) => report.fail("store", &error),
        Err(error) => report.fail("store", &error),
    }
}

/// Reports damage: stores that were set aside earlier, and with `full` the store itself.
async fn check_soundness(store: &Path, full: bool, report: &mut CheckReport) {
    for aside in damaged_aside(store) {
        let what = "is a damaged store that was set aside; save what you need from it, then \
                    remove it";
        report.add(Grade::Note, "store", format!("{} {what}", aside.display()));
    }
    if !full {
        return;
    }
    let path = store.to_owned();
    let examining = tokio::task::spawn_blocking(move || examine(&path, None, || false));
    let examined = examining.await.unwrap_or(Err(StoreError::Closed));
    let (grade, detail) = match examined {
        Ok(Examination::Damaged(damage)) => {
            let fix = "copy its file and the log beside it, then restart the relay, which sets the \
                        store aside";
            (Grade::Bad, format!("it is damaged: {damage}; {fix}"))
        }
        Ok(Examination::Contradictory(found)) => {
            (Grade::Bad, format!("it contradicts itself: {}; please report it", found.join("; ")))
        }
        Ok(Examination::Sound | Examination::Unneeded | Examination::Stopped) => {
            (Grade::Good, "every page, row and body of it is sound".to_owned())
        }
        Err(error) => return report.fail("store", &error),
    };
    report.add(grade, "store", detail);
}
