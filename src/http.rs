//! The HTTP face: webhooks in, health and metrics out.
//!
//! What belongs here: routes, what a request may cost (time, bytes, connections), how refusals
//! read. What doesn't: what becomes of a webhook (`ingest`), what is sent (`delivery`).

mod admin;
mod body;
pub(crate) mod client;
pub(crate) mod delay;
mod effects;
mod health;
pub(crate) mod json;
pub(crate) mod limiter;
mod listener;
mod metrics;
mod openapi;
mod page;
mod problem;
mod router;
mod tokens;
mod webhooks;

pub use body::BodyLimits;
pub use client::client_ip;
pub use health::Health;
pub use listener::{Listener, ListenerLimits};
pub use openapi::document;
pub use page::PagePosts as PageGate;
pub use problem::Problem;
pub use router::{AppState, operator, public};
pub use tokens::Tokens;
