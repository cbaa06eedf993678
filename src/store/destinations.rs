//! Reports of the destinations' states, from the delivering relay to commands and pages.
//!
//! What belongs here: that part of the contract, and how a report is written as a note. What doesn't: when
//! one is made (`delivery`).

use std::sync::Arc;

use strum::VariantArray;

use crate::domain::{Destination, DestinationState, Labelled, Time};

use super::record::unreadable;
use super::{Store, StoreError};

/// The state of a destination, as the relay that delivers last saw it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DestinationReport {
    pub destination: Destination,
    pub state: DestinationState,
    /// The time of the last change.
    pub since: Time,
    /// The reason, if the destination is halted.
    pub reason: String,
}

impl DestinationReport {
    /// True if calls go out.
    pub fn is_running(&self) -> bool {
        self.state == DestinationState::Running
    }
}

impl Store {
    /// Returns the last report of each destination. One that was never reported has none.
    pub async fn destination_reports(&self) -> Result<Vec<DestinationReport>, StoreError> {
        let mut reports = Vec::new();
        for &destination in Destination::VARIANTS {
            let Some(text) = self.kv_get(&note(destination)).await? else { continue };
            let unreadable = |error| unreadable("a destination's state", error);
            let (state, since, reason): (String, _, _) =
                serde_json::from_str(&text).map_err(unreadable)?;
            let state = state.parse().unwrap_or_default();
            reports.push(DestinationReport { destination, state, since, reason });
        }
        Ok(reports)
    }

    /// Keeps a report in place of the one before.
    pub async fn report_destination(&self, report: &DestinationReport) -> Result<(), StoreError> {
        let DestinationReport { destination, state, since, reason } = report;
        let text = serde_json::to_string(&(state.label(), since, reason));
        let text = text.expect("texts and times are JSON");
        let keep = Arc::new(move |_before: Option<&str>| text.clone());
        self.kv_update(&note(*destination), keep).await.map(drop)
    }
}

fn note(destination: Destination) -> String {
    format!("destination:{}", destination.label())
}
