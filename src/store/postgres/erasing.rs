//! Clearing what erasing leaves behind in the tables' files.
//!
//! What belongs here: the vacuum. What doesn't: which rows go (`work::erase`).

use super::PostgresStore;
use super::fault::Fault;

/// The tables that rows of a person are in; what was removed from them is still in their files.
const VACUUM: &str =
    "VACUUM people, participants, inbox, deliveries, dead_letters, attempts, mentions";

impl PostgresStore {
    /// Vacuums the tables that erasing touched; true if it could. Needs the role that owns them.
    pub(crate) async fn vacuum(&self) -> bool {
        let vacuumed = async {
            let connection = self.connections.pool.get().await?;
            connection.batch_execute(VACUUM).await?;
            Ok::<(), Fault>(())
        };
        match vacuumed.await {
            Ok(()) => true,
            Err(fault) => {
                let error = fault.into_store_error("vacuum its tables");
                tracing::warn!(error = %error, "older states of what was erased are still there");
                false
            }
        }
    }
}
