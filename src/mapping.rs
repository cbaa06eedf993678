//! The plan: what an event leads to. Pure: no input or output, no clock, no randomness.
//!
//! What belongs here: who a participant is at Customer.io (`people`), who was forgotten
//! (`erased`), whom others refer to (`references`), whose address changed (`email_change`), what is said of them (`profile`), what is counted
//! (`aggregates`), which visitor of a page is whom (`anonymous`), what Customer.io's own word leads to (`feedback`), what is told about an event (`tracks`), about a reward (`rewards`, `amounts`)
//! and of whom it isn't a member yet (`affiliates`), under which effect key (`effects`), all
//! by `rules` from the settings. What doesn't: wire formats of either service, and anything that
//! has to be looked up; what a plan must know it asks for, and the store answers.

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

pub use effects::{event_of, joined};
pub use plan::Mapper;
pub use rules::{FeedbackRules, IdentifyBy, PostsPerDay, Rules, Tier, events};
