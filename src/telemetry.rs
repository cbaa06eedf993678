//! Logs and metrics: how the relay is watched.
//!
//! What belongs here: setting up the log, and the metrics that code counts. What doesn't: numbers
//! that the store keeps (they are read at scrape time, in `http`), and the log lines
//! themselves, which are written once, at their causes.

mod error_chain;
mod labels;
mod logs;
mod metrics;
mod options;
mod refusals;
mod stderr;

pub use error_chain::ErrorChain;
pub use logs::start_logs;
pub use metrics::{CONTENT_TYPE, Gauges, Metrics, OpenConnection};
pub use options::{LogFormat, LogOptions};
pub use refusals::Refusals;
pub use stderr::{LAST_LINES, Lines, stderr};
