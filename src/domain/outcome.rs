//! Outcomes: the meaning of an attempt for its delivery and its destination.

use std::time::Duration;

use super::{HiddenIds, mask_quotations};

/// A wait that the destination asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wait {
    pub time: Duration,
    /// True if it applies to the whole destination (429, 503), not to this call.
    pub everybody: bool,
}

/// The meaning of an attempt.
#[derive(Clone, PartialEq, Eq, Debug, strum::IntoStaticStr, strum::VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Outcome {
    /// The destination accepted the call.
    Delivered,
    /// The destination may accept it later.
    Retry {
        /// The problem, for people.
        reason: String,
        /// The wait that the destination asked for.
        wait: Option<Wait>,
    },
    /// The destination will never accept it: a dead letter.
    Rejected {
        /// The problem with the call, for people.
        reason: String,
        /// The field at fault, if the destination names one.
        field: Option<String>,
    },
    /// The destination accepts no calls until credentials or region are fixed.
    Halt {
        /// The problem and its fix.
        reason: String,
    },
}

impl Outcome {
    /// Masks ids in what the destination said.
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

    /// Returns the problem for logs: of what the destination said, only known words.
    pub fn masked_reason(&self) -> Option<String> {
        self.reason().map(mask_quotations)
    }

    /// Returns the problem, if there is one.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Delivered => None,
            Self::Retry { reason, .. } | Self::Rejected { reason, .. } | Self::Halt { reason } => {
                Some(reason)
            }
        }
    }
}
