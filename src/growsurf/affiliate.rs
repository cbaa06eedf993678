//! The webhooks of affiliate programs: commissions, their adjustments, payouts.
//!
//! What belongs here: these three events and how GrowSurf writes money, which is in minor units.
//! What doesn't: the envelope and everything else. All field names are those of
//! <https://docs.growsurf.com/developer-tools/webhooks/events-reference>.

use crate::domain::{Adjustment, Amount, Commission, Event, Money, ParticipantIndex, Payout, Time};

use super::draft::Draft;
use super::lenient::{self, Object};
use super::missing;
use super::participant::{note_referrer, snapshot};
use super::webhook::participant;

/// GrowSurf's `event` of a commission of a sale.
const SALE: &str = "SALE";

/// `NEW_COMMISSION_ADDED`; a commission of a sale tells of a conversion, too.
pub fn commission_added(draft: &mut Draft, data: Object<'_>, _: Time) -> Result<(), String> {
    let (affiliate, friend) = affiliate_and_friend(draft, data)?;
    let (object, id) = identified(data, "commission", "data.commission.id")?;
    let currency = currency(data, object);
    let commission = Commission {
        id,
        // Older commissions have no event, and are sales.
        kind: Some(object.text("event").unwrap_or(SALE).to_owned()),
        amount: money(object, "amount", currency.as_deref()),
        sale: money(object, "saleAmount", currency.as_deref()),
        status: object.text("status").map(str::to_owned),
    };
    let sale = commission.sale.clone();
    let is_sale = commission.kind.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case(SALE));
    draft.tell(Event::CommissionAdded { affiliate, friend, commission });
    if let Some(friend) = friend.filter(|_| is_sale) {
        draft.tell(Event::ReferralConverted {
            friend,
            referrer: Some(affiliate),
            value: sale.map(|it| Amount { value: it.major(), currency: Some(it.currency) }),
            product: None,
        });
    }
    Ok(())
}

/// `COMMISSION_ADJUSTED`.
pub fn commission_adjusted(
    draft: &mut Draft,
    data: Object<'_>,
    created_at: Time,
) -> Result<(), String> {
    let (affiliate, friend) = affiliate_and_friend(draft, data)?;
    let (_, commission) = identified(data, "adjustedCommission", "data.adjustedCommission.id")?;
    let object = data.object("adjustment").ok_or_else(|| missing("data.adjustment"))?;
    let currency = currency(data, object);
    let adjustment = Adjustment {
        commission,
        adjusted_at: object.time("adjustedAt").unwrap_or(created_at),
        original: money(object, "originalCommissionAmount", currency.as_deref()),
        new: money(object, "newCommissionAmount", currency.as_deref()),
        change: money(object, "commissionAdjustedAmount", currency.as_deref()),
        reason: object.text("reason").map(str::to_owned),
    };
    draft.tell(Event::CommissionAdjusted { affiliate, friend, adjustment });
    Ok(())
}

/// `NEW_PAYOUT_ISSUED`.
pub fn payout_issued(draft: &mut Draft, data: Object<'_>, _: Time) -> Result<(), String> {
    let (_, affiliate) = participant(draft, data)?;
    let (object, id) = identified(data, "payout", "data.payout.id")?;
    let amount = money(object, "amount", currency(data, object).as_deref());
    let provider = object.text("provider").map(str::to_owned);
    draft.tell(Event::PayoutIssued { affiliate, payout: Payout { id, amount, provider } });
    Ok(())
}

fn affiliate_and_friend(
    draft: &mut Draft,
    data: Object<'_>,
) -> Result<(ParticipantIndex, Option<ParticipantIndex>), String> {
    let (_, affiliate) = participant(draft, data)?;
    let friend = data.person("referredParticipant").and_then(|friend| {
        let mut friend = snapshot(friend, "data.referredParticipant");
        // Who buys by their own link is nobody's friend.
        note_referrer(&mut friend, draft.told_of(affiliate)).ok()?;
        Some(draft.person(friend))
    });
    Ok((affiliate, friend))
}

fn identified<'a>(
    data: Object<'a>,
    name: &str,
    field: &str,
) -> Result<(Object<'a>, String), String> {
    let object = data.object(name).ok_or_else(|| missing(field))?;
    let id = object.id("id").ok_or_else(|| missing(field))?;
    Ok((object, id))
}

/// The currency of the amounts in `object`: its own, else the campaign's. One that is told but
/// can't be read isn't replaced by another.
fn currency(data: Object<'_>, object: Object<'_>) -> Option<String> {
    let own = object.text("currencyISO");
    let text = own.or_else(|| data.object("campaign")?.text("currencyISO"))?;
    lenient::currency(text)
}

fn money(object: Object<'_>, name: &str, currency: Option<&str>) -> Option<Money> {
    Some(Money { minor: object.whole(name)?, currency: currency?.to_owned() })
}
