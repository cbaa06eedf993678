//! Recording of a command's act in the store's audit.

use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::clock::SystemClock;
use crate::domain::{Act, Actor, AuditEntry, Clock};
use crate::store::Store;

/// Records an act. One that shows something is recorded before, one that changes something after it is done.
///
/// # Errors
/// The store's.
pub async fn record(store: &Store, act: Act, subject: &str, outcome: &str) -> anyhow::Result<()> {
    let entry = AuditEntry::new(SystemClock.now(), &actor(), act, subject, outcome);
    Ok(store.record(entry).await?)
}

/// Returns the account that runs the command.
fn actor() -> Actor {
    let named = ["SUDO_USER", "USER", "LOGNAME"].into_iter();
    let name = named.filter_map(|it| std::env::var(it).ok()).find(|name| !name.is_empty());
    let name = name.unwrap_or_else(|| {
        let uid = fs::metadata("/proc/self").map(|process| process.uid());
        uid.map_or("unknown".to_owned(), |uid| format!("user {uid}"))
    });
    Actor { name, role: "operate", origin: "cli".to_owned() }
}

/// Names some things by their numbers or ids, the first ones of many.
pub fn names<T: ToString>(thing: &str, ids: &[T]) -> String {
    const NAMED: usize = 3;
    let mut named: Vec<String> = ids.iter().take(NAMED).map(ToString::to_string).collect();
    if ids.len() > NAMED {
        named.push(format!("{} more", ids.len() - NAMED));
    }
    format!("{thing} {}", named.join(", "))
}
