//! Insights: sums over all people, and what follows from them for a marketer.
//!
//! What belongs here: pure folds of people into counts, and statistics of counts. What doesn't: reading people,
//! which the store does, and pages.

mod interval;
mod quantile;

pub use interval::{Difference, Interval, Proportion};
pub use quantile::quantile;
