//! The relay from outside: the built binary over HTTP, with the sandbox as Customer.io; and what
//! the sources say about themselves.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod acting;
mod architecture;
mod auditing;
mod backups;
mod browser;
mod checking;
mod commands;
mod counts;
mod crash;
mod damage;
mod delivery;
mod faults;
mod feedback;
mod file;
mod finding;
mod forgetting;
mod growsurf;
mod hostile;
mod identity;
mod insights;
mod interface;
#[expect(dead_code, reason = "the tests of each backend use a part of it")]
mod kit;
mod logging;
mod lookup;
mod manual;
mod mapping;
mod masking;
mod operating;
mod overview;
mod page;
mod promises;
mod prose;
mod provenance;
mod receiving;
mod reporting;
mod rewards;
mod sdk;
mod segments;
mod server_events;
mod sessions;
mod shutdown;
mod ui;
mod ui_acts;
mod upgrades;
mod workspace;
