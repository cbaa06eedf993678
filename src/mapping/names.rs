//! Names of events and attributes: Customer.io's rules for them.
//!
//! The limits are Customer.io's documented ones. The reserved names are those that it gives a meaning of
//! its own, so that a copied value could change who the person is.

const MAX_EVENT_NAME_BYTES: usize = 100;

/// The longest name of an attribute in bytes.
pub const MAX_ATTRIBUTE_NAME_BYTES: usize = 150;

/// True if an attribute describes the person and no campaign: no prefix comes before its name.
pub fn is_personal(name: &str) -> bool {
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

/// Returns the fault of a prefix for the names of attributes.
pub fn prefix_fault(prefix: &str) -> Option<String> {
    // Any name that it is part of has the same faults.
    let longest = MAX_ATTRIBUTE_NAME_BYTES / 2;
    if prefix.len() > longest {
        return Some(format!("is longer than {longest} bytes"));
    }
    attribute_fault(&format!("{prefix}x"))
}

/// Returns the fault of an event's name.
pub fn event_fault(name: &str) -> Option<String> {
    shape_fault(name, MAX_EVENT_NAME_BYTES)
}

/// Returns the fault of an attribute's name.
pub fn attribute_fault(name: &str) -> Option<String> {
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
