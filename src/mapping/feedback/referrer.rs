//! Whom an ask names as the referrer, where they were forgotten: the ask as it is without them.
//!
//! What belongs here: telling that referrer from somebody new of the same address. What doesn't: an
//! ask that is about somebody who was forgotten, which leads to nothing.

use std::borrow::Cow;

use super::FeedbackContext;
use crate::domain::{
    Action, ActionKind, Email, ErasureKey, ErasureSubject, Feedback, FeedbackKind, Identifier,
    Lookup, ParticipantKey, PlanError,
};

/// The feedback without a referrer who was forgotten, and who that is.
///
/// # Errors
/// The questions that must be answered first.
pub fn left_out(
    desk: FeedbackContext<'_>,
) -> Result<(Cow<'_, Feedback>, ErasureSubject), PlanError> {
    let (feedback, known) = (desk.feedback, desk.known);
    let nobody = (Cow::Borrowed(feedback), ErasureSubject::default());
    let FeedbackKind::Action(Action {
        campaign,
        kind: ActionKind::AddParticipant { referred_by: Some(named), .. },
        ..
    }) = &feedback.kind
    else {
        return Ok(nobody);
    };
    let trace = match Email::parse(named) {
        Ok(email) => Some(ErasureKey::Address(email)),
        Err(_) => campaign.clone().map(|campaign| {
            ErasureKey::Participant(ParticipantKey { campaign, participant: named.clone() })
        }),
    };
    let Some(trace) = trace.filter(|_| known.has_tombstones()) else { return Ok(nobody) };
    desk.need([Lookup::Tombstone(trace.clone())])?;
    let Some(forgotten_at) = known.tombstone(&trace).flatten() else { return Ok(nobody) };
    let mut forgotten = ErasureSubject::default();
    match trace {
        ErasureKey::Participant(key) => {
            forgotten.participants.insert(key);
        }
        ErasureKey::Address(email) => {
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
    if let FeedbackKind::Action(Action {
        kind: ActionKind::AddParticipant { referred_by, .. },
        ..
    }) = &mut left.kind
    {
        *referred_by = None;
    }
    Ok((Cow::Owned(left), forgotten))
}
