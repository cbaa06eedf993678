//! Filter of the events that are sent. Others are only counted.

use serde::{Deserialize, Serialize};

use super::Time;

/// The events of a notification to send, by their own times. People and counts are processed in any case.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SendFilter {
    #[default]
    All,
    /// Those before a time.
    Before(Time),
    /// Those at a time or later.
    Since(Time),
    History,
    None,
}

impl SendFilter {
    /// True if an event of this time is sent.
    pub fn covers(self, at: Time) -> bool {
        match self {
            Self::All | Self::History => true,
            Self::Before(time) => at < time,
            Self::Since(time) => at >= time,
            Self::None => false,
        }
    }

    /// True if the events are history, from a backfill.
    pub fn is_history(self) -> bool {
        matches!(self, Self::Before(_) | Self::History | Self::None)
    }
}
