//! Who wants no more messages: told to GrowSurf, and taken back only where the relay told it.

use std::time::Duration;

use super::super::effects;
use super::{Desk, key_of, lane};
use crate::domain::{
    Call, EventId, Facts, Lookup, Participant, ParticipantUpdate, Plan, Scalar, Subscription, Time,
    Unplanned,
};

/// How long GrowSurf's word on a subscription may be what it was before the relay wrote there.
const SETTLES_IN: Duration = Duration::from_secs(60 * 60);

/// How long what a campaign asked for may take to be written and told of. That is longer, since a
/// campaign may ask for everybody at once, and few writes go to GrowSurf in a minute.
const COMES_BACK_IN: Duration = Duration::from_secs(24 * 60 * 60);

/// What it leads to that somebody wants messages, or none.
pub fn plan(report: &str, subscribed: bool, desk: Desk<'_>) -> Result<Plan, Unplanned> {
    let Desk { rules, feedback, received_at, .. } = desk;
    let effect = effects::subscription(report);
    let id: EventId = effect.event_id();
    desk.need([Lookup::Effect(id)])?;
    let Some(index) = desk.subject().filter(|_| rules.feedback.unsubscribes && !desk.is_done(id))
    else {
        return Ok(Plan::default());
    };
    let keys: Vec<_> = desk.person(index).participants.iter().map(key_of).collect();
    desk.need(keys.iter().flatten().map(Desk::addressee))?;

    let mut person = desk.person(index).clone();
    let mut writes = Vec::new();
    for (participant, key) in person.participants.iter_mut().zip(keys) {
        let Some(key) = key.filter(|key| rules.feedback.takes(&key.campaign)) else { continue };
        if let Some(unsubscribed) = write(participant, subscribed, feedback.at) {
            participant.facts.learn(
                Facts::UNSUBSCRIBED,
                Scalar::Boolean(unsubscribed),
                received_at,
            );
            let update = ParticipantUpdate {
                unsubscribed: Some(unsubscribed),
                ..ParticipantUpdate::default()
            };
            let call = Call::UpdateParticipant { at: received_at, update };
            writes.push(lane(desk.addressed(&key), call, effect.clone()));
        }
    }
    if person == *desk.person(index) {
        return Ok(Plan::default());
    }
    let mut lanes = desk.told(person, Vec::new());
    lanes.extend(writes);
    Ok(Plan { lanes, counted: vec![id], is_news: true, ..Plan::default() })
}

/// Notes what they said, and tells what GrowSurf's `unsubscribed` is to become, if it changes.
fn write(participant: &mut Participant, subscribed: bool, at: Time) -> Option<bool> {
    let before = participant.way_back.subscription;
    // Reports come in any order; what they said last counts.
    if before.is_some_and(|before| before.at >= at) {
        return None;
    }
    let ours = before.is_some_and(|before| before.unsubscribed_by_us);
    let fact = participant.facts.get(Facts::UNSUBSCRIBED).map(|fact| &fact.value);
    let is_unsubscribed = fact == Some(&Scalar::Boolean(true));
    let (unsubscribed_by_us, write) = match (subscribed, is_unsubscribed) {
        (false, false) => (true, Some(true)),
        (false, true) => (ours, None),
        (true, _) => (false, ours.then_some(false)),
    };
    participant.way_back.subscription = Some(Subscription { at, unsubscribed_by_us });
    write
}

/// Notes that a campaign asks what GrowSurf's `unsubscribed` is to become.
pub fn asked(participant: &mut Participant, unsubscribed: bool, at: Time) {
    participant.way_back.unsubscribing = unsubscribed.then_some(at);
    if unsubscribed {
        participant.facts.learn(Facts::UNSUBSCRIBED, Scalar::Boolean(true), at);
    }
}

/// Whether GrowSurf's word that they are unsubscribed may be an echo of what the relay wrote there,
/// so that nobody is unsubscribed by it who subscribed again, or whom a campaign unsubscribes at
/// GrowSurf alone.
pub fn is_echo(participant: &mut Participant, as_of: Time) -> bool {
    let ours = participant.way_back.subscription;
    // What was asked for comes back once; whatever GrowSurf tells afterwards is theirs.
    let asked = participant.way_back.unsubscribing.take_if(|at| as_of > *at);
    ours.is_some_and(|ours| as_of < ours.at.plus(SETTLES_IN))
        || asked.is_some_and(|at| as_of < at.plus(COMES_BACK_IN))
}
