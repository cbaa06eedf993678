//! Calls: their ways, attempts and messages.

use serde::Serialize;
use serde_with::{DisplayFromStr, serde_as};

use super::Show;
use crate::domain::{Call, Destination, Labelled, Time};
use crate::store::{CallStatus, DeliveryState, MessageStatus, PastAttempt};

/// A call and its way.
#[serde_as]
#[derive(Clone, Debug, Serialize)]
pub struct CallView {
    /// The number of its delivery, which is also that of its dead letter.
    pub id: i64,
    /// The kind.
    pub call: &'static str,
    pub destination: &'static str,
    /// The number of the person, or of the participant at GrowSurf.
    pub lane: i64,
    pub person: String,
    /// The event's name at Customer.io.
    pub event: Option<String>,
    /// The event's id at Customer.io.
    pub event_id: Option<String>,
    /// The time of the event.
    #[serde_as(as = "Option<DisplayFromStr>")]
    pub happened_at: Option<Time>,
    /// The time when it was planned.
    #[serde_as(as = "DisplayFromStr")]
    pub planned_at: Time,
    /// `pending`, `leased`, `delivered` or `dead`.
    pub state: &'static str,
    /// The time when its lane is due, while it is pending.
    #[serde_as(as = "Option<DisplayFromStr>")]
    pub due_at: Option<Time>,
    /// The time when the destination accepted it.
    #[serde_as(as = "Option<DisplayFromStr>")]
    pub delivered_at: Option<Time>,
    /// The time when it became a dead letter.
    #[serde_as(as = "Option<DisplayFromStr>")]
    pub died_at: Option<Time>,
    /// The reason why it is a dead letter.
    pub reason: Option<String>,
    /// The field at fault.
    pub field: Option<String>,
    /// The attempts that failed.
    pub attempts: Vec<AttemptView>,
    /// The messages that it led to.
    pub messages: Vec<MessageView>,
}

impl CallView {
    pub(super) fn of(status: CallStatus, show: Show) -> Self {
        let lane = status.waits_in.as_ref();
        let is_leased = lane.is_some_and(|lane| lane.is_leased);
        let state = match status.state {
            DeliveryState::Pending if is_leased => "leased",
            state => state.label(),
        };
        let destination = status.call.as_ref().map_or(Destination::CustomerIo, Call::destination);
        let death = status.death.as_ref();
        Self {
            id: status.delivery.0,
            call: status.kind(),
            destination: destination.label(),
            lane: status.lane.0,
            person: show.key(&status.key),
            event: status.event_name().map(str::to_owned),
            event_id: status.event_id().map(|id| id.to_string()),
            happened_at: status.call.as_ref().and_then(Call::happened_at),
            planned_at: status.planned_at,
            state,
            due_at: lane.and_then(|lane| lane.due_at),
            delivered_at: status.delivered_at,
            died_at: death.map(|death| death.died_at),
            reason: death.map(|death| show.reason(&death.reason)),
            field: death.and_then(|death| show.field(death.field.as_deref())),
            attempts: status.attempts.iter().map(|it| AttemptView::of(it, show)).collect(),
            messages: status.messages.into_iter().map(MessageView::from).collect(),
        }
    }

    /// Returns the event's name, or the kind of a call that is no event.
    pub fn name(&self) -> &str {
        self.event.as_deref().unwrap_or(self.call)
    }
}

/// An attempt that didn't deliver.
#[serde_as]
#[derive(Clone, Debug, Serialize)]
pub struct AttemptView {
    /// The time when it began.
    #[serde_as(as = "DisplayFromStr")]
    pub at: Time,
    /// Its length in milliseconds.
    pub duration_ms: u64,
    /// The status that the destination answered.
    pub http_status: Option<u16>,
    pub outcome: String,
    pub reason: String,
}

impl AttemptView {
    pub(super) fn of(attempt: &PastAttempt, show: Show) -> Self {
        let PastAttempt { at, took, http_status, outcome, reason } = attempt;
        let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let (outcome, reason) = (outcome.clone(), show.reason(reason));
        Self { at: *at, duration_ms, http_status: *http_status, outcome, reason }
    }
}

/// A message of Customer.io's.
#[derive(Clone, Debug, Serialize)]
pub struct MessageView {
    /// Customer.io's id of it.
    pub delivery_id: String,
    /// The kind of message.
    pub channel: String,
    /// The kind of its sender, such as `campaign`.
    pub message_source: Option<String>,
    /// The sender's id.
    pub message_source_id: Option<String>,
    /// The reports about it, the earliest first.
    pub metrics: Vec<MetricView>,
}

/// A report about a message.
#[serde_as]
#[derive(Clone, Debug, Serialize)]
pub struct MetricView {
    /// The report's name at Customer.io, such as `opened`.
    pub metric: String,
    #[serde_as(as = "DisplayFromStr")]
    pub at: Time,
}

impl From<MessageStatus> for MessageView {
    fn from(status: MessageStatus) -> Self {
        let (message_source, message_source_id) = status.sender.unzip();
        let metrics = status.metrics.into_iter();
        Self {
            delivery_id: status.delivery,
            channel: status.channel,
            message_source,
            message_source_id,
            metrics: metrics.map(|(metric, at)| MetricView { metric, at }).collect(),
        }
    }
}
