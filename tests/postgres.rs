//! The relay on Postgres, from outside: every test that isn't about the file of SQLite's, and what only
//! several relays on one server can show.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod auditing;
mod checking;
mod counts;
mod crash;
mod delivery;
mod encryption;
mod failover;
mod feedback;
mod finding;
mod forgetting;
mod growsurf;
mod identity;
#[expect(dead_code, reason = "the tests of each backend use a part of it")]
mod kit;
mod lookup;
mod mapping;
mod masking;
mod moving;
mod operating;
mod overview;
mod page;
mod pooling;
mod promises;
mod provenance;
mod receiving;
mod replicas;
mod rolling;
mod segments;
mod shutdown;
mod slow;
mod ui;
mod ui_acts;
mod workspace;

mod faults {
    mod answers;
    mod endings;
    mod outages;
    mod refusals;
}
