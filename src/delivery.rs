//! Delivering: lanes are claimed, their calls sent, and what came of them settled.
//!
//! What belongs here: the order and pace of sending, retries, the breaker and the halt, giving
//! up, keeping house. What doesn't: how a call is written as a request and what an answer means
//! (`customerio`, `growsurf`), and what is kept where (`store`). Out and back, to Customer.io and to
//! GrowSurf, it goes the same way: a dispatcher each, with a gate, a pace and a transport of its own.

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
pub use transport::{GrowSurfTransport, Transport};
pub use workspace::WorkspaceCheck;
