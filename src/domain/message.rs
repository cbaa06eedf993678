//! Messages: what Customer.io did with one that an effect of the relay's led to.

use super::{EventId, Time};

/// One thing that happened to a message, as Customer.io reports it.
///
/// Holds nothing of whom the message went to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// The event that the message was sent for.
    pub event: EventId,
    /// Customer.io's id of the message.
    pub delivery: String,
    /// What kind of message it is, in Customer.io's words, such as `email`.
    pub channel: String,
    /// What happened to it, in Customer.io's words, such as `opened`.
    pub metric: String,
    /// What sent it, such as `campaign` and its id.
    pub sender: Option<(String, String)>,
    /// When it happened.
    pub at: Time,
}
