//! GrowSurf's REST API: asking for the truth that webhooks don't tell.
//!
//! What belongs here: requests, their limits and errors (`client`, `endpoints`, `limits`, `error`), and what the
//! rows of the answers say (`rows`). What doesn't: what is asked when and why (`sync`), and keeping
//! the budget, which several processes share (`Pace` is how the client asks for it). Facts about
//! the API are those of <https://docs.growsurf.com/developer-tools/rest-api>.

mod answer;
mod client;
mod endpoints;
mod error;
mod lifecycle;
mod limits;
pub mod rows;
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
pub use types::{
    Campaign, Cursor, Integration, Page, ParticipantQuery, Referrals, Triggered, WebhookState,
};
pub use writes::{Write, Written};
