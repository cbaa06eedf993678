//! `[mapping]`: the rules for what events and attributes are called at Customer.io, for the tiers, and for
//! what is taken from metadata.
//!
//! The keys themselves are in the mapping, which follows them; the rules of names are in `names`.

pub mod names;

use std::cmp::Reverse;

use crate::config::check::Check;
use crate::config::problem::quoted;
use crate::domain::check_metadata_key;
use crate::mapping::Rules;

const TIERS: &str = "mapping.tiers";

/// Puts what was read in order, and checks it: the highest tier first, and no name for what is off.
pub(super) fn check(rules: &mut Rules, check: &mut Check<'_>) {
    names::check(rules, check);
    for (name, key) in [
        ("reward_value_key", &rules.reward_value_key),
        ("friend_reward_value_key", &rules.friend_reward_value_key),
    ] {
        if let Err(error) = check_metadata_key(key) {
            check.broken(
                &format!("mapping.{name}"),
                format!("expected {error}, got {}", quoted(key)),
            );
        }
    }
    let of_friend = "mapping.friend_reward_value_key";
    let is_sound = check.sound(&["mapping.reward_value_key", of_friend]);
    if is_sound && rules.reward_value_key == rules.friend_reward_value_key {
        let rule = "is mapping.reward_value_key as well, so friends would be sent the referrer's \
                    value; name another key";
        check.broken(of_friend, rule);
    }
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
    if check.sound(&[TIERS]) && !rules.tiers.iter().any(|tier| tier.at_least == 0) {
        check.broken(TIERS, "no tier starts at 0");
    }
}
