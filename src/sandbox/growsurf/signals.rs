//! Signals of GrowSurf's lifecycle policy: the headers of what is deprecated or will be removed.

use http::{HeaderMap, HeaderValue, header};
use serde::{Deserialize, Serialize};

/// What is deprecated: a part of the raw path, and the values of both headers.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Signals {
    path: String,
    deprecation: Option<String>,
    sunset: Option<String>,
}

impl Signals {
    /// Returns the signals, if both values can be headers.
    ///
    /// # Errors
    ///
    /// Names the value that can't be one.
    pub(super) fn checked(self) -> Result<Self, String> {
        for value in [&self.deprecation, &self.sunset].into_iter().flatten() {
            HeaderValue::from_str(value).map_err(|error| format!("{value:?}: {error}"))?;
        }
        Ok(self)
    }

    /// Returns the headers of an answer. Every answer links the policy, which marks nothing.
    pub(super) fn headers(&self, path: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let policy = "<https://docs.growsurf.com/developer-tools/rest-api>; rel=\"deprecation\"";
        headers.insert(header::LINK, HeaderValue::from_static(policy));
        let values = [("deprecation", &self.deprecation), ("sunset", &self.sunset)];
        for (name, value) in values.into_iter().filter(|_| path.contains(&self.path)) {
            if let Some(Ok(value)) = value.as_deref().map(HeaderValue::from_str) {
                headers.insert(name, value);
            }
        }
        headers
    }
}
