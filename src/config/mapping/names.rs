//! The names of events and attributes, and what Customer.io allows them to be.
//!
//! A key is the relay's own word; its value is what Customer.io sees, empty for "don't send". The
//! limits are Customer.io's documented ones; the reserved names are those that it gives a meaning
//! of its own, so that a copied value could change who the person is.

use std::collections::BTreeMap;

use crate::config::key::{Key, Kind};
use crate::config::reader::Reader;
use crate::config::value::metadata_key as read_key;

pub(super) const EVENT_KEYS: &[Key] = &[
    Key::new("referral_program_joined", Kind::Label),
    Key::new("referral_friend_signed_up", Kind::Label),
    Key::new("referral_converted", Kind::Label),
    Key::new("referral_reward_claimed", Kind::Label),
    Key::new("referral_shared", Kind::Label),
    Key::new("affiliate_commission_earned", Kind::Label),
    Key::new("affiliate_commission_adjusted", Kind::Label),
    Key::new("affiliate_payout_issued", Kind::Label),
    Key::new("referral_link_clicked", Kind::Label),
    Key::new("purchase", Kind::Label),
    Key::new("referral_campaign_ended", Kind::Label),
];

pub(super) const ATTRIBUTE_KEYS: &[Key] = &[
    Key::new("first_name", Kind::Label),
    Key::new("last_name", Kind::Label),
    Key::new("referral_code", Kind::Label),
    Key::new("referral_link", Kind::Label),
    Key::new("total_referrals", Kind::Label),
    Key::new("referral_tier", Kind::Label),
    Key::new("referred_by", Kind::Label),
    Key::new("total_friends", Kind::Label),
    Key::new("first_referral_date", Kind::Label),
    Key::new("last_referral_date", Kind::Label),
    Key::new("total_conversions", Kind::Label),
    Key::new("total_shares", Kind::Label),
    Key::new("total_rewards", Kind::Label),
    Key::new("days_to_first_referral", Kind::Label),
    Key::new("fraud_risk_level", Kind::Label),
    Key::new("fraud_reason", Kind::Label),
];

const MAX_EVENT_NAME_BYTES: usize = 100;
/// The longest name of an attribute in bytes.
pub(in crate::config) const MAX_ATTRIBUTE_NAME_BYTES: usize = 150;

/// True if an attribute tells of the person and of no campaign, by its own name: no prefix comes before it.
pub(in crate::config) fn is_personal(name: &str) -> bool {
    matches!(name, "first_name" | "last_name")
}

/// Names that mean something to Customer.io on a person or in event data.
const RESERVED: [&str; 10] = [
    "id",
    "email",
    "cio_id",
    "anonymous_id",
    "phone",
    "created_at",
    "unsubscribed",
    "recipient",
    "from_address",
    "reply_to",
];

/// The name sent for each of the relay's own names; one that is off is missing.
pub type Names = BTreeMap<String, String>;

/// The names events are sent under.
pub(super) fn events(reader: &mut Reader<'_>) -> Names {
    read(reader, "mapping.events", EVENT_KEYS, event_fault)
}

/// The names attributes are written under.
pub(super) fn attributes(reader: &mut Reader<'_>) -> Names {
    read(reader, "mapping.attributes", ATTRIBUTE_KEYS, attribute_fault)
}

/// Returns the further attributes, each with its metadata key.
pub(super) fn extra_attributes(
    reader: &mut Reader<'_>,
    attributes: &Names,
) -> BTreeMap<String, String> {
    let mut extra = BTreeMap::new();
    for (name, metadata_key) in reader.names("mapping.metadata") {
        if let Some(fault) = attribute_fault(name) {
            reader.broken_below("mapping.metadata", name, fault);
        } else if attributes.values().any(|used| used == name) {
            reader.broken_below(
                "mapping.metadata",
                name,
                "is the name of an attribute in mapping.attributes too",
            );
        } else if let Err(expected) = read_key(metadata_key) {
            reader.broken_below("mapping.metadata", name, expected.to_string());
        }
        extra.insert(name.to_owned(), metadata_key.to_owned());
    }
    extra
}

/// What is wrong with putting `prefix` before the names of attributes, if anything is.
pub(in crate::config) fn prefix_fault(prefix: &str) -> Option<String> {
    // Any name that it is part of has the same faults.
    let longest = MAX_ATTRIBUTE_NAME_BYTES / 2;
    if prefix.len() > longest {
        return Some(format!("is longer than {longest} bytes"));
    }
    attribute_fault(&format!("{prefix}x"))
}

fn read(
    reader: &mut Reader<'_>,
    table: &str,
    keys: &'static [Key],
    fault: fn(&str) -> Option<String>,
) -> Names {
    let mut names = Names::new();
    for key in keys {
        let path = format!("{table}.{}", key.name);
        let name = reader.text(&path);
        if name.is_empty() {
            continue;
        }
        let twin = names.iter().find(|(_, taken)| *taken == name).map(|(twin, _)| twin.clone());
        if let Some(fault) = fault(name) {
            reader.broken(&path, fault);
        } else if let Some(twin) = twin {
            // Of the two, the one that was renamed is at fault, whichever is read first.
            let (at_fault, other) = if name == key.name {
                (twin.as_str(), key.name)
            } else {
                (key.name, twin.as_str())
            };
            let at_fault = format!("{table}.{at_fault}");
            reader.broken(&at_fault, format!("{name:?} is the name of {other} too"));
        }
        names.insert(key.name.to_owned(), name.to_owned());
    }
    names
}

fn event_fault(name: &str) -> Option<String> {
    shape_fault(name, MAX_EVENT_NAME_BYTES)
}

pub(in crate::config) fn attribute_fault(name: &str) -> Option<String> {
    if RESERVED.contains(&name) || name.starts_with("cio_") || name.starts_with('_') {
        Some(format!("{name:?} is reserved by Customer.io"))
    } else if name.contains('.') {
        Some(format!("{name:?} has a dot, which Customer.io reads as a path"))
    } else {
        shape_fault(name, MAX_ATTRIBUTE_NAME_BYTES)
    }
}

fn shape_fault(name: &str, max_bytes: usize) -> Option<String> {
    if name.trim().is_empty() {
        Some("the name is blank".to_owned())
    } else if name.trim() != name {
        Some(format!("{name:?} starts or ends with a space"))
    } else if name.len() > max_bytes {
        Some(format!("the name is longer than {max_bytes} bytes"))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{attribute_fault, event_fault};

    #[test]
    fn knows_what_customerio_allows() {
        assert_eq!(event_fault(&"e".repeat(100)), None);
        assert_eq!(attribute_fault(&"a".repeat(150)), None);
        assert_eq!(attribute_fault("grsf_plan"), None);
        for name in [&"e".repeat(101), &"é".repeat(51), " ", " a", "a "] {
            assert!(event_fault(name).is_some(), "{name:?}");
        }
        for name in [&"a".repeat(151), "id", "email", "cio_x", "_x", "a.b", "reply_to", "phone"] {
            assert!(attribute_fault(name).is_some(), "{name:?}");
        }
    }
}
