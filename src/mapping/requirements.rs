//! Requirements: whom the store must know before an event is planned.
//!
//! What belongs here: the reasons to park what strangers, or those whom nobody referred, are said to have
//! done. A replay plans it once they are known. What doesn't: whom a notification names (`people`).

use super::people::{Resolved, Slot};
use super::profile::is_referred;
use super::tracks;
use crate::domain::{Event, Notification, ReadSet};

/// Returns the reason to park a notification of which an event needs somebody whom the store doesn't know.
pub fn unmet(news: &Notification, people: &Resolved, known: &ReadSet) -> Option<String> {
    let is_known = |slot: &Slot| people.before(*slot, known).is_some();
    news.events.iter().find_map(|told| {
        let needs_referral = match &told.event {
            Event::Purchased { .. } | Event::ShareReported { .. } | Event::Visited(_) => false,
            Event::ReferralConverted { .. } if news.is_from_server => true,
            _ => return None,
        };
        let slot = people.slot_of(tracks::subject(&told.event)).ok();
        let Some(slot) = slot.filter(is_known) else {
            return Some("the relay knows no participant under this address or id".to_owned());
        };
        (needs_referral && !is_referred(people, slot))
            .then(|| "the relay knows of nobody who referred this participant".to_owned())
    })
}
