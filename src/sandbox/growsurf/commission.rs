//! Commissions and payouts of an affiliate program. Money is in minor units.
//!
//! A customer who converts has bought something, which earns the affiliate a commission.

use std::cmp::Reverse;

use serde_json::{Value, json};

use super::api::{Answered, Call};
use super::campaign::{Campaign, Earned};
use super::participant::in_webhook;
use super::refusal::Refusal;

/// A commission is this part of the sale.
const PART: u64 = 4;

/// Adds the commission on a sale to this customer, which waits for approval.
pub(super) fn earn(campaign: &mut Campaign, affiliate: usize, customer: usize, at: i64) {
    let sale = 1_000 + 100 * (37 * customer as u64 % 190);
    let amount = sale / PART;
    let row = json!({
        "id": format!("comm_{}", campaign.new_id()), "event": "SALE", "status": "PENDING",
        "referrerId": campaign.participants[affiliate].id,
        "referredId": campaign.participants[customer].id,
        "amount": amount, "saleAmount": sale, "currencyISO": "USD", "createdAt": at,
        "approvedAt": null, "paidAt": null, "reversedAt": null, "payoutQueuedAt": null,
        "holdDuration": 7, "provider": "stripe", "amountInCampaignCurrency": amount,
        "saleAmountInCampaignCurrency": sale, "campaignCurrencyISO": "USD", "exchangeRateAt": at,
        "fxError": null,
    });
    campaign.participants[affiliate].fields["isWinner"] = json!(true);
    campaign.commissions.push(Earned { row, earner: affiliate, other: Some(customer), at });
    let place = campaign.commissions.len() - 1;
    campaign.tell(at, "NEW_COMMISSION_ADDED", |campaign| {
        let mut data = people(campaign, place, at);
        data["commission"] = campaign.commissions[place].row.clone();
        data
    });
}

/// Approves the commissions of an affiliate that wait.
pub(super) fn approve(campaign: &mut Campaign, affiliate: usize, at: i64) {
    for commission in &mut campaign.commissions {
        if commission.earner == affiliate && commission.row["status"] == "PENDING" {
            commission.row["status"] = json!("APPROVED");
            commission.row["approvedAt"] = json!(at);
        }
    }
}

/// Pays the approved commissions of an affiliate, if there are any.
pub(super) fn pay(campaign: &mut Campaign, affiliate: usize, at: i64) {
    let (mut amount, mut ids) = (0, Vec::new());
    for Earned { row, earner, .. } in &mut campaign.commissions {
        if *earner == affiliate && row["status"] == "APPROVED" {
            row["status"] = json!("PAID");
            row["paidAt"] = json!(at);
            amount += row["amount"].as_u64().unwrap_or_default();
            ids.push(row["id"].clone());
        }
    }
    if ids.is_empty() {
        return;
    }
    let row = json!({
        "id": format!("po_{}", campaign.new_id()), "status": "ISSUED", "commissionIds": ids,
        "participantId": campaign.participants[affiliate].id, "amount": amount,
        "currencyISO": "USD", "createdAt": at, "queuedAt": at, "issuedAt": at, "failedAt": null,
        "reversedAt": null, "provider": "paypal", "amountInCampaignCurrency": amount,
        "campaignCurrencyISO": "USD", "exchangeRateAt": at, "exchangeRate": 1.0, "fxError": null,
    });
    campaign.payouts.push(Earned { row: row.clone(), earner: affiliate, other: None, at });
    campaign.tell(
        at,
        "NEW_PAYOUT_ISSUED",
        |campaign| json!({"participant": in_webhook(campaign, affiliate, at), "payout": row}),
    );
}

/// Reverses the commission on a customer.
pub(super) fn reverse(campaign: &mut Campaign, customer: usize, at: i64) -> Result<(), String> {
    let place = campaign.commissions.iter().position(|it| it.other == Some(customer));
    let place = place.ok_or("there is no commission on this friend")?;
    let row = &mut campaign.commissions[place].row;
    row["status"] = json!("REVERSED");
    row["reversedAt"] = json!(at);
    let amount = row["amount"].as_i64().unwrap_or_default();
    campaign.tell(at, "COMMISSION_ADJUSTED", |campaign| {
        let mut data = people(campaign, place, at);
        data["adjustedCommission"] = campaign.commissions[place].row.clone();
        data["adjustment"] = json!({
            "currencyISO": "USD", "originalCommissionAmount": amount, "newCommissionAmount": 0,
            "commissionAdjustedAmount": -amount, "reason": "FULL_REFUND", "adjustedAt": at,
        });
        data
    });
    Ok(())
}

/// Returns the affiliate and the customer of a commission, as webhooks show them.
fn people(campaign: &Campaign, place: usize, at: i64) -> Value {
    let Earned { earner, other, .. } = campaign.commissions[place];
    let customer = other.map(|customer| in_webhook(campaign, customer, at));
    json!({"participant": in_webhook(campaign, earner, at), "referredParticipant": customer})
}

/// Lists commissions, of the participant in the path only if there is one.
pub(super) fn commissions(call: &mut Call<'_>) -> Answered {
    list(call, "commissions", &call.campaign().commissions)
}

/// Lists payouts, of the participant in the path only if there is one.
pub(super) fn payouts(call: &mut Call<'_>) -> Answered {
    list(call, "payouts", &call.campaign().payouts)
}

fn list(call: &Call<'_>, name: &str, all: &[Earned]) -> Answered {
    if !call.campaign().is_affiliate() {
        return Err(Refusal::wrong_type("an affiliate program"));
    }
    let (of, status) = (call.of()?, call.query.get("status"));
    let mut all: Vec<&Earned> = all.iter().collect();
    all.sort_by_key(|it| Reverse(it.at));
    let id = |it: &&Earned| it.row["id"].as_str().unwrap_or_default().to_owned();
    let fits = |it: &&Earned| {
        of.is_none_or(|of| of == it.earner) && status.is_none_or(|of| it.row["status"] == of)
    };
    call.query.page(name, &all, id, fits, |it| it.row.clone())
}
