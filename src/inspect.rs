//! Looking: the use cases of operators that change nothing, the same for every face.
//!
//! What belongs here and below: what is read of the store for a question, and the answer as plain values
//! that serialize, with personal data masked unless it is revealed. What doesn't: how an answer is printed
//! (`cli`), SQL (`store`).

mod alarms;
mod audit;
mod books;
mod call;
mod causes;
mod check;
mod event;
mod find;
mod masking;
mod overview;
mod parked;
mod person;
mod status;
mod traffic;
mod waiting;
mod webhook;
mod why;

use std::sync::Arc;
use std::time::Duration;

use crate::domain::{EffectKey, LaneKey, ParticipantKey, Time, is_field_name, mask_quotations};
use crate::mapping::Rules;
use crate::store::Store;

pub use alarms::{Alarm, Level, Vitals};
pub use audit::{AuditView, RecordView};
pub use books::{BooksView, CampaignView};
pub use call::{AttemptView, CallView, MessageView};
pub use causes::{Cause, CausesView, LetterFilter, LetterView, LettersView};
pub use check::{CheckFinding, CheckOutcome, CheckReport, Grade, LastCheck, Missing};
pub use event::EventView;
pub use find::{Found, SearchResult};
pub use masking::masked;
pub use overview::Overview;
pub use parked::{ParkedGroup, ParkedGroups, ParkedView, ParkedWebhook};
pub use person::{LaneView, ParticipantView, PersonView};
pub use status::{DestinationView, QueueView, RelayStatus};
pub use traffic::{Hour, Series, TrafficView};
pub use waiting::{WaitingCalls, WaitingView};
pub use webhook::WebhookView;
pub use why::{Diagnosis, Reason};

/// A way to look into a store.
#[derive(Clone)]
pub struct Inspector {
    pub store: Arc<Store>,
    /// The present time.
    pub now: Time,
    /// The rules of the mapping.
    pub rules: Rules,
    /// The campaigns that the settings name.
    pub campaigns: Vec<String>,
    /// True if Customer.io's reports of messages are accepted.
    pub has_reports: bool,
    /// The age of a waiting call from which on it is an alarm.
    pub late_warning: Duration,
    /// The interval of looks at GrowSurf's webhooks; `None` without a key for its API.
    pub looks_every: Option<Duration>,
    /// Personal data: shown or masked.
    pub show: Show,
}

/// Personal data in an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Show {
    /// Addresses, names and ids of people are masked.
    #[default]
    Masked,
    /// They are shown.
    Revealed,
}

impl Show {
    pub fn key(self, key: &LaneKey) -> String {
        match self {
            Self::Masked => key.masked(),
            Self::Revealed => key.value().to_owned(),
        }
    }

    /// Returns an event's name. A sender chooses it, so a name that isn't a plain word may hold anything.
    pub fn event(self, name: String) -> String {
        match self {
            Self::Masked if !is_field_name(&name) => "***".to_owned(),
            _ => name,
        }
    }

    /// Returns the reason of a failure.
    fn reason(self, reason: &str) -> String {
        match self {
            Self::Masked => mask_quotations(reason),
            Self::Revealed => reason.to_owned(),
        }
    }

    /// Returns the field at fault, if its name is one.
    fn field(self, field: Option<&str>) -> Option<String> {
        let is_shown = |field: &&str| self == Self::Revealed || is_field_name(field);
        field.filter(is_shown).map(str::to_owned)
    }

    /// Returns an effect's key.
    fn effect_key(self, key: &EffectKey) -> String {
        match self {
            Self::Masked => key.masked(),
            Self::Revealed => key.0.clone(),
        }
    }

    /// Returns a participant's id.
    pub fn participant(self, key: &ParticipantKey) -> String {
        match self {
            Self::Masked => key.masked(),
            Self::Revealed => key.participant.clone(),
        }
    }
}
