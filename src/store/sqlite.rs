//! SQLite: the store in one file, for one machine.
//!
//! What belongs here and below: SQL, connections, the one thread that writes, and copies of the
//! file. What doesn't: the contract (`store`), plans and decisions about attempts, which come in
//! as values.
//!
//! Invariants:
//! - One thread with one connection writes; all that waits shares a commit; nobody is answered
//!   before it. Readers beside it never wait for it. Other processes may do the same to the file.
//! - A row of `deliveries` is a call and perhaps the identify before it: deliveries number
//!   `2 * id + 1` and `2 * id`. `state = 0` means that the call is pending. A lane with something pending has `due_at`, one
//!   without has none; while it is leased `due_at` is the end of the lease. So the index of due
//!   lanes serves claims and expired leases alike, and no statement scans deliveries.
//! - A row of `counters` changes in the transaction that changes what it counts.
//! - Effects are never removed; an inbox row keeps its hash when its body is pruned.
//!
//! ```text
//! inbox ─┬─< deliveries >── lanes ── people ─< participants      effects (ids alone)
//!        │   ├ ─ dead_letters         │                           counters, meta
//!        │   └ ─ attempts             │                           schema_migrations
//!        └─< mentions >───────────────┘                           tombstones (hashes alone)
//!                                                                 messages (of effects)
//!                                                                 audit, traffic
//! ```

mod access;
mod backup;
mod backup_manifest;
mod checkpointer;
mod connection;
mod copying;
mod damage;
mod delivery_lock;
mod erasing;
mod fault;
mod file_identity;
mod files;
mod integrity_check;
mod made;
mod migrate;
mod opening;
mod options;
mod quarantine;
mod queue;
mod readers;
mod rebuild;
mod restore;
mod soundness;
mod syncer;
mod tables;
mod unit;
mod values;
mod writer;

#[cfg(test)]
pub(crate) mod tests;

use std::sync::Arc;

use connection::DatabasePath;
use delivery_lock::DeliveryLock;
use readers::Readers;
use writer::Writer;

pub use backup::{BackupError, back_up, snapshot};
pub use backup_manifest::{BackupManifest, InvalidBackup, foreign};
pub(super) use copying::FileTables;
pub use damage::{Kept, Quarantined, is_made};
pub use files::FileError;
pub use integrity_check::{Examination, examine};
pub use options::Options;
pub use quarantine::damaged_aside;
pub use restore::{RestoreError, Restored, Source, restore};

/// The store in one SQLite file. Dropping it finishes the writes that wait, in the background.
pub struct SqliteStore {
    writer: Arc<Writer>,
    readers: Readers,
    right: Arc<DeliveryLock>,
    place: DatabasePath,
}
