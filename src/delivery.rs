//! Delivering: lanes are claimed, their calls sent, and what came of them settled.
//!
//! What belongs here: the order and pace of sending, retries, the breaker and the halt, giving
//! up, keeping house. What doesn't: how a call is written as a request and what an answer means
//! (`customerio`), and what is kept where (`store`).

mod backoff;
mod company;
mod destination;
mod dispatcher;
mod gate;
mod joining;
mod merging;
mod pace;
mod pulse;
mod retention;
mod sender;
mod setback;
mod transmission;
mod workspace;

pub use company::{KeepCompany, Sharers};
pub use destination::Destination;
pub use dispatcher::{Dispatcher, DispatcherRules};
pub use gate::{Gate, GateRules, Standing};
pub use pulse::{Pulse, Silence};
pub use retention::keep_house;
pub use sender::{RetryRules, Sender};
pub use workspace::WorkspaceCheck;
