//! The kit of the tests: the relay and the sandbox as processes, webhooks, waiting.
//!
//! What belongs here: driving and looking from outside. What doesn't: expectations, which are the
//! tests' own. Nothing here uses the library: a test must notice when the library is wrong.

pub mod browser;
pub mod calls;
pub mod faulty_proxy;
pub mod growsurf;
pub mod http;
pub mod ids;
pub mod libraries;
pub mod machine;
pub mod network;
pub mod pages;
pub mod pooler;
pub mod postgres;
pub mod process;
pub mod relay;
pub mod sandbox;
pub mod server;
pub mod shop;
pub mod stage;
pub mod webhooks;

use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// True if this test binary runs the relay on Postgres; the other one runs it on SQLite.
pub const ON_POSTGRES: bool = matches!(env!("CARGO_CRATE_NAME").as_bytes(), b"postgres");

/// Time that anything may take; generous, because machines that run tests are busy.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// The rest between two looks.
const REST: Duration = Duration::from_millis(10);

/// Waits until the condition holds.
///
/// # Panics
/// If it doesn't in time, naming what was waited for.
#[track_caller]
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    eventually_some(what, || condition().then_some(()));
}

/// Waits until there is something, and gives it.
///
/// # Panics
/// If there isn't in time, naming what was waited for.
#[track_caller]
pub fn eventually_some<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {TIMEOUT:?} in vain until {what}");
        thread::sleep(REST);
    }
}

/// Returns the time in Unix milliseconds.
#[expect(clippy::disallowed_methods, reason = "the tests' one clock")]
pub fn now_millis() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

/// Returns the time in Unix seconds.
pub fn now_seconds() -> i64 {
    now_millis() / 1_000
}
