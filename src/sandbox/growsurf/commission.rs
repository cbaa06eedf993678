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
    let all = campaign.commissions.iter();
    let all = all.map(|it| (it.created_at, it.referrer, it.shown(campaign))).collect();
    list("commissions", campaign, all, of, query)
}

/// Returns the page of payouts that a query asks for, newest first, of one affiliate or all.
pub(super) fn payouts(
    campaign: &Campaign,
    of: Option<usize>,
    query: &Query,
) -> Result<Value, Refusal> {
    let all = campaign.payouts.iter().map(|it| (it.at, it.affiliate, it.shown(campaign))).collect();
    list("payouts", campaign, all, of, query)
}

/// Lists rows, each with its time and its affiliate.
fn list(
    name: &str,
    campaign: &Campaign,
    mut all: Vec<(i64, usize, Value)>,
    of: Option<usize>,
    query: &Query,
) -> Result<Value, Refusal> {
    if !campaign.is_affiliate() {
        return Err(Refusal::wrong_kind("an affiliate program"));
    }
    all.sort_by_key(|(at, ..)| std::cmp::Reverse(*at));
    let status = query.get("status");
    let id = |(.., row): &(i64, usize, Value)| row["id"].as_str().unwrap_or_default().to_owned();
    let fits = |(_, affiliate, row): &(i64, usize, Value)| {
        of.is_none_or(|of| of == *affiliate) && status.is_none_or(|it| row["status"] == it)
    };
    let page = query.page(all.iter().collect(), id, fits)?;
    let rows: Vec<&Value> = page.rows.into_iter().map(|(.., row)| row).collect();
    Ok(json!({name: rows, "limit": page.limit, "nextId": page.next}))
}
