//! `/ui`: the state of the relay on one page; and `/ui/oncall.txt`, the same in five lines for a pager.

use std::net::SocketAddr;

use askama::Template;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::UiState;
use super::chart::Bars;
use super::failure::Failure;
use super::layout::{Frame, answer};
use super::session::Session;
use crate::domain::Labelled;
use crate::http::{Problem, client_ip};
use crate::inspect::{Alarm, DestinationView, Level, Overview, RelayStatus, Series, Show, Vitals};

#[derive(Template, Serialize)]
#[template(path = "overview.html", config = "src/ui/askama.toml")]
struct Page {
    #[serde(skip)]
    frame: Frame,
    #[serde(flatten)]
    overview: Overview,
    #[serde(skip)]
    charts: Vec<Chart>,
    /// True if every waiting event is too late for campaigns.
    #[serde(skip)]
    has_passed: bool,
}

/// A series with its bars.
struct Chart {
    /// Its place on the page.
    id: &'static str,
    title: &'static str,
    series: Series,
    bars: Bars,
}

impl Chart {
    fn new(id: &'static str, title: &'static str, series: &Series) -> Self {
        let hours = series.hours.iter();
        let columns = hours.map(|it| (it.hour.to_string(), false, it.numbers.clone()));
        Self { id, title, series: series.clone(), bars: Bars::of(columns.collect()) }
    }
}

pub async fn show(
    State(state): State<UiState>,
    session: Session,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let vitals = vitals(&state).await;
    let overview = state.inspector(Show::Masked).overview(&vitals).await?;
    let charts = vec![
        Chart::new("webhooks", "Webhooks in the last 48 hours", &overview.traffic.webhooks),
        Chart::new("attempts", "Attempts in the last 48 hours", &overview.traffic.attempts),
    ];
    let deadline = overview.status.queue.passes_72_h_at;
    let has_passed = deadline.is_some_and(|at| at <= overview.status.at);
    let frame = Frame::of(&session, "/ui");
    Ok(answer(&headers, &Page { frame, overview, charts, has_passed }))
}

/// Returns the facts that only the running relay knows.
async fn vitals(state: &UiState) -> Vitals {
    let app = &state.app;
    Vitals {
        is_running: true,
        unready: app.health.unready().await.err(),
        damage: app.damage.tasks(),
    }
}

/// Shows five lines to who shows a token of either role.
pub async fn on_call(
    State(state): State<UiState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Response {
    let app = &state.app;
    let client = client_ip(peer, &headers, &app.trusted_proxies);
    if let Err(problem) = state.tokens.admit(&headers, client, &app.metrics, &app.refusals) {
        return problem.into_response();
    }
    let vitals = vitals(&state).await;
    match state.inspector(Show::Masked).status(&vitals).await {
        Ok(status) => {
            let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
            (kind, lines(&status)).into_response()
        }
        Err(_silent) => {
            let why = vitals.unready.unwrap_or_else(|| "it doesn't answer in time".to_owned());
            Problem::unavailable(format!("RED the store can't be read: {why}"), 5).into_response()
        }
    }
}

/// Returns the five lines.
fn lines(status: &RelayStatus) -> String {
    let first = status.alarms.first();
    let level = first.map_or("OK", |alarm| match alarm.level {
        Level::Red => "RED",
        Level::Amber => "AMBER",
    });
    let what = first.map_or("nothing is wrong".to_owned(), Alarm::text);
    let more = match status.alarms.len() {
        0 | 1 => String::new(),
        all => format!(" (and {} more)", all - 1),
    };
    let destination =
        |it: &DestinationView| format!("{} {} since {}", it.destination, it.state, it.since);
    let destinations: Vec<String> = status.destinations.iter().map(destination).collect();
    let queue = &status.queue;
    let oldest = queue.oldest.map_or(String::new(), |at| format!(", oldest {at}"));
    let passes = queue
        .passes_72_h_at
        .map_or(String::new(), |at| format!(", next event passes 72 h at {at}"));
    let last = status.last_webhook.as_ref();
    let last = last.map_or("none".to_owned(), |webhook| webhook.received_at.to_string());
    let command = first.and_then(|alarm| alarm.command).unwrap_or("referral-relay status");
    format!(
        "{level} {what}{more}\ndestinations: {}\nwaiting: {}{oldest}{passes}\ndead letters: {}, parked: {}, \
         last webhook: {last}\nnext: {command}\n",
        destinations.join("; "),
        queue.pending,
        queue.dead,
        queue.parked,
    )
}
