//! Signals of GrowSurf's lifecycle policy: the headers of what is deprecated or will be removed.

use http::{HeaderMap, HeaderValue, header};
use serde::{Deserialize, Serialize};

/// What is deprecated: a part of the raw path, and the values of both headers.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Signals {
    pub(super) path: String,
    deprecation: Option<String>,
    sunset: Option<String>,
}

impl Signals {
    /// Returns the headers of an answer. Every answer links the policy, which marks nothing.
    pub(super) fn headers(&self, path: &str) -> Result<HeaderMap, String> {
        let mut headers = HeaderMap::new();
        let policy = "<https://docs.growsurf.com/developer-tools/rest-api>; rel=\"deprecation\"";
        headers.insert(header::LINK, HeaderValue::from_static(policy));
        for (name, value) in [("deprecation", &self.deprecation), ("sunset", &self.sunset)] {
            if let Some(value) = value.as_ref().filter(|_| path.contains(&self.path)) {
                let valid = HeaderValue::from_str(value);
                headers.insert(name, valid.map_err(|error| format!("{name}: {error}"))?);
            }
        }
        Ok(headers)
    }
}
