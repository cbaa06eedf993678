//! The webhooks that the program would have sent: their bodies, oldest first.
//!
//! Nothing is ever sent, and the bodies don't depend on how the program's webhooks are configured.
//! What is made up is told in order of index, what a change has brought is sorted, and merged in;
//! so a body is made only when it is read.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::{
    affiliate,
    campaign::Campaign,
    order::By,
    rewards::{self, Earned},
    rows,
};

/// What a webhook tells of. In order, if the time is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Told {
    /// This participant has joined.
    Join(u64),
    /// This friend has converted.
    Conversion(u64),
    /// The commission on this friend was paid out.
    Payout(u64),
    /// This reward was given by a change.
    Reward(usize),
}

/// The webhooks of some campaigns that are still to be told.
#[derive(Debug)]
pub(super) struct Deliveries(Vec<Line>);

/// The webhooks of one campaign.
#[derive(Debug)]
struct Line {
    campaign: Campaign,
    /// The next join, conversion and payout of those that were made up.
    made_up: [u64; 3],
    changed: VecDeque<(i64, Told)>,
}

impl Deliveries {
    /// The webhooks of these campaigns from a time on.
    pub(super) fn since(campaigns: Vec<Campaign>, since: i64) -> Self {
        Self(campaigns.into_iter().map(|campaign| Line::new(campaign, since)).collect())
    }
}

impl Iterator for Deliveries {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let places = self.0.iter_mut().enumerate();
        let places = places.filter_map(|(number, line)| Some((line.peek()?, number)));
        let ((at, told), number) = places.min()?;
        let line = &mut self.0[number];
        line.skip(told);
        let body = body(&line.campaign, at, told)?;
        Some(format!("{body}\n"))
    }
}

/// A webhook that looks like one of an event, as the test of a webhook sends it.
pub(super) fn example(campaign: &Campaign, event: &str, now: i64) -> Value {
    let mut data = match event {
        "CAMPAIGN_ENDED" => program(campaign),
        _ if campaign.len() == 0 => json!({"campaign": program(campaign)}),
        "NEW_PARTICIPANT_ADDED" => joined(campaign, 0, now),
        _ => json!({"participant": rows::told(campaign, 0, now), "campaign": program(campaign)}),
    };
    if event == "PARTICIPANT_REACHED_A_GOAL" {
        data["reward"] = rewards::offered(campaign)[0].clone();
    }
    json!({"event": event, "createdAt": now, "data": data})
}

impl Line {
    fn new(campaign: Campaign, since: i64) -> Self {
        let first = |by| campaign.first_made_up(by, |(at, _)| at >= since);
        let made_up = [first(By::Created), first(By::Updated), first(By::Paid)];
        let joins = (campaign.fiction.participants..campaign.len())
            .map(|index| (campaign.created(index), Told::Join(index)));
        let conversions =
            campaign.converted.iter().map(|(index, at)| (*at, Told::Conversion(*index)));
        let extras = campaign.extra_rewards.iter().enumerate();
        let extras = extras.map(|(number, (at, _))| (*at, Told::Reward(number)));
        let mut changed: Vec<_> = joins.chain(conversions).chain(extras).collect();
        changed.retain(|(at, _)| *at >= since);
        changed.sort_unstable();
        Self { made_up, changed: changed.into(), campaign }
    }

    /// The next webhook, and its time.
    fn peek(&mut self) -> Option<(i64, Told)> {
        let Self { campaign, made_up: [join, conversion, payout], changed } = self;
        let number = campaign.fiction.participants;
        let has_converted = |friend: u64| {
            let is_by_change = campaign.converted.contains_key(&friend);
            !is_by_change
                && campaign.referrer(friend).is_some()
                && campaign.awarded_at(friend).is_some()
        };
        while *conversion < number && !has_converted(*conversion) {
            *conversion += 1;
        }
        while *payout < number
            && !(campaign.is_affiliate() && affiliate::payout(campaign, *payout).is_some())
        {
            *payout += 1;
        }
        let join = (*join < number).then(|| (campaign.fiction.created(*join), Told::Join(*join)));
        let conversion = (*conversion < number)
            .then(|| (campaign.fiction.updated(*conversion), Told::Conversion(*conversion)));
        let payout =
            (*payout < number).then(|| (campaign.fiction.paid(*payout), Told::Payout(*payout)));
        let all = [join, conversion, payout, changed.front().copied()];
        all.into_iter().flatten().min()
    }

    fn skip(&mut self, told: Told) {
        if self.changed.front().is_some_and(|(_, next)| *next == told) {
            self.changed.pop_front();
            return;
        }
        match told {
            Told::Join(_) => self.made_up[0] += 1,
            Told::Conversion(_) => self.made_up[1] += 1,
            Told::Payout(_) => self.made_up[2] += 1,
            Told::Reward(_) => {}
        }
    }
}

fn body(campaign: &Campaign, at: i64, told: Told) -> Option<Value> {
    let (event, data) = match told {
        Told::Join(index) => ("NEW_PARTICIPANT_ADDED", joined(campaign, index, at)),
        Told::Conversion(friend) if campaign.is_affiliate() => {
            let mut data = people(campaign, campaign.referrer(friend)?, at);
            data["referredParticipant"] = rows::told(campaign, friend, at).into();
            data["commission"] = affiliate::commission(campaign, friend)?;
            ("NEW_COMMISSION_ADDED", data)
        }
        Told::Conversion(friend) => {
            let mut data = goal(campaign, Earned::Friend(friend), at)?;
            data["participant"]["referee"] = rows::told(campaign, friend, at).into();
            ("PARTICIPANT_REACHED_A_GOAL", data)
        }
        Told::Reward(number) => {
            ("PARTICIPANT_REACHED_A_GOAL", goal(campaign, Earned::Extra(number), at)?)
        }
        Told::Payout(friend) => {
            let mut data = people(campaign, campaign.referrer(friend)?, at);
            data["payout"] = affiliate::payout(campaign, friend)?;
            ("NEW_PAYOUT_ISSUED", data)
        }
    };
    Some(json!({"event": event, "createdAt": at, "data": data}))
}

/// A new participant is told inline, without the status and the rewards that a row has.
fn joined(campaign: &Campaign, index: u64, at: i64) -> Value {
    let mut data = rows::told(campaign, index, at);
    if let Some(referrer) = campaign.living_referrer(index, at) {
        data.insert("referredBy".to_owned(), json!(campaign.id(referrer)));
        data.insert("referrer".to_owned(), rows::told(campaign, referrer, at).into());
    }
    data.insert("campaign".to_owned(), program(campaign));
    data.into()
}

fn goal(campaign: &Campaign, earned: Earned, at: i64) -> Option<Value> {
    let mut data = people(campaign, rewards::earner(campaign, earned)?, at);
    data["reward"] = rewards::told(campaign, earned)?;
    Some(data)
}

fn people(campaign: &Campaign, earner: u64, at: i64) -> Value {
    json!({"participant": rows::told(campaign, earner, at), "campaign": program(campaign)})
}

fn program(campaign: &Campaign) -> Value {
    json!({
        "id": campaign.named.id, "name": campaign.named.name, "type": campaign.named.kind.name(),
        "currencyISO": "USD", "rewards": rewards::offered(campaign),
    })
}
