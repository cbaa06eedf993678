//! The schema: every key there is, its kind, and the known key nearest to a misspelt one.
//!
//! Each section lists its own keys beside the code that reads them; this file joins the lists. The
//! kind decides how text from the environment is read and which type a file must use. Whether a
//! value makes sense is the section's business.

use crate::config::{
    admin, api, customerio, delivery, feedback, growsurf, log, mapping, page, server, store, sync,
};

/// The sections in the order they are documented, read and reported.
pub(super) const ROOT: &[Key] = &[
    Key::new("server", Kind::Table(server::KEYS)),
    Key::new("store", Kind::Table(store::KEYS)),
    Key::new("growsurf", Kind::Table(growsurf::KEYS)),
    Key::new("customerio", Kind::Table(customerio::KEYS)),
    Key::new("delivery", Kind::Table(delivery::KEYS)),
    Key::new("sync", Kind::Table(sync::KEYS)),
    Key::new("feedback", Kind::Table(feedback::KEYS)),
    Key::new("mapping", Kind::Table(mapping::KEYS)),
    Key::new("admin", Kind::Table(admin::KEYS)),
    Key::new("api", Kind::Table(api::KEYS)),
    Key::new("page", Kind::Table(page::KEYS)),
    Key::new("log", Kind::Table(log::KEYS)),
];

/// A key of a section.
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
}

/// What a key holds.
pub(super) enum Kind {
    Text,
    /// Text that people read, such as a name; it may end with a quotation mark.
    Label,
    /// Text that is never shown.
    Secret,
    Flag,
    Whole,
    /// Bytes: text with a unit, or a plain number.
    Size,
    /// A list of texts.
    List,
    /// A list of texts that are never shown.
    Secrets,
    /// One text that is never shown, or a list of them.
    Tokens,
    /// A table with these keys and no others.
    Table(&'static [Key]),
    /// A table of texts under names the user chooses.
    Names,
    /// A list of tables with these keys; only files can hold it.
    Tables(&'static [Key]),
}

impl Key {
    pub(super) const fn new(name: &'static str, kind: Kind) -> Self {
        Self { name, kind }
    }

    /// Whether a section has the key at this dotted path.
    pub(super) fn is_known(path: &str) -> bool {
        path.split_once('.').is_some_and(|(section, name)| {
            Self::find(ROOT, section).is_some_and(|section| match &section.kind {
                Kind::Table(keys) => Self::find(keys, name).is_some(),
                _ => false,
            })
        })
    }

    /// The key of that name in a list of keys.
    pub(super) fn find(keys: &'static [Self], name: &str) -> Option<&'static Self> {
        keys.iter().find(|key| key.name == name)
    }
}

/// The known key that an unknown one was probably meant to be, as a dotted path.
///
/// `siblings` are the keys known where `name` was found, under the path `parent`. A near spelling
/// there wins; then the same name in another section, as in a file whose section header is missing.
pub(super) fn nearest(parent: &str, name: &str, siblings: &[Key]) -> Option<String> {
    let limit = (name.chars().count() / 3).clamp(1, 3);
    let near = siblings
        .iter()
        .map(|key| (distance(name, key.name), key.name))
        .filter(|(distance, _)| *distance <= limit)
        .min();
    if let Some((_, name)) = near {
        return Some(join(parent, name));
    }
    // A part of a name, such as `secrets`, is no near spelling but says enough when it is long.
    let part = siblings.iter().find(|key| name.len() > 3 && key.name.contains(name));
    if let Some(key) = part {
        return Some(join(parent, key.name));
    }
    ROOT.iter().find_map(|section| match &section.kind {
        Kind::Table(keys) => Key::find(keys, name).map(|key| join(section.name, key.name)),
        _ => None,
    })
}

/// A path and a name below it, with a dot between unless the path is the root.
pub(super) fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") }
}

/// The Levenshtein distance of two names in characters.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, a) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, b) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::{ROOT, distance, nearest};
    use crate::config::{growsurf, server};

    #[test]
    fn measures_the_distance() {
        for (left, right, expected) in
            [("", "", 0), ("", "abc", 3), ("lisen", "listen", 1), ("kitten", "sitting", 3)]
        {
            assert_eq!(distance(left, right), expected, "{left} {right}");
        }
    }

    #[test]
    fn names_the_nearest_key() {
        for (parent, name, keys, expected) in [
            ("server", "lisen", server::KEYS, Some("server.listen")),
            ("", "custmerio", ROOT, Some("customerio")),
            ("", "site_id", ROOT, Some("customerio.site_id")),
            ("server", "calls_per_second", server::KEYS, Some("customerio.calls_per_second")),
            ("growsurf", "secrets", growsurf::KEYS, Some("growsurf.webhook_secrets")),
            ("server", "colour", server::KEYS, None),
        ] {
            assert_eq!(nearest(parent, name, keys).as_deref(), expected, "{name}");
        }
    }
}
