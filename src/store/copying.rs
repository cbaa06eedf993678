//! Copying: everything that one store holds, into another that may be of another kind.
//!
//! What belongs here and below: the order of the steps, what a copy leaves in the store it goes
//! into until it is whole, and the comparison at the end. What doesn't: connections of a backend; each does
//! statements whose values have the one form that [`Part`] describes.
//!
//! ```text
//! refuse a store in use → mark the target → rows, page by page, each with the mark of the
//!                         progress → compare all rows of both → take the mark away
//! ```
//!
//! A store with a mark is opened by nothing else, so half a store never delivers; and a copy that
//! was stopped goes on behind its last page.

mod dialect;
mod mark;
mod part;
mod steps;
mod sum;
#[cfg(test)]
mod tests;

use async_trait::async_trait;

use super::StoreError;

pub(super) use dialect::{Dialect, Statement};
pub(super) use mark::refuse_marked;
pub use part::Part;
pub(super) use part::Row;
pub use steps::{Compared, Step, copy, snapshot};

/// Which of the two stores an error is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// The one that is copied.
    From,
    /// The one that it goes into.
    To,
}

impl std::fmt::Display for Side {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::From => "the source",
            Self::To => "the target",
        })
    }
}

/// The reason why a copy failed.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    #[error("{0}")]
    Store(Side, #[source] StoreError),
    #[error("there is no store at --from; the path of a file is relative to the working directory")]
    NoStore,
    #[error("{0} is in use: a relay delivers from it, or did so seconds ago; stop it first")]
    InUse(Side),
    #[error("the target isn't empty; name a new file or database with --to")]
    NotEmpty,
    #[error(
        "the target holds the unfinished copy of another store; finish that copy, or name a new file or \
         database with --to"
    )]
    OtherCopy,
    #[error(
        "the copy differs from the source: {part}: {from} there, {to} in the copy{same}; if something \
         changed the source meanwhile, begin again with a new file or database",
        same = if from == to { ", with other contents" } else { "" }
    )]
    Differs { part: Part, from: u64, to: u64 },
}

/// A store as it is copied: its rows in the common form.
#[async_trait]
pub(super) trait Tables: Send {
    /// Returns the dialect of its statements.
    fn dialect(&self) -> Dialect;

    /// Does statements in one transaction, and returns the rows that the last one gives.
    async fn run(&mut self, statements: Vec<Statement>) -> Result<Vec<Row>, StoreError>;

    /// True if a relay delivers from the store. If none does, none begins to while this value is there.
    async fn is_in_use(&mut self) -> Result<bool, StoreError>;
}
