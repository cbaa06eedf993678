//! Outcomes: what an attempt means for the delivery and for the destination.

use std::time::Duration;

use super::HiddenIds;

/// How long the destination asked to be left alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wait {
    /// For how long.
    pub time: Duration,
    /// Whether it speaks for itself (429, 503), or of this call alone.
    pub everybody: bool,
}

/// What an attempt means. Decided in one place, from what the destination answered.
#[derive(Clone, PartialEq, Eq, Debug, strum::IntoStaticStr, strum::VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Outcome {
    /// The destination took the call.
    Delivered,
    /// It may take it later.
    Retry {
        /// What went wrong, for people.
        reason: String,
        /// How long the destination asked to be left alone, if it did; honoured in full.
        wait: Option<Wait>,
    },
    /// It will never take it: a dead letter.
    Rejected {
        /// What is wrong with the call, for people.
        reason: String,
        /// The field at fault, where the destination names one.
        field: Option<String>,
    },
    /// It takes nothing at all until somebody mends credentials or region.
    Halt {
        /// What is wrong and how to mend it.
        reason: String,
    },
}

impl Outcome {
    /// Returns the same with ids masked in what the destination said.
    pub fn hiding(mut self, ids: &HiddenIds) -> Self {
        if let Self::Rejected { field: Some(field), .. } = &mut self {
            *field = ids.hide(field);
        }
        if let Self::Retry { reason, .. } | Self::Rejected { reason, .. } | Self::Halt { reason } =
            &mut self
        {
            *reason = ids.hide(reason);
        }
        self
    }

    /// What went wrong, if something did.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Delivered => None,
            Self::Retry { reason, .. } | Self::Rejected { reason, .. } | Self::Halt { reason } => {
                Some(reason)
            }
        }
    }
}
