//! Deliveries: calls on their way to a destination, lane by lane.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Call, LaneKey, Outcome, Time, WebhookId};

/// The age up to which an event triggers campaigns at Customer.io
/// (<https://docs.customer.io/journeys/events/>).
pub const TRIGGERS_FOR: Duration = Duration::from_secs(72 * 60 * 60);

/// The store's number of a lane.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LaneId(pub i64);

/// The store's number of a delivery.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct DeliveryId(pub i64);

/// Class of a call, most urgent first. A lane has the class of its most urgent pending call.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Class {
    /// Reported when it happened.
    Live,
    /// Reported by a backfill, long after it happened.
    History,
    /// Posted by a browser, unproven.
    Page,
}

/// The receiver of a lane's calls, with a pace and a state of its own.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Debug,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[strum(serialize_all = "lowercase")]
pub enum Destination {
    CustomerIo,
    /// GrowSurf's REST API.
    GrowSurf,
}

/// The state of a destination, for operators and for relays that share it.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Default,
    Serialize,
    Deserialize,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum DestinationState {
    /// Calls are sent.
    #[default]
    Running,
    /// The destination asked for a pause.
    Paused,
    /// Failures opened the breaker; probes are sent.
    Broken,
    /// Credentials or region are wrong; probes are sent.
    Halted,
}

/// A stored call.
#[derive(Clone, PartialEq, Debug)]
pub struct Delivery {
    /// The store's number.
    pub id: DeliveryId,
    pub call: Call,
    /// The webhook that led to it, if one did.
    pub webhook: Option<WebhookId>,
    pub planned_at: Time,
    /// Failed attempts so far.
    pub attempts: u32,
    /// Reading of the availability clock at the first failed attempt. The clock stops while the destination
    /// accepts no calls.
    pub failing_since: Option<Duration>,
}

/// A worker's claim on a lane until a time.
#[derive(Clone, PartialEq, Debug)]
pub struct Leased {
    pub lane: LaneId,
    /// Fencing token, higher with every lease. A settlement with an old one changes nothing.
    pub token: i64,
    /// The lane's class when it was leased.
    pub class: Class,
    /// The lane's key, as the destination knows it at the time of sending.
    pub key: LaneKey,
    /// The calls to send now.
    pub deliveries: Vec<Delivery>,
    /// True if each waits for the delivery of the one before. False for old tracks, whose order is free.
    pub in_turn: bool,
    /// Old identifies that a later one replaces; settled with it.
    pub superseded: Vec<DeliveryId>,
}

/// One HTTP try of a delivery.
#[derive(Clone, PartialEq, Debug)]
pub struct Attempt {
    /// The beginning.
    pub at: Time,
    pub took: Duration,
    /// The HTTP status, if there was an answer.
    pub http_status: Option<u16>,
    /// The meaning for the delivery.
    pub outcome: Outcome,
}

impl Attempt {
    /// Returns the attempt of a call that can't be sent.
    pub fn unsent(at: Time, outcome: Outcome) -> Self {
        Self { at, took: Duration::ZERO, http_status: None, outcome }
    }
}
