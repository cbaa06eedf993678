//! Planning: the plan of a stored or received webhook, or the reason why it is parked.
//!
//! What belongs here: what is refused before the planner, and what becomes of a planner that panics.
//! What doesn't: the reads, which each backend does in its own way.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::domain::{
    self, Campaign, Class, Dropped, Notification, Plan, Planned, Planner, ReadKey, ReadSet, Time,
};

/// Plans a decoded webhook; `get` adds to the set the record of each key. Only reads, so there is
/// nothing to undo when it fails.
///
/// `assumed` is the campaign that a stored webhook was planned in before, if it names none. The
/// settings of today may name another, in which the same effects would be new ones.
///
/// # Errors
/// The errors of `get`.
pub(super) fn plan<E>(
    planner: &dyn Planner,
    decoded: &Result<Notification, String>,
    assumed: Option<&str>,
    received_at: Time,
    read: ReadSet,
    get: impl FnMut(&mut ReadSet, Vec<ReadKey>) -> Result<(), E>,
) -> Result<Planned, E> {
    let notification = match decoded {
        Ok(notification) => notification,
        Err(reason) => return Ok(Err(reason.clone())),
    };
    // Here for every way in, so that no backend accepts what another can't hold.
    if let Err(reason) = notification.check_ids() {
        return Ok(Err(reason));
    }
    let assumed = notification.lacks_campaign().then(|| {
        assumed.or_else(|| planner.only_campaign()).unwrap_or(Campaign::UNNAMED).to_owned()
    });
    let assigned = assumed.as_deref().filter(|id| *id != Campaign::UNNAMED);
    let assigned = assigned.map(|id| notification.in_campaign(id));
    let notification = assigned.as_ref().unwrap_or(notification);
    let plan = || domain::plan(planner, notification, received_at, read, get);
    let planned = catch_unwind(AssertUnwindSafe(plan)).unwrap_or_else(|panic| {
        Ok(Err(format!("internal: planning panicked: {}", panic_text(&*panic))))
    })?;
    Ok(planned.map(|plan| Plan { assumed_campaign: assumed, ..plan }))
}

/// Why an arrival isn't stored, if it isn't: a page's post that leads to nothing.
pub(super) fn dropped(class: Class, planned: &Planned) -> Option<Dropped> {
    match planned {
        _ if class != Class::Page => None,
        Ok(plan) if plan.is_over_budget => Some(Dropped::Budget),
        Ok(plan) if !plan.unmapped.is_empty() => Some(Dropped::Unknown),
        Ok(plan) if !plan.has_changes => Some(Dropped::Nothing),
        Ok(_) => None,
        Err(_) => Some(Dropped::Unknown),
    }
}

/// What a panic said.
pub(super) fn panic_text(payload: &(dyn std::any::Any + Send)) -> &str {
    let text = payload.downcast_ref::<&'static str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
