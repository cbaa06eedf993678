//! Delivery: claims lanes, sends their calls, and settles the results.
//!
//! What belongs here: order and pace of sending, retries, breaker and halt, giving up, retention. What
//! doesn't: requests and the meaning of answers (`customerio`, `growsurf`), and storage (`store`). Each
//! destination has a dispatcher, a breaker, a pace and a transport of its own.

mod backoff;
mod breaker;
mod clock_jump;
mod cluster;
mod destination;
mod dispatcher;
mod heartbeat;
mod join_guard;
mod merge_guard;
mod pace;
mod reporter;
mod retention;
mod sender;
mod to_customerio;
mod traffic;
mod transport;
mod workspace;

pub use breaker::CircuitBreaker;
pub use cluster::{ClusterTask, ReplicaCount};
pub use destination::GuardedDestination;
pub use dispatcher::{Dispatcher, DispatcherRules};
pub use heartbeat::{Heartbeat, Lateness};
pub use reporter::Reporter;
pub use retention::{RetentionRules, run_retention};
pub use sender::{RetryRules, Sender};
pub use to_customerio::CustomerIoTransport;
pub use traffic::TrafficCounter;
pub use transport::{GrowSurfTransport, Transport};
pub use workspace::WorkspaceCheck;
