//! The webhooks that GrowSurf sends: what each is about, and its body at the time.

use serde_json::{Map, Value, json};

use super::campaign::Campaign;
use super::participant::{in_webhook, with_referrer};
use super::reward;

/// `CAMPAIGN_ENDED` names at most this many winners.
const MAX_WINNERS: usize = 1_000;

/// What a webhook is about, by its place in the campaign.
#[derive(Clone, Copy, Debug)]
pub(super) enum Notice {
    /// This participant has joined.
    Joined(usize),
    /// This reward was earned or approved.
    Goal(usize),
    /// This participant's fraud status has changed.
    Fraud(usize),
    /// This commission is new.
    Commission(usize),
    /// This commission was reversed.
    Adjusted(usize),
    /// This payout was issued.
    Payout(usize),
    /// The campaign has ended.
    Ended,
}

impl Notice {
    /// Returns the body of the webhook, at the time when the campaign is as given.
    pub(super) fn body(self, campaign: &Campaign, at: i64) -> Value {
        let mut data = Map::new();
        let mut set = |key: &str, value: Value| data.insert(key.to_owned(), value);
        set("campaign", of_campaign(campaign));
        let person = |index| Value::Object(in_webhook(campaign, index, at));
        let event = match self {
            Self::Joined(index) => {
                data.extend(with_referrer(campaign, index, at));
                "NEW_PARTICIPANT_ADDED"
            }
            Self::Goal(place) => {
                let earned = &campaign.earned[place];
                let mut earner = in_webhook(campaign, earned.earner, at);
                if earned.is_referrer {
                    earner.extend(earned.referred.map(|it| ("referee".to_owned(), person(it))));
                } else {
                    earner.insert("referrer".to_owned(), person(earned.referrer));
                }
                set("participant", earner.into());
                set("reward", reward::in_webhook(campaign, earned));
                "PARTICIPANT_REACHED_A_GOAL"
            }
            Self::Fraud(index) => {
                set("participant", with_referrer(campaign, index, at).into());
                "PARTICIPANT_FRAUD_STATUS_UPDATED"
            }
            Self::Commission(place) | Self::Adjusted(place) => {
                let commission = &campaign.commissions[place];
                set("participant", person(commission.referrer));
                set("referredParticipant", person(commission.referred));
                if matches!(self, Self::Commission(_)) {
                    set("commission", commission.shown(campaign));
                    "NEW_COMMISSION_ADDED"
                } else {
                    set("adjustment", commission.adjustment(at));
                    set("adjustedCommission", commission.shown(campaign));
                    "COMMISSION_ADJUSTED"
                }
            }
            Self::Payout(place) => {
                let payout = &campaign.payouts[place];
                set("participant", person(payout.affiliate));
                set("payout", payout.shown(campaign));
                "NEW_PAYOUT_ISSUED"
            }
            Self::Ended => {
                data = ended(campaign, at);
                "CAMPAIGN_ENDED"
            }
        };
        json!({"event": event, "createdAt": at, "data": data})
    }
}

/// Returns a body that looks like one of an event, as the test of a webhook sends it.
pub(super) fn example(campaign: &Campaign, event: &str, now: i64) -> Value {
    let first = |is_there: bool, notice| is_there.then_some(notice);
    let notice = match event {
        "NEW_PARTICIPANT_ADDED" => campaign.shown().next().map(Notice::Joined),
        "PARTICIPANT_FRAUD_STATUS_UPDATED" => campaign.shown().next().map(Notice::Fraud),
        "CAMPAIGN_ENDED" => Some(Notice::Ended),
        "PARTICIPANT_REACHED_A_GOAL" => first(!campaign.earned.is_empty(), Notice::Goal(0)),
        "NEW_PAYOUT_ISSUED" => first(!campaign.payouts.is_empty(), Notice::Payout(0)),
        "COMMISSION_ADJUSTED" => first(!campaign.commissions.is_empty(), Notice::Adjusted(0)),
        _ => first(!campaign.commissions.is_empty(), Notice::Commission(0)),
    };
    let mut body = match notice {
        Some(notice) => notice.body(campaign, now),
        None => json!({"createdAt": now, "data": {"campaign": of_campaign(campaign)}}),
    };
    body["event"] = json!(event);
    body
}

fn of_campaign(campaign: &Campaign) -> Value {
    json!({
        "id": campaign.named.id, "name": campaign.named.name, "type": campaign.named.kind,
        "currencyISO": "USD", "rewards": reward::of_campaign_in_webhook(campaign),
    })
}

fn ended(campaign: &Campaign, at: i64) -> Map<String, Value> {
    let is_winner = |index: &usize| campaign.is_winner(*index);
    let winners: Vec<usize> = campaign.shown().filter(is_winner).collect();
    let shown = winners.iter().take(MAX_WINNERS).map(|index| in_webhook(campaign, *index, at));
    let shown: Vec<Value> = shown.map(Value::Object).collect();
    let mut data = summary(campaign, at);
    data.remove("inviteCount");
    data.remove("currencyISO");
    data.insert("startedAt".to_owned(), json!(campaign.started_at));
    data.insert("endedAt".to_owned(), json!(campaign.ended_at.unwrap_or(at)));
    data.insert("winners".to_owned(), json!(shown));
    data.insert("rewards".to_owned(), json!(reward::of_campaign_in_webhook(campaign)));
    data
}

/// Returns the campaign as the REST API shows it.
pub(super) fn summary(campaign: &Campaign, now: i64) -> Map<String, Value> {
    let all = || campaign.shown().map(|index| campaign.counts(index, now));
    let rewards: Vec<_> = reward::visible(campaign).collect();
    let status = if campaign.ended_at.is_some() { "COMPLETE" } else { "IN_PROGRESS" };
    let shares = campaign.shown().map(|index| &campaign.participants[index].shares);
    let shares: u64 = shares.flat_map(|shares| shares.values()).sum();
    let summary = json!({
        "id": campaign.named.id, "name": campaign.named.name, "type": campaign.named.kind,
        "status": status, "currencyISO": "USD", "rewards": rewards,
        "participantCount": campaign.shown().count(),
        "referralCount": all().map(|counts| counts.awarded).sum::<u64>(),
        "winnerCount": campaign.shown().filter(|index| campaign.is_winner(*index)).count(),
        "inviteCount": campaign.invitations.len(), "impressionCount": 3 * shares,
    });
    let Value::Object(summary) = summary else { unreachable!("it is an object, above") };
    summary
}
