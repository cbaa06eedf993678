//! Claim: leases lanes from the head.
//!
//! What belongs here: the choice of lanes. What doesn't: the choice within a lane (`head`), and the end of a
//! lease (`settle`).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::{LaneId, Leased};
use crate::store::planning::Planning;
use crate::store::rows::{Changes, DeliveryRow, LaneRow, Waiting};
use crate::store::unit::{Unit, Work};
use crate::store::{ClaimRequest, StoreError, record};

use super::classes::{PAGE, class, empty, ranks};
use super::head::{ClaimBudget, Head};
use super::references::complete;

/// Rows that are read of a lane whose run goes on behind the first.
const MANY: usize = 500;

/// Implements [`Store::claim`](crate::store::Store::claim).
pub struct Claim {
    pub request: ClaimRequest,
    pub planning: Arc<Planning>,
}

impl Work for Claim {
    type Output = Vec<Leased>;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<Vec<Leased>, U::Fault> {
        let claim = &self.request;
        let due = self.due(unit).await?;
        // They are all of the class page, or none is.
        let is_page = claim.lane.is_none() && due.iter().any(|(lane, _)| lane.class == PAGE);
        let mut left = if is_page { claim.calls.min(claim.page) } else { claim.calls };
        let until = unit.by_lanes(claim.until, claim.now);
        let (mut leases, mut lanes) = (Vec::new(), Vec::new());
        for some in due.chunks(U::LANES) {
            if left == 0 {
                break;
            }
            let ids: Vec<LaneId> = some.iter().map(|(lane, _)| lane.id).collect();
            let mut rows: BTreeMap<LaneId, Vec<DeliveryRow>> = BTreeMap::new();
            for row in unit.pending_rows(&ids, U::FEW).await? {
                rows.entry(row.state.lane).or_default().push(row);
            }
            for (lane, identifier) in some {
                if left == 0 {
                    break;
                }
                let is_visitor = identifier.starts_with(record::VISITOR);
                let budget = ClaimBudget {
                    calls: left,
                    in_turn: claim.in_turn,
                    old_before: claim.old_before.micros(),
                    is_visitor,
                };
                let first = rows.remove(&lane.id).unwrap_or_default();
                let head = match head(first, U::FEW, budget) {
                    Some(head) => head,
                    None => {
                        let more = unit.pending_rows(&[lane.id], MANY).await?;
                        Head::choose(budget, more.into_iter().flat_map(DeliveryRow::deliveries))
                    }
                };
                left = left.saturating_sub(head.deliveries.len());
                let mut lane = LaneRow { token: lane.token + 1, ..lane.clone() };
                if head.deliveries.is_empty() {
                    empty(&mut lane);
                } else {
                    (lane.leased, lane.due_at) = (true, Some(until));
                    match lease(&lane, identifier, head) {
                        Ok(lease) => leases.push(lease),
                        // Were this an error, one row would stop all lanes. So the lane stays leased to
                        // nobody, and is looked at again when the lease ends, perhaps by a newer version.
                        Err(error) => {
                            tracing::error!(lane.id = lane.id.0, %error, "a lane can't be read");
                        }
                    }
                }
                lanes.push(lane);
            }
        }
        complete(unit, &self.planning, &mut leases).await?;
        unit.write(Changes { lanes, ..Changes::default() }).await?;
        Ok(leases)
    }
}

impl Claim {
    /// Returns the lanes that may be leased, in order.
    async fn due<U: Unit>(&self, unit: &mut U) -> Result<Vec<(LaneRow, String)>, U::Fault> {
        let claim = &self.request;
        let now = unit.by_lanes(claim.now, claim.now);
        if let Some(lane) = claim.lane {
            let may_be = |(lane, _): &(LaneRow, String)| {
                lane.due_at.is_some_and(|due_at| !lane.leased || due_at <= now)
            };
            return Ok(unit.free_lane(lane).await?.filter(may_be).into_iter().collect());
        }
        let due = unit.due_lanes(ranks(claim.destination, false), now, claim.calls).await?;
        let with_pages = ranks(claim.destination, claim.page > 0);
        if !due.is_empty() || !with_pages.contains(&PAGE) {
            return Ok(due);
        }
        unit.due_lanes(&[PAGE], now, claim.calls).await
    }
}

/// Returns the head of a lane's first rows, of `asked` requested ones; `None` if it depends on more.
fn head(rows: Vec<DeliveryRow>, asked: usize, budget: ClaimBudget) -> Option<Head> {
    let there_may_be_more = rows.len() == asked;
    let mut ended = false;
    let mut calls = rows.into_iter().flat_map(DeliveryRow::deliveries);
    let calls = std::iter::from_fn(|| {
        let call = calls.next();
        ended |= call.is_none();
        call
    });
    let head = Head::choose(budget, calls);
    (!ended || !there_may_be_more).then_some(head)
}

fn lease(lane: &LaneRow, key: &str, head: Head) -> Result<Leased, StoreError> {
    let Head { deliveries, in_turn, superseded } = head;
    Ok(Leased {
        lane: lane.id,
        token: lane.token,
        class: class(lane.class),
        key: record::lane_key(key)?,
        deliveries: deliveries.into_iter().map(Waiting::read).collect::<Result<_, _>>()?,
        in_turn,
        superseded,
    })
}
