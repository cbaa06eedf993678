//! Subscriptions: reported to GrowSurf, and taken back only if the relay set them.
//!
//! Each `unsubscribed` that the relay writes has a mark beside it, the id of its effect. So GrowSurf says who
//! set it, even if a write was lost or its report is late. Without a mark it is the participant's own.

use super::super::effects;
use super::{FeedbackContext, lane};
use crate::domain::{
    Attributes, Call, EventId, Participant, ParticipantUpdate, Plan, Subscription, Time,
    UNSUBSCRIBE_MARKER,
};

pub fn plan(report: &str, subscribed: bool, context: FeedbackContext<'_>) -> Plan {
    let FeedbackContext { rules, feedback, received_at, .. } = context;
    let effect = effects::subscription(report);
    let id: EventId = effect.event_id();
    let Some(index) =
        context.subject().filter(|_| rules.feedback.unsubscribes && !context.is_done(id))
    else {
        return Plan::default();
    };
    let keys: Vec<_> =
        context.person(index).participants.iter().map(Participant::growsurf_key).collect();

    let mut person = context.person(index).clone();
    let mut writes = Vec::new();
    for (participant, key) in person.participants.iter_mut().zip(keys) {
        let Some(key) = key.filter(|key| rules.can_write(&key.campaign)) else { continue };
        if let Some(mark) = note_report(participant, subscribed, feedback.at, report, id) {
            let (unsubscribed, mark) = (Some(!subscribed), Some(mark));
            let update = ParticipantUpdate { unsubscribed, mark, ..ParticipantUpdate::default() };
            let call = Call::UpdateParticipant { at: received_at, update };
            writes.push(lane(context.growsurf_record(&key), call, effect.clone()));
        }
    }
    if person == *context.person(index) {
        return Plan::default();
    }
    let mut lanes = context.person_lane(person, Vec::new());
    lanes.extend(writes);
    Plan { lanes, ledger_only: vec![id], has_changes: true, ..Plan::default() }
}

/// Notes a report and returns the mark of `unsubscribed` to set or take back. Only GrowSurf knows its present
/// value.
fn note_report(
    participant: &mut Participant,
    subscribed: bool,
    at: Time,
    report: &str,
    id: EventId,
) -> Option<EventId> {
    let growsurf_counters = &mut participant.growsurf_counters;
    let before = growsurf_counters.subscription.as_ref();
    // Reports arrive in any order; the latest counts. Within a second, their ids (ULIDs) give the order.
    if before.is_some_and(|before| (before.at, before.report.as_str()) >= (at, report)) {
        return None;
    }
    let (ours, unshown) = before.map_or((None, None), |before| (before.mark, before.unshown));
    let report = report.to_owned();
    let (mark, subscription) = if subscribed {
        (ours, Subscription { at, report, mark: None, unshown })
    } else {
        // A mark that GrowSurf may already have stays.
        let mark = ours.or(unshown).or(Some(id));
        (mark, Subscription { at, report, mark, unshown: mark })
    };
    growsurf_counters.subscription = Some(subscription);
    mark
}

/// Marks a campaign's unsubscription; removes the mark otherwise.
pub fn mark(participant: &mut Participant, update: &mut ParticipantUpdate, effect: EventId) {
    match update.unsubscribed {
        Some(true) => {
            update.mark = Some(*participant.growsurf_counters.unshown.get_or_insert(effect));
        }
        Some(false) => {
            update.metadata.insert(UNSUBSCRIBE_MARKER.to_owned(), None);
        }
        None => {}
    }
}

/// Notes GrowSurf's `unsubscribed` and metadata; true if they are the relay's own write.
///
/// That is so once for each write: later reports are the participant's own, even if the mark stayed.
pub fn shown(participant: &mut Participant, unsubscribed: bool, metadata: &Attributes) -> bool {
    let Some(mark) = metadata.get(UNSUBSCRIBE_MARKER).and_then(|mark| mark.as_text()) else {
        return false;
    };
    let is_shown = |ours: &mut EventId| ours.to_string() == mark;
    let growsurf_counters = &mut participant.growsurf_counters;
    let mut is_new = growsurf_counters.unshown.take_if(is_shown).is_some();
    if let Some(subscription) = &mut growsurf_counters.subscription {
        is_new |= subscription.unshown.take_if(is_shown).is_some();
        if !unsubscribed {
            // They subscribed again at GrowSurf: there is nothing to take back.
            subscription.mark.take_if(is_shown);
        }
    }
    is_new && unsubscribed
}
