//! Actions of campaigns at Customer.io: each is done once, within a quota.

use std::time::Duration;

use super::super::effects;
use super::super::people::{Slot, hashed, participant};
use super::super::rules::events;
use super::super::tracks::{participant_data, put, share_method};
use super::{FeedbackContext, lane, raised, stamp, subscriptions};
use crate::domain::{
    Action, ActionKind, ActionQuota, Call, EffectKey, EventId, Feedback, Identifier, Labelled,
    LanePlan, Participant, ParticipantKey, ParticipantUpdate, Person, Plan, PlannedCall, ReadKey,
    Scalar, Week, display_text,
};

/// The period of the quota.
const HOUR: Duration = Duration::from_secs(60 * 60);

/// GrowSurf's metadata key of recorded shares.
const SHARES: &str = "recordedShares";
/// GrowSurf's metadata key of the last recorded share's time.
const LAST_SHARE: &str = "lastRecordedShareAt";

/// The participant of an action.
struct Target {
    /// The key at GrowSurf.
    key: ParticipantKey,
    /// The name in effect keys.
    name: String,
    /// The participant, if there is one already.
    place: Option<Slot>,
}

/// Returns the keys that an action names.
pub fn keys(action: &Action, feedback: &Feedback) -> Vec<ReadKey> {
    let Some(campaign) = &action.campaign else { return Vec::new() };
    let email = feedback.identifiers.iter().find_map(Identifier::email);
    let added = email.filter(|_| action.adds_participant()).map(|email| {
        FeedbackContext::growsurf_lane(&ParticipantKey::new(campaign, email.as_str()))
    });
    let by_id = action.participant.as_deref().map(|id| participant(campaign, id));
    by_id.into_iter().chain(added).collect()
}

pub fn effect_ids(action: &Action, context: FeedbackContext<'_>) -> Vec<EventId> {
    let Ok((campaign, target)) = target(action, context) else { return Vec::new() };
    let own = effects::action(action.kind.label(), campaign, &target.name, &action.dedupe_key);
    let share = target.place.map(|place| share_effect(action, context.participant(place)));
    [own].into_iter().chain(share).map(|effect| effect.event_id()).collect()
}

fn share_effect(action: &Action, participant: &Participant) -> EffectKey {
    effects::share_recorded(&participant.campaign, &participant.key, &action.dedupe_key)
}

/// Returns the plan of an action.
///
/// # Errors
/// The reason for parking.
pub fn plan(action: &Action, context: FeedbackContext<'_>) -> Result<Plan, String> {
    let at = context.received_at;
    let (campaign, Target { key, name, place }) = target(action, context)?;
    let effect = effects::action(action.kind.label(), campaign, &name, &action.dedupe_key);
    let id = effect.event_id();
    if context.is_done(id) {
        return Ok(Plan::default());
    }
    let record = counted(context.growsurf_record(&key), context)?;
    let mut plan = Plan { ledger_only: vec![id], has_changes: true, ..Plan::default() };
    let call = match (&action.kind, place) {
        (ActionKind::UpdateParticipant(requested), place) => {
            let mut update = requested.clone();
            let ParticipantUpdate { first_name, last_name, .. } = &mut update;
            (*first_name, *last_name) = (shown(first_name.as_ref()), shown(last_name.as_ref()));
            if update == ParticipantUpdate::default() && update != *requested {
                let reason = "a name that holds a URL isn't sent, and nothing else is requested";
                return Err(reason.to_owned());
            }
            if let Some(place) = place.filter(|_| update.unsubscribed.is_some()) {
                let mut person = context.person(place.person).clone();
                subscriptions::mark(&mut person.participants[place.participant], &mut update, id);
                plan.lanes = context.person_lane(person, Vec::new());
            }
            Call::UpdateParticipant { at, update }
        }
        (ActionKind::TriggerReferral { delay_in_days }, _) => {
            Call::TriggerReferral { at, delay_in_days: *delay_in_days }
        }
        (ActionKind::AddParticipant { first_name, last_name, referred_by, metadata }, _) => {
            Call::AddParticipant {
                at,
                first_name: shown(first_name.as_ref()),
                last_name: shown(last_name.as_ref()),
                referred_by: referred_by.clone(),
                metadata: metadata.clone(),
            }
        }
        (ActionKind::RecordShare { channel }, Some(place)) => {
            let (lanes, update) = shared(action, channel, place, context);
            plan.lanes = lanes;
            Call::UpdateParticipant { at, update }
        }
        (ActionKind::RecordShare { .. }, None) => return Err(unknown(action, campaign)),
    };
    plan.lanes.push(lane(record, call, effect));
    Ok(plan)
}

/// Returns the campaign and the participant of an action.
///
/// # Errors
/// The reason for parking.
fn target<'a>(
    action: &'a Action,
    context: FeedbackContext<'a>,
) -> Result<(&'a str, Target), String> {
    let campaign = action.campaign.as_deref();
    let campaign = campaign.ok_or("campaign is missing, and the settings name none, or several")?;
    if !context.rules.can_write(campaign) {
        return Err(format!("campaign {campaign:?} has no API key of GrowSurf's"));
    }
    if action.adds_participant() {
        let email = context.feedback.identifiers.iter().find_map(Identifier::email);
        let email = email.ok_or("email is missing")?.clone();
        let key = ParticipantKey::new(campaign, email.as_str());
        let name = hashed(context.known, campaign, &email.into());
        return Ok((campaign, Target { key, name, place: None }));
    }
    let by_id = action.participant.as_deref().map(|id| participant(campaign, id));
    let person = match &by_id {
        Some(key) => context.known.person(key),
        None => context.subject(),
    };
    let person = person.ok_or_else(|| unknown(action, campaign))?;
    let is_meant = |key: &ParticipantKey| {
        key.campaign == campaign
            && action.participant.as_ref().is_none_or(|id| *id == key.participant)
    };
    let mut participants = context.person(person).participants.iter().enumerate();
    let found = participants.find_map(|(index, it)| {
        let key = it.growsurf_key().filter(is_meant)?;
        let place = Some(Slot { person, participant: index });
        Some((campaign, Target { key, name: it.key.clone(), place }))
    });
    found.ok_or_else(|| unknown(action, campaign))
}

/// Returns the record of the participant's lane with one more action counted.
fn counted(mut record: Person, context: FeedbackContext<'_>) -> Result<Person, String> {
    // Not the time of receipt: an action over the quota can be replayed after the hour.
    let now = context.known.now;
    let fresh = ActionQuota { since: now, count: 0 };
    let quota = record.quota.filter(|quota| now.since(quota.since) < HOUR).unwrap_or(fresh);
    let limit = context.rules.feedback.asks_per_hour;
    if quota.count >= limit {
        let reason = format!(
            "more than {limit} actions for one participant in an hour, as a campaign that sets itself \
             off would send; see feedback.asks_per_hour"
        );
        return Err(reason);
    }
    record.quota = Some(ActionQuota { count: quota.count + 1, ..quota });
    Ok(record)
}

/// Returns the lanes at Customer.io and the update at GrowSurf of a recorded share.
fn shared(
    action: &Action,
    channel: &str,
    place: Slot,
    context: FeedbackContext<'_>,
) -> (Vec<LanePlan>, ParticipantUpdate) {
    let before = context.participant(place);
    let mut person = context.person(place.person).clone();
    let participant = &mut person.participants[place.participant];
    let at = context.feedback.at;
    let counter = raised(participant.growsurf_counters.shares, before, SHARES, at);
    participant.growsurf_counters.shares = Some(counter);
    let week = Week::of(at, &context.rules.time_zone);
    participant.activity.share(share_method(channel), at, week);
    let mut data = participant_data(before, context.received_at);
    put(&mut data, "share_method", Some(share_method(channel).label()));
    put(&mut data, "share_channel", Some(channel));
    let effect = share_effect(action, before);
    let event_id = effect.event_id();
    let name = context.rules.events.get(events::SHARED).filter(|_| !context.is_done(event_id));
    let track = name.map(|name| PlannedCall {
        call: Call::Track { name: name.clone(), event_id, at, data },
        effect: Some(effect),
    });
    let lanes = context.person_lane(person, track.into_iter().collect());
    let metadata = [
        (SHARES.to_owned(), Some(Scalar::Integer(counter.count))),
        (LAST_SHARE.to_owned(), Some(stamp(counter.last))),
    ];
    (lanes, ParticipantUpdate { metadata: metadata.into(), ..ParticipantUpdate::default() })
}

/// Returns a name for GrowSurf's messages: a campaign's template can hold another person's text.
fn shown(name: Option<&String>) -> Option<String> {
    name.and_then(|name| display_text(name))
}

fn unknown(action: &Action, campaign: &str) -> String {
    let (unasked, fix) = if action.is_unanswered {
        let fix = "send the action again, or replay it after a sync";
        (", and the lookup at GrowSurf failed (see the relay's log)", fix)
    } else {
        ("", "a backfill makes those known who joined before it ran")
    };
    format!(
        "the relay knows no participant of campaign {campaign:?} under this address or id{unasked}; \
         {fix}"
    )
}
