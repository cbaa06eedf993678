//! The plan of a notification. Pure: no I/O, no clock, no randomness.
//!
//! | file | job |
//! |---|---|
//! | `plan`, `draft` | the phases |
//! | `people`, `erased`, `references`, `email_change`, `anonymous` | the people of a notification: found, left out, referred to, renamed, joined |
//! | `resolved_events`, `requirements`, `budget` | the events that count |
//! | `aggregates`, `profile` | counts, and the attributes made of them |
//! | `tracks`, `rewards`, `amounts`, `affiliates`, `effects` | the properties and the effect key of each track |
//! | `lanes` | the calls in order |
//! | `feedback` | Customer.io's reports and actions |
//! | `rules` | the settings |
//!
//! What doesn't belong here: wire formats of either service, and reading records, which the store does by the
//! plan's keys.

mod affiliates;
mod aggregates;
mod amounts;
mod anonymous;
mod budget;
mod draft;
mod effects;
mod email_change;
mod erased;
mod feedback;
mod lanes;
pub mod names;
mod people;
mod plan;
mod profile;
mod references;
mod requirements;
mod resolved_events;
mod rewards;
mod rules;
#[cfg(test)]
mod tests;
mod tracks;

pub use affiliates::is_customer;
pub use effects::{converted, event_of, friend_signed_up, joined};
pub use plan::Mapper;
pub use profile::is_self_referred;
pub use rules::{FeedbackRules, IdentifyBy, PostsPerDay, Rules, Tier, events};
