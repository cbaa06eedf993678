//! Waiting calls, those that were planned first before the others.

use serde::Serialize;
use serde_with::{DisplayFromStr, serde_as};

use super::call::AttemptView;
use super::{DestinationView, Inspector};
use crate::domain::{Call, Labelled, Time, WebhookId};
use crate::store::{StoreError, WaitingCall, WaitingKey};

/// A page of the waiting calls.
#[derive(Clone, Debug, Serialize)]
pub struct WaitingCalls {
    /// The number of all.
    pub total: u64,
    /// The destinations that accept no calls now.
    pub down: Vec<DestinationView>,
    pub calls: Vec<WaitingView>,
}

/// A waiting call.
#[serde_as]
#[derive(Clone, Debug, Serialize)]
pub struct WaitingView {
    /// The time of planning, in microseconds, and the row: together the place of the call.
    #[serde(skip)]
    pub place: WaitingKey,
    /// The lane's number.
    pub lane: i64,
    pub person: String,
    pub destination: &'static str,
    /// The kind.
    pub call: &'static str,
    /// The event's name.
    pub event: Option<String>,
    /// True if a profile goes out before it.
    pub has_profile: bool,
    /// The webhook that led to it.
    #[serde_as(as = "Option<DisplayFromStr>")]
    pub webhook: Option<WebhookId>,
    #[serde_as(as = "DisplayFromStr")]
    pub planned_at: Time,
    /// The tries of what goes out next.
    pub attempts: u32,
    pub last: Option<AttemptView>,
    /// `leased`, `waiting` or `due`.
    pub state: &'static str,
    /// The time when its lane is due.
    #[serde_as(as = "Option<DisplayFromStr>")]
    pub due_at: Option<Time>,
}

impl WaitingView {
    fn of(inspector: &Inspector, it: WaitingCall) -> Self {
        let state = match it.lane.due_at {
            Some(_) if it.lane.is_leased => "leased",
            Some(at) if at > inspector.now => "waiting",
            _ => "due",
        };
        Self {
            place: it.place,
            lane: it.lane.lane.0,
            person: inspector.show.key(&it.key),
            destination: it.call.destination().label(),
            call: it.call.kind(),
            event: match &it.call {
                Call::Track { name, .. } => Some(name.clone()),
                _ => None,
            },
            has_profile: it.has_identify,
            webhook: it.webhook,
            planned_at: it.place.planned_at,
            attempts: it.attempts,
            last: it.last.map(|last| AttemptView::of(&last, inspector.show)),
            state,
            due_at: it.lane.due_at,
        }
    }

    /// Returns the event's name, or the kind of a call that is no event.
    pub fn name(&self) -> &str {
        self.event.as_deref().unwrap_or(self.call)
    }
}

impl Inspector {
    /// Returns waiting calls behind one.
    ///
    /// # Errors
    /// The store's.
    pub async fn waiting(
        &self,
        after: Option<WaitingKey>,
        limit: usize,
    ) -> Result<WaitingCalls, StoreError> {
        let total = self.store.stats().await?.pending;
        let down = self.store.destination_reports().await?.into_iter();
        let down = down.filter(|it| !it.is_running()).map(DestinationView::from).collect();
        let calls = self.store.waiting(after, limit, self.now).await?.into_iter();
        let calls = calls.map(|it| WaitingView::of(self, it)).collect();
        Ok(WaitingCalls { total, down, calls })
    }
}
