//! The query of a request, and the page of a list that it asks for.

use serde_json::{Value, json};

use super::api::Answered;
use super::campaign::without;

const DEFAULT_LIMIT: usize = 10;
const MAX_LIMIT: usize = 100;

/// The decoded pairs of a query.
#[derive(Debug)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn read(raw: &str) -> Self {
        Self(url::form_urlencoded::parse(raw.as_bytes()).into_owned().collect())
    }

    /// Returns the first value of a name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Returns the pairs of `metadata[key]=value`.
    pub(super) fn metadata(&self) -> Vec<(&str, &str)> {
        let pairs = self.0.iter().filter_map(|(name, value)| {
            let key = name.strip_prefix("metadata[")?.strip_suffix(']')?;
            Some((key, value.as_str()))
        });
        pairs.collect()
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
    ) -> Answered {
        let limit = self.get("limit").map_or(Ok(DEFAULT_LIMIT), str::parse).unwrap_or_default();
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(format!("limit must be from 1 to {MAX_LIMIT}.").into());
        }
        let place = |next| all.iter().position(|row| id(row) == next);
        let start = self.get("nextId").map_or(Some(0), place);
        let start = start.ok_or("nextId is not the id of a row.")?;
        let mut fitting = all[start..].iter().filter(|row| fits(row));
        let rows: Vec<Value> = fitting.by_ref().take(limit).map(shown).collect();
        Ok(json!({name: rows, "limit": limit, "nextId": fitting.next().map(id)}))
    }

    /// Returns a page of rows that are kept as they are shown, but for one field.
    pub(super) fn rows(
        &self,
        name: &str,
        all: &[Value],
        hidden: &str,
        fits: impl Fn(&Value) -> bool,
    ) -> Answered {
        let id = |row: &Value| row["id"].as_str().unwrap_or_default().to_owned();
        self.page(name, all, id, fits, |row| without(row.clone(), hidden))
    }
}
