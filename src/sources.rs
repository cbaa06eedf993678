//! Sources: the bodies that each sender posts, declared, and the notifications that they become.
//!
//! What belongs here: the wire types of a source with their bounds and their schema. What doesn't:
//! the proof of the sender and storing (`ingest`), and the calls that follow (`mapping`).
//!
//! The relay's own contracts (`customerio_action`, `server`) are strict, by `contract`: their senders
//! read the answer and can fix the body. What GrowSurf sends is read leniently, by [`lenient`], and so
//! are reports, field by field.

mod contract;
pub(crate) mod customerio_action;
pub(crate) mod customerio_report;
pub mod growsurf;
pub mod growsurf_api;
pub mod lenient;
pub mod page;
pub(crate) mod server;
