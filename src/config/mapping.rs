//! `[mapping]`: what events and attributes are called at Customer.io, the tiers, and what is taken
//! from metadata.
//!
//! The names themselves and their rules are in `names`. What leads to which event is no setting.

pub mod names;

use std::collections::BTreeMap;

use crate::config::key::{Key, Kind};
use crate::config::reader::Reader;
use crate::config::value::metadata_key;
use names::Names;

pub(super) const KEYS: &[Key] = &[
    Key::new("reward_value_key", Kind::Text),
    Key::new("friend_reward_value_key", Kind::Text),
    Key::new("reward_title", Kind::Flag),
    Key::new("events", Kind::Table(names::EVENT_KEYS)),
    Key::new("attributes", Kind::Table(names::ATTRIBUTE_KEYS)),
    Key::new("metadata", Kind::Names),
    Key::new(
        "tiers",
        Kind::Tables(&[Key::new("name", Kind::Label), Key::new("at_least", Kind::Whole)]),
    ),
];

const TIERS: &str = "mapping.tiers";

/// What events and attributes are called at Customer.io, the tiers, and what is taken from
/// metadata.
#[derive(Debug, Clone)]
pub struct MappingSettings {
    /// The key in a reward's metadata that holds its value for the referrer.
    pub reward_value_key: String,
    /// The key in a reward's metadata that holds its value for the friend.
    pub friend_reward_value_key: String,
    /// True if a reward's internal title is sent.
    pub reward_title: bool,
    /// The names events are sent under, no two alike, by their own names; one that is off is
    /// missing.
    pub events: Names,
    /// The names attributes are written under, likewise.
    pub attributes: Names,
    /// Further attributes and the metadata keys they are taken from.
    pub metadata: BTreeMap<String, String>,
    /// The tiers, highest threshold first; the last one starts at 0.
    pub tiers: Vec<Tier>,
}

/// A tier by the number of referrals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tier {
    /// The value of the attribute, not blank.
    pub name: String,
    /// The referrals from which on the tier is reached.
    pub at_least: u64,
}

impl MappingSettings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let attributes = names::attributes(reader);
        let settings = Self {
            reward_value_key: reader.parse("mapping.reward_value_key", metadata_key),
            friend_reward_value_key: reader.parse("mapping.friend_reward_value_key", metadata_key),
            reward_title: reader.flag("mapping.reward_title"),
            events: names::events(reader),
            metadata: names::extra_attributes(reader, &attributes),
            attributes,
            tiers: tiers(reader),
        };
        let of_friend = "mapping.friend_reward_value_key";
        let is_sound = reader.sound(&["mapping.reward_value_key", of_friend]);
        if is_sound && settings.reward_value_key == settings.friend_reward_value_key {
            let rule = "is mapping.reward_value_key as well, so friends would be sent the referrer's \
                        value; name another key";
            reader.broken(of_friend, rule);
        }
        settings
    }
}

fn tiers(reader: &mut Reader<'_>) -> Vec<Tier> {
    let mut tiers: Vec<Tier> = Vec::new();
    for item in reader.tables(TIERS) {
        let name = item.text("name").unwrap_or_default();
        // What has the wrong type or a misspelt key is reported already.
        let sound = reader.sound(&[&item.path]);
        if sound && name.trim().is_empty() {
            reader.broken_item(&item, "name", "is missing or blank");
        }
        let at_least = match item.whole("at_least").map(u64::try_from) {
            Some(Ok(at_least)) => at_least,
            Some(Err(_)) => {
                reader.broken_item(&item, "at_least", "must not be negative");
                continue;
            }
            None => {
                if sound {
                    reader.broken_item(&item, "at_least", "is missing");
                }
                continue;
            }
        };
        if tiers.iter().any(|tier| tier.at_least == at_least) {
            let rule = format!("another tier starts at {at_least} too");
            reader.broken_item(&item, "at_least", rule);
        }
        tiers.push(Tier { name: name.to_owned(), at_least });
    }
    if reader.sound(&[TIERS]) && !tiers.iter().any(|tier| tier.at_least == 0) {
        reader.broken(TIERS, "no tier starts at 0");
    }
    tiers.sort_by_key(|tier| std::cmp::Reverse(tier.at_least));
    tiers
}
