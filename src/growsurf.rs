//! GrowSurf's REST API: the client of it.
//!
//! What belongs here: requests, their limits and errors, and the answers that aren't rows. What doesn't: what webhooks
//! and rows say (`sources`), and when GrowSurf is asked (`sync`).

pub mod rest;
