//! The rules for names of events and attributes: what Customer.io allows them to be.
//!
//! A key is the relay's own word; its value is what Customer.io sees, empty for "don't send". The
//! limits are Customer.io's documented ones; the reserved names are those that it gives a meaning
//! of its own, so that a copied value could change who the person is.

use std::collections::BTreeMap;

use crate::config::check::Check;
use crate::domain::check_metadata_key;
use crate::mapping::Rules;

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

/// Checks all names, and leaves out those that are empty.
pub(super) fn check(rules: &mut Rules, check: &mut Check<'_>) {
    check_names("mapping.events", &mut rules.events, event_fault, check);
    check_names("mapping.attributes", &mut rules.attributes, attribute_fault, check);
    for (name, metadata_key) in &rules.metadata {
        let path = format!("mapping.metadata.{name}");
        if let Some(fault) = attribute_fault(name) {
            check.broken(&path, fault);
        } else if rules.attributes.values().any(|used| used == name) {
            check.broken(&path, "is the name of an attribute in mapping.attributes too");
        } else if let Err(error) = check_metadata_key(metadata_key) {
            check.broken(&path, format!("expected {error}"));
        }
    }
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

fn check_names(
    table: &str,
    names: &mut BTreeMap<String, String>,
    fault: fn(&str) -> Option<String>,
    check: &mut Check<'_>,
) {
    names.retain(|_, sent_as| !sent_as.is_empty());
    for (key, name) in &*names {
        let path = format!("{table}.{key}");
        let twin = names.iter().take_while(|(it, _)| *it != key).find(|(_, taken)| *taken == name);
        if let Some(fault) = fault(name) {
            check.broken(&path, fault);
        } else if let Some((twin, _)) = twin {
            // Of the two, the one that was renamed is at fault, whichever is read first.
            let (at_fault, other) = if name == key { (twin, key) } else { (key, twin) };
            let at_fault = format!("{table}.{at_fault}");
            check.broken(&at_fault, format!("{name:?} is the name of {other} too"));
        }
    }
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
