//! Insights: sums over all people, and what follows from them for a marketer.
//!
//! What belongs here: the fold of people into one document, the job that keeps it, statistics, and the report that
//! every face shows. What doesn't: reading people, which the store does, and the form of pages.

mod channels;
mod document;
mod fold;
mod interval;
mod job;
mod messages;
mod options;
mod quantile;
mod report;
mod sections;
#[cfg(test)]
mod tests;

pub use document::Document;
pub use fold::Fold;
pub use job::{Insights, find};
pub use options::InsightsOptions;
pub use report::{CampaignReport, Cell, Report, Row, Section, Table, title};
