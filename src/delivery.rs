//! Delivering: lanes are claimed, their calls sent, and what came of them settled.
//!
//! What belongs here: the order and pace of sending, retries, the breaker and the halt, giving
//! up, keeping house. What doesn't: how a call is written as a request and what an answer means
//! (`customerio`, `growsurf`), and what is kept where (`store`). Out and back, to Customer.io and to
//! GrowSurf, it goes the same way: a dispatcher each, with a gate, a pace and a transport of its own.

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
mod transport;
mod workspace;

pub use company::{KeepCompany, Sharers};
pub use destination::Destination;
pub use dispatcher::{Dispatcher, DispatcherRules};
pub use gate::{Gate, GateRules, Standing};
pub use pulse::{Pulse, Silence};
pub use retention::{Keep, keep_house};
pub use sender::{RetryRules, Sender};
pub use transport::{ToCustomerio, ToGrowsurf, Transport};
pub use workspace::WorkspaceCheck;
