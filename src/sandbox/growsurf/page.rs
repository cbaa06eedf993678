//! The query of a request, and the page of a list that it asks for.

use serde_json::{Value, json};

use super::refusal::Refusal;

const DEFAULT_LIMIT: usize = 10;
const MAX_LIMIT: usize = 100;
const MAX_METADATA_KEYS: usize = 3;

/// The decoded pairs of a query.
#[derive(Debug)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a raw query.
    pub(super) fn read(raw: &str) -> Self {
        Self(url::form_urlencoded::parse(raw.as_bytes()).into_owned().collect())
    }

    /// Returns the first value of a name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Returns the number in a parameter.
    pub(super) fn number(&self, name: &str) -> Result<Option<usize>, Refusal> {
        let number = self.get(name).map(str::parse).transpose();
        Ok(number.map_err(|_| format!("{name} must be a number."))?)
    }

    /// Returns the pairs of `metadata[key]=value`.
    pub(super) fn metadata(&self) -> Result<Vec<(&str, &str)>, Refusal> {
        let pairs = self.0.iter().filter_map(|(name, value)| {
            let key = name.strip_prefix("metadata[")?.strip_suffix(']')?;
            Some((key, value.as_str()))
        });
        let pairs: Vec<_> = pairs.collect();
        if pairs.len() > MAX_METADATA_KEYS {
            return Err(format!("metadata takes up to {MAX_METADATA_KEYS} keys.").into());
        }
        Ok(pairs)
    }

    /// Returns the page that begins at the row of `nextId`, of 1 to 100 rows that fit.
    ///
    /// Rows that don't fit keep their place, so a cursor stays good after a deletion.
    pub(super) fn page<T>(
        &self,
        name: &str,
        all: &[T],
        id: impl Fn(&T) -> String,
        fits: impl Fn(&T) -> bool,
        shown: impl Fn(&T) -> Value,
    ) -> Result<Value, Refusal> {
        let limit = self.number("limit")?.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(format!("limit must be from 1 to {MAX_LIMIT}.").into());
        }
        let place = |next| all.iter().position(|row| id(row) == next);
        let start = self.get("nextId").map_or(Some(0), place);
        let start = start.ok_or("nextId is not the id of a row.")?;
        let fitting = all[start..].iter().filter(|row| fits(row));
        let mut rest = fitting.skip(self.number("offset")?.unwrap_or(0));
        let rows: Vec<Value> = rest.by_ref().take(limit).map(shown).collect();
        Ok(json!({name: rows, "limit": limit, "nextId": rest.next().map(id)}))
    }
}
