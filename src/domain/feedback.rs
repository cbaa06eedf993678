//! Feedback: reports and actions that Customer.io sends, on their way back to GrowSurf.
//!
//! What belongs here: their types, and the record of the relay's writes to GrowSurf. What doesn't: their wire
//! format (`sources`), and the calls they lead to (`mapping`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::{Attributes, EventId, Identifier, Message, Scalar, Time};

/// A report or an action of Customer.io's.
#[derive(Clone, PartialEq, Debug)]
pub struct Feedback {
    /// The time of the event.
    pub at: Time,
    /// Keys of the person. The first one that the relay knows counts.
    pub identifiers: Vec<Identifier>,
    /// The content.
    pub kind: FeedbackKind,
    /// The fate of a message that one of the relay's events may have triggered.
    pub message: Option<Message>,
    /// Reasons for ids that are left out.
    pub left_out: Vec<String>,
}

/// The content of feedback.
#[derive(Clone, PartialEq, Debug)]
pub enum FeedbackKind {
    /// A person clicked a link in a message.
    Clicked(Click),
    /// A person unsubscribed or subscribed.
    Subscription {
        /// The report's id, the same on every retry.
        report: String,
        /// True if the person wants messages.
        subscribed: bool,
    },
    /// A campaign's action.
    Action(Action),
    /// Feedback that leads to nothing.
    Ignored,
}

/// A person's click on a link in a message. Machines' clicks are left out.
#[derive(Clone, PartialEq, Debug)]
pub struct Click {
    /// The report's id, the same on every retry.
    pub report: String,
    /// `email`, `sms` or `push`.
    pub channel: &'static str,
    /// The link.
    pub href: String,
    /// The link's `grsf`: a participant's id or vanity key.
    pub grsf: Option<String>,
    /// Customer.io's id of the message.
    pub delivery: Option<String>,
    /// The sender of the message, such as `campaign` and its id.
    pub sender: Option<(&'static str, String)>,
}

/// A webhook action of a campaign at Customer.io: a request to GrowSurf.
#[derive(Clone, PartialEq, Debug)]
pub struct Action {
    /// The same for every repetition of the action.
    pub dedupe_key: String,
    /// The GrowSurf campaign, unless only one is configured.
    pub campaign: Option<String>,
    /// GrowSurf's id of the participant, if named.
    pub participant: Option<String>,
    /// True if the store doesn't know the participant and GrowSurf couldn't be asked.
    pub is_unanswered: bool,
    /// The request.
    pub kind: ActionKind,
}

impl Action {
    /// True if the person needn't be a participant yet.
    pub fn adds_participant(&self) -> bool {
        matches!(self.kind, ActionKind::AddParticipant { .. })
    }
}

#[derive(Clone, PartialEq, Debug, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum ActionKind {
    /// Changes a participant at GrowSurf.
    UpdateParticipant(ParticipantUpdate),
    /// Awards the credit for a referral.
    TriggerReferral { delay_in_days: Option<u8> },
    RecordShare {
        /// GrowSurf's name of the channel.
        channel: String,
    },
    AddParticipant {
        first_name: Option<String>,
        last_name: Option<String>,
        /// The referrer's participant id or address.
        referred_by: Option<String>,
        /// Participant metadata.
        metadata: Attributes,
    },
}

/// Changes to a participant at GrowSurf, as absolute values. Idempotent; absent fields stay.
#[skip_serializing_none]
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ParticipantUpdate {
    /// Participant metadata by key; `None` removes a key.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, Option<Scalar>>,
    /// True if the participant wants no more mail.
    pub unsubscribed: Option<bool>,
    /// The relay's mark of `unsubscribed`, under [`UNSUBSCRIBE_MARKER`]. It lets GrowSurf say who set it.
    ///
    /// With a mark, `true` is written only if it isn't set, and `false` only if GrowSurf has this mark.
    pub mark: Option<EventId>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
}

/// GrowSurf's metadata key that names the effect by which the relay unsubscribed a participant.
pub const UNSUBSCRIBE_MARKER: &str = "cioUnsubscribed";

/// True if a metadata key is the relay's own: its counts, its mark, or a visitor's id.
///
/// Case is ignored, because GrowSurf changes it.
pub fn is_own_metadata(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["referralclicks", "referralclickat"].into_iter().any(|end| key.ends_with(end))
        || ["recordedshares", "lastrecordedshareat", "cioanonymousid"].contains(&key.as_str())
        || key.eq_ignore_ascii_case(UNSUBSCRIBE_MARKER)
}

/// The relay's counts of a participant for GrowSurf, and what it set there.
#[skip_serializing_none]
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct GrowsurfCounters {
    /// Clicks on the participant's link, by channel of the message.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub clicks: BTreeMap<String, Counter>,
    /// Shares recorded by campaigns.
    pub shares: Option<Counter>,
    /// The last subscription report of Customer.io's.
    pub subscription: Option<Subscription>,
    /// The mark of a campaign's unsubscription, until GrowSurf shows it.
    pub unshown: Option<EventId>,
}

impl GrowsurfCounters {
    /// True if nothing was counted or set.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A count and the time of its last increase.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Counter {
    pub count: i64,
    /// The time of the last increase.
    pub last: Time,
}

/// A subscription report, and its mark at GrowSurf.
#[skip_serializing_none]
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Subscription {
    /// The time of the report.
    pub at: Time,
    /// The report's id.
    pub report: String,
    /// The mark of `unsubscribed` at GrowSurf, until it is taken back.
    pub mark: Option<EventId>,
    /// The last mark, until GrowSurf shows it.
    pub unshown: Option<EventId>,
}

/// The number of actions for one participant in an hour.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ActionQuota {
    /// The beginning of the hour.
    pub since: Time,
    /// The actions since.
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
        let growsurf_counters: GrowsurfCounters = from_value(stored).unwrap();
        let said = Subscription { at, report: String::new(), mark: None, unshown: None };
        assert_eq!(
            growsurf_counters,
            GrowsurfCounters { subscription: Some(said), ..GrowsurfCounters::default() }
        );
    }
}
