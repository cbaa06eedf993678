//! One body for each event type of each dialect.

use serde_json::{Value, json};

/// The `createdAt` of all fixtures, in milliseconds.
pub const CREATED_AT: i64 = 1_767_225_600_250;

fn person(id: &str, name: &str) -> Value {
    json!({
        "id": id,
        "email": format!("{name}@example.com"),
        "firstName": name,
        "lastName": "Sample",
        "notes": "for the team only",
        "isWinner": false,
        "shareUrl": format!("https://shop.example.org?grsf={id}"),
        "referralCount": 4,
        "monthlyReferralCount": 1,
        "vanityKeys": [],
        "impressionCount": 31,
        "shareCount": 12,
        "createdAt": 1_767_000_000_000_i64,
        "referralSource": "PARTICIPANT",
        "fraudRiskLevel": "LOW",
        "fraudReasonCode": "UNIQUE_IDENTITY",
        "metadata": {"shopId": "s-1", "seats": 3, "beta": true, "nested": {"a": 1}, "none": null},
        "unsubscribed": false,
    })
}

fn campaign() -> Value {
    json!({"id": "cmp001", "name": "Autumn", "type": "REFERRAL", "currencyISO": "EUR", "rewards": []})
}

fn envelope(event: &str, data: Value) -> Value {
    json!({"event": event, "createdAt": CREATED_AT, "data": data})
}

pub fn participant_added() -> Value {
    let mut data = person("fri001", "ines");
    data["referredBy"] = json!("ref001");
    data["referrer"] = person("ref001", "omar");
    data["campaign"] = campaign();
    envelope("NEW_PARTICIPANT_ADDED", data)
}

pub fn goal_reached() -> Value {
    let mut earner = person("ref001", "omar");
    earner["referee"] = person("fri001", "ines");
    earner["referrer"] = person("top001", "ada");
    let reward = json!({
        "approved": true, "approvedAt": CREATED_AT, "fulfilledAt": null, "couponCode": "SAVE10",
        "title": "Ten off", "type": "DOUBLE_SIDED", "rewardId": "crew_1", "id": "prew_1",
        "isReferrer": true, "metadata": {"amount": "€10", "points": 100, "rate": 0.5},
    });
    let data = json!({"participant": earner, "reward": reward, "campaign": campaign()});
    envelope("PARTICIPANT_REACHED_A_GOAL", data)
}

pub fn fraud_status_updated() -> Value {
    let mut suspect = person("fri001", "ines");
    suspect["fraudRiskLevel"] = json!("HIGH");
    suspect["fraudReasonCode"] = json!("MANUAL_UPDATE");
    suspect["referredBy"] = json!("ref001");
    suspect["referrer"] = person("ref001", "omar");
    let data = json!({"participant": suspect, "campaign": campaign()});
    envelope("PARTICIPANT_FRAUD_STATUS_UPDATED", data)
}

pub fn commission_added() -> Value {
    let commission = json!({
        "id": "comm_1", "event": "SALE", "amount": 1_250, "currencyISO": "usd",
        "saleAmount": 4_950, "status": "APPROVED", "approvedAt": CREATED_AT, "fxError": null,
    });
    let data = json!({
        "participant": person("aff001", "omar"), "referredParticipant": person("buy001", "ines"),
        "campaign": campaign(), "commission": commission,
    });
    envelope("NEW_COMMISSION_ADDED", data)
}

pub fn commission_adjusted() -> Value {
    let adjustment = json!({
        "currencyISO": "JPY", "originalCommissionAmount": 900, "newCommissionAmount": 0,
        "commissionAdjustedAmount": -900, "reason": "FULL_REFUND", "adjustedAt": CREATED_AT - 50,
    });
    let data = json!({
        "participant": person("aff001", "omar"), "referredParticipant": person("buy001", "ines"),
        "campaign": campaign(), "adjustment": adjustment, "adjustedCommission": {"id": "comm_1"},
    });
    envelope("COMMISSION_ADJUSTED", data)
}

pub fn payout_issued() -> Value {
    let payout = json!({
        "id": "po_1", "commissionIds": ["comm_1"], "amount": 3_600, "status": "ISSUED",
        "provider": "paypal", "exchangeRate": 1.0,
    });
    let data = json!({
        "participant": person("aff001", "omar"), "referredParticipant": {},
        "campaign": campaign(), "payout": payout,
    });
    envelope("NEW_PAYOUT_ISSUED", data)
}

pub fn campaign_ended() -> Value {
    let mut data = campaign();
    data["endedAt"] = json!(CREATED_AT - 1_000);
    data["winners"] = json!([person("ref001", "omar"), person("fri001", "ines")]);
    envelope("CAMPAIGN_ENDED", data)
}

fn guide_person(name: &str, count: u32) -> Value {
    json!({
        "email": format!("{name}@example.org"), "firstName": name, "lastName": "Guide",
        "referralCode": format!("CODE-{name}"), "shareUrl": "https://shop.example.org/r",
        "referralCount": count, "campaignId": "cmp002", "campaignName": "Guided",
    })
}

/// Returns a body of the guide's shape.
pub fn guide(event: &str) -> Value {
    let mut participant = guide_person("noor", 0);
    if event == "CAMPAIGN_REFERRAL_CONVERTED" {
        participant["conversionValue"] = json!("99.50");
        participant["currency"] = json!("gbp");
        participant["product"] = json!("Annual plan");
    }
    json!({"event": event, "participant": participant, "referrer": guide_person("lee", 6)})
}

/// Returns the guide's fourth event, whose body it doesn't show whole.
pub fn guided_reward() -> Value {
    let mut body = guide("PARTICIPANT_REACHED_REWARD");
    body["reward"] = json!({"id": "prew_9", "type": "MILESTONE", "title": "Tier two",
        "description": "A mug", "couponCode": "MUG", "value": "€12"});
    body
}

/// Returns all bodies there are.
pub fn all() -> Vec<Value> {
    vec![
        participant_added(),
        goal_reached(),
        fraud_status_updated(),
        commission_added(),
        commission_adjusted(),
        payout_issued(),
        campaign_ended(),
        guide("PARTICIPANT_CREATED"),
        guide("PARTICIPANT_REFERRED"),
        guide("CAMPAIGN_REFERRAL_CONVERTED"),
        guided_reward(),
    ]
}
