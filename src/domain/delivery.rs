//! Deliveries: the way of one call to its destination, lane by lane.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Call, Identifier, Outcome, Time, WebhookId};

/// Customer.io triggers campaigns from events that are younger
/// (<https://docs.customer.io/journeys/events/>).
pub const TRIGGERS_FOR: Duration = Duration::from_secs(72 * 60 * 60);

/// Names a lane: all calls for one person, in order, one at a time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LaneId(pub i64);

/// Names one delivery.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct DeliveryId(pub i64);

/// Class of a call, most urgent first. A lane has the class of its most urgent pending call.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Class {
    /// Something that happens now.
    Live,
    /// Something that happened long ago, reported by a backfill.
    History,
    /// Something that a browser posted, which nobody vouches for.
    Page,
}

/// Which way a lane leads: each has calls, a pace and a state of its own.
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
    /// Out, to Customer.io.
    CustomerIo,
    /// Back, to GrowSurf.
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
    /// Calls go out.
    #[default]
    Running,
    /// The destination asked to be left alone for a while.
    Paused,
    /// Failures opened the breaker; probes go out.
    Broken,
    /// Credentials or region are wrong; probes go out.
    Halted,
}

/// One call's way: pending, leased, delivered or dead.
#[derive(Clone, PartialEq, Debug)]
pub struct Delivery {
    /// Its name.
    pub id: DeliveryId,
    /// The call.
    pub call: Call,
    /// The webhook that led to it, if one did.
    pub webhook: Option<WebhookId>,
    /// When it was planned.
    pub planned_at: Time,
    /// How often it was tried in vain.
    pub attempts: u32,
    /// What the accepting clock showed at the first attempt that failed. That clock stands still
    /// while the destination accepts nothing from anybody.
    pub failing_since: Option<Duration>,
}

/// A worker's claim on a lane until a time, with a token that fences late results.
#[derive(Clone, PartialEq, Debug)]
pub struct Leased {
    /// The lane.
    pub lane: LaneId,
    /// Grows with every lease of the lane; a settlement with an old one changes nothing.
    pub token: i64,
    /// The lane's class when it was leased.
    pub class: Class,
    /// Whom the calls are for, as the destination knows them at the time of sending.
    pub identifier: Identifier,
    /// What to send now.
    pub deliveries: Vec<Delivery>,
    /// Whether each goes only when the one before was delivered; else they are old tracks, whose
    /// order is free.
    pub in_turn: bool,
    /// Old identifies that the one to send makes superfluous; they are settled with it.
    pub superseded: Vec<DeliveryId>,
}

/// One HTTP try of a delivery.
#[derive(Clone, PartialEq, Debug)]
pub struct Attempt {
    /// When it began.
    pub at: Time,
    /// How long it took.
    pub took: Duration,
    /// The status answered, if there was an answer.
    pub http_status: Option<u16>,
    /// What it means.
    pub outcome: Outcome,
}
