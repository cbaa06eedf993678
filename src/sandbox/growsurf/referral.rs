//! Referrals: the list, of a campaign or of one participant, and the trigger of a credit.

use serde_json::{Value, json};

use super::api::{Answered, Call};
use super::refusal::Refusal;

const STATUSES: [&str; 4] = ["CREDIT_PENDING", "CREDIT_AWARDED", "CREDIT_EXPIRED", "INVITE_SENT"];
const TRIGGERED_AT: &str = "referralTriggeredAt";
/// The fields by which the list can be filtered.
const TEXTS: [&str; 4] = ["email", "firstName", "lastName", "referralStatus"];

/// Returns the row of an invitation, whose address is masked.
pub(super) fn invitation(id: &str, referrer: &str, at: i64) -> Value {
    json!({
        "id": id, "email": "***************", "referralStatus": "INVITE_SENT",
        "referredBy": referrer, "createdAt": at, "updatedAt": at,
    })
}

/// Lists referrals, of the participant in the path only if there is one.
pub(super) fn list(call: &mut Call<'_>) -> Answered {
    let (campaign, query) = (call.campaign(), &call.query);
    let of = call.of()?.map(|index| &campaign.participants[index].id);
    if query.get("referralStatus").is_some_and(|wanted| !STATUSES.contains(&wanted)) {
        return Err("referralStatus is not one of the statuses.".into());
    }
    let sort_by = query.get("sortBy").unwrap_or("updatedAt");
    if !TEXTS.contains(&sort_by) && !["createdAt", "updatedAt", TRIGGERED_AT].contains(&sort_by) {
        return Err("sortBy is not one of the fields.".into());
    }

    let friends = campaign.shown().filter_map(|index| {
        let friend = &campaign.participants[index];
        let row = json!({
            "id": friend.id, "email": friend.fields["email"],
            "firstName": friend.fields["firstName"], "lastName": friend.fields["lastName"],
            "referralStatus": friend.credit, "updatedAt": friend.updated_at,
            "referredBy": campaign.participants[friend.referrer?].id,
            "createdAt": friend.fields["createdAt"],
        });
        Some((friend.awarded_at, row))
    });
    let invitations = campaign.invitations.iter().map(|row| (None, row.clone()));
    let rows = friends.chain(invitations);
    let mut rows: Vec<_> =
        rows.filter(|(_, row)| of.is_none_or(|of| row["referredBy"] == **of)).collect();
    // Referrals without award come first.
    rows.sort_by_cached_key(|(awarded_at, row)| {
        let time = if sort_by == TRIGGERED_AT { *awarded_at } else { row[sort_by].as_i64() };
        (time, row[sort_by].as_str().map(str::to_owned))
    });
    if query.get("desc") != Some("false") {
        rows.reverse();
    }

    let fits = |(_, row): &(_, Value)| {
        TEXTS.iter().all(|field| query.get(field).is_none_or(|asked| row[field] == asked))
    };
    let id = |(_, row): &(_, Value)| row["id"].as_str().unwrap_or_default().to_owned();
    let mut page = query.page("referrals", &rows, id, fits, |(_, row)| row.clone())?;
    let more = page["nextId"].is_string();
    let limit = page["limit"].as_u64().unwrap_or_default();
    let offset = query.number("offset")?.filter(|_| more);
    page["more"] = json!(more);
    page["nextOffset"] = json!(offset.map(|offset| offset as u64 + limit));
    Ok(page)
}

/// Awards the credit for the participant in the path, at once or after a delay.
pub(super) fn trigger(call: &mut Call<'_>) -> Answered {
    let delay = call.body.get("delayInDays").map_or(Some(0), Value::as_i64);
    let delay = delay
        .filter(|days| (0..=90).contains(days))
        .ok_or("delayInDays must be a whole number from 1 to 90.")?;
    let change = json!({"convert": {"friend": call.id, "delayInDays": delay}});
    credit(call, change)
}

/// Cancels the delay of the participant in the path.
pub(super) fn cancel(call: &mut Call<'_>) -> Answered {
    let change = json!({"cancel": {"friend": call.id}});
    credit(call, change)
}

/// Makes a change of a credit. The status is 200 even if it makes no sense.
fn credit(call: &mut Call<'_>, change: Value) -> Answered {
    if call.campaign().is_affiliate() {
        return Err(Refusal::wrong_type("a referral program"));
    }
    call.one()?;
    // Past the window it is a success that awards nothing.
    let problem = call.change(change).err().filter(|problem| !problem.ends_with("expired"));
    Ok(json!({"success": problem.is_none(), "message": problem}))
}
