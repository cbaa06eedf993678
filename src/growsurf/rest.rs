//! The REST API (<https://docs.growsurf.com/developer-tools/rest-api>).
//!
//! What belongs here: requests, their limits and errors (`client`, `endpoints`, `limits`, `error`), and
//! answers that aren't rows (`types`). What doesn't: rows (`sources::growsurf_api`), and keeping the shared
//! budget, behind `RateLimiter`.

mod answer;
mod client;
mod endpoints;
mod error;
mod lifecycle;
mod limits;
#[cfg(test)]
mod tests;
mod trail;
mod types;
mod writes;

pub use client::{Client, ClientConfig, Clients, RateLimiter};
pub use error::{Refusal, RestError};
pub use lifecycle::Announcement;
pub use limits::{Budget, ReportedLimits};
pub use trail::CursorTrail;
pub use types::{
    Cursor, Integration, Page, ParticipantQuery, Referrals, TriggerAnswer, WebhookState,
};
pub use writes::{Write, WriteResult};
