//! Referrals: the list, of a campaign or of one participant, and the credit for a friend.

use serde_json::{Value, json};

use super::api::{Answered, Call};
use super::campaign::Campaign;
use super::participant::ReferralStatus;
use super::program::DAY_MS;
use super::refusal::Refusal;

const SORT_KEYS: &str =
    "updatedAt createdAt email firstName lastName referralStatus referralTriggeredAt";
/// The key to sort by that rows don't show.
const TRIGGERED_AT: &str = "referralTriggeredAt";

impl Campaign {
    /// Sends an invitation, whose address lists show masked.
    pub(super) fn invite(&mut self, referrer: usize, at: i64) {
        let invitation = json!({
            "id": self.new_id(), "email": "***************", "referralStatus": "INVITE_SENT",
            "referredBy": self.participants[referrer].id, "createdAt": at, "updatedAt": at,
        });
        self.invitations.push(invitation);
    }

    /// Awards the credit for a friend, now or after a delay.
    pub(super) fn convert(&mut self, friend: usize, days: i64, at: i64) -> Result<(), String> {
        let referrer = self.pending(friend)?;
        let participant = &mut self.participants[friend];
        if days > 0 {
            participant.due = Some(at.saturating_add(days.saturating_mul(DAY_MS)));
            return Ok(());
        }
        (participant.credit, participant.due, participant.updated_at) =
            (ReferralStatus::Awarded, None, at);
        if self.is_affiliate() {
            self.earn_commission(referrer, friend, at);
        } else {
            self.earn_rewards(referrer, friend, at);
        }
        Ok(())
    }

    /// Lets a pending credit expire.
    pub(super) fn expire(&mut self, friend: usize, at: i64) -> Result<(), String> {
        self.pending(friend)?;
        let participant = &mut self.participants[friend];
        (participant.credit, participant.due, participant.updated_at) =
            (ReferralStatus::Expired, None, at);
        Ok(())
    }

    /// Awards the delayed credits that are due.
    pub(super) fn advance(&mut self, now: i64) {
        for friend in 0..self.participants.len() {
            if let Some(due) = self.participants[friend].due.filter(|due| *due <= now) {
                self.convert(friend, 0, due).expect("only a pending credit is due");
            }
        }
    }

    /// Returns the referrer of a friend with a pending credit, or GrowSurf's reason against it.
    fn pending(&self, friend: usize) -> Result<usize, String> {
        let participant = &self.participants[friend];
        let referrer = participant.referrer.ok_or("Participant was not referred")?;
        match participant.credit {
            ReferralStatus::Pending => Ok(referrer),
            ReferralStatus::Awarded => Err("Referral credit has already been awarded".to_owned()),
            ReferralStatus::Expired => Err("Referral credit has expired".to_owned()),
        }
    }
}

/// Lists referrals, of one participant only if there is one.
pub(super) fn list(call: &Call<'_>, of: Option<usize>) -> Answered {
    let status = call.query.get("referralStatus");
    let sort_by = call.query.get("sortBy").unwrap_or("updatedAt");
    if !SORT_KEYS.split(' ').any(|key| key == sort_by) {
        return Err("sortBy is not one of the fields.".into());
    }
    let campaign = &call.campaign;
    let friends = campaign.shown().filter_map(|index| {
        let friend = &campaign.participants[index];
        Some(json!({
            "id": friend.id, "email": friend.fields["email"],
            "firstName": friend.fields["firstName"], "lastName": friend.fields["lastName"],
            "referralStatus": friend.credit, "createdAt": friend.fields["createdAt"],
            "referredBy": campaign.participants[friend.referrer?].id,
            "updatedAt": friend.updated_at,
            TRIGGERED_AT: (friend.credit == ReferralStatus::Awarded).then_some(friend.updated_at),
        }))
    });
    let mut rows: Vec<Value> = friends.chain(campaign.invitations.iter().cloned()).collect();
    rows.sort_by_cached_key(|row| {
        (row[sort_by].as_i64(), row[sort_by].as_str().map(str::to_owned))
    });
    if call.query.get("desc") != Some("false") {
        rows.reverse();
    }

    let mut page = call.query.rows("referrals", &rows, TRIGGERED_AT, |row| {
        of.is_none_or(|of| row["referredBy"] == campaign.participants[of].id)
            && status.is_none_or(|status| row["referralStatus"] == status)
    })?;
    page["more"] = json!(page["nextId"].is_string());
    page["nextOffset"] = Value::Null;
    Ok(page)
}

/// Awards the credit for a friend, at once or after a delay.
pub(super) fn trigger(call: &mut Call<'_>, friend: usize) -> Answered {
    let delay = call.body.get("delayInDays").map_or(Some(0), Value::as_i64);
    let delay = delay
        .filter(|days| (0..=90).contains(days))
        .ok_or("delayInDays must be a whole number from 1 to 90.")?;
    credit(call, |campaign, now| campaign.convert(friend, delay, now))
}

/// Cancels the delay of a friend's credit.
pub(super) fn cancel(call: &mut Call<'_>, friend: usize) -> Answered {
    credit(call, |campaign, _| {
        let due = campaign.participants[friend].due.take();
        due.map(drop)
            .ok_or_else(|| "Participant has no pending delayed referral trigger".to_owned())
    })
}

/// Makes a change of a credit. The status is 200 even if it makes no sense.
fn credit(
    call: &mut Call<'_>,
    change: impl FnOnce(&mut Campaign, i64) -> Result<(), String>,
) -> Answered {
    if call.campaign.is_affiliate() {
        return Err(Refusal::of(422, "This request needs a referral program."));
    }
    let problem = change(call.campaign, call.now).err();
    // Past the window it is a success that awards nothing.
    let problem = problem.filter(|problem| !problem.ends_with("expired"));
    Ok(json!({"success": problem.is_none(), "message": problem}))
}
