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
use super::value::Value;

impl Columns for Row {
    type Fault = Fault;

    fn get<T: ColumnValue>(&self, place: usize) -> Result<T, Fault> {
        Ok(self.try_get(place)?)
    }
}

/// Statements that write, in their order.
#[derive(Default)]
pub struct Writes<'a>(Vec<Write<'a>>);

struct Write<'a> {
    sql: &'static str,
    columns: Vec<Box<dyn Value + 'a>>,
    /// True if another transaction wrote one of the rows first unless all of them change.
    changes_all: bool,
}

impl<'a> Writes<'a> {
    /// Adds a statement with the columns of rows, unless there are none.
    pub fn add(&mut self, sql: &'static str, columns: Vec<Box<dyn Value + 'a>>) {
        self.0.push(Write { sql, columns, changes_all: false });
    }

    /// Adds the same where not to change all of them is a conflict.
    pub fn add_whole(&mut self, sql: &'static str, columns: Vec<Box<dyn Value + 'a>>) {
        self.0.push(Write { sql, columns, changes_all: true });
    }
}

/// Writes changes: all statements are sent before the first is waited for.
pub(super) async fn write(transaction: &Transaction, changes: &Changes) -> Result<(), Fault> {
    let mut writes = Writes::default();
    audit::write(&mut writes, changes);
    inbox::write(&mut writes, changes);
    deliveries::rewrite(&mut writes, changes);
    people::write(&mut writes, changes);
    inbox::write_mentions(&mut writes, changes);
    calls::write_messages(&mut writes, changes);
    deliveries::remove(&mut writes, changes);
    people::remove(&mut writes, changes);
    meta::write(&mut writes, changes);
    calls::remove(&mut writes, changes);
    deliveries::write(&mut writes, changes);
    calls::write(&mut writes, changes);
    lanes::write(&mut writes, changes);
    deliveries::append(&mut writes, changes);
    meta::count(&mut writes, changes);
    let writes = writes.0.into_iter().filter(|write| write.columns[0].count() > 0);
    Fault::cause(join_all(writes.map(|write| do_write(transaction, write).boxed())).await)
}

async fn do_write(transaction: &Transaction, write: Write<'_>) -> Result<(), Fault> {
    let columns: Vec<&dyn Value> = write.columns.iter().map(|column| &**column).collect();
    let changed = transaction.change(write.sql, &columns).await?;
    match write.changes_all && usize::try_from(changed) != Ok(columns[0].count()) {
        true => Err(Fault::Conflict),
        false => Ok(()),
    }
}
