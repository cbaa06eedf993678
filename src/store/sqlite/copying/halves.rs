//! Rows of `deliveries`, each as the one or two deliveries that it is.

use rusqlite::Connection;

use crate::domain::DeliveryId;
use crate::store::copying::{Cell, Part, Row};

use super::super::deliveries::{DEAD, DELIVERED, Half, half, id};
use super::super::fault::Fault;
use super::rows::cells;

const PENDING: i64 = 0;

/// The next rows, as deliveries.
pub(super) fn page(connection: &Connection, after: Option<&[Cell]>) -> Result<Vec<Row>, Fault> {
    let after = match after {
        Some([Cell::Number(number)]) => half(DeliveryId(*number)).0,
        _ => i64::MIN,
    };
    let mut statement = connection.prepare_cached(
        "SELECT lane, (SELECT inbox.id FROM inbox WHERE inbox.seq = deliveries.webhook),
             planned_at, event_at, failing_since, delivered_at, class,
             id, seq, state, attempts, identify_dead,
             (SELECT attempts FROM dead_letters WHERE delivery = 2 * deliveries.id),
             (SELECT attempts FROM dead_letters WHERE delivery = 2 * deliveries.id + 1),
             identify, call
         FROM deliveries
         WHERE id > ?1 AND (identify IS NOT NULL OR call <> '') ORDER BY id LIMIT ?2",
    )?;
    let limit = i64::try_from(Part::Deliveries.page()).expect("a small number");
    let mut rows = statement.query([after, limit])?;
    let mut page = Vec::new();
    while let Some(row) = rows.next()? {
        let same = cells(row, 7)?;
        let pair = Pair {
            same: &same,
            id: row.get(7)?,
            seq: row.get(8)?,
            state: row.get(9)?,
            attempts: row.get(10)?,
            identify_dead: row.get(11)?,
            dead: [row.get(12)?, row.get(13)?],
        };
        let identify: Option<String> = row.get(14)?;
        let call: String = row.get(15)?;
        let goes_before = identify.is_some() && !pair.identify_dead;
        page.extend(identify.map(|identify| pair.identify(identify)));
        page.extend((!call.is_empty()).then(|| pair.call(call, goes_before)));
    }
    Ok(page)
}

struct Pair<'a> {
    /// Lane, webhook, times and class, as the columns are.
    same: &'a [Cell],
    id: i64,
    seq: i64,
    state: i64,
    /// Of the delivery whose turn it is.
    attempts: i64,
    identify_dead: bool,
    /// The attempts of each that died.
    dead: [Option<i64>; 2],
}

impl Pair<'_> {
    fn identify(&self, identify: String) -> Row {
        let state = match (self.identify_dead, self.state) {
            (true, _) => DEAD,
            (false, PENDING) => PENDING,
            (false, _) => DELIVERED,
        };
        let attempts = self.dead[0].unwrap_or(if state == PENDING { self.attempts } else { 0 });
        self.row(Half::Identify, state, attempts, state == PENDING, identify)
    }

    fn call(&self, call: String, identify_goes_before: bool) -> Row {
        let state = match (self.state, self.dead[1]) {
            (DEAD, None) => DELIVERED,
            (state, _) => state,
        };
        let has_its_turn = !(identify_goes_before && state == PENDING);
        let attempts = self.dead[1].unwrap_or(if has_its_turn { self.attempts } else { 0 });
        self.row(Half::Call, state, attempts, has_its_turn, call)
    }

    /// In the order of [`Part::columns`].
    fn row(&self, half: Half, state: i64, attempts: i64, was_tried: bool, call: String) -> Row {
        let [lane, webhook, planned_at, event_at, failing_since, delivered_at, class] = self.same
        else {
            unreachable!("seven columns were read")
        };
        let only = |condition: bool, cell: &Cell| if condition { cell.clone() } else { Cell::Null };
        Row(vec![
            Cell::Number(id(self.id, half).0),
            lane.clone(),
            Cell::Number(id(self.seq, half).0),
            webhook.clone(),
            Cell::Number(state),
            planned_at.clone(),
            only(half == Half::Call, event_at),
            Cell::Number(attempts),
            only(was_tried, failing_since),
            only(state == DELIVERED, delivered_at),
            Cell::Text(call),
            class.clone(),
        ])
    }
}
