//! Requirements: people whom the store must know before an event is planned. A replay plans it once they are
//! known.

use super::people::{Resolved, Slot};
use super::profile::is_referred;
use super::tracks;
use crate::domain::{Event, Notification, ReadSet};

/// Returns the reason to park a notification whose event needs an unknown person or referral.
pub fn unmet(notification: &Notification, people: &Resolved, known: &ReadSet) -> Option<String> {
    let is_known = |slot: &Slot| people.before(*slot, known).is_some();
    notification.events.iter().find_map(|timed| {
        let needs_referral = match &timed.event {
            Event::Purchased { .. } | Event::ShareReported { .. } | Event::Visited(_) => false,
            Event::ReferralConverted { .. } if notification.is_from_server => true,
            _ => return None,
        };
        let slot = people.slot_of(tracks::subject(&timed.event)).ok();
        let Some(slot) = slot.filter(is_known) else {
            return Some("the relay knows no participant under this address or id".to_owned());
        };
        (needs_referral && !is_referred(people, slot))
            .then(|| "the relay knows no referrer of this participant".to_owned())
    })
}
