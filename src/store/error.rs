//! Errors of a store.
//!
//! What belongs here: the reasons that callers distinguish. What doesn't: the errors of a backend.

use std::sync::Arc;

use crate::domain::WebhookId;

/// The reason why the store couldn't do something.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The storage below refused: disk full, file read-only, locked, damaged. Trying again may help. Nothing
    /// of the transaction happened, but for one that was written and whose sync failed: that one may have.
    #[error("the store can't {doing}")]
    Unavailable {
        doing: &'static str,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error(
        "the store can't {doing}: its server is a read-only standby; set store.url to the primary, or to \
         all servers (postgres://relay@db1:5432,db2:5432/relay), among which the relay finds the primary"
    )]
    Standby {
        doing: &'static str,
        /// The reason why no other server is used, if several were tried.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// A row can't be read: it was written by another version, or is damaged.
    #[error("the store holds {what} that this version can't read: {detail}")]
    Unreadable {
        /// The part.
        what: &'static str,
        detail: String,
    },
    /// The store is damaged, so that it can't be worked on; found when it is opened.
    #[error(
        "the store is damaged: {detail}; replace it by a backup with `referral-relay restore`, \
         or let `serve` set it aside (store.on_damage = \"set_aside\")"
    )]
    Damaged { detail: String },
    #[error(
        "the store's schema is version {found} and this version knows {known}; start the newer \
         version again, or go back with a backup made before it ran (`referral-relay restore`, for a file)"
    )]
    TooNew { found: i64, known: i64 },
    #[error(
        "a copy into the store isn't finished; run the same `referral-relay store copy` again to \
         continue it"
    )]
    HalfCopied,
    /// Tombstones were made with another key. Without it erased people would come back.
    #[error("people were erased under another store.tombstone_key; set that key again")]
    OtherKey,
    /// There is no such webhook, or its body was pruned.
    #[error("there is no webhook {0} with a body in the inbox")]
    NoSuchWebhook(WebhookId),
    /// The data contradicts what the store holds, or a limit of it. The same would fail again.
    #[error("the store can't {doing}")]
    Contradiction {
        doing: &'static str,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A read took longer than those who wait for it may make it take.
    #[error("the store can't {doing} in the time that this may take")]
    TooSlow {
        /// The use case.
        doing: &'static str,
    },
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Returns the error of storage that refused.
    pub(super) fn unavailable(
        doing: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Unavailable { doing, source: source.into() }
    }

    /// True if the data is at fault and not the storage: the same would fail again, while other
    /// transactions go well.
    pub(super) fn is_data_error(&self) -> bool {
        matches!(self, Self::Contradiction { .. } | Self::Unreadable { .. })
    }

    /// Returns one error for each of many whose transaction was the same.
    pub(super) fn shared(doing: &'static str, error: &Arc<Self>) -> Self {
        match **error {
            Self::Closed => Self::Closed,
            Self::OtherKey => Self::OtherKey,
            Self::Standby { .. } => {
                Self::Standby { doing, source: Some(Box::new(Shared(Arc::clone(error)))) }
            }
            _ => Self::unavailable(doing, Shared(Arc::clone(error))),
        }
    }

    /// Returns the text of the cause, or of the error itself if it has none.
    pub(super) fn cause(&self) -> String {
        let source = std::error::Error::source(self);
        source.map_or_else(|| self.to_string(), ToString::to_string)
    }
}

/// One error for all whose work was in the same transaction.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.0.cause())]
struct Shared(Arc<StoreError>);
