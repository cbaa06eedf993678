//! Commissions and payouts of an affiliate program. Money is in minor units.
//!
//! A customer who converts has bought something, which earns the affiliate a commission.

use serde_json::{Value, json};

use super::campaign::{Campaign, mix};
use super::query::Query;
use super::refusal::Refusal;

const CURRENCY: &str = "USD";
/// A commission is this part of the sale.
const PART: u64 = 4;

/// What an affiliate gets for a sale.
#[derive(Clone, Debug)]
pub(super) struct Commission {
    pub(super) id: String,
    pub(super) referrer: usize,
    pub(super) referred: usize,
    pub(super) sale: u64,
    pub(super) status: &'static str,
    pub(super) created_at: i64,
    pub(super) approved_at: Option<i64>,
    pub(super) paid_at: Option<i64>,
    pub(super) reversed_at: Option<i64>,
}

/// What an affiliate is paid for several commissions at once.
#[derive(Clone, Debug)]
pub(super) struct Payout {
    pub(super) id: String,
    pub(super) affiliate: usize,
    pub(super) commissions: Vec<usize>,
    pub(super) at: i64,
}

impl Commission {
    /// Returns the commission on a sale to this customer, which waits for approval.
    pub(super) fn new(campaign: &mut Campaign, referrer: usize, referred: usize, at: i64) -> Self {
        Self {
            id: format!("comm_{}", campaign.new_id()),
            referrer,
            referred,
            sale: 1_000 + 100 * (mix(7, referred as u64) % 190),
            status: "PENDING",
            created_at: at,
            approved_at: None,
            paid_at: None,
            reversed_at: None,
        }
    }

    /// Returns the commission itself, without the sale.
    pub(super) fn amount(&self) -> u64 {
        self.sale / PART
    }

    /// Returns the commission as both the REST API and webhooks show it.
    pub(super) fn shown(&self, campaign: &Campaign) -> Value {
        json!({
            "id": self.id, "event": "SALE", "status": self.status,
            "referrerId": campaign.participants[self.referrer].id,
            "referredId": campaign.participants[self.referred].id,
            "amount": self.amount(), "saleAmount": self.sale, "currencyISO": CURRENCY,
            "createdAt": self.created_at, "approvedAt": self.approved_at, "paidAt": self.paid_at,
            "reversedAt": self.reversed_at, "payoutQueuedAt": null, "holdDuration": 7,
            "provider": "stripe", "amountInCampaignCurrency": self.amount(),
            "saleAmountInCampaignCurrency": self.sale, "campaignCurrencyISO": CURRENCY,
            "exchangeRateAt": self.created_at, "fxError": null,
        })
    }

    /// Returns what a webhook says about its reversal.
    pub(super) fn adjustment(&self, at: i64) -> Value {
        let amount = i64::try_from(self.amount()).expect("it is below a million");
        json!({
            "currencyISO": CURRENCY, "originalCommissionAmount": amount,
            "newCommissionAmount": 0, "commissionAdjustedAmount": -amount,
            "reason": "FULL_REFUND", "adjustedAt": at,
        })
    }
}

impl Payout {
    /// Returns the payout as both the REST API and webhooks show it.
    pub(super) fn shown(&self, campaign: &Campaign) -> Value {
        let commissions = || self.commissions.iter().map(|it| &campaign.commissions[*it]);
        let amount: u64 = commissions().map(Commission::amount).sum();
        let ids: Vec<&String> = commissions().map(|commission| &commission.id).collect();
        json!({
            "id": self.id, "status": "ISSUED", "commissionIds": ids,
            "participantId": campaign.participants[self.affiliate].id,
            "amount": amount, "currencyISO": CURRENCY, "createdAt": self.at, "queuedAt": self.at,
            "issuedAt": self.at, "failedAt": null, "reversedAt": null, "provider": "paypal",
            "amountInCampaignCurrency": amount, "campaignCurrencyISO": CURRENCY,
            "exchangeRateAt": self.at, "exchangeRate": 1.0, "fxError": null,
        })
    }
}

/// Returns the page of commissions that a query asks for, newest first, of one affiliate or all.
pub(super) fn commissions(
    campaign: &Campaign,
    of: Option<usize>,
    query: &Query,
) -> Result<Value, Refusal> {
    only_affiliate(campaign)?;
    let mut all: Vec<&Commission> = campaign.commissions.iter().collect();
    all.sort_by_key(|commission| std::cmp::Reverse(commission.created_at));
    let status = query.get("status");
    let page = query.page(
        all,
        |it| it.id.clone(),
        |it| {
            of.is_none_or(|of| it.referrer == of) && status.is_none_or(|status| it.status == status)
        },
    )?;
    let rows: Vec<Value> = page.rows.into_iter().map(|it| it.shown(campaign)).collect();
    Ok(json!({"commissions": rows, "limit": page.limit, "nextId": page.next}))
}

/// Returns the page of payouts that a query asks for, newest first, of one affiliate or all.
pub(super) fn payouts(
    campaign: &Campaign,
    of: Option<usize>,
    query: &Query,
) -> Result<Value, Refusal> {
    only_affiliate(campaign)?;
    let mut all: Vec<&Payout> = campaign.payouts.iter().collect();
    all.sort_by_key(|payout| std::cmp::Reverse(payout.at));
    let status = query.get("status");
    let page = query.page(
        all,
        |it| it.id.clone(),
        |it| {
            of.is_none_or(|of| it.affiliate == of) && status.is_none_or(|status| status == "ISSUED")
        },
    )?;
    let rows: Vec<Value> = page.rows.into_iter().map(|it| it.shown(campaign)).collect();
    Ok(json!({"payouts": rows, "limit": page.limit, "nextId": page.next}))
}

fn only_affiliate(campaign: &Campaign) -> Result<(), Refusal> {
    if campaign.is_affiliate() { Ok(()) } else { Err(Refusal::wrong_kind("an affiliate program")) }
}
