//! The fold: people, one after another, become the document. Memory doesn't grow with their number.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use jiff::tz::TimeZone;

use super::document::{
    CampaignSums, Channel, Cohort, Document, Reached, Referrer, Split, TierSums, WeekSums,
};
use super::messages::{self, Asking};
use crate::domain::{
    Activity, Facts, LaneKey, Message, Participant, Person, ShareMethod, Time, Week, WeekCounts,
};
use crate::mapping::{Tier, is_customer, is_self_referred};

/// The full weeks that are shown; the present one comes on top.
pub const WEEKS: i32 = 52;

/// The referrers that are listed.
const LISTED: usize = 100;

/// The longest delay, in days; longer ones count as this one.
const LONGEST: u64 = 3_650;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The fold of people into a document.
pub struct Fold {
    now: Time,
    zone: TimeZone,
    this_week: Option<Week>,
    tiers: Vec<Tier>,
    document: Document,
    /// The effects of the people since [`Fold::asking`].
    asking: Asking,
    /// The referrers of each campaign, the least of them first.
    referrers: BTreeMap<String, BinaryHeap<Reverse<Rank>>>,
}

/// A referrer's place: by friends, conversions, and age of the record.
type Rank = (u64, u64, Reverse<i64>, u64, Option<String>);

/// The times and counts of one participant, as insights see them.
struct Facets<'a> {
    participant: &'a Participant,
    joined: Option<Time>,
    is_referred: bool,
    shares: u64,
    friends: u64,
    conversions: u64,
    first_share: Option<Time>,
}

impl Fold {
    /// Begins with nobody. Weeks are those of `zone`, and ripe by `now`.
    pub fn new(now: Time, zone: TimeZone, tiers: Vec<Tier>) -> Self {
        let this_week = Week::of(now, &zone);
        let time_zone = zone.iana_name().unwrap_or("UTC").to_owned();
        let document = Document { as_of: now, time_zone, ..Document::default() };
        let (asking, referrers) = (Asking::default(), BTreeMap::new());
        Self { now, zone, this_week, tiers, document, asking, referrers }
    }

    /// Adds a record. Those of visitors and of lanes to GrowSurf aren't people.
    pub fn add(&mut self, person: &Person) {
        if !matches!(person.key, LaneKey::Person(_)) {
            return;
        }
        self.document.people += 1;
        for participant in &person.participants {
            let facets = Facets::of(participant, &person.participants);
            self.add_participant(&facets, person.id.map_or(0, |id| id.0));
        }
    }

    /// Takes the effects of the people who were added since the last time, to look for their messages.
    pub fn asking(&mut self) -> Asking {
        std::mem::take(&mut self.asking)
    }

    /// Adds the messages of effects.
    pub fn add_messages(&mut self, asking: Asking, messages: &[Message]) {
        self.document.has_reports = true;
        asking.count(messages, &mut self.document);
    }

    /// Returns the document.
    pub fn finish(self) -> Document {
        let Self { mut document, referrers, .. } = self;
        for (campaign, ranks) in referrers {
            let sums = document.campaigns.entry(campaign).or_default();
            sums.referrers = ranks.into_sorted_vec().into_iter().map(Referrer::from).collect();
        }
        document
    }

    fn add_participant(&mut self, it: &Facets<'_>, person: i64) {
        let Participant { campaign, facts, activity, .. } = it.participant;
        let weeks = self.weeks();
        let tiers = &self.tiers;
        let sums = self.document.campaigns.entry(campaign.clone()).or_insert_with(|| {
            let tiers = tiers.iter().map(TierSums::of).collect();
            CampaignSums { tiers, ..CampaignSums::default() }
        });
        if let Some(name) = facts.text(Facts::CAMPAIGN_NAME) {
            sums.name = sums.name.take().max(Some(name.to_owned()));
        }
        let is_shown = |week: &Week| weeks.as_ref().is_some_and(|weeks| weeks.contains(week));
        let week_of = |at| Week::of(at, &self.zone).filter(is_shown);
        // A referred customer of an affiliate program converts as a friend, and joins nothing.
        if let Some(value) = &activity.value
            && let Some(week) = week_of(activity.converted.unwrap_or(value.at))
        {
            let values = &mut sums.weeks.entry(week).or_default().values;
            let sum = values.entry(value.currency.clone()).or_default();
            *sum = sum.saturating_add(value.minor);
        }
        let recent = self.this_week.map(|week| week.plus(1 - messages::WEEKS));
        let recently = |at| week_of(at).filter(|week| recent.is_some_and(|recent| *week >= recent));
        let is_customer = is_customer(it.participant);
        let joined = it.joined.filter(|_| !is_customer);
        self.asking.add(it.participant, joined, recently, sums);
        if is_customer {
            return;
        }
        let split = match it.joined {
            None => &mut sums.undated,
            Some(at) => match week_of(at) {
                None => &mut sums.earlier,
                Some(week) => {
                    sums.weeks.entry(week).or_default().joined += 1;
                    sums.cohorts.entry(week).or_default()
                }
            },
        };
        split.of(it.is_referred).add(it);
        for (week, counts) in activity.weeks.iter().filter(|(week, _)| is_shown(week)) {
            sums.weeks.entry(week).or_default().add(counts);
        }
        sums.add_without_time(it);
        sums.add_delay(it);
        sums.add_channel(it);
        if let Some(this_week) = self.this_week {
            sums.add_frequency(activity, this_week);
        }
        sums.add_tier(facts);
        if it.friends > 0 {
            let id = it.participant.growsurf_id.clone();
            let rank = (it.friends, it.conversions, Reverse(person), it.shares, id);
            let ranks = self.referrers.entry(campaign.clone()).or_default();
            if ranks.len() < LISTED {
                ranks.push(Reverse(rank));
            } else if ranks.peek().is_some_and(|Reverse(least)| *least < rank) {
                ranks.pop();
                ranks.push(Reverse(rank));
            }
        }
    }

    /// Returns the weeks that are shown, with the present one.
    fn weeks(&self) -> Option<std::ops::RangeInclusive<Week>> {
        let this_week = Week::of(self.now, &self.zone)?;
        Some(this_week.plus(-WEEKS)..=this_week)
    }
}

impl<'a> Facets<'a> {
    fn of(participant: &'a Participant, of_person: &[Participant]) -> Self {
        let Participant { facts, activity, .. } = participant;
        let number = |name| facts.value(name).and_then(|value| value.as_integer()).unwrap_or(0);
        let (awarded, leads) = (number(Facts::REFERRAL_COUNT), number(Facts::LEAD_COUNT));
        let reported = |count: i64| u64::try_from(count).unwrap_or(0);
        let is_named =
            [Facts::REFERRER_ID, Facts::IS_REFERRED].iter().any(|name| facts.get(name).is_some());
        let shares = activity.shares.values().map(|it| it.count).fold(0, u64::saturating_add);
        // Awarded credit is a conversion; in affiliate programs a sale is.
        let is_of_affiliates = facts.get(Facts::IS_AFFILIATE).is_some();
        let conversions = if is_of_affiliates { 0 } else { reported(awarded) };
        Self {
            participant,
            joined: participant.joined.or(activity.joined),
            is_referred: participant.signed_up.is_some()
                || (is_named && !is_self_referred(participant, of_person)),
            shares: shares.max(reported(participant.shares.unwrap_or(0))),
            friends: reported(participant.friends).max(reported(awarded.saturating_add(leads))),
            conversions: reported(participant.conversions).max(conversions),
            first_share: activity.shares.values().filter_map(|it| it.first).min(),
        }
    }

    /// Returns the methods that were ever used; `None` if the participant never shared by a known one.
    fn channel(&self) -> Option<Channel> {
        let used = self.participant.activity.shares.iter().filter(|(_, it)| it.count > 0);
        let mut channels = used.map(|(method, _)| match method {
            ShareMethod::Email => Channel::Email,
            ShareMethod::Social => Channel::Social,
            ShareMethod::Link | ShareMethod::Message => Channel::Direct,
            ShareMethod::Other => Channel::Other,
        });
        let first = channels.next()?;
        Some(if channels.all(|it| it == first) { first } else { Channel::Several })
    }
}

impl Cohort {
    /// Adds a participant to the stages that they reached, and to those before.
    fn add(&mut self, it: &Facets<'_>) {
        self.joined += 1;
        let Participant { first_referral, activity, .. } = it.participant;
        let earliest = |times: &[Option<Time>]| times.iter().flatten().min().copied();
        let converted = activity.first_conversion;
        let friend = earliest(&[*first_referral, converted]);
        let shared = earliest(&[it.first_share, friend]);
        let has_friend = it.friends > 0 || it.conversions > 0;
        self.converted.add(it.conversions > 0, converted, it.joined);
        self.friend.add(has_friend, friend, it.joined);
        self.shared.add(has_friend || it.shares > 0, shared, it.joined);
    }
}

impl Reached {
    fn add(&mut self, is_reached: bool, at: Option<Time>, joined: Option<Time>) {
        self.ever += u64::from(is_reached);
        let Some((at, joined)) = at.zip(joined) else { return };
        let took = at.since(joined);
        self.within_7 += u64::from(took <= 7 * DAY);
        self.within_28 += u64::from(took <= 28 * DAY);
    }
}

impl Split {
    fn of(&mut self, is_referred: bool) -> &mut Cohort {
        if is_referred { &mut self.referred } else { &mut self.organic }
    }
}

impl WeekSums {
    fn add(&mut self, counts: WeekCounts) {
        self.shares += u64::from(counts.shares);
        self.friends += u64::from(counts.friends);
        self.conversions += u64::from(counts.conversions);
    }
}

impl CampaignSums {
    fn add_without_time(&mut self, it: &Facets<'_>) {
        let Participant { friends, conversions, activity, .. } = it.participant;
        let counted = |count: &i64| u64::try_from(*count).unwrap_or(0);
        let dated = activity.shares.values().map(|it| it.dated).fold(0, u64::saturating_add);
        let rest = &mut self.without_time;
        rest.shares += it.shares.saturating_sub(dated);
        rest.friends += it.friends.saturating_sub(counted(friends));
        rest.conversions += it.conversions.saturating_sub(counted(conversions));
        rest.joined += u64::from(it.joined.is_none());
    }

    fn add_delay(&mut self, it: &Facets<'_>) {
        let delays = &mut self.delays;
        match it.participant.first_referral.zip(it.joined) {
            Some((first, joined)) => {
                let days = (first.since(joined).as_secs() / DAY.as_secs()).min(LONGEST);
                *delays.days.entry(u32::try_from(days).unwrap_or(u32::MAX)).or_default() += 1;
            }
            None if it.friends > 0 => delays.undated += 1,
            None => delays.never += 1,
        }
    }

    fn add_channel(&mut self, it: &Facets<'_>) {
        let Some(channel) = it.channel() else { return };
        let sums = self.channels.entry(channel).or_default();
        sums.sharers += 1;
        sums.converting += u64::from(it.conversions > 0);
        sums.conversions += it.conversions;
    }

    fn add_frequency(&mut self, activity: &Activity, this_week: Week) {
        let since = |weeks: i32| this_week.plus(-weeks);
        let is_active = |it: &WeekCounts| *it != WeekCounts::default();
        let within = |from: Week, to: Week| {
            activity.weeks.iter().filter(move |(week, _)| (from..to).contains(week))
        };
        let last = || within(since(4), this_week).map(|(_, counts)| counts);
        let frequency = &mut self.frequency;
        if last().any(|it| is_active(&it)) {
            frequency.active += 1;
            let shares = match last().map(|it| it.shares).fold(0, u32::saturating_add) {
                few @ 0..4 => usize::try_from(few).unwrap_or(0),
                4..7 => 4,
                _ => 5,
            };
            frequency.shares[shares] += 1;
            let weeks = within(since(12), this_week).filter(|(_, it)| it.shares > 0).count();
            frequency.weeks[weeks.min(12)] += 1;
        } else if within(since(8), since(4)).any(|(_, it)| is_active(&it)) {
            frequency.silent += 1;
        }
    }

    fn add_tier(&mut self, facts: &Facts) {
        let Some(count) = facts.value(Facts::REFERRAL_COUNT).and_then(|it| it.as_integer()) else {
            return;
        };
        if let Some(tier) = self.tiers.iter_mut().find(|tier| count >= tier.at_least) {
            tier.participants += 1;
        }
        for tier in self.tiers.iter_mut().filter(|tier| count + 1 == tier.at_least) {
            tier.one_short += 1;
        }
    }
}

impl TierSums {
    fn of(tier: &Tier) -> Self {
        Self { name: tier.name.clone(), at_least: tier.at_least, ..Self::default() }
    }
}

impl From<Reverse<Rank>> for Referrer {
    fn from(Reverse(rank): Reverse<Rank>) -> Self {
        let (friends, conversions, Reverse(person), shares, participant) = rank;
        Self { friends, conversions, shares, person, participant }
    }
}
