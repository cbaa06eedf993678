//! The HTTP interface: webhooks, events, health, metrics and administration.
//!
//! What belongs here: routes, the bounds of a request (time, bytes, connections), the form of
//! refusals. What doesn't: storing a webhook (`ingest`), sending (`delivery`).

mod admin;
mod audit;
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
mod post;
mod problem;
mod router;
pub(crate) mod tokens;
mod webhooks;

pub use audit::ADMIN;
pub use body::{BodyLimits, BodyOptions};
pub use client::client_ip;
pub use health::Health;
pub use listener::{Listener, ListenerOptions};
pub use openapi::document;
pub use page::{PageOptions, PagePosts};
pub use problem::Problem;
pub use router::{AppState, operator, public};
pub use tokens::Tokens;
