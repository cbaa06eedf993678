//! The relay on Postgres, from outside: every test that isn't about the file of SQLite's, and what only
//! several relays on one server can show.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "the kit is also there for tests of the file")]

mod crash;
mod delivery;
mod forgetting;
mod identity;
mod kit;
mod mapping;
mod operating;
mod promises;
mod receiving;
mod segments;
mod shutdown;
mod workspace;

mod faults {
    mod answers;
    mod clocks;
    mod endings;
    mod outages;
    mod refusals;
}
