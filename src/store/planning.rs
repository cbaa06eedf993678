//! Planning: asks the planner until it has a plan.
//!
//! What belongs here: the rounds of question and answer, and what becomes of a planner that never
//! ends or panics. What doesn't: the answers, which each backend has in its own way.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::domain::{
    Campaign, Class, Dropped, Lookup, Notification, Plan, PlanError, Planner, ReadSet, Time,
};

/// A plan asks for all it can in each round, so a few rounds are enough for any news. More of
/// them mean that it asks the same thing again and again.
const ROUNDS: usize = 16;

/// A plan, or the reason why the webhook is parked.
pub(super) type Planned = Result<Plan, String>;

/// What a webhook's reading leads to, given what `answer` adds to `known` for each question. Only
/// asks, so there is nothing to undo when it fails.
///
/// `assumed` is the campaign that a kept webhook was planned in before, if it names none: the settings
/// of today may name another, in which the same effects would be new ones.
pub(super) fn plan<E>(
    planner: &dyn Planner,
    reading: &Result<Notification, String>,
    assumed: Option<&str>,
    received_at: Time,
    mut known: ReadSet,
    mut answer: impl FnMut(&mut ReadSet, Vec<Lookup>) -> Result<(), E>,
) -> Result<Planned, E> {
    let news = match reading {
        Ok(news) => news,
        Err(reason) => return Ok(Err(reason.clone())),
    };
    // Here for every way in, so that no backend accepts what another can't hold.
    if let Err(reason) = news.check_ids() {
        return Ok(Err(reason));
    }
    let assumed = news.lacks_campaign().then(|| {
        assumed.or_else(|| planner.only_campaign()).unwrap_or(Campaign::UNNAMED).to_owned()
    });
    let assigned = assumed.as_deref().filter(|id| *id != Campaign::UNNAMED);
    let assigned = assigned.map(|id| news.in_campaign(id));
    let news = assigned.as_ref().unwrap_or(news);
    for _ in 0..ROUNDS {
        let plan = || planner.plan(news, received_at, &known);
        match catch_unwind(AssertUnwindSafe(plan)) {
            Ok(Ok(plan)) => return Ok(Ok(Plan { assumed_campaign: assumed, ..plan })),
            Ok(Err(PlanError::Unmappable(reason))) => return Ok(Err(reason)),
            Ok(Err(PlanError::MissingReads(lookups))) => answer(&mut known, lookups)?,
            Err(panic) => {
                let said = panic_text(&*panic);
                return Ok(Err(format!("internal: planning panicked: {said}")));
            }
        }
    }
    Ok(Err(format!("internal: no plan after {ROUNDS} rounds of questions")))
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
