//! Postgres: the store on a server, for several relays at once.
//!
//! What belongs here and below: SQL, connections, transactions. What doesn't: the contract (`store`),
//! plans and decisions about attempts, which come in as values.
//!
//! Invariants:
//! - Statements read what others have committed until then (READ COMMITTED), so whatever a
//!   transaction decides by, it holds first: people while they are planned for, lanes while they are
//!   leased, settled or added to. What is held in one order everywhere: people, then lanes, each by
//!   number.
//! - A lane's calls are placed by the lane's own row, so their order is the order of commits. A lane
//!   with something pending has `due_at`, one without has none; while it is leased `due_at` is the end
//!   of the lease. Both are by the server's clock.
//! - A row of `deliveries` is a call and perhaps the identify before it: deliveries number
//!   `2 * id + 1` and `2 * id`. `state = 0` means that the call is pending.
//! - A row of `counters` changes in the transaction that changes what it counts.
//! - Effects are never removed; an inbox row keeps its hash when its body is pruned.
//! - No transaction belongs to a request: a connection that was dropped amid one is closed.
//!
//! ```text
//! inbox ─┬─< deliveries >── lanes ── people ─< participants      effects (ids alone)
//!        │   ├ ─ dead_letters         │                           counters, meta
//!        │   └ ─ attempts             │                           schema_migrations
//!        └─< mentions >───────────────┘                           messages (of effects)
//! ```

mod connecting;
mod copying;
mod erasing;
mod fault;
mod migrate;
mod opening;
mod options;
mod pool;
mod refusal;
mod retry;
mod servers;
mod session;
mod tables;
mod transaction;
mod unit;
mod value;
mod wake;

#[cfg(test)]
pub(super) mod tests;

use tokio_util::sync::CancellationToken;

use super::StoreError;
use session::Session;
use transaction::Connections;
use wake::Wake;

pub(super) use copying::ServerTables;
pub use options::{ConnectionOptions, ServerOptions};

/// The store on a Postgres server. Dropping it finishes the webhooks that wait, in the background.
pub struct PostgresStore {
    connections: Connections,
    session: Option<Session>,
    wake: Wake,
    closed: CancellationToken,
}

impl PostgresStore {
    fn open(&self) -> Result<&Connections, StoreError> {
        if self.closed.is_cancelled() {
            return Err(StoreError::Closed);
        }
        Ok(&self.connections)
    }
}
