//! Commissions and payouts of an affiliate program. Money is in minor units.
//!
//! Each friend who converts has bought something, which earns the referrer a commission. Some of
//! the commissions that were made up are paid out, each by a payout of its own.

use serde_json::{Value, json};

use super::{
    campaign::Campaign,
    ids::Named,
    order::By,
    query::{self, Query},
    refusal::Refusal,
};

const COMMISSION: &str = "comm_";
const PAYOUT: &str = "po_";
const CURRENCY: &str = "USD";
/// A commission is this part of the sale.
const PART: u64 = 4;

/// The list of commissions, newest first; of one affiliate only, if there is one.
pub(super) fn commissions(
    campaign: &Campaign,
    affiliate: Option<u64>,
    query: &Query,
) -> Result<Value, Refusal> {
    let of = |index: u64| commission(campaign, index);
    let list = List { name: "commissions", prefix: COMMISSION, by: By::Updated, of: &of };
    list.page(campaign, affiliate, query)
}

/// The list of payouts, newest first; of one affiliate only, if there is one.
pub(super) fn payouts(
    campaign: &Campaign,
    affiliate: Option<u64>,
    query: &Query,
) -> Result<Value, Refusal> {
    let of = |index: u64| payout(campaign, index);
    let list = List { name: "payouts", prefix: PAYOUT, by: By::Paid, of: &of };
    list.page(campaign, affiliate, query)
}

/// The commission on a friend, if there is one.
pub(super) fn commission(campaign: &Campaign, friend: u64) -> Option<Value> {
    let referrer = campaign.referrer(friend)?;
    let at = campaign.awarded_at(friend)?;
    if !campaign.is_affiliate() {
        return None;
    }
    let (sale, amount) = amounts(campaign, friend);
    let status = status(campaign, friend);
    let paid_at = (status == "PAID").then(|| campaign.fiction.paid(friend));
    Some(json!({
        "id": format!("{COMMISSION}{}", campaign.id(friend)), "event": "SALE", "status": status,
        "referrerId": campaign.id(referrer), "referredId": campaign.id(friend),
        "amount": amount, "currencyISO": CURRENCY, "saleAmount": sale, "createdAt": at,
        "approvedAt": (status != "PENDING").then_some(at), "paidAt": paid_at,
        "reversedAt": (status == "REVERSED").then_some(at), "payoutQueuedAt": null,
        "holdDuration": 7, "provider": "stripe", "amountInCampaignCurrency": amount,
        "saleAmountInCampaignCurrency": sale, "campaignCurrencyISO": CURRENCY,
        "exchangeRateAt": at, "fxError": null,
    }))
}

/// The payout of the commission on a friend, if there is one.
pub(super) fn payout(campaign: &Campaign, friend: u64) -> Option<Value> {
    let commission = commission(campaign, friend)?;
    let issued_at = commission["paidAt"].as_i64()?;
    Some(json!({
        "id": format!("{PAYOUT}{}", campaign.id(friend)), "status": "ISSUED",
        "participantId": commission["referrerId"], "commissionIds": [commission["id"]],
        "amount": commission["amount"], "currencyISO": CURRENCY, "createdAt": issued_at,
        "queuedAt": issued_at, "issuedAt": issued_at, "failedAt": null, "reversedAt": null,
        "provider": "PAYPAL", "amountInCampaignCurrency": commission["amount"],
        "campaignCurrencyISO": CURRENCY, "exchangeRateAt": issued_at, "exchangeRate": 1.0,
        "fxError": null,
    }))
}

fn amounts(campaign: &Campaign, friend: u64) -> (u64, u64) {
    let sale = 1_000 + 100 * campaign.fiction.number(friend, 8, 190);
    (sale, sale / PART)
}

/// What a change has converted is pending.
fn status(campaign: &Campaign, friend: u64) -> &'static str {
    if campaign.converted.contains_key(&friend) {
        return "PENDING";
    }
    match campaign.fiction.number(friend, 9, 10) {
        0 | 1 => "PENDING",
        2..5 => "APPROVED",
        5 => "REVERSED",
        _ => "PAID",
    }
}

/// A list of what friends have brought, in order of a time.
struct List<'a> {
    name: &'static str,
    prefix: &'static str,
    by: By,
    of: &'a dyn Fn(u64) -> Option<Value>,
}

impl List<'_> {
    fn page(
        &self,
        campaign: &Campaign,
        affiliate: Option<u64>,
        query: &Query,
    ) -> Result<Value, Refusal> {
        let limit = query.limit()?;
        let from = query.get("nextId").map(|id| self.place(campaign, id)).transpose()?;
        let status = query.get("status");
        let found = |index: &u64| {
            let is_of = affiliate.is_none_or(|of| campaign.referrer(*index) == Some(of));
            let thing = Some(*index).filter(|_| is_of).and_then(self.of);
            thing.is_some_and(|thing| status.is_none_or(|status| thing["status"] == status))
        };
        let (page, next) = if campaign.is_affiliate() {
            query::page(campaign.walk(self.by, true, from).filter(found), limit)
        } else {
            (Vec::new(), None)
        };
        let things: Vec<Value> = page.into_iter().filter_map(self.of).collect();
        let next = next.map(|index| format!("{}{}", self.prefix, campaign.id(index)));
        Ok(json!({self.name: things, "limit": limit, "nextId": next}))
    }

    fn place(&self, campaign: &Campaign, id: &str) -> Result<u64, Refusal> {
        let named = id.strip_prefix(self.prefix).and_then(|id| campaign.ids.read(id));
        match named {
            Some(Named::Participant(index)) if index < campaign.fiction.participants => Ok(index),
            Some(Named::Participant(index)) if campaign.converted.contains_key(&index) => Ok(index),
            _ => Err(Refusal::bad("nextId is not the id of a row.")),
        }
    }
}
