//! Tell: which events of some news are sent, and which are only counted.

use serde::{Deserialize, Serialize};

use super::Time;

/// Which of the events in some news are to be told to Customer.io, by their own times. The people
/// in it are taken in all the same, and what is counted is counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SendFilter {
    /// All of them.
    #[default]
    All,
    /// Those that happened before.
    Before(Time),
    /// Those that happened then or later.
    Since(Time),
    /// All of them, as history.
    History,
    /// None.
    None,
}

impl SendFilter {
    /// Whether an event of this time is to be told.
    pub fn covers(self, at: Time) -> bool {
        match self {
            Self::All | Self::History => true,
            Self::Before(time) => at < time,
            Self::Since(time) => at >= time,
            Self::None => false,
        }
    }

    /// True if the events are history, which a backfill tells, and not news.
    pub fn is_history(self) -> bool {
        matches!(self, Self::Before(_) | Self::History | Self::None)
    }
}
