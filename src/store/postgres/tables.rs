//! Tables on Postgres: the reads of the unit of work, and the rows that changes come to.
//!
//! What belongs here and below: SQL, a file for each group of tables. What doesn't: rules.

mod audit;
mod calls;
mod deliveries;
mod inbox;
mod lanes;
pub mod meta;
mod people;

use futures_util::FutureExt;
use futures_util::future::join_all;
use tokio_postgres::Row;

use crate::store::columns::{ColumnValue, Columns};
use crate::store::rows::Changes;

use super::fault::Fault;
use super::transaction::Transaction;

impl Columns for Row {
    type Fault = Fault;

    fn get<T: ColumnValue>(&self, place: usize) -> Result<T, Fault> {
        Ok(self.try_get(place)?)
    }
}

/// Writes changes: one statement a table, all sent before the first is waited for.
pub(super) async fn write(transaction: &Transaction, changes: &Changes) -> Result<(), Fault> {
    let writes = [
        audit::write(transaction, changes).boxed(),
        inbox::write_new(transaction, changes).boxed(),
        inbox::write_stored(transaction, changes).boxed(),
        deliveries::rewrite(transaction, &changes.calls).boxed(),
        people::erase(transaction, changes).boxed(),
        people::release(transaction, changes).boxed(),
        people::write_people(transaction, changes).boxed(),
        people::write_participants(transaction, changes).boxed(),
        people::write_links(transaction, changes).boxed(),
        people::write_effects(transaction, changes).boxed(),
        inbox::write_mentions(transaction, changes).boxed(),
        calls::write_messages(transaction, changes).boxed(),
        deliveries::remove(transaction, &changes.removed_deliveries).boxed(),
        people::remove(transaction, &changes.removed_people).boxed(),
        meta::write(transaction, changes).boxed(),
        meta::remember_accepting(transaction, changes.accepting).boxed(),
        calls::remove(transaction, &changes.taken).boxed(),
        deliveries::write(transaction, &changes.deliveries).boxed(),
        calls::write_letters(transaction, &changes.letters).boxed(),
        calls::write_attempts(transaction, &changes.attempts).boxed(),
        lanes::write(transaction, &changes.lanes).boxed(),
        deliveries::append(transaction, changes).boxed(),
        meta::count(transaction, changes.counters).boxed(),
    ];
    Fault::cause(join_all(writes).await)
}
