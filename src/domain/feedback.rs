//! Feedback: what Customer.io tells of somebody, or asks for them, on its way back to GrowSurf.
//!
//! What belongs here: those words, and what the relay remembers of what it wrote to GrowSurf. What
//! doesn't: how Customer.io writes them down (`customerio`), and what they lead to (`mapping`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Attributes, EventId, Identifier, Message, Scalar, Time};

/// What Customer.io told of somebody, or what a campaign there asks for them.
#[derive(Clone, PartialEq, Debug)]
pub struct Feedback {
    /// When it happened.
    pub at: Time,
    /// How Customer.io knows whom it is about; the first that the relay knows counts.
    pub identifiers: Vec<Identifier>,
    /// What it is.
    pub kind: FeedbackKind,
    /// What happened to a message that an event of the relay's may have led to.
    pub message: Option<Message>,
    /// The reasons why ids in it are left out.
    pub left_out: Vec<String>,
}

/// What somebody did with a message, or what is to be done for them.
#[derive(Clone, PartialEq, Debug)]
pub enum FeedbackKind {
    /// Somebody clicked a link in a message.
    Clicked(Click),
    /// Somebody wants no more messages, or wants them again.
    Subscription {
        /// Names the report: the same on every retry.
        report: String,
        /// Whether they want messages.
        subscribed: bool,
    },
    /// A campaign at Customer.io asks for something.
    Action(Action),
    /// Something that leads to nothing here.
    Ignored,
}

/// A click on a link in a message, by a person and not by a machine.
#[derive(Clone, PartialEq, Debug)]
pub struct Click {
    /// Names the report: the same on every retry.
    pub report: String,
    /// Where: `email`, `sms` or `push`.
    pub channel: &'static str,
    /// The link.
    pub href: String,
    /// What the link's `grsf` says: a participant's id or vanity key.
    pub grsf: Option<String>,
    /// Customer.io's id of the message.
    pub delivery: Option<String>,
    /// What sent the message, such as `campaign` and its id.
    pub sender: Option<(&'static str, String)>,
}

/// What a campaign at Customer.io asks GrowSurf for.
#[derive(Clone, PartialEq, Debug)]
pub struct Action {
    /// The same for everything that is the same ask, however often it is sent.
    pub dedupe_key: String,
    /// The GrowSurf campaign, unless only one is configured.
    pub campaign: Option<String>,
    /// GrowSurf's id of the participant, where told.
    pub participant: Option<String>,
    /// True if GrowSurf was asked for the participant, whom the store doesn't know, and gave no answer.
    pub is_unanswered: bool,
    /// What is asked.
    pub kind: ActionKind,
}

impl Action {
    /// Whether it is about somebody who needn't be a participant yet.
    pub fn adds_participant(&self) -> bool {
        matches!(self.kind, ActionKind::AddParticipant { .. })
    }
}

/// The kinds of asks.
#[derive(Clone, PartialEq, Debug, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum ActionKind {
    /// Change what GrowSurf keeps of a participant.
    UpdateParticipant(ParticipantUpdate),
    /// Award the credit for a referral.
    TriggerReferral {
        /// Only after so many days, 1 to 90.
        delay_in_days: Option<u8>,
    },
    /// Note that they shared their link.
    RecordShare {
        /// How, by GrowSurf's names of channels.
        channel: String,
    },
    /// Make somebody a participant.
    AddParticipant {
        /// Their first name.
        first_name: Option<String>,
        /// Their last name.
        last_name: Option<String>,
        /// Who referred them: a participant's id or address.
        referred_by: Option<String>,
        /// Participant metadata.
        metadata: Attributes,
    },
}

/// What is to be changed of a participant at GrowSurf, as absolute values: doing it again changes
/// nothing. What isn't named stays.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct ParticipantUpdate {
    /// Participant metadata by key; `None` removes one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, Option<Scalar>>,
    /// Whether they want no more mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsubscribed: Option<bool>,
    /// The relay's mark of `unsubscribed`, under [`UNSUBSCRIBE_MARKER`], so that GrowSurf itself says who set it.
    /// With a mark, `true` is written only if it isn't so already, and `false` only where the mark
    /// is this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<EventId>,
    /// Their first name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    /// Their last name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
}

/// GrowSurf's metadata that names the effect by which the relay unsubscribed somebody there.
pub const UNSUBSCRIBE_MARKER: &str = "cioUnsubscribed";

/// Whether participant metadata under this key are the relay's own, which nobody else may set.
///
/// They are its counts, its mark of whom it unsubscribed, and what it knows a browser by. GrowSurf
/// changes how keys are capitalised, so that doesn't count.
pub fn is_own_metadata(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["referralclicks", "referralclickat"].into_iter().any(|end| key.ends_with(end))
        || ["recordedshares", "lastrecordedshareat", "cioanonymousid"].contains(&key.as_str())
        || key.eq_ignore_ascii_case(UNSUBSCRIBE_MARKER)
}

/// What the relay counted of a participant for GrowSurf, and what it set there.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct GrowsurfCounters {
    /// Clicks on their link, by where the link was.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub clicks: BTreeMap<String, Counter>,
    /// Shares that a campaign recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shares: Option<Counter>,
    /// What they last said of messages at Customer.io.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription: Option<Subscription>,
    /// The mark of the `unsubscribed` that a campaign asked for, until GrowSurf shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unshown: Option<EventId>,
}

impl GrowsurfCounters {
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A count, and when it was last raised.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Counter {
    /// How many.
    pub count: i64,
    /// When the last one happened.
    pub last: Time,
}

/// What somebody said of messages, and what the relay made of it at GrowSurf.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Subscription {
    /// When they said so last.
    pub at: Time,
    /// The report that told it.
    #[serde(default)]
    pub report: String,
    /// The mark of the `unsubscribed` that the relay asked GrowSurf for, until it is taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<EventId>,
    /// The last such mark, until GrowSurf shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unshown: Option<EventId>,
}

/// How much was asked for one participant lately.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ActionQuota {
    /// When this hour began.
    pub since: Time,
    /// How many asks since.
    pub count: u32,
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn what_was_stored_before_there_were_marks_is_read() {
        let update: ParticipantUpdate = from_value(json!({ "unsubscribed": false })).unwrap();
        assert_eq!((update.unsubscribed, update.mark), (Some(false), None));
        let at = Time::from_seconds(1_790_000_000);
        let subscription = json!({ "at": at, "unsubscribed_by_us": true });
        let stored = json!({ "subscription": subscription, "unsubscribing": at });
        let way_back: GrowsurfCounters = from_value(stored).unwrap();
        let said = Subscription { at, report: String::new(), mark: None, unshown: None };
        assert_eq!(
            way_back,
            GrowsurfCounters { subscription: Some(said), ..GrowsurfCounters::default() }
        );
    }
}
