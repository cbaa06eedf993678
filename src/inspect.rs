//! Looking: the use cases of operators that change nothing, the same for every face.
//!
//! What belongs here and below: what is read of the store for a question, and the answer as plain values
//! that serialize, with personal data masked unless it is revealed. What doesn't: how an answer is printed
//! (`cli`), SQL (`store`).

mod audit;
mod books;
mod call;
mod causes;
mod check;
mod event;
mod find;
mod masking;
mod parked;
mod person;
mod status;
mod waiting;
mod webhook;
mod why;

use std::sync::Arc;

use crate::domain::{LaneKey, ParticipantKey, Time};
use crate::mapping::Rules;
use crate::store::Store;

pub use audit::{AuditView, RecordView};
pub use books::{BooksView, CampaignView};
pub use call::{AttemptView, CallView, MessageView};
pub use causes::{Cause, CausesView, LetterFilter, LetterView};
pub use check::{CheckFinding, CheckOutcome, CheckReport, Grade, LastCheck, Missing};
pub use event::EventView;
pub use find::{Found, SearchResult};
pub use masking::masked;
use masking::may_hold_address;
pub use parked::{ParkedGroup, ParkedGroups, ParkedView, ParkedWebhook};
pub use person::{LaneView, ParticipantView, PersonView};
pub use status::{DestinationView, QueueView, RelayStatus};
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

    /// Returns an event's name, which is anybody's choice.
    pub fn event(self, name: String) -> String {
        match self {
            Self::Masked if may_hold_address(&name) => "***".to_owned(),
            _ => name,
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
