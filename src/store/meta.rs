//! Single values: texts under keys, beside the rows.
//!
//! What belongs here: the keys, and the form of each text, which is the same in every backend. What doesn't: the
//! table, which each backend keeps, and changes of a value (`work`).

use crate::domain::Destination;

use super::StoreError;
use super::cluster::ExclusiveJob;
use super::inbox::Prunable;
use super::record::unreadable;

/// A single value that is remembered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Meta {
    /// The store's secret.
    HashKey,
    /// The reading of a destination's availability clock.
    Accepting(Destination),
    /// The latest time of receipt of the webhooks that were pruned.
    PrunedUntil(Prunable),
    /// The Customer.io workspace that the effects went to.
    Workspace,
    /// The time of the latest write that proved that the store takes one.
    ProbedAt,
    /// The start of the machine since which the store was looked through.
    LookedThrough,
    /// The damage that was found then.
    Damaged,
    /// Shows which key the tombstones are made with.
    TombstoneCheck,
    /// The mark of a copy that isn't whole.
    Copying,
    /// The relays that share the store, with their status.
    Relays,
    /// The relay that has a job.
    Job(ExclusiveJob),
}

impl Meta {
    /// All of them.
    const ALL: [Self; 15] = [
        Self::HashKey,
        Self::Accepting(Destination::CustomerIo),
        Self::Accepting(Destination::GrowSurf),
        Self::PrunedUntil(Prunable::Finished),
        Self::PrunedUntil(Prunable::Parked),
        Self::Workspace,
        Self::ProbedAt,
        Self::LookedThrough,
        Self::Damaged,
        Self::TombstoneCheck,
        Self::Copying,
        Self::Relays,
        Self::Job(ExclusiveJob::Pruning),
        Self::Job(ExclusiveJob::Asking),
        Self::Job(ExclusiveJob::Acting),
    ];

    /// The key of its row.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::HashKey => "hash_key",
            Self::Accepting(Destination::CustomerIo) => "accepting",
            Self::Accepting(Destination::GrowSurf) => "accepting_back",
            Self::PrunedUntil(Prunable::Finished) => "pruned_until",
            Self::PrunedUntil(Prunable::Parked) => "parked_pruned_until",
            Self::Workspace => "workspace",
            Self::ProbedAt => "probed_at",
            Self::LookedThrough => "looked_through",
            Self::Damaged => "damaged",
            Self::TombstoneCheck => "tombstone_check",
            Self::Copying => "copying",
            Self::Relays => "relays",
            Self::Job(ExclusiveJob::Pruning) => "job_pruning",
            Self::Job(ExclusiveJob::Asking) => "job_asking",
            Self::Job(ExclusiveJob::Acting) => "job_acting",
        }
    }

    /// Returns the value of this key; none if only a newer version knows it.
    pub(super) fn of(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|meta| meta.key() == key)
    }

    /// True if a copy of the store has it. The others are about one place alone.
    fn is_copied(self) -> bool {
        match self {
            Self::ProbedAt
            | Self::LookedThrough
            | Self::Damaged
            | Self::Copying
            | Self::Relays
            | Self::Job(_) => false,
            Self::HashKey
            | Self::Accepting(_)
            | Self::PrunedUntil(_)
            | Self::Workspace
            | Self::TombstoneCheck => true,
        }
    }

    /// Returns a condition in SQL that is true of the rows that are copied.
    pub(super) fn copied_rows() -> String {
        let copied = Self::ALL.into_iter().filter(|meta| meta.is_copied());
        let keys: Vec<&str> = copied.map(Self::key).collect();
        format!("key IN ('{}')", keys.join("', '"))
    }

    /// Checks that a text can be read as this value.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] if it can't.
    pub(super) fn check(self, text: &str) -> Result<(), StoreError> {
        match self {
            Self::HashKey | Self::TombstoneCheck => secret(text).map(drop),
            Self::Damaged | Self::LookedThrough | Self::Copying | Self::Relays | Self::Job(_) => {
                Ok(())
            }
            Self::Accepting(_) | Self::PrunedUntil(_) | Self::Workspace | Self::ProbedAt => {
                number(text).map(drop)
            }
        }
    }
}

/// Reads a value that is a number.
///
/// # Errors
/// [`StoreError::Unreadable`] if it isn't one.
pub(super) fn number(text: &str) -> Result<i64, StoreError> {
    text.parse().map_err(|error| unreadable("a single value", error))
}

/// Reads a value of 32 bytes, which are kept as hexadecimal digits.
///
/// # Errors
/// [`StoreError::Unreadable`] if it isn't one.
pub(super) fn secret(text: &str) -> Result<[u8; 32], StoreError> {
    let mut bytes = [0; 32];
    let read = hex::decode_to_slice(text, &mut bytes);
    read.map(|()| bytes).map_err(|error| unreadable("a single value", error))
}
