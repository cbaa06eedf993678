//! Commissions and payouts of an affiliate program. Money is in minor units.
//!
//! A customer who converts has bought something, which earns the affiliate a commission.

use serde_json::{Value, json};

use super::api::{Answered, Call};
use super::campaign::Campaign;
use super::refusal::Refusal;

/// A commission is this part of the sale.
const PART: u64 = 4;

impl Campaign {
    /// Adds the commission on a sale to this customer, which waits for approval.
    pub(super) fn earn_commission(&mut self, affiliate: usize, customer: usize, at: i64) {
        let sale = 1_000 + 100 * (37 * customer as u64 % 190);
        let amount = sale / PART;
        let row = json!({
            "id": format!("comm_{}", self.new_id()), "amount": amount, "saleAmount": sale,
            "referrerId": self.participants[affiliate].id,
            "referredId": self.participants[customer].id, "createdAt": at,
            "amountInCampaignCurrency": amount, "saleAmountInCampaignCurrency": sale,
        });
        let row = self.like("commission", row);
        self.participants[affiliate].fields["isWinner"] = json!(true);
        self.commissions.push(row.clone());
        let data = json!({
            "participant": self.in_webhook(affiliate, at),
            "referredParticipant": self.in_webhook(customer, at), "commission": row,
        });
        self.keep_webhook(at, "NEW_COMMISSION_ADDED", data);
    }

    /// Approves and pays the commissions of an affiliate that wait, if there are any.
    pub(super) fn pay(&mut self, affiliate: usize, at: i64) {
        let id = self.participants[affiliate].id.clone();
        let (mut amount, mut ids) = (0, Vec::new());
        for row in &mut self.commissions {
            if row["referrerId"] == id && row["status"] == "PENDING" {
                row["status"] = json!("PAID");
                row["approvedAt"] = json!(at);
                row["paidAt"] = json!(at);
                amount += row["amount"].as_u64().unwrap_or_default();
                ids.push(row["id"].clone());
            }
        }
        if ids.is_empty() {
            return;
        }
        let row = json!({
            "id": format!("po_{}", self.new_id()), "participantId": id, "commissionIds": ids,
            "amount": amount, "amountInCampaignCurrency": amount, "createdAt": at,
            "queuedAt": at, "issuedAt": at,
        });
        let row = self.like("payout", row);
        self.payouts.push(row.clone());
        let data = json!({"participant": self.in_webhook(affiliate, at), "payout": row});
        self.keep_webhook(at, "NEW_PAYOUT_ISSUED", data);
    }
}

/// Lists commissions or payouts, newest first.
pub(super) fn list(call: &Call<'_>, name: &str) -> Answered {
    if !call.campaign.is_affiliate() {
        return Err(Refusal::of(422, "This request needs an affiliate program."));
    }
    let payouts = &call.campaign.payouts;
    let all = if name == "payouts" { payouts } else { &call.campaign.commissions };
    let newest: Vec<Value> = all.iter().rev().cloned().collect();
    call.query.rows(name, &newest, "", |_| true)
}
