//! The list of referrals, of a campaign or of one participant.

use serde_json::{Value, json};

use super::campaign::Campaign;
use super::query::Query;
use super::refusal::Refusal;

/// What the address of an invitation is shown as.
const MASKED: &str = "***************";
const STATUSES: [&str; 4] = ["CREDIT_PENDING", "CREDIT_AWARDED", "CREDIT_EXPIRED", "INVITE_SENT"];
const TEXTS: [&str; 4] = ["email", "firstName", "lastName", "referralStatus"];

/// A row of the list.
#[derive(Clone, Copy)]
enum Referral {
    /// The friend of this index.
    Friend(usize),
    /// The invitation of this index.
    Invitation(usize),
}

/// Returns the page that a query asks for, of one participant only if `of` names one.
pub(super) fn list(
    campaign: &Campaign,
    of: Option<usize>,
    query: &Query,
) -> Result<Value, Refusal> {
    let wanted = query.get("referralStatus");
    if wanted.is_some_and(|wanted| !STATUSES.contains(&wanted)) {
        return Err(Refusal::bad("referralStatus is not one of the statuses."));
    }
    let sort_by = query.get("sortBy").unwrap_or("updatedAt");
    if !TEXTS.contains(&sort_by) && !sort_by.ends_with("At") {
        return Err(Refusal::bad("sortBy is not one of the fields."));
    }

    let friends = campaign.shown().map(Referral::Friend);
    let invitations = (0..campaign.invitations.len()).map(Referral::Invitation);
    let rows = friends.chain(invitations).filter_map(|referral| {
        let (referrer, row) = row(campaign, referral)?;
        of.is_none_or(|of| of == referrer).then_some((referral, row))
    });
    let mut rows: Vec<(Referral, Value)> = rows.collect();
    rows.sort_by_cached_key(|(referral, row)| match sort_by {
        "referralTriggeredAt" => (triggered_at(campaign, *referral), String::new()),
        "createdAt" | "updatedAt" => (row[sort_by].as_i64().unwrap_or(0), String::new()),
        text => (0, row[text].as_str().unwrap_or_default().to_owned()),
    });
    if query.get("desc") != Some("false") {
        rows.reverse();
    }

    let fits = |row: &Value| {
        let mut asked = ["email", "firstName", "lastName", "referralStatus"]
            .into_iter()
            .filter_map(|field| Some((field, query.get(field)?)));
        asked.all(|(field, value)| row[field] == value)
    };
    let all: Vec<&Value> = rows.iter().map(|(_, row)| row).collect();
    let id = |row: &Value| row["id"].as_str().unwrap_or_default().to_owned();
    let page = query.page(all, id, fits)?;
    let offset = query.number("offset")?.filter(|_| page.next.is_some());
    Ok(json!({
        "referrals": page.rows, "limit": page.limit, "nextId": page.next,
        "nextOffset": offset.map(|offset| offset + page.limit), "more": page.next.is_some(),
    }))
}

/// Returns the referrer and the row, if there is a referrer.
fn row(campaign: &Campaign, referral: Referral) -> Option<(usize, Value)> {
    match referral {
        Referral::Friend(index) => {
            let friend = &campaign.participants[index];
            let referrer = campaign.referrer(index)?;
            let row = json!({
                "id": friend.id, "email": friend.email, "firstName": friend.first_name,
                "lastName": friend.last_name, "referralStatus": friend.credit.name(),
                "referredBy": campaign.participants[referrer].id,
                "createdAt": friend.created_at, "updatedAt": friend.updated_at,
            });
            Some((referrer, row))
        }
        Referral::Invitation(index) => {
            let invitation = &campaign.invitations[index];
            let referrer = &campaign.participants[invitation.referrer];
            let row = json!({
                "id": invitation.id, "email": MASKED, "referralStatus": "INVITE_SENT",
                "referredBy": referrer.id, "createdAt": invitation.at, "updatedAt": invitation.at,
            });
            (!referrer.is_deleted).then_some((invitation.referrer, row))
        }
    }
}

/// Returns when the credit was awarded; referrals without award come first.
fn triggered_at(campaign: &Campaign, referral: Referral) -> i64 {
    match referral {
        Referral::Friend(index) => campaign.participants[index].awarded_at.unwrap_or(0),
        Referral::Invitation(_) => 0,
    }
}
