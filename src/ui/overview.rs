//! `/ui`: the state of the relay on one page.

use askama::Template;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use serde_with::{DisplayFromStr, serde_as};

use super::UiState;
use super::failure::Failure;
use super::layout::{Frame, answer};
use super::session::Session;
use crate::delivery::GuardedDestination;
use crate::domain::{DestinationState, Labelled, TRIGGERS_FOR, Time};

#[serde_as]
#[derive(Template, Serialize)]
#[template(path = "overview.html", config = "src/ui/askama.toml")]
struct Page {
    #[serde(skip)]
    frame: Frame,
    banner: Vec<Line>,
    pending: u64,
    #[serde_as(as = "Option<DisplayFromStr>")]
    oldest_pending: Option<Time>,
    /// The time from which on the oldest call's event starts no campaign.
    #[serde_as(as = "Option<DisplayFromStr>")]
    too_late_at: Option<Time>,
    dead_letters: u64,
    parked: u64,
    destinations: Vec<DestinationLine>,
}

/// A line of the banner.
#[derive(Serialize)]
struct Line {
    level: &'static str,
    text: String,
    command: Option<&'static str>,
}

#[derive(Serialize)]
struct DestinationLine {
    name: &'static str,
    state: &'static str,
    reason: Option<String>,
}

pub async fn show(
    State(state): State<UiState>,
    session: Session,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let app = &state.app;
    let now = app.clock.now();
    let stats = app.store.stats().await?;
    let destinations: Vec<DestinationLine> =
        [("Customer.io", Some(&app.destination)), ("GrowSurf", app.growsurf.as_ref())]
            .into_iter()
            .filter_map(|(name, it)| it.map(|it| DestinationLine::of(name, it, now)))
            .collect();
    let too_late_at = stats.oldest_pending.map(|oldest| oldest.plus(TRIGGERS_FOR));
    let mut banner: Vec<Line> = app
        .damage
        .tasks()
        .into_iter()
        .map(|text| Line { level: "red", text, command: Some("referral-relay check --full") })
        .collect();
    banner.extend(destinations.iter().filter_map(DestinationLine::alarm));
    if stats.dead > 0 {
        let text = format!("Dead letters: {}.", stats.dead);
        let command = Some("referral-relay dead-letters list");
        banner.push(Line { level: "amber", text, command });
    }
    if stats.parked > 0 {
        let text = format!("Parked webhooks: {}.", stats.parked);
        let command = Some("referral-relay replay --parked --dry-run");
        banner.push(Line { level: "amber", text, command });
    }
    let page = Page {
        frame: Frame::of(&session, "/ui"),
        banner,
        pending: stats.pending,
        oldest_pending: stats.oldest_pending,
        too_late_at,
        dead_letters: stats.dead,
        parked: stats.parked,
        destinations,
    };
    Ok(answer(&headers, &page))
}

impl DestinationLine {
    fn of(name: &'static str, destination: &GuardedDestination, now: Time) -> Self {
        let breaker = destination.breaker();
        let reason = breaker.halted_by().map(str::to_owned);
        Self { name, state: breaker.state(now).label(), reason }
    }

    /// Returns the banner's line of a destination that isn't running.
    fn alarm(&self) -> Option<Line> {
        let is = |state: DestinationState| self.state == state.label();
        if is(DestinationState::Running) {
            return None;
        }
        let level = if is(DestinationState::Halted) { "red" } else { "amber" };
        let reason = self.reason.as_deref().map(|it| format!(": {it}")).unwrap_or_default();
        let text = format!("{} is {}{reason}. Nothing is lost; calls wait.", self.name, self.state);
        Some(Line { level, text, command: Some("referral-relay check") })
    }
}
