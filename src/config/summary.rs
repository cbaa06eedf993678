//! What every setting is and where it comes from, for a person to read.
//!
//! Values are shown as they were written; a secret only as set or not set.

use config::{Value, ValueKind};

use crate::config::key::{Key, Kind, ROOT, join};
use crate::config::reader::{BUILT_IN, as_list, as_text};
use crate::config::value::masked::Masked;

/// One setting, its value and the place that set it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectiveSetting {
    /// The dotted path of the key.
    pub key: String,
    /// The value as it was written; "set" or "not set" for a secret.
    pub value: String,
    /// The file, the environment variable or the built-in defaults.
    pub place: String,
}

/// Every leaf of a merged tree in the order of the schema.
pub(super) fn of(tree: &Value) -> Vec<EffectiveSetting> {
    let mut shown = Vec::new();
    table(tree, ROOT, "", &mut shown);
    shown
}

fn table(value: &Value, keys: &'static [Key], path: &str, shown: &mut Vec<EffectiveSetting>) {
    let ValueKind::Table(values) = &value.kind else {
        return;
    };
    for key in keys {
        if let Some(value) = values.get(key.name) {
            entry(value, &key.kind, &join(path, key.name), shown);
        }
    }
}

fn entry(value: &Value, kind: &Kind, path: &str, shown: &mut Vec<EffectiveSetting>) {
    let text = match (kind, &value.kind) {
        (Kind::Table(keys), _) => return table(value, keys, path, shown),
        (Kind::Tables(keys), ValueKind::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                table(item, keys, &format!("{path}[{index}]"), shown);
            }
            return;
        }
        (Kind::Names, ValueKind::Table(names)) => {
            let mut names: Vec<_> = names.iter().collect();
            names.sort_by_key(|(name, _)| *name);
            for (name, value) in names {
                entry(value, &Kind::Label, &join(path, name), shown);
            }
            return;
        }
        (Kind::Secret, _) => set_or_not(as_text(value).is_none_or(str::is_empty)),
        (Kind::Secrets | Kind::Tokens, _) => set_or_not(as_list(value).is_empty()),
        (Kind::List, _) => {
            let shown = as_list(value).into_iter().map(|text| Masked(text).to_string());
            shown.collect::<Vec<_>>().join(", ")
        }
        (_, ValueKind::String(text)) => Masked(text).to_string(),
        (_, other) => other.to_string(),
    };
    shown.push(EffectiveSetting {
        key: path.to_owned(),
        value: text,
        place: value.origin().unwrap_or(BUILT_IN).to_owned(),
    });
}

fn set_or_not(is_empty: bool) -> String {
    if is_empty { "not set" } else { "set" }.to_owned()
}
