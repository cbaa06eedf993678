//! The activity log: the effects that a 200 hides from the caller.
//!
//! Customer.io answers 200 for much that it doesn't do, and shows it to people in its activity log
//! only. A test that reads the answers alone would miss it; here it can look. Plain successes
//! aren't recorded.

use serde::Serialize;

use super::{operation::Note, ring::Entry};

/// Counts for the fixed part of an entry.
const ENTRY_BYTES: usize = 128;

/// The kind of an activity. Its names are part of the read-back interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// Identifiers of one identify belong to different people, or would change without a `cio_id`.
    /// Nothing was changed.
    AttributeUpdateFailure,
    /// `_update: true` for an unknown person. Nothing was created.
    FailedAttributeChange,
    /// An identify whose own time is older than the newest one of that person. Nothing was changed.
    DroppedOlderUpdate,
    /// A `cio_id` that doesn't exist or is gone. Nothing was done.
    DroppedUnknownCioId,
    /// An identifier that is suppressed. Nothing was done.
    IgnoredSuppressed,
    /// An event id that was received before. Nothing was done.
    RepeatedEvent,
    /// The repeated event has another name or person than the first: two effects share one id.
    EventIdReused,
    /// Event data that overrides a campaign's settings. Kept.
    ReservedDataKey,
    /// An attribute name that is Customer.io's own.
    ReservedAttribute,
    /// An anonymous event without `anonymous_id`: it goes to `data.recipient`.
    InviteEvent,
    /// An anonymous id that belongs to another person. Not joined.
    AnonymousIdTaken,
    /// Two people became one.
    Merged,
    /// A merge whose primary doesn't exist. Nothing was done.
    MergeWithoutPrimary,
    /// A merge whose secondary doesn't exist, or is the primary. Nothing was done.
    MergeWithoutSecondary,
    /// Events older than 30 days that a merge left behind.
    MergeLeftEventsBehind,
    /// A person was deleted, or was to be.
    Deleted,
    /// An identifier was suppressed.
    Suppressed,
    /// An identifier was unsuppressed, or was to be.
    Unsuppressed,
    /// An identifier in a path with characters that must be percent-encoded. Read as it is.
    UnencodedPath,
    /// A batch with several operations on one person, not all of them events. Their order isn't
    /// documented. Applied as listed.
    BatchOrderUnspecified,
    /// A device was added or deleted. Not kept.
    Device,
    /// Relationships were added or deleted. Not kept.
    Relationships,
    /// An operation on an object. Not kept.
    Object,
    /// A delivery metric. Not kept.
    Delivery,
    /// People were added to a manual segment, or removed. Not kept.
    Segment,
    /// A form was submitted. Its fields became attributes.
    Form,
}

/// One line of the log.
#[derive(Debug, Serialize)]
pub(super) struct Activity {
    pub(super) received_at: i64,
    pub(super) request: u64,
    #[serde(flatten)]
    pub(super) note: Note,
}

impl Entry for Activity {
    const MOST: usize = 100_000;
    const MOST_BYTES: usize = 32 << 20;

    fn bytes(&self) -> usize {
        let Note { identifier, detail, .. } = &self.note;
        ENTRY_BYTES + identifier.as_ref().map_or(0, String::len) + detail.len()
    }
}
