//! Use cases: each written once, over the unit of work.
//!
//! What belongs here and below: the rules of the contract, as work in one transaction. What doesn't: SQL
//! and engines, which are in the backends, and short use cases, which the contract's methods do in place.

mod accept;
mod append;
mod batch;
mod claim;
mod classes;
mod erase;
mod finding;
mod head;
mod lanes;
mod letters;
mod meta;
mod naming;
mod planned;
mod preview;
mod pruning;
mod references;
mod settle;

pub use accept::{Accept, Item, Origin};
pub use append::raise;
pub use claim::Claim;
pub use classes::ranks;
pub use finding::{
    calls, find_people, lane_states, lanes_of, last, mentions, messages, waiting, webhook,
};
pub use lanes::{NextDue, ReleaseLanes};
pub use letters::with_deliveries;
pub use meta::{OpenSecrets, ReadBooks, ReadStats, ReadValues, Secrets, UpdateValue, ValueChange};
pub use pruning::lowest_id;
pub use settle::SettleLeases;
