//! `[mapping]`: the checks of names, tiers and keys of metadata. The keys themselves and Customer.io's rules
//! of names are the mapping's.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::config::check::Check;
use crate::config::problem::{quoted, wrong};
use crate::domain::check_metadata_key;
use crate::mapping::Rules;
use crate::mapping::names::{attribute_fault, event_fault};

const TIERS: &str = "mapping.tiers";

/// Puts what was read in order, and checks it: the highest tier first, and no name for what is off.
pub(super) fn check(rules: &mut Rules, check: &mut Check<'_>) {
    check_all_names(rules, check);
    for (name, key) in [
        ("reward_value_key", &rules.reward_value_key),
        ("friend_reward_value_key", &rules.friend_reward_value_key),
    ] {
        if let Err(error) = check_metadata_key(key) {
            let rule = wrong(&error.to_string(), &quoted(key));
            check.broken(&format!("mapping.{name}"), rule);
        }
    }
    check.rule(
        &["mapping.friend_reward_value_key", "mapping.reward_value_key"],
        rules.reward_value_key == rules.friend_reward_value_key,
        "is mapping.reward_value_key as well, so friends would be sent the referrer's value; name \
         another key",
    );
    check_tiers(rules, check);
    rules.tiers.sort_by_key(|tier| Reverse(tier.at_least));
}

fn check_tiers(rules: &Rules, check: &mut Check<'_>) {
    for (number, tier) in rules.tiers.iter().enumerate() {
        let path = format!("{TIERS}[{number}]");
        if tier.name.trim().is_empty() && check.sound(&[&format!("{path}.name")]) {
            check.broken(&format!("{path}.name"), "is missing or blank");
        }
        let at_least = tier.at_least;
        // What couldn't be read has a default.
        let is_read =
            |number: &usize| !check.problems.explain(&format!("{TIERS}[{number}].at_least"));
        let mut others = (0..number).filter(|it| rules.tiers[*it].at_least == at_least);
        let is_twin = is_read(&number) && others.any(|it| is_read(&it));
        if at_least < 0 {
            check.broken(&format!("{path}.at_least"), "must not be negative");
        } else if is_twin {
            let rule = format!("another tier starts at {at_least} too");
            check.broken(&format!("{path}.at_least"), rule);
        }
    }
    let has_lowest = rules.tiers.iter().any(|tier| tier.at_least == 0);
    check.rule(&[TIERS], !has_lowest, "no tier starts at 0");
}

/// Checks all names, and leaves out those that are empty.
fn check_all_names(rules: &mut Rules, check: &mut Check<'_>) {
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
