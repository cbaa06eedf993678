//! The webhooks of affiliate programs: commissions, their adjustments, payouts.
//!
//! What belongs here: these three events and how GrowSurf writes money, which is in minor units.
//! What doesn't: the envelope and everything else.

use super::missing;
use super::participant::Participant;
use super::referrer::note_referrer;
use super::webhook::{Data, subject};
use crate::domain::{self, Amount, Event, Money, Notification, ParticipantIndex, Time};
use crate::sources::lenient::{self, Field, wire};

/// GrowSurf's `event` of a commission of a sale.
const SALE: &str = "SALE";

wire! {
    /// A commission, in a webhook (<https://docs.growsurf.com/developer-tools/webhooks/events-reference>) or in a row
    /// (<https://docs.growsurf.com/developer-tools/rest-api/api-objects>).
    pub struct Commission<'a> {
        pub id: Option<String>,
        pub referrer_id: Option<String>,
        /// The friend.
        pub referred_id: Option<String>,
        /// `LEAD` or `SALE`; older commissions have none, and are sales.
        pub event: Option<&'a str>,
        pub amount: Option<i64>,
        pub sale_amount: Option<i64>,
        #[serde(rename = "currencyISO")]
        pub currency_iso: Option<&'a str>,
        /// `PENDING`, `APPROVED`, `PAID`, `REVERSED` or `DELETED`.
        pub status: Option<&'a str>,
        pub created_at: Field<Time>,
    }
}

wire! {
    /// The change of a commission
    /// (<https://docs.growsurf.com/developer-tools/webhooks/events-reference>).
    pub struct Adjustment<'a> {
        #[serde(rename = "currencyISO")]
        pub currency_iso: Option<&'a str>,
        pub original_commission_amount: Option<i64>,
        pub new_commission_amount: Option<i64>,
        /// Negative for a refund.
        pub commission_adjusted_amount: Option<i64>,
        /// Such as `FULL_REFUND`.
        pub reason: Option<&'a str>,
        pub adjusted_at: Option<Time>,
    }
}

wire! {
    /// A payout, in a webhook (<https://docs.growsurf.com/developer-tools/webhooks/events-reference>) or in a row
    /// (<https://docs.growsurf.com/developer-tools/rest-api/api-objects>).
    pub struct Payout<'a> {
        pub id: Option<String>,
        pub participant_id: Option<String>,
        pub amount: Option<i64>,
        #[serde(rename = "currencyISO")]
        pub currency_iso: Option<&'a str>,
        /// Such as `paypal`.
        pub provider: Option<&'a str>,
        pub issued_at: Field<Time>,
    }
}

/// Reads `NEW_COMMISSION_ADDED`; a commission of a sale is a conversion as well.
///
/// # Errors
/// The reason to park the body, naming the field. The same for the other events.
pub fn commission_added(
    notification: &mut Notification,
    data: Data<'_>,
    currency: Option<&str>,
) -> Result<(), String> {
    let affiliate = subject(notification, data.participant, data.referrer)?;
    let friend = friend(notification, affiliate, data.referred_participant);
    let commission = data.commission.unwrap_or_default();
    let money = money(commission.currency_iso.or(currency));
    let kind = commission.event.unwrap_or(SALE);
    let (is_sale, sale) = (kind.eq_ignore_ascii_case(SALE), money(commission.sale_amount));
    let commission = domain::Commission {
        id: commission.id.ok_or_else(|| missing("data.commission.id"))?,
        kind: Some(kind.to_owned()),
        amount: money(commission.amount),
        sale: sale.clone(),
        status: commission.status.map(str::to_owned),
    };
    notification.add_event(Event::CommissionAdded { affiliate, friend, commission });
    if let Some(friend) = friend.filter(|_| is_sale) {
        notification.add_event(Event::ReferralConverted {
            friend,
            referrer: Some(affiliate),
            value: sale.map(|it| Amount { value: it.major(), currency: Some(it.currency) }),
            product: None,
        });
    }
    Ok(())
}

/// Reads `COMMISSION_ADJUSTED`.
///
/// # Errors
/// See [`commission_added`].
pub fn commission_adjusted(
    notification: &mut Notification,
    data: Data<'_>,
    currency: Option<&str>,
) -> Result<(), String> {
    let affiliate = subject(notification, data.participant, data.referrer)?;
    let friend = friend(notification, affiliate, data.referred_participant);
    let commission = data.adjusted_commission.and_then(|it| it.id);
    let commission = commission.ok_or_else(|| missing("data.adjustedCommission.id"))?;
    let adjustment = data.adjustment.ok_or_else(|| missing("data.adjustment"))?;
    let money = money(adjustment.currency_iso.or(currency));
    let adjustment = domain::Adjustment {
        commission,
        adjusted_at: adjustment.adjusted_at.or(notification.as_of).unwrap_or_default(),
        original: money(adjustment.original_commission_amount),
        new: money(adjustment.new_commission_amount),
        change: money(adjustment.commission_adjusted_amount),
        reason: adjustment.reason.map(str::to_owned),
    };
    notification.add_event(Event::CommissionAdjusted { affiliate, friend, adjustment });
    Ok(())
}

/// Reads `NEW_PAYOUT_ISSUED`.
///
/// # Errors
/// See [`commission_added`].
pub fn payout_issued(
    notification: &mut Notification,
    data: Data<'_>,
    currency: Option<&str>,
) -> Result<(), String> {
    let affiliate = subject(notification, data.participant, data.referrer)?;
    let payout = data.payout.unwrap_or_default();
    let payout = domain::Payout {
        id: payout.id.ok_or_else(|| missing("data.payout.id"))?,
        amount: money(payout.currency_iso.or(currency))(payout.amount),
        provider: payout.provider.map(str::to_owned),
    };
    notification.add_event(Event::PayoutIssued { affiliate, payout });
    Ok(())
}

/// Adds the friend by which an affiliate earns.
fn friend(
    notification: &mut Notification,
    affiliate: ParticipantIndex,
    friend: Option<Participant<'_>>,
) -> Option<ParticipantIndex> {
    let mut friend = friend?.into_snapshot("data.referredParticipant");
    // Who buys by their own link is nobody's friend.
    note_referrer(&mut friend, &notification.people[affiliate.0]).ok()?;
    Some(notification.add_participant(friend))
}

/// Returns the reader of an amount. A currency that can't be read isn't replaced by another.
fn money(currency: Option<&str>) -> impl Fn(Option<i64>) -> Option<Money> {
    let currency = currency.and_then(lenient::currency);
    move |minor| Some(Money { minor: minor?, currency: currency.clone()? })
}
