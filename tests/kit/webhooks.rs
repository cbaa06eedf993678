//! Webhooks in the shapes GrowSurf sends, and in the shape of its guide.
//!
//! The person `fay` has the participant id `fay` and the address `fay@example.com`.

use serde_json::{Value, json};

use super::now_millis;

/// The campaign of all webhooks that name no other.
pub const CAMPAIGN: &str = "ct8f71";
pub const CAMPAIGN_NAME: &str = "Spring Referral Program";

/// Every participant's internal notes, which nobody outside may see.
pub const NOTES: &str = "internal-note-of-the-team";

/// A webhook in the making.
#[derive(Clone, Debug)]
pub struct Webhook(pub Value);

/// Returns a person's address.
pub fn email(name: &str) -> String {
    format!("{name}@example.com")
}

/// The default time of joining, in milliseconds.
pub const JOINED_AT: i64 = 1_554_479_231_190;

/// Returns a participant as webhooks show them.
pub fn participant(name: &str) -> Value {
    let (initial, rest) = name.split_at(1);
    json!({
        "id": name,
        "email": email(name),
        "firstName": format!("{}{rest}", initial.to_uppercase()),
        "lastName": "Tester",
        "notes": NOTES,
        "isWinner": false,
        "shareUrl": format!("https://shop.example.com?grsf={name}"),
        "referralCount": 0,
        "monthlyReferralCount": 0,
        "prevMonthlyReferralCount": 0,
        "leadCount": 0,
        "vanityKeys": [],
        "impressionCount": 2,
        "uniqueImpressionCount": 2,
        "shareCount": 3,
        "createdAt": JOINED_AT,
        "referralSource": "DIRECT",
        "fraudRiskLevel": "LOW",
        "fraudReasonCode": "UNIQUE_IDENTITY",
        "metadata": {"companyName": "Example Shop Ltd"},
        "unsubscribed": false
    })
}

fn campaign(kind: &str) -> Value {
    json!({
        "id": CAMPAIGN, "name": CAMPAIGN_NAME, "type": kind, "currencyISO": "USD", "rewards": []
    })
}

fn webhook(event: &str, data: Value) -> Webhook {
    Webhook(json!({"event": event, "createdAt": now_millis(), "data": data}))
}

/// Returns `NEW_PARTICIPANT_ADDED` without a referrer.
pub fn joined(name: &str) -> Webhook {
    let mut data = participant(name);
    data["campaign"] = campaign("REFERRAL");
    // A participant is as old as the first webhook about them.
    data["createdAt"] = json!(now_millis());
    webhook("NEW_PARTICIPANT_ADDED", data)
}

/// Returns `PARTICIPANT_REACHED_A_GOAL`: a referrer earned an approved reward, for the friend
/// `ned`.
pub fn goal_reached(name: &str, reward: &str) -> Webhook {
    let mut earner = participant(name);
    earner["referee"] = participant("ned");
    let reward = json!({
        "approved": true,
        "conversionsRequired": 1,
        "couponCode": "PROMO_20_OFF",
        "createdAt": 1_542_560_101_404_i64,
        "approvedAt": 1_659_474_941_892_i64,
        "fulfilledAt": null,
        "description": "Win a free t-shirt",
        "imageUrl": "https://shop.example.com/reward-image.png",
        "limit": 3,
        "title": "Early-Bird Reward",
        "isReferrer": true,
        "type": "SINGLE_SIDED",
        "rewardId": "crew_xlj123",
        "id": reward,
        "referredId": "ned",
        "referrerId": name,
        "metadata": {"foo": "bar", "amount": "$25", "points": 1000}
    });
    let data = json!({"participant": earner, "reward": reward, "campaign": campaign("REFERRAL")});
    webhook("PARTICIPANT_REACHED_A_GOAL", data)
}

/// Returns `PARTICIPANT_FRAUD_STATUS_UPDATED`.
pub fn suspected(name: &str) -> Webhook {
    let mut person = participant(name);
    person["fraudRiskLevel"] = json!("HIGH");
    person["fraudReasonCode"] = json!("REFERRAL_CHAIN_FRAUD");
    let data = json!({"participant": person, "campaign": campaign("REFERRAL")});
    webhook("PARTICIPANT_FRAUD_STATUS_UPDATED", data)
}

fn commission(id: &str, affiliate: &str, friend: &str) -> Value {
    json!({
        "id": id,
        "referrerId": affiliate,
        "referredId": friend,
        "event": "SALE",
        "amount": 2550,
        "currencyISO": "USD",
        "saleAmount": 10000,
        "status": "APPROVED",
        "createdAt": 1_731_494_175_123_i64,
        "approvedAt": 1_731_580_575_123_i64,
        "paidAt": null,
        "reversedAt": null,
        "payoutQueuedAt": null,
        "holdDuration": 7,
        "provider": "stripe",
        "amountInCampaignCurrency": 2550,
        "saleAmountInCampaignCurrency": 10000,
        "campaignCurrencyISO": "USD",
        "exchangeRateAt": 1_731_494_175_123_i64,
        "fxError": null
    })
}

/// Returns the friend of an affiliate, who has no link of their own.
fn customer(name: &str) -> Value {
    let mut friend = participant(name);
    friend["referralSource"] = json!("PARTICIPANT");
    friend.as_object_mut().unwrap().remove("shareUrl");
    friend
}

/// Returns `NEW_COMMISSION_ADDED`: an affiliate earns 25.50 of a sale of 100 USD.
pub fn commission_added(id: &str, affiliate: &str, friend: &str) -> Webhook {
    let data = json!({
        "participant": participant(affiliate),
        "referredParticipant": customer(friend),
        "campaign": campaign("AFFILIATE"),
        "commission": commission(id, affiliate, friend),
    });
    webhook("NEW_COMMISSION_ADDED", data)
}

/// Returns `COMMISSION_ADJUSTED`: a full refund of 99 USD.
pub fn commission_adjusted(id: &str, affiliate: &str, friend: &str) -> Webhook {
    let data = json!({
        "participant": participant(affiliate),
        "referredParticipant": customer(friend),
        "campaign": campaign("AFFILIATE"),
        "adjustment": {
            "currencyISO": "USD",
            "originalCommissionAmount": 9900,
            "newCommissionAmount": 0,
            "commissionAdjustedAmount": -9900,
            "reason": "FULL_REFUND",
            "adjustedAt": 1_766_393_352_171_i64
        },
        "adjustedCommission": commission(id, affiliate, friend),
    });
    webhook("COMMISSION_ADJUSTED", data)
}

/// Returns `NEW_PAYOUT_ISSUED`; `amount` is in minor units.
pub fn payout_issued(id: &str, affiliate: &str, amount: i64, currency: &str) -> Webhook {
    let data = json!({
        "participant": participant(affiliate),
        "campaign": campaign("AFFILIATE"),
        "payout": {
            "id": id,
            "participantId": affiliate,
            "commissionIds": ["comm_jp1ku7", "comm_a98s7z"],
            "amount": amount,
            "currencyISO": currency,
            "status": "ISSUED",
            "createdAt": 1_731_494_295_334_i64,
            "issuedAt": 1_731_580_575_123_i64,
            "failedAt": null,
            "provider": "paypal",
            "amountInCampaignCurrency": amount,
            "campaignCurrencyISO": currency,
            "exchangeRateAt": 1_731_580_575_217_i64,
            "exchangeRate": 1.0,
            "fxError": null
        }
    });
    webhook("NEW_PAYOUT_ISSUED", data)
}

/// Time at which the campaign of [`campaign_ended`] ended, in milliseconds.
pub const ENDED_AT: i64 = 1_766_393_352_171;

/// Returns `CAMPAIGN_ENDED` with these winners.
pub fn campaign_ended(winners: &[&str]) -> Webhook {
    let mut data = campaign("REFERRAL");
    data["endedAt"] = json!(ENDED_AT);
    data["status"] = json!("COMPLETE");
    data["winnerCount"] = json!(winners.len());
    data["winners"] = winners.iter().map(|name| participant(name)).collect();
    webhook("CAMPAIGN_ENDED", data)
}

/// Returns a webhook in the guide's shape, which has no time and no ids of participants.
pub fn guide(event: &str, name: &str) -> Webhook {
    Webhook(json!({"event": event, "participant": guided(name)}))
}

fn guided(name: &str) -> Value {
    let known = participant(name);
    json!({
        "email": known["email"],
        "firstName": known["firstName"],
        "lastName": known["lastName"],
        "referralCode": format!("{}-code", known["firstName"].as_str().unwrap()),
        "shareUrl": known["shareUrl"],
        "referralCount": 0,
        "campaignId": CAMPAIGN,
        "campaignName": CAMPAIGN_NAME
    })
}

impl Webhook {
    /// Adds a referrer, whose first friend the new participant is.
    pub fn referred_by(self, name: &str) -> Self {
        self.referred_by_with(name, 1)
    }

    /// Adds a referrer with `friends` friends in all.
    pub fn referred_by_with(mut self, name: &str, friends: u64) -> Self {
        if self.0["data"].is_object() {
            let mut referrer = participant(name);
            referrer["referralCount"] = json!(friends);
            self.0["data"]["referralSource"] = json!("PARTICIPANT");
            self.0["data"]["referredBy"] = json!(name);
            self.0["data"]["referrer"] = referrer;
        } else {
            let mut referrer = guided(name);
            referrer["referralCount"] = json!(friends);
            self.0["referrer"] = referrer;
        }
        self
    }

    /// Sets what a JSON pointer points at; the place that holds it must be there.
    #[track_caller]
    pub fn with(mut self, pointer: &str, value: impl Into<Value>) -> Self {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = self.0.pointer_mut(parent).unwrap_or_else(|| panic!("no place {pointer}"));
        parent[name] = value.into();
        self
    }

    /// Takes a field away, which must be there.
    #[track_caller]
    pub fn without(mut self, pointer: &str) -> Self {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = self.0.pointer_mut(parent).and_then(Value::as_object_mut);
        let taken = parent.and_then(|parent| parent.remove(name));
        assert!(taken.is_some(), "no {pointer} to take away");
        self
    }

    /// Returns the event's time in milliseconds.
    pub fn at(mut self, millis: i64) -> Self {
        if let Some(joined_at) = self.0.pointer_mut("/data/createdAt") {
            *joined_at = json!(millis);
        }
        self.with("/createdAt", millis)
    }

    /// Returns the event's time in seconds.
    pub fn seconds(&self) -> i64 {
        self.0["createdAt"].as_i64().unwrap() / 1_000
    }

    /// Returns the bytes as they are sent.
    pub fn body(&self) -> String {
        self.0.to_string()
    }
}
