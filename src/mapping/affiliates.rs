//! Affiliates: the time at which a referred customer became one.
//!
//! GrowSurf has a referred customer of an affiliate program as a participant, who may become an affiliate
//! later. It reports no time for that, and a row's `createdAt` is the customer's.

use crate::domain::{Event, Facts, Participant, ReadSet, Scalar, Time};

/// True if GrowSurf's newest report says that a participant is a customer and no affiliate.
pub fn is_customer(participant: &Participant) -> bool {
    let is_affiliate = participant.facts.get(Facts::IS_AFFILIATE);
    is_affiliate.is_some_and(|fact| fact.value == Scalar::Boolean(false))
}

/// Returns the first time at which a participant was an affiliate, if they join by the event and the store
/// knows them as a customer.
pub fn enrolled_at(event: &Event, participant: &Participant, known: &ReadSet) -> Option<Time> {
    let Event::ParticipantJoined { .. } = event else { return None };
    let is_it =
        |it: &&Participant| (&it.campaign, &it.key) == (&participant.campaign, &participant.key);
    let stored = known.people().flat_map(|person| &person.participants).find(is_it)?;
    let before = stored.facts.get(Facts::IS_AFFILIATE)?;
    let now = participant.facts.get(Facts::IS_AFFILIATE)?;
    let is = |flag: bool, value: &Scalar| *value == Scalar::Boolean(flag);
    (is(false, &before.value) && is(true, &now.value)).then(|| now.since())
}
