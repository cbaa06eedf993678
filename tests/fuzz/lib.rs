//! The targets as a library, for the programs in `bin/`.

mod targets;

pub use targets::{answer, contracts, forwarded, page, restored, row, settings, signature, webhook};
