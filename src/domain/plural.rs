//! Numbers of things in sentences.

use std::fmt::Display;

/// Returns a number with its noun, which is given in the singular: `1 person`, `2 people`, `3 bodies`.
pub fn plural<N: Display + PartialEq + From<u8>>(number: N, noun: &str) -> String {
    if number == N::from(1) {
        return format!("{number} {noun}");
    }
    if let Some(stem) = noun.strip_suffix("person") {
        return format!("{number} {stem}people");
    }
    match noun.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'o']) => format!("{number} {stem}ies"),
        _ => format!("{number} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_noun_follows_its_number() {
        assert_eq!(plural(1_u64, "dead letter"), "1 dead letter");
        assert_eq!(plural(0_usize, "call"), "0 calls");
        assert_eq!(plural(2_u64, "person"), "2 people");
        assert_eq!(plural(3_u64, "body"), "3 bodies");
        assert_eq!(plural(3_u64, "key"), "3 keys");
    }
}
