//! Counting: what no single fact tells. Minima, maxima and counts, the same in any order.
//!
//! What belongs here: when friends signed up, who converted, how many rewards were earned, and the
//! shares between two counts. What doesn't: facts, which are merged where they are told (`people`).

use std::collections::BTreeMap;

use super::effects;
use super::people::People;
use super::plan::{Referral, Seated};
use crate::domain::{Channels, Credit, Event, EventId, Participant, Time, Told};

/// The most shares of one channel that one count tells. The rest is told by the next, so that a
/// count that leaps makes no plan without end.
const SHARES: i64 = 100;

/// What the event counts as, where it is counted once whether or not it is told.
pub fn once(event: &Event, campaign: &str, participant: &Participant) -> Option<EventId> {
    match event {
        Event::RewardEarned { reward, .. } if reward.approved => {
            Some(effects::reward_counted(campaign, &reward.id).event_id())
        }
        Event::ShareTold { key, by_page: true, .. } => {
            Some(effects::page_share_counted(campaign, &participant.key, key).event_id())
        }
        _ => None,
    }
}

/// Counts what is counted once. GrowSurf's total of shares, where one is told, only raises the count
/// to at least that number, so that no share counts twice.
pub fn raise(event: &Event, participant: &mut Participant) {
    match event {
        Event::RewardEarned { .. } => participant.rewards += 1,
        Event::ShareTold { .. } => {
            participant.shares = Some(participant.shares.unwrap_or(0).saturating_add(1));
        }
        _ => {}
    }
}

/// The shares that a count of them tells, given those counted before.
pub fn shares<'a>(
    told: &'a Told,
    participant: &Participant,
) -> impl Iterator<Item = Told> + use<'a> {
    let (who, counts) = match &told.event {
        Event::SharesCounted { who, counts } => (Some(*who), Some(counts)),
        _ => (None, None),
    };
    let before = participant.channels.clone();
    let (at, after) = (told.at, before.as_ref().map(|it| it.at));
    let told = counts.into_iter().flatten().filter_map(move |(channel, count)| {
        let known = before.as_ref()?.counts.get(channel).copied().unwrap_or(0);
        Some((channel, known + 1..=(*count).min(known.saturating_add(SHARES))))
    });
    told.flat_map(move |(channel, numbers)| {
        numbers.filter_map(move |nth| {
            let (who, channel, nth) = (who?, channel.clone(), u64::try_from(nth).ok()?);
            Some(Told { at, event: Event::Shared { who, channel, nth, after } })
        })
    })
}

/// Takes in what the events add up to.
pub fn count(
    seated: &[Seated<'_>],
    referrals: &[Referral],
    as_of: Option<Time>,
    received_at: Time,
    people: &mut People,
) {
    for Seated { told, seat } in seated {
        let at = told.at.unwrap_or(received_at);
        match &told.event {
            Event::FriendSignedUp { friend, .. } => {
                let mut at = at;
                if let Ok(friend) = people.seat_of(*friend) {
                    if people.participant(friend).signed_up.is_some() {
                        continue;
                    }
                    // Where it is told when the friend joined, all sources agree on it.
                    at = people.participant(friend).joined.unwrap_or(at);
                    people.participant_mut(friend).signed_up = Some(at);
                }
                let known = people.participant(*seat);
                let first = known.first_referral.map_or(at, |first| first.min(at));
                let last = known.last_referral.map_or(at, |last| last.max(at));
                if (known.first_referral, known.last_referral) != (Some(first), Some(last)) {
                    let participant = people.participant_mut(*seat);
                    participant.first_referral = Some(first);
                    participant.last_referral = Some(last);
                }
            }
            Event::FraudStatusChanged { .. } if !people.participant(*seat).fraud_told => {
                people.participant_mut(*seat).fraud_told = true;
            }
            Event::ReferralConverted { .. } if people.participant(*seat).credit == Credit::None => {
                people.participant_mut(*seat).credit = Credit::Owed;
            }
            Event::SharesCounted { counts, .. } => {
                let before = people.participant(*seat).channels.clone();
                let after = counted(before, counts, as_of.unwrap_or(received_at));
                people.participant_mut(*seat).channels = Some(after);
            }
            _ => {}
        }
    }
    for Referral { friend, referrer } in referrals {
        if people.participant(*friend).credit == Credit::Owed {
            people.participant_mut(*friend).credit = Credit::Given;
            people.participant_mut(*referrer).conversions += 1;
        }
    }
}

/// The counts after some more; those of a first count are taken as they are.
fn counted(before: Option<Channels>, counts: &BTreeMap<String, i64>, at: Time) -> Channels {
    let Some(mut channels) = before else { return Channels { at, counts: counts.clone() } };
    channels.at = channels.at.max(at);
    for (channel, count) in counts {
        let known = channels.counts.entry(channel.clone()).or_insert(0);
        *known = (*count).min(known.saturating_add(SHARES)).max(*known);
    }
    channels
}
