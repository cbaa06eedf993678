//! The list of referrals, of a campaign or of one participant.
//!
//! By time, a page costs what it shows; by text, it costs the whole list.

use serde_json::{Value, json};

use super::{
    campaign::{Campaign, NOW},
    ids::Named,
    order::By,
    query::{self, Query},
    refusal::Refusal,
    rows,
};

/// What an address is shown as that has only been invited.
const MASKED: &str = "***************";
const INVITE_SENT: &str = "INVITE_SENT";
const STATUSES: [&str; 4] = ["CREDIT_PENDING", "CREDIT_AWARDED", "CREDIT_EXPIRED", INVITE_SENT];
const TEXTS: [&str; 4] = ["email", "firstName", "lastName", "referralStatus"];
const FILTERS: [&str; 3] = ["email", "firstName", "lastName"];

/// The list that the query asks for; of `participant` only, if there is one.
pub(super) fn list(
    campaign: &Campaign,
    participant: Option<u64>,
    query: &Query,
) -> Result<Value, Refusal> {
    let limit = query.limit()?;
    let offset = query.offset()?;
    let wanted = query.get("referralStatus");
    if wanted.is_some_and(|wanted| !STATUSES.contains(&wanted)) {
        return Err(Refusal::bad("referralStatus is not one of the statuses."));
    }
    let from = query.get("nextId").map(|id| place(campaign, id)).transpose()?;
    let descending = query.get("desc") == Some("true");

    let found = |index: &u64| {
        let status = status(campaign, *index)?;
        let is_of = participant.is_none_or(|of| referrer(campaign, *index) == of);
        let is_wanted = wanted.is_none_or(|wanted| wanted == status);
        (is_of && is_wanted && passes(campaign, *index, query)).then_some(*index)
    };
    let candidates: Box<dyn Iterator<Item = u64> + '_> = match query.get("sortBy") {
        None | Some("updatedAt" | "referralTriggeredAt") => {
            by_time(campaign, participant, By::Updated, descending, from)
        }
        Some("createdAt") => by_time(campaign, participant, By::Created, descending, from),
        Some(field) if TEXTS.contains(&field) => {
            by_text(campaign, participant, field, descending, from)
        }
        Some(_) => return Err(Refusal::bad("sortBy is not one of the fields.")),
    };
    let rows = candidates.filter_map(|index| found(&index)).skip(offset);
    let (page, next) = query::page(rows, limit);

    let next_offset = next.filter(|_| from.is_none()).map(|_| offset + limit);
    let referrals: Vec<Value> = page.into_iter().map(|index| row(campaign, index)).collect();
    Ok(json!({
        "referrals": referrals, "limit": limit, "nextOffset": next_offset,
        "nextId": next.map(|index| id(campaign, index)), "more": next.is_some(),
    }))
}

/// The index whose row has this id.
fn place(campaign: &Campaign, id: &str) -> Result<u64, Refusal> {
    let index = match campaign.ids.read(id) {
        Some(Named::Participant(index) | Named::Invitation(index)) => index,
        None => return Err(Refusal::bad("nextId is not the id of a referral.")),
    };
    let index = Some(index).filter(|index| *index < campaign.len());
    index.ok_or_else(|| Refusal::bad("nextId is not the id of a referral."))
}

fn by_time(
    campaign: &Campaign,
    participant: Option<u64>,
    by: By,
    descending: bool,
    from: Option<u64>,
) -> Box<dyn Iterator<Item = u64> + '_> {
    let Some(participant) = participant else {
        return Box::new(campaign.walk(by, descending, from));
    };
    let time = |index: u64| match by {
        By::Created => campaign.created(index),
        By::Updated | By::Paid => campaign.updated(index),
    };
    let mut indexes = around(campaign, participant);
    indexes.sort_by_key(|index| (time(*index), *index));
    Box::new(starting(indexes, descending, from))
}

fn by_text<'a>(
    campaign: &'a Campaign,
    participant: Option<u64>,
    field: &str,
    descending: bool,
    from: Option<u64>,
) -> Box<dyn Iterator<Item = u64> + 'a> {
    let mut indexes = match participant {
        Some(participant) => around(campaign, participant),
        None => (0..campaign.len()).collect(),
    };
    indexes.retain(|index| status(campaign, *index).is_some());
    indexes.sort_by_cached_key(|index| {
        let text = row(campaign, *index)[field].as_str().unwrap_or_default().to_owned();
        (text, *index)
    });
    Box::new(starting(indexes, descending, from))
}

/// The indexes whose rows can be of this participant.
fn around(campaign: &Campaign, participant: u64) -> Vec<u64> {
    let mut indexes: Vec<u64> = campaign.friends(participant, NOW).collect();
    indexes.push(participant);
    indexes
}

fn starting(
    mut indexes: Vec<u64>,
    descending: bool,
    from: Option<u64>,
) -> impl Iterator<Item = u64> {
    if descending {
        indexes.reverse();
    }
    indexes.into_iter().skip_while(move |index| from.is_some_and(|from| *index != from))
}

/// The status of the row at an index, if there is a row.
fn status(campaign: &Campaign, index: u64) -> Option<&'static str> {
    if !campaign.is_there(index, NOW) {
        return None;
    }
    if campaign.fiction.has_invited(index) {
        return Some(INVITE_SENT);
    }
    campaign.living_referrer(index, NOW)?;
    Some(campaign.status(index, NOW).name())
}

/// Whose referral the row at an index is. Who has invited wasn't referred.
fn referrer(campaign: &Campaign, index: u64) -> u64 {
    campaign.living_referrer(index, NOW).unwrap_or(index)
}

fn id(campaign: &Campaign, index: u64) -> String {
    let is_invitation = campaign.fiction.has_invited(index);
    let named = if is_invitation { Named::Invitation(index) } else { Named::Participant(index) };
    campaign.ids.write(named)
}

fn passes(campaign: &Campaign, index: u64, query: &Query) -> bool {
    let mut asked = FILTERS.into_iter().filter_map(|field| Some((field, query.get(field)?)));
    asked.all(|(field, value)| row(campaign, index)[field] == value)
}

fn row(campaign: &Campaign, index: u64) -> Value {
    let mut row = json!({
        "id": id(campaign, index), "referralStatus": status(campaign, index),
        "referredBy": campaign.id(referrer(campaign, index)),
        "createdAt": campaign.created(index), "updatedAt": campaign.updated(index),
    });
    if campaign.fiction.has_invited(index) {
        row["email"] = json!(MASKED);
    } else {
        let [first_name, last_name] = rows::names(campaign, index, NOW);
        row["email"] = json!(campaign.email(index, NOW));
        row["firstName"] = first_name;
        row["lastName"] = last_name;
    }
    row
}
