//! What a store answers when it couldn't do something.
//!
//! What belongs here: the reasons that a caller tells apart. What doesn't: what a backend makes of
//! its own errors.

use std::sync::Arc;

use crate::domain::WebhookId;

/// Why the store couldn't do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The storage below refused: disk full, file read-only, locked, damaged. Trying again may help. Nothing
    /// of the transaction happened, but for one that was written and whose sync failed: that one may have.
    #[error("the store can't {doing}")]
    Unavailable {
        /// What it was doing.
        doing: &'static str,
        /// What the storage said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server only follows another one, so that nothing can be written there.
    #[error(
        "the store can't {doing}: its server is a read-only standby; let store.url name the primary, or \
         all servers (postgres://relay@db1:5432,db2:5432/relay), of which the relay finds the primary"
    )]
    Standby {
        /// What it was doing.
        doing: &'static str,
        /// Why no other server is used, if several were tried.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// What the store holds can't be read: written by another version, or damaged.
    #[error("the store holds {what} that this version can't read: {detail}")]
    Unreadable {
        /// Which part.
        what: &'static str,
        /// What is wrong with it.
        detail: String,
    },
    /// The store is damaged, so that it can't be worked on; found when it is opened.
    #[error(
        "the store is damaged: {detail}; put a backup in its place with `referral-relay restore`, \
         or let `serve` set it aside (store.on_damage = \"set_aside\")"
    )]
    Damaged {
        /// What is wrong with it.
        detail: String,
    },
    /// The store's schema is newer than this version knows.
    #[error(
        "the store's schema is version {found} and this version knows {known}; start the newer \
         version again, or go back with a backup made before it ran (`referral-relay restore`, for a file)"
    )]
    TooNew {
        /// The version found.
        found: i64,
        /// The newest version known.
        known: i64,
    },
    /// Another store was being copied into it, and not all of it is here.
    #[error(
        "a copy into the store was begun and isn't finished; run `referral-relay store copy` again \
         as before, which goes on where it was"
    )]
    HalfCopied,
    /// Tombstones were made with another key; without it, it would bring back who was forgotten.
    #[error("people were forgotten under another store.tombstone_key; put that key back")]
    OtherKey,
    /// There is no such webhook, or its body was pruned.
    #[error("there is no webhook {0} with a body in the inbox")]
    NoSuchWebhook(WebhookId),
    /// The data contradicts what the store holds, or a limit of it. The same would fail again.
    #[error("the store can't {doing}")]
    Contradiction {
        /// What it was doing.
        doing: &'static str,
        /// What the storage said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
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
            _ => Self::Unavailable { doing, source: Box::new(Shared(Arc::clone(error))) },
        }
    }

    /// Returns the text of the cause, or of the error itself if it has none.
    pub(super) fn cause(&self) -> String {
        let source = std::error::Error::source(self);
        source.map_or_else(|| self.to_string(), ToString::to_string)
    }
}

/// One error for everybody whose work was in the same transaction.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.0.cause())]
struct Shared(Arc<StoreError>);
