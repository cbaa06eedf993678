//! Aggregates: minima, maxima and counts of events, the same in any order of arrival.
//!
//! What belongs here: sign-ups of friends, conversions, rewards, and the shares between two counts. What
//! doesn't: facts, which `people` merges.

use std::collections::BTreeMap;

use super::amounts::{self, ParsedAmount};
use super::draft::PendingCall;
use super::effects;
use super::people::{Resolved, Slot, is_sane};
use super::resolved_events::{Referral, ResolvedEvent};
use super::rules::Rules;
use super::tracks::{TrackContext, share_method};
use crate::domain::{
    Activity, Amount, Call, Channels, ConversionCredit, Counted, Event, EventId, Facts, Money,
    Notification, Participant, Scalar, Snapshot, Time, TimedEvent, Week,
};

/// The most shares of one channel in one plan. The next count brings the rest, so a leaping count makes no
/// endless plan.
const SHARES: i64 = 100;

/// The most numbers kept for friends whose event isn't sent yet. The highest stay.
const UNSENT: usize = 100;

/// Returns GrowSurf's count of friends in a snapshot: awarded and pending.
pub fn friends(snapshot: &Snapshot) -> i64 {
    let count = |name| reported(snapshot, name).unwrap_or(0);
    count(Facts::REFERRAL_COUNT).saturating_add(count(Facts::LEAD_COUNT))
}

fn reported(snapshot: &Snapshot, name: &str) -> Option<i64> {
    snapshot.facts.get(name).and_then(Scalar::as_integer)
}

/// Notes a join without referrals. If the source has no time of joining, it must report that there are none.
fn note_join(snapshot: &Snapshot, participant: &mut Participant, as_of: Time, received_at: Time) {
    let own = snapshot.joined_at.filter(|at| is_sane(*at, received_at));
    let joined = own.or(participant.joined);
    let is_reported = joined.is_some()
        || (snapshot.joined_at.is_none() && reported(snapshot, Facts::REFERRAL_COUNT).is_some());
    if is_reported && friends(snapshot) == 0 {
        participant.completeness.joined_without_referrals(as_of, joined);
    }
}

/// Returns the ledger's id of an event that is counted once, even if it isn't sent.
pub fn counted_as(event: &Event, slot: Slot, context: &TrackContext<'_>) -> Option<EventId> {
    let TrackContext { campaign, people, .. } = *context;
    let key = match event {
        Event::FriendSignedUp { friend, .. } => {
            let known = people.slot_of(*friend).ok();
            let is_counted = |friend| people.participant(friend).signed_up.is_some();
            if known.is_some_and(|friend| friend == slot || is_counted(friend)) {
                return None;
            }
            effects::friend_counted(campaign, &context.key_of(*friend).ok()?)
        }
        Event::RewardEarned { reward, .. } if reward.approved => {
            effects::reward_counted(campaign, &reward.id)
        }
        Event::ShareReported { key, is_from_page: true, .. } => {
            effects::page_share_counted(campaign, &people.participant(slot).key, key)
        }
        _ => return None,
    };
    Some(key.event_id())
}

/// True if the ledger remembers the count. A friend who is a person remembers it in their own record.
pub fn is_in_ledger(event: &Event, people: &Resolved) -> bool {
    !matches!(event, Event::FriendSignedUp { friend, .. } if people.slot_of(*friend).is_ok())
}

/// Counts an event once. GrowSurf's total of shares only raises the count to that number, so no share counts
/// twice.
/// A friend's number is kept for the event `sent_as`.
pub fn raise(
    event: &ResolvedEvent,
    sent_as: Option<&EventId>,
    notification: &Notification,
    received_at: Time,
    rules: &Rules,
    people: &mut Resolved,
) {
    let at = signed_up_at(&event.timed, notification, received_at);
    let week = Week::of(at, &rules.time_zone);
    if let Event::FriendSignedUp { friend, .. } = &event.timed.event
        && let Ok(friend) = people.slot_of(*friend)
    {
        people.participant_mut(friend).signed_up = Some(at);
    }
    let participant = people.participant_mut(event.slot);
    match &event.timed.event {
        Event::FriendSignedUp { referrer, .. } => {
            participant.friends += 1;
            participant.activity.weeks.add(Counted::Friend, week);
            let first = participant.first_referral.map_or(at, |first| first.min(at));
            participant.first_referral = Some(first);
            participant.last_referral = participant.last_referral.max(Some(at));
            let (number, unsent) = (participant.friends, &mut participant.unsent_numbers);
            let reported = friends(&notification.people[referrer.0]);
            let is_known = participant.completeness.numbers(number, reported, at);
            if let Some(id) = sent_as.filter(|_| is_known) {
                unsent.insert(id.to_string(), number);
                if unsent.len() > UNSENT {
                    let lowest = unsent.values().copied().min();
                    unsent.retain(|_, it| Some(*it) != lowest);
                }
            }
        }
        Event::RewardEarned { .. } => participant.rewards += 1,
        Event::ShareReported { channel, .. } => {
            participant.shares = Some(participant.shares.unwrap_or(0).saturating_add(1));
            participant.activity.share(share_method(channel), at, week);
        }
        _ => {}
    }
}

/// Returns the time of an event; of a sign-up the earliest that its source knows. Sources don't agree on it, and the
/// earliest of all stays.
fn signed_up_at(timed: &TimedEvent, notification: &Notification, received_at: Time) -> Time {
    let at = timed.at.unwrap_or(received_at);
    let Event::FriendSignedUp { friend, .. } = &timed.event else { return at };
    let joined = notification.people[friend.0].joined_at.filter(|it| is_sane(*it, received_at));
    joined.map_or(at, |joined| joined.min(at))
}

/// Adds the kept numbers to the events of friends, except in history.
pub fn number(due: &mut [PendingCall], is_history: bool, people: &mut Resolved) {
    for PendingCall { person, call } in due {
        let Call::Track { event_id, data, .. } = &mut call.call else { continue };
        let id = event_id.to_string();
        let mut participants = people.persons[*person].participants.iter_mut();
        let number = participants.find_map(|it| it.unsent_numbers.remove(&id));
        if let Some(number) = number.filter(|_| !is_history) {
            data.insert("friend_number".to_owned(), number.into());
        }
    }
}

/// True if the relay has counted every conversion of a participant's friends.
///
/// Awarded credit is a conversion; in affiliate programs a sale is. If only the user's backend reports
/// conversions, a full comparison proves nothing.
pub fn has_all_conversions(participant: &Participant, rules: &Rules) -> bool {
    let Participant { campaign, facts, completeness, conversions, .. } = participant;
    if rules.conversions_from_server.contains(campaign) {
        return completeness.is_complete_from_start();
    }
    let awarded = facts.get(Facts::REFERRAL_COUNT).and_then(|it| it.value.as_integer());
    let is_of_affiliates = facts.get(Facts::IS_AFFILIATE).is_some();
    completeness.is_complete() && (is_of_affiliates || awarded.is_none_or(|it| it <= *conversions))
}

/// Returns the shares between a participant's counts and the event's.
pub fn shares<'a>(
    timed: &'a TimedEvent,
    participant: &Participant,
) -> impl Iterator<Item = TimedEvent> + use<'a> {
    let (who, counts) = match &timed.event {
        Event::SharesCounted { participant: who, counts } => (Some(*who), Some(counts)),
        _ => (None, None),
    };
    let before = participant.channels.clone();
    let (at, after) = (timed.at, before.as_ref().map(|it| it.at));
    let new = counts.into_iter().flatten().filter_map(move |(channel, count)| {
        let known = before.as_ref()?.counts.get(channel).copied().unwrap_or(0);
        Some((channel, known..(*count).min(known.saturating_add(SHARES))))
    });
    new.flat_map(move |(channel, shares)| {
        shares.filter_map(move |before| {
            let (who, channel, nth) = (who?, channel.clone(), u64::try_from(before + 1).ok()?);
            Some(TimedEvent { at, event: Event::Shared { participant: who, channel, nth, after } })
        })
    })
}

/// Merges the events into aggregates. Those that are counted once are [`raise`]d.
pub fn count(
    events: &[ResolvedEvent],
    referrals: &[Referral],
    notification: &Notification,
    received_at: Time,
    rules: &Rules,
    people: &mut Resolved,
) {
    let as_of = notification.as_of.unwrap_or(received_at);
    let week = |at| Week::of(at, &rules.time_zone);
    let mut converted = Vec::new();
    for ResolvedEvent { timed, slot } in events {
        let at = timed.at.unwrap_or(received_at);
        match &timed.event {
            Event::ParticipantJoined { participant: who, .. }
            | Event::CustomerAdded { customer: who } => {
                let participant = people.participant_mut(*slot);
                let snapshot = &notification.people[who.0];
                note_join(snapshot, participant, as_of, received_at);
                if snapshot.joined_at.is_none() {
                    let seen = participant.activity.joined.map_or(at, |seen| seen.min(at));
                    participant.activity.joined = Some(seen);
                }
            }
            Event::FriendSignedUp { friend, .. } => {
                let at = signed_up_at(timed, notification, received_at);
                let friend = people.slot_of(*friend).ok();
                let known = friend.and_then(|friend| people.participant(friend).signed_up);
                let (Some(friend), Some(known)) = (friend, known) else { continue };
                people.participant_mut(friend).signed_up = Some(known.min(at));
                let Participant { activity, first_referral, .. } = people.participant_mut(*slot);
                let Activity { weeks, .. } = activity;
                // The friend counts for the first referrer whom a source named.
                if first_referral.is_some_and(|first| first <= known)
                    && weeks.may_count(Counted::Friend, week(known))
                {
                    weeks.report(Counted::Friend, week(known), week(at));
                    *first_referral = (*first_referral).map(|first| first.min(at));
                }
            }
            Event::FullyCompared { .. } => people.participant_mut(*slot).completeness.compared(at),
            Event::FraudStatusChanged { .. } if !people.participant(*slot).fraud_reported => {
                people.participant_mut(*slot).fraud_reported = true;
            }
            Event::ReferralConverted { value, .. } => {
                let friend = people.participant_mut(*slot);
                converted.extend(friend.activity.converted.map(|known| (*slot, known, at)));
                friend.activity.convert(at, value.as_ref().and_then(money));
                if friend.credit == ConversionCredit::None {
                    friend.credit = ConversionCredit::Pending;
                }
            }
            Event::SharesCounted { counts, .. } => {
                let participant = people.participant_mut(*slot);
                let before = participant.channels.take();
                if before.is_none() {
                    for (channel, count) in counts.iter().filter(|(_, count)| **count > 0) {
                        let count = count.unsigned_abs();
                        participant.activity.share_before(share_method(channel), count);
                    }
                }
                participant.channels = Some(counted(before, counts, as_of));
            }
            Event::Shared { channel, .. } => {
                let activity = &mut people.participant_mut(*slot).activity;
                activity.share(share_method(channel), at, week(at));
            }
            _ => {}
        }
    }
    for Referral { friend, referrer } in referrals {
        let known = converted.iter().find(|(slot, ..)| slot == friend);
        let credit = people.participant(*friend).credit;
        if credit != ConversionCredit::Pending && known.is_none() {
            continue;
        }
        let friend = people.participant_mut(*friend);
        let Some((first, last)) = friend.activity.credited() else { continue };
        friend.credit = ConversionCredit::Granted;
        let referrer = people.participant_mut(*referrer);
        let Activity { first_conversion, weeks, .. } = &mut referrer.activity;
        if credit == ConversionCredit::Pending {
            referrer.conversions += 1;
            weeks.add(Counted::Conversion, week(first));
            weeks.report(Counted::Conversion, week(first), week(last));
        } else if let Some((_, known, at)) = known
            && first_conversion.is_some_and(|first| first <= *known)
            && weeks.may_count(Counted::Conversion, week(*known))
        {
            weeks.report(Counted::Conversion, week(*known), week(*at));
        } else {
            continue;
        }
        *first_conversion = Some(first_conversion.map_or(first, |known| known.min(first)));
    }
}

/// Returns the money of a conversion, if it is a number. Its currency is empty if it names none.
fn money(amount: &Amount) -> Option<Money> {
    match amounts::worth(amount) {
        ParsedAmount::Number { value, currency } => {
            Money::of_major(&value, currency.as_deref().unwrap_or_default())
        }
        ParsedAmount::Text(_) => None,
    }
}

/// Counts shares that the user's backend reported, each when its effect is planned.
pub fn share(event: &ResolvedEvent, received_at: Time, rules: &Rules, people: &mut Resolved) {
    let Event::ShareReported { channel, is_from_page: false, .. } = &event.timed.event else {
        return;
    };
    let at = event.timed.at.unwrap_or(received_at);
    let activity = &mut people.participant_mut(event.slot).activity;
    activity.share(share_method(channel), at, Week::of(at, &rules.time_zone));
}

/// Returns the counts after another; first counts are taken as they are.
fn counted(before: Option<Channels>, counts: &BTreeMap<String, i64>, at: Time) -> Channels {
    let Some(mut channels) = before else { return Channels { at, counts: counts.clone() } };
    channels.at = channels.at.max(at);
    for (channel, count) in counts {
        let known = channels.counts.entry(channel.clone()).or_insert(0);
        *known = (*count).min(known.saturating_add(SHARES)).max(*known);
    }
    channels
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Channels, ParticipantIndex};

    #[test]
    fn shares_are_counted_up_to_the_largest_count() {
        for (known, counted, expected) in [
            (0, 2, 2),
            (2, 2, 0),
            (i64::MAX - 1, i64::MAX, 1),
            (i64::MAX, i64::MAX, 0),
            (0, i64::MAX, 100),
            (-1, i64::MIN, 0),
        ] {
            let counts = |count| [("email".to_owned(), count)].into();
            let mut participant = Participant::new("camp".to_owned(), "ann".to_owned(), None);
            participant.channels = Some(Channels { at: Time::default(), counts: counts(known) });
            let (who, counts) = (ParticipantIndex(0), counts(counted));
            let event = Event::SharesCounted { participant: who, counts };
            let timed = TimedEvent { at: None, event };
            assert_eq!(shares(&timed, &participant).count(), expected, "{known} to {counted}");
        }
    }
}
