//! Rewards: those that a campaign has configured, and those that participants have earned.
//!
//! A conversion earns what is switched on: the referrer's reward, the friend's too if the reward
//! is double-sided, and a milestone at its number of conversions, which waits for approval.

use serde_json::{Value, json};

use super::api::{Answered, Call};
use super::campaign::{Campaign, with, without};
use super::participant::ReferralStatus;

/// The reward that the made-up program switches off after a while.
pub(super) const LAUNCH: &str = "crew_launch";
/// The reward for the fifth conversion.
const MILESTONE: &str = "crew_vip005";

/// The fields of a configured reward that the campaign in a webhook leaves out.
const NOT_IN_WEBHOOK: &str =
    "commissionStructure event referralCouponCode referredRewardUpfront referredValue value";
/// The fields of an earned reward that a webhook leaves out.
const NOT_IN_EARNED: &str = "status isAvailable isFulfilled unread amount currencyISO";
/// The fields of its configuration that an earned reward has in a webhook, if they have a value.
const IN_EARNED: &str = "conversionsRequired couponCode description imageUrl limit metadata \
    referralCouponCode referralDescription title type";
/// The field of an earned reward that its row leaves out.
pub(super) const NOT_IN_ROW: &str = "createdAt";

/// Returns the rewards that are switched on: the only ones that the campaign itself shows.
pub(super) fn visible(campaign: &Campaign) -> impl Iterator<Item = &Value> {
    let configured = campaign.setup["rewards"].as_array().into_iter().flatten();
    configured.filter(|reward| reward["isVisible"] == true)
}

pub(super) fn of_campaign_in_webhook(campaign: &Campaign) -> Vec<Value> {
    let shown =
        |reward: &Value| with(without(reward.clone(), NOT_IN_WEBHOOK), json!({"isActive": true}));
    visible(campaign).map(shown).collect()
}

/// Lists what a participant has earned.
pub(super) fn list(call: &Call<'_>, index: usize) -> Answered {
    let own = &call.campaign.participants[index].rewards;
    call.query.rows("rewards", own, NOT_IN_ROW, |_| true)
}

impl Campaign {
    /// Adds what the conversion of a friend earns.
    pub(super) fn earn_rewards(&mut self, referrer: usize, friend: usize, at: i64) {
        let conversions = self.friends(referrer, ReferralStatus::Awarded).count();
        let configured: Vec<Value> = visible(self).cloned().collect();
        for reward in configured {
            let is_milestone = reward["type"] == "MILESTONE";
            if !is_milestone || reward["conversionsRequired"] == conversions {
                self.earn(&reward["id"], true, (referrer, Some(friend)), !is_milestone, at);
            }
            if reward["type"] == "DOUBLE_SIDED" {
                self.earn(&reward["id"], false, (friend, Some(referrer)), true, at);
            }
        }
    }

    /// Adds an approved milestone that no conversion has earned.
    pub(super) fn grant(&mut self, earner: usize, at: i64) {
        self.earn(&json!(MILESTONE), true, (earner, None), true, at);
    }

    /// Approves the rewards of a participant that wait.
    pub(super) fn approve(&mut self, earner: usize, at: i64) {
        for place in 0..self.participants[earner].rewards.len() {
            let row = &mut self.participants[earner].rewards[place];
            if row["approved"] == false {
                row["approved"] = json!(true);
                row["approvedAt"] = json!(at);
                let row = row.clone();
                self.keep_reward_webhook(earner, row, at);
            }
        }
    }

    /// Adds the reward that one side has earned, and names the other side.
    fn earn(
        &mut self,
        reward: &Value,
        is_referrer: bool,
        (earner, other): (usize, Option<usize>),
        is_approved: bool,
        at: i64,
    ) {
        let [own, others] = [Some(earner), other].map(|it| Some(self.participants[it?].id.clone()));
        let (referrer, referred) = if is_referrer { (own, others) } else { (others, own) };
        let row = json!({
            "id": format!("prew_{}", self.new_id()), "rewardId": reward, "approved": is_approved,
            "approvedAt": is_approved.then_some(at), "isReferrer": is_referrer,
            "referrerId": referrer, "referredId": referred, "createdAt": at,
        });
        let row = self.like("earned", row);
        self.participants[earner].rewards.push(row.clone());
        self.keep_reward_webhook(earner, row, at);
    }

    /// Keeps the webhook of an earned reward: merged with its configuration, both sides of it.
    fn keep_reward_webhook(&mut self, earner: usize, mut reward: Value, at: i64) {
        if reward["approved"] == true {
            self.participants[earner].fields["isWinner"] = json!(true);
        }
        let mut participant = self.in_webhook(earner, at);
        let is_referrer = reward["isReferrer"] == true;
        let (role, other) =
            if is_referrer { ("referee", "referredId") } else { ("referrer", "referrerId") };
        if let Some(Ok(other)) = reward[other].as_str().map(|id| self.find(id)) {
            participant[role] = self.in_webhook(other, at);
        }
        let mut configured = self.setup["rewards"].as_array().into_iter().flatten();
        if let Some(configured) = configured.find(|it| it["id"] == reward["rewardId"]) {
            for name in IN_EARNED.split(' ').filter(|name| !configured[*name].is_null()) {
                reward[name] = configured[name].clone();
            }
        }
        let reward = without(reward, NOT_IN_EARNED);
        let data = json!({"participant": participant, "reward": reward});
        self.keep_webhook(at, "PARTICIPANT_REACHED_A_GOAL", data);
    }
}
