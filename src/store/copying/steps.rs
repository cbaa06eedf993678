//! The steps of a copy, over the rows of any two backends.

use crate::store::meta::{COPYING, DAMAGED, HASH_KEY};
use crate::store::record::text;
use crate::store::{StoreError, StoreLocation};

use super::dialect::{self, Dialect, count, given, make_ready, page, recall, write};
use super::mark::{Mark, source};
use super::sum::Sum;
use super::{CopyError, Part, Row, Side, Tables, refuse_marked};

/// The progress of a copy, as it reports it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// The start, with the rows to copy and the rows that a stopped copy has copied before.
    Begin {
        /// All of them.
        rows: u64,
        /// Those that are there already.
        done: u64,
    },
    /// More rows were copied.
    Copied(Part, u64),
    /// All were; both stores are read to be compared.
    Compare,
    /// More rows of both stores were read.
    Read(Part, u64),
}

/// A part that is the same in both stores.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Compared {
    pub part: Part,
    /// The number of its rows.
    pub rows: u64,
    /// A checksum over every value of every row.
    pub checksum: String,
}

/// Copies everything from one store into another, which is empty or has a part of the same copy, and
/// compares the two.
///
/// # Errors
/// [`CopyError`]. Whatever it is, the one store is as it was, and the other isn't opened by a relay.
pub async fn copy(
    from: &StoreLocation,
    to: &StoreLocation,
    report: &mut (dyn FnMut(Step) + Send),
) -> Result<Vec<Compared>, CopyError> {
    if !from.is_taken().await.map_err(of(Side::From))? {
        return Err(CopyError::NoStore);
    }
    let from = &mut *from.tables().await.map_err(of(Side::From))?;
    refuse(from, Side::From).await?;
    let to = &mut *to.tables().await.map_err(of(Side::To))?;
    refuse(to, Side::To).await?;
    let mark = begin(from, to).await?;
    let (mut rows, mut done, mut is_whole) = (0, 0, true);
    for part in Part::ALL {
        let in_from = count(from, &part).await.map_err(of(Side::From))?;
        let in_to = count(to, &part).await.map_err(of(Side::To))?;
        is_whole &= part.table != mark.table;
        if is_whole && in_from != in_to {
            // It changed since the copy was stopped.
            return Err(CopyError::Differs { part, from: in_from, to: in_to });
        }
        rows += in_from;
        done += if part.is_empty_at_first() { in_to } else { 0 };
    }
    report(Step::Begin { rows, done });
    copy_rows(from, to, mark, report).await?;
    report(Step::Compare);
    let mut compared = Vec::new();
    for part in Part::ALL {
        compared.push(compare(from, to, part, report).await?);
    }
    // One may have been started meanwhile.
    refuse(from, Side::From).await?;
    dialect::mark(to, None).await.map_err(of(Side::To))?;
    Ok(compared)
}

/// Copies a store as it is now into a new one, while relays work on. Nothing is compared.
pub async fn snapshot(from: &StoreLocation, to: &StoreLocation) -> Result<(), CopyError> {
    let from = &mut *from.rows().await.map_err(of(Side::From))?;
    let to = &mut *to.tables().await.map_err(of(Side::To))?;
    let mark = begin(from, to).await?;
    copy_rows(from, to, mark, &mut |_step| {}).await?;
    dialect::mark(to, None).await.map_err(of(Side::To))
}

async fn refuse(tables: &mut dyn Tables, side: Side) -> Result<(), CopyError> {
    if tables.is_in_use().await.map_err(of(side))? {
        return Err(CopyError::InUse(side));
    }
    if side == Side::To {
        return Ok(());
    }
    if let Some(detail) = recall(tables, DAMAGED).await.map_err(of(side))? {
        return Err(CopyError::Store(side, StoreError::Damaged { detail }));
    }
    refuse_marked(recall(tables, COPYING).await.map_err(of(side))?).map_err(of(side))
}

/// Marks the target, or finds the mark that the same copy has left there.
async fn begin(from: &mut dyn Tables, to: &mut dyn Tables) -> Result<Mark, CopyError> {
    let secret = recall(from, HASH_KEY).await.map_err(of(Side::From))?;
    let source = source(secret).map_err(of(Side::From))?;
    if let Some(mark) = recall(to, COPYING).await.map_err(of(Side::To))? {
        let mark = Mark::read(&mark).map_err(of(Side::To))?;
        return if mark.source == source { Ok(mark) } else { Err(CopyError::OtherCopy) };
    }
    for part in Part::ALL.iter().filter(|part| part.is_empty_at_first()) {
        if count(to, part).await.map_err(of(Side::To))? > 0 {
            return Err(CopyError::NotEmpty);
        }
    }
    let mark = Mark { source, table: Part::ALL[0].table.to_owned(), after: None };
    dialect::mark(to, Some(&mark.text())).await.map_err(of(Side::To))?;
    Ok(mark)
}

/// Copies what there is behind the mark.
async fn copy_rows(
    from: &mut dyn Tables,
    to: &mut dyn Tables,
    mut mark: Mark,
    report: &mut (dyn FnMut(Step) + Send),
) -> Result<(), CopyError> {
    let begun = mark.table.clone();
    for part in Part::ALL.into_iter().skip_while(|part| part.table != begun) {
        if part.table != mark.table {
            mark = Mark { table: part.table.to_owned(), after: None, ..mark };
        }
        loop {
            let rows = page(from, &part, mark.after.as_ref()).await.map_err(of(Side::From))?;
            let Some(last) = rows.last() else { break };
            let is_first = mark.after.replace(key(part, last)).is_none();
            write(to, &part, is_first, &rows, &mark.text()).await.map_err(of(Side::To))?;
            report(Step::Copied(part, length(&rows)));
            give_way().await;
        }
    }
    let highest = given(from).await.map_err(of(Side::From))?;
    make_ready(to, &highest).await.map_err(of(Side::To))
}

async fn compare(
    from: &mut dyn Tables,
    to: &mut dyn Tables,
    part: Part,
    report: &mut (dyn FnMut(Step) + Send),
) -> Result<Compared, CopyError> {
    let expected = sum(from, Side::From, part, to.dialect() == Dialect::Server, report).await?;
    let found = sum(to, Side::To, part, false, report).await?;
    if expected != found {
        return Err(CopyError::Differs { part, from: expected.rows, to: found.rows });
    }
    Ok(Compared { part, rows: found.rows, checksum: found.checksum() })
}

/// Computes the checksum over all rows of a part.
async fn sum(
    tables: &mut dyn Tables,
    side: Side,
    part: Part,
    replaces_nul: bool,
    report: &mut (dyn FnMut(Step) + Send),
) -> Result<Sum, CopyError> {
    let (mut sum, mut after) = (Sum::default(), None::<Row>);
    loop {
        let mut rows = page(tables, &part, after.as_ref()).await.map_err(of(side))?;
        let Some(last) = rows.last() else { return Ok(sum) };
        after = Some(key(part, last));
        report(Step::Read(part, length(&rows)));
        give_way().await;
        if replaces_nul {
            rows.iter_mut().flatten().flatten().for_each(|cell| *cell = text(cell));
        }
        rows.iter().for_each(|row| sum.add(row));
    }
}

fn key(part: Part, row: &Row) -> Row {
    row[..part.key.len()].to_vec()
}

/// Yields to the runtime: rows of a file come without any wait, and the copy must be stoppable.
async fn give_way() {
    tokio::task::yield_now().await;
}

fn length(rows: &[Row]) -> u64 {
    u64::try_from(rows.len()).unwrap_or(u64::MAX)
}

fn of(side: Side) -> impl Fn(StoreError) -> CopyError {
    move |error| CopyError::Store(side, error)
}
