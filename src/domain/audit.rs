//! The audit: acts of operators, as they are recorded.
//!
//! What belongs here: the words of a record, none of which holds an address. What doesn't: the moment at which
//! an act is recorded, which is its face's.

use super::Time;
use super::email::mask_addresses;

/// The longest name, subject or outcome of a record, in characters.
const LONGEST: usize = 200;

/// The acts that are recorded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Act {
    /// Signs in at the pages, or fails to.
    LogIn,
    /// Shows addresses and names.
    Reveal,
    /// Puts dead letters back.
    Redeliver,
    /// Discards dead letters or parked webhooks.
    Discard,
    /// Plans stored webhooks again.
    Replay,
    /// Ends the wait of a lane.
    Release,
    /// Erases a person.
    Erase,
    /// Switches a webhook on at GrowSurf.
    EnableWebhook,
    /// Takes addresses out of the relay.
    Export,
}

/// A party that acts, as far as it is known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Actor {
    /// The name that they gave.
    pub name: String,
    /// Their rights: `operate`, `view` or `none`.
    pub role: &'static str,
    /// The place that they act from: a client's address, or `cli`.
    pub origin: String,
}

/// A record of an act. Addresses in its texts are masked, so that erasing a person needs no search here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditEntry {
    pub at: Time,
    /// The actor's name.
    pub name: String,
    pub role: String,
    pub origin: String,
    /// The act's label.
    pub act: String,
    /// The thing that the act is on, by its number or id.
    pub subject: String,
    pub outcome: String,
}

impl AuditEntry {
    /// Makes the record of an act.
    pub fn new(at: Time, actor: &Actor, act: Act, subject: &str, outcome: &str) -> Self {
        let text = |text: &str| -> String { mask_addresses(text).chars().take(LONGEST).collect() };
        Self {
            at,
            name: text(&actor.name),
            role: actor.role.to_owned(),
            origin: text(&actor.origin),
            act: <&str>::from(act).to_owned(),
            subject: text(subject),
            outcome: text(outcome),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_holds_no_address_and_no_long_text() {
        let actor =
            Actor { name: "fay@example.com".to_owned(), role: "operate", origin: "cli".to_owned() };
        let subject = format!("person kim%40example.com {}", "x".repeat(1_000));
        let entry = AuditEntry::new(Time::default(), &actor, Act::EnableWebhook, &subject, "a\0b");
        assert_eq!((&*entry.name, &*entry.act), ("f***@example.com", "enable_webhook"));
        assert!(entry.subject.starts_with("person *** xx"), "{entry:?}");
        assert_eq!((entry.subject.len(), &*entry.outcome), (LONGEST, "a b"));
    }
}
