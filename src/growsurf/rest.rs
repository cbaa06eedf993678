//! GrowSurf's REST API: asking for the truth that webhooks don't tell.
//!
//! What belongs here: requests, their limits and errors (`client`, `endpoints`, `limits`, `error`), and the answers that
//! aren't rows (`types`). What doesn't: what rows say (`sources::growsurf_api`), what is asked when and why (`sync`), and
//! keeping the budget, which several processes share (`RateLimiter` is how the client asks for it). Facts about
//! the API are those of <https://docs.growsurf.com/developer-tools/rest-api>.

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
pub use error::RestError;
pub use lifecycle::Announcement;
pub use limits::{Budget, ReportedLimits};
pub use trail::Trail;
pub use types::{Cursor, Integration, Page, ParticipantQuery, Referrals, Triggered, WebhookState};
pub use writes::{Write, Written};
