//! Sets the log up: text for people or JSON for machines, on standard error.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;

/// Starts the log. A second call in one process changes nothing.
///
/// `level` is a directive such as `info` or `referral_relay=debug`; settings have checked it.
pub fn start_logs(json: bool, level: &str) {
    let filter = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    // The error means that a log is set up already, as in tests that start several relays.
    let _already_set_up = if json {
        builder.json().flatten_event(true).with_current_span(false).try_init()
    } else {
        builder.with_ansi(stderr().is_terminal()).with_target(false).try_init()
    };
}
