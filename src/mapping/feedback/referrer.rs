//! The referrer whom an `add_participant` action names, if they were erased.
//!
//! What belongs here: distinguishing them from a new person of the same address. What doesn't: an action about an
//! erased person, which leads to nothing.

use std::borrow::Cow;

use crate::domain::{
    Action, ActionKind, Email, ErasureKey, ErasureSubject, Feedback, FeedbackKind, ParticipantKey,
    ReadKey, ReadSet,
};

/// Returns the keys that [`left_out`] reads.
pub fn keys(feedback: &Feedback) -> Vec<ReadKey> {
    let Some(key) = erasure_key(feedback) else { return Vec::new() };
    let person = match &key {
        ErasureKey::Address(email) => Some(ReadKey::Lane(email.clone().into())),
        ErasureKey::Participant(_) => None,
    };
    [ReadKey::Tombstone(key)].into_iter().chain(person).collect()
}

/// Returns feedback without an erased referrer, and who that is.
pub fn left_out<'a>(feedback: &'a Feedback, read: &ReadSet) -> (Cow<'a, Feedback>, ErasureSubject) {
    let mut erased = ErasureSubject::default();
    let key = erasure_key(feedback).filter(|_| read.has_tombstones());
    let erased_at = key.as_ref().and_then(|key| read.tombstone(key));
    let (Some(key), Some(erased_at)) = (key, erased_at) else {
        return (Cow::Borrowed(feedback), erased);
    };
    match key {
        ErasureKey::Participant(key) => {
            erased.participants.insert(key);
        }
        ErasureKey::Address(email) => {
            let person = ReadKey::Lane(email.clone().into());
            // The store has no record from before the erasure.
            if read.person(&person).is_some() && feedback.at > erased_at {
                return (Cow::Borrowed(feedback), erased);
            }
            erased.emails.insert(email);
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
    (Cow::Owned(left), erased)
}

/// Returns the tombstone's key of the referrer whom an action names.
fn erasure_key(feedback: &Feedback) -> Option<ErasureKey> {
    let FeedbackKind::Action(Action {
        campaign,
        kind: ActionKind::AddParticipant { referred_by: Some(named), .. },
        ..
    }) = &feedback.kind
    else {
        return None;
    };
    if let Ok(email) = Email::parse(named) {
        return Some(ErasureKey::Address(email));
    }
    Some(ErasureKey::Participant(ParticipantKey::new(campaign.as_ref()?, named)))
}
