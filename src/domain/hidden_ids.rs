//! Ids of persons and visitors, hidden in what a destination says.
//!
//! What belongs here: finding them in a text. What doesn't: addresses, which are masked where such texts
//! are read, whosever they are (`customerio`, `growsurf`).

use std::collections::{BTreeSet, HashMap};

use super::{Call, Identifier};

/// The ids of all calls in one request: the answer to one call may name the person of another.
///
/// An id is hidden where it stands apart and whole. A text that quotes a part of an id of several words
/// is left as it is.
#[derive(Debug, Default)]
pub struct HiddenIds {
    /// The masked form of each id.
    masked: HashMap<String, String>,
    /// The lengths of ids in bytes.
    lengths: BTreeSet<usize>,
}

impl HiddenIds {
    /// The ids that these calls name, and the persons that they are for.
    pub fn of<'a>(calls: impl Iterator<Item = (&'a Identifier, &'a Call)>) -> Self {
        let mut ids = Self::default();
        for (identifier, call) in calls {
            ids.add(identifier);
            match call {
                Call::Merge { from, .. } => ids.add(from),
                Call::Join { anonymous_id, .. } => {
                    ids.add(&Identifier::Anonymous(anonymous_id.clone()));
                }
                _ => {}
            }
        }
        ids
    }

    fn add(&mut self, identifier: &Identifier) {
        let (Identifier::Id(_) | Identifier::Anonymous(_)) = identifier else { return };
        let value = identifier.value();
        if !value.is_empty() {
            self.lengths.insert(value.len());
            self.masked.insert(value.to_owned(), identifier.masked());
        }
    }

    /// Returns a text with each id masked that stands apart in it, the longest that begins at a place.
    pub fn hide(&self, text: &str) -> String {
        let mut hidden = String::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let is_apart = !hidden.ends_with(char::is_alphanumeric);
            let found = if is_apart { self.at_start(rest) } else { None };
            let (length, shown) = found.unwrap_or((first.len_utf8(), &rest[..first.len_utf8()]));
            hidden.push_str(shown);
            rest = &rest[length..];
        }
        hidden
    }

    /// Returns the length and the masked form of the id that a text begins with.
    fn at_start(&self, text: &str) -> Option<(usize, &str)> {
        self.lengths.iter().rev().find_map(|length| {
            let masked = self.masked.get(text.get(..*length)?)?;
            let goes_on = text[*length..].starts_with(char::is_alphanumeric);
            (!goes_on).then_some((*length, masked.as_str()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{AnonymousId, Time};

    #[test]
    fn every_id_of_a_request_is_hidden_where_it_stands_apart_and_whole() {
        let id = |text: &str| Identifier::Id(text.to_owned());
        let merge = Call::Merge { from: id("old id 9"), at: Time::default() };
        let visitor = AnonymousId::parse("visitor-0000000000000001").unwrap();
        let join = Call::Join { anonymous_id: visitor, at: Time::default() };
        let unsubscribe = Call::Unsubscribe { at: Time::default() };
        let (one, other) = (id("user-4711"), id("user-4711-b"));
        let calls = [(&one, &merge), (&other, &unsubscribe), (&other, &join)];
        let ids = HiddenIds::of(calls.into_iter());
        for (text, hidden) in [
            ("customer user-4711 is suppressed", "customer u*** is suppressed"),
            ("\"user-4711\", (user-4711).", "\"u***\", (u***)."),
            ("user-47110 and superuser-4711", "user-47110 and superuser-4711"),
            ("user-4711-b isn't user-4711-c", "u*** isn't u***-c"),
            (
                "visitor-0000000000000001 of old id 9, not of old id",
                "visi*** of o***, not of old id",
            ),
            ("Zoë 山田", "Zoë 山田"),
            ("", ""),
        ] {
            assert_eq!(ids.hide(text), hidden);
        }
        assert_eq!(HiddenIds::default().hide("user-4711"), "user-4711");
    }
}
