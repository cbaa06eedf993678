//! Whom an ask names as the referrer, where they were forgotten: the ask as it is without them.
//!
//! What belongs here: telling that referrer from somebody new of the same address. What doesn't: an
//! ask that is about somebody who was forgotten, which leads to nothing.

use std::borrow::Cow;

use super::Desk;
use crate::domain::{
    Ask, Deed, Email, Feedback, Forgotten, Identifier, Lookup, ParticipantKey, Trace, Unplanned,
    Wish,
};

/// The feedback without a referrer who was forgotten, and who that is.
///
/// # Errors
/// The questions that must be answered first.
pub fn left_out(desk: Desk<'_>) -> Result<(Cow<'_, Feedback>, Forgotten), Unplanned> {
    let (feedback, known) = (desk.feedback, desk.known);
    let nobody = (Cow::Borrowed(feedback), Forgotten::default());
    let Deed::Asked(Ask { campaign, what: Wish::Add { referred_by: Some(named), .. }, .. }) =
        &feedback.deed
    else {
        return Ok(nobody);
    };
    let campaign = campaign.as_ref().or(desk.rules.only_campaign.as_ref());
    let trace = match Email::parse(named) {
        Ok(email) => Some(Trace::Address(email)),
        Err(_) => campaign.cloned().map(|campaign| {
            Trace::Participant(ParticipantKey { campaign, participant: named.clone() })
        }),
    };
    let Some(trace) = trace.filter(|_| known.has_tombstones()) else { return Ok(nobody) };
    desk.need([Lookup::Tombstone(trace.clone())])?;
    let Some(forgotten_at) = known.tombstone(&trace).flatten() else { return Ok(nobody) };
    let mut forgotten = Forgotten::default();
    match trace {
        Trace::Participant(key) => {
            forgotten.participants.insert(key);
        }
        Trace::Address(email) => {
            let somebody = Lookup::Identifier(Identifier::Email(email.clone()));
            desk.need([somebody.clone()])?;
            // The store has nobody of before the forgetting.
            if known.person(&somebody).flatten().is_some() && feedback.at > forgotten_at {
                return Ok(nobody);
            }
            forgotten.emails.insert(email);
        }
    }
    let mut left = feedback.clone();
    if let Deed::Asked(Ask { what: Wish::Add { referred_by, .. }, .. }) = &mut left.deed {
        *referred_by = None;
    }
    Ok((Cow::Owned(left), forgotten))
}
