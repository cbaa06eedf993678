//! Watching: notifies tests of the beginning and the end of every SQLite statement.
//!
//! What belongs here: that, and nothing that a relay at work has. What doesn't: what a test makes
//! of it, such as a crash at that moment.

use std::fmt;
use std::sync::Arc;

use rusqlite::Connection;
use rusqlite::trace::{TraceEvent, TraceEventCodes};

/// The function called at the beginning and at the end of each statement, on the thread that runs it.
#[derive(Clone)]
pub(crate) struct Watch(pub(crate) Arc<dyn Fn() + Send + Sync>);

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watch")
    }
}

impl Watch {
    /// Returns a watch that does nothing.
    pub(crate) fn idle() -> Self {
        Self(Arc::new(|| {}))
    }

    /// Watches a connection. Its writes aren't synced: what a test makes of the files at a moment
    /// are copies of what is written in them, which needs no disk.
    pub(crate) fn attach(&self, connection: &mut Connection) -> rusqlite::Result<()> {
        connection.pragma_update(None, "synchronous", "OFF")?;
        let notify = Arc::clone(&self.0);
        let both = TraceEventCodes::SQLITE_TRACE_STMT | TraceEventCodes::SQLITE_TRACE_PROFILE;
        connection.trace_v2(both, Some(move |_event: TraceEvent<'_>| notify()))
    }
}
