//! The query of a request, and pages.

use super::refusal::Refusal;

const DEFAULT_LIMIT: usize = 10;
const MAX_LIMIT: usize = 100;

/// The decoded pairs of a query.
#[derive(Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a raw query.
    pub(super) fn read(raw: &str) -> Self {
        Self(url::form_urlencoded::parse(raw.as_bytes()).into_owned().collect())
    }

    /// The first value of a name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// How many rows a page has: 1 to 100, or 10 if nothing is said.
    pub(super) fn limit(&self) -> Result<usize, Refusal> {
        let Some(limit) = self.get("limit") else {
            return Ok(DEFAULT_LIMIT);
        };
        let limit = limit.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
        limit.ok_or_else(|| Refusal::bad(format!("limit must be from 1 to {MAX_LIMIT}.")))
    }

    /// How many rows are skipped.
    pub(super) fn offset(&self) -> Result<usize, Refusal> {
        let offset = self.get("offset").map_or(Ok(0), str::parse);
        offset.map_err(|_| Refusal::bad("offset must be a number."))
    }
}

/// Takes a page off the rows, and the first row of the next page.
pub(super) fn page(mut rows: impl Iterator<Item = u64>, limit: usize) -> (Vec<u64>, Option<u64>) {
    let page = rows.by_ref().take(limit).collect();
    (page, rows.next())
}
