//! The client of GrowSurf's REST API.
//!
//! What belongs here: requests, limits, errors, and answers that aren't rows. What doesn't: rows and webhooks
//! (`sources`), and the time of requests (`sync`).

pub mod rest;
