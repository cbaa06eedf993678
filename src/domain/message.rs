//! Messages that Customer.io sent because of an event.

use super::{EventId, Time};

/// One thing that happened to a message, as Customer.io reports it. Holds nothing about the recipient.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// The event that triggered the message.
    pub event: EventId,
    /// Customer.io's id of the message.
    pub delivery: String,
    /// Customer.io's kind of message, such as `email`.
    pub channel: String,
    /// Customer.io's name for what happened, such as `opened`.
    pub metric: String,
    /// The sender, such as `campaign` and its id.
    pub sender: Option<(String, String)>,
    /// The time of the event.
    pub at: Time,
}
