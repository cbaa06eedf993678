//! `/ui/insights`: which sharing works, by campaign; as a page, JSON and CSV.

use askama::Template;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;

use super::UiState;
use super::chart::Bars;
use super::csv::Csv;
use super::failure::Failure;
use super::layout::{Frame, answer};
use super::session::Session;
use crate::insights::{self, Report, Section, Table};

#[derive(Template, Serialize)]
#[template(path = "insights.html", config = "src/ui/askama.toml")]
struct Page {
    #[serde(skip)]
    frame: Frame,
    /// People whom the run under way, or the last one, has read.
    people_read: u64,
    /// The report; without one no run has ended yet.
    report: Option<Report>,
}

impl Page {
    /// Returns the picture of a table, if it has one.
    #[expect(clippy::unused_self, reason = "templates call methods of their own")]
    fn picture(&self, table: &Table) -> Option<Picture> {
        Picture::of(table)
    }

    /// Returns a name for an element of a section.
    #[expect(clippy::unused_self, reason = "templates call methods of their own")]
    fn place(&self, campaign: &usize, section: &Section, table: &Table) -> String {
        format!("c{campaign}-{}-{}", section.id, table.id)
    }
}

/// The picture of a table: a bar for each row.
struct Picture {
    bars: Bars,
    /// The stacked columns.
    titles: Vec<String>,
}

impl Picture {
    fn of(table: &Table) -> Option<Self> {
        let columns: Vec<usize> =
            table.drawn.iter().filter_map(|name| table.column(name)).collect();
        let number = |row: &insights::Row, column: &usize| {
            row.cells.get(*column).and_then(insights::Cell::as_count).unwrap_or(0)
        };
        let rows = table.rows.iter();
        let rows = rows.map(|row| {
            (row.name(), row.is_unripe, columns.iter().map(|it| number(row, it)).collect())
        });
        let bars = Bars::of(rows.collect());
        let titles = table.drawn.iter().map(|name| insights::title(name)).collect();
        (bars.most > 0).then_some(Self { bars, titles })
    }
}

/// Shows the report.
pub async fn show(
    State(state): State<UiState>,
    session: Session,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let report = report(&state).await?;
    let people_read = state.app.metrics.insights_read();
    let page = Page { frame: Frame::of(&session, "/ui/insights"), people_read, report };
    Ok(answer(&headers, &page))
}

/// Answers with the figures as CSV.
pub async fn csv(State(state): State<UiState>, _session: Session) -> Result<Response, Failure> {
    let mut csv = Csv::new(&Report::FIGURE);
    for figure in report(&state).await?.iter().flat_map(Report::figures) {
        csv.row(&figure.each_ref().map(String::as_str));
    }
    Ok(csv.answer("insights.csv"))
}

async fn report(state: &UiState) -> Result<Option<Report>, Failure> {
    Ok(insights::find(&state.app.store).await?.map(|document| Report::of(&document)))
}
