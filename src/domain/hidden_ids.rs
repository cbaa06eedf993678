//! Ids of persons and visitors, hidden in a destination's answers.
//!
//! What belongs here: finding them in a text. What doesn't: addresses, which are masked when answers are read
//! (`customerio`, `growsurf`).

use std::collections::{BTreeSet, HashMap};

use super::{Call, Identifier, LaneKey};

/// The ids in all calls of one request. The answer to one call may name another's person.
///
/// Only whole ids that stand alone are hidden.
#[derive(Debug, Default)]
pub struct HiddenIds {
    /// The masked form of each id.
    masked: HashMap<String, String>,
    /// The lengths of ids in bytes.
    lengths: BTreeSet<usize>,
}

impl HiddenIds {
    /// Returns the ids in the calls and in the keys of their lanes.
    pub fn of<'a>(calls: impl Iterator<Item = (&'a LaneKey, &'a Call)>) -> Self {
        let mut ids = Self::default();
        for (key, call) in calls {
            if let LaneKey::Person(Identifier::Id(_)) | LaneKey::Visitor(_) = key {
                ids.add(key.value(), key.masked());
            }
            match call {
                Call::Merge { from: from @ Identifier::Id(id), .. } => ids.add(id, from.masked()),
                Call::Join { anonymous_id: id, .. } => ids.add(id.as_str(), id.masked()),
                _ => {}
            }
        }
        ids
    }

    fn add(&mut self, id: &str, masked: String) {
        if !id.is_empty() {
            self.lengths.insert(id.len());
            self.masked.insert(id.to_owned(), masked);
        }
    }

    /// Returns a text with every id masked; of several at one place the longest.
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

    /// Returns the length and the masked form of the id at a text's beginning.
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
        let (one, other) = (id("user-4711").into(), id("user-4711-b").into());
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
