//! Explanations as plain values, and their masking.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::domain::EventId;
use crate::inspect::masked;

/// The consequences of a body.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// The event's name in the inbox.
    pub event: Option<String>,
    /// The dialect.
    pub shape: Option<&'static str>,
    /// The campaign that the body names.
    pub campaign: Option<String>,
    /// `accepted`, `parked`, or the answer to a body that can't be read.
    pub status: &'static str,
    /// The participant who is taken for known, since without one nothing could be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supposed: Option<String>,
    /// The reason why it isn't accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(flatten)]
    pub(super) plan: Option<PlanView>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct PlanView {
    pub(super) unmapped: Vec<String>,
    pub(super) turned_off: Vec<String>,
    pub(super) lanes: Vec<LaneExplained>,
}

/// The calls for a person.
#[derive(Clone, Debug, Serialize)]
pub struct LaneExplained {
    /// The person's identifier by its kind.
    pub person: BTreeMap<&'static str, String>,
    /// The calls, in their order.
    pub calls: Vec<CallExplained>,
}

#[derive(Clone, Debug, Serialize)]
pub struct CallExplained {
    /// The kind.
    pub call: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect_key: Option<String>,
    /// The event's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_id: Option<EventId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestExplained>,
    /// The reason why none is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// Texts that the destination cuts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Remarks.
    pub notes: Vec<&'static str>,
}

#[derive(Clone, Debug, Serialize)]
pub struct RequestExplained {
    pub method: String,
    /// The whole address.
    pub url: String,
    /// The path below the host, or below GrowSurf's API.
    pub path: String,
    pub body: Value,
}

impl Explanation {
    /// True if the relay would accept the body.
    pub fn is_accepted(&self) -> bool {
        self.plan.is_some()
    }

    /// Returns the calls by person, if it would be accepted.
    pub fn lanes(&self) -> &[LaneExplained] {
        self.plan.as_ref().map_or(&[], |plan| &plan.lanes)
    }

    /// Returns the reasons why parts of it lead to nothing.
    pub fn unmapped(&self) -> &[String] {
        self.plan.as_ref().map_or(&[], |plan| &plan.unmapped)
    }

    /// Returns the events that the settings turn off.
    pub fn turned_off(&self) -> &[String] {
        self.plan.as_ref().map_or(&[], |plan| &plan.turned_off)
    }
}

impl CallExplained {
    /// Masks everything that names a person: the parts of the effect's key behind the campaign, the path's behind
    /// the list that it is in, and the body.
    pub(super) fn mask(&mut self) {
        if let Some(key) = &mut self.effect_key {
            let parts = key.splitn(3, ':').take(2);
            *key = format!("{}:***", parts.collect::<Vec<_>>().join(":"));
        }
        if let Some(request) = &mut self.request {
            let parts = request.path.split('/').scan(false, |is_named, part| {
                let shown = if std::mem::take(is_named) { "***" } else { part };
                *is_named = matches!(part, "customers" | "participant");
                Some(shown)
            });
            let path = parts.collect::<Vec<_>>().join("/");
            let host = request.url.strip_suffix(&request.path).unwrap_or_default();
            request.url = format!("{host}{path}");
            request.path = path;
            request.body = masked(&request.body);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn masked_calls_name_nobody() {
        let body = json!({ "email": "fay@example.com", "tracked_at": 1 });
        let (url, path) = (
            "https://c.io/api/v1/customers/fay%40example.com/events",
            "/api/v1/customers/fay%40example.com/events",
        );
        let mut call = CallExplained {
            call: "track",
            effect_key: Some("shared:ct8f71:p88y0a:email:3".to_owned()),
            event_id: None,
            request: Some(RequestExplained {
                method: "POST".to_owned(),
                url: url.to_owned(),
                path: path.to_owned(),
                body,
            }),
            refused: None,
            warnings: Vec::new(),
            notes: Vec::new(),
        };
        call.mask();
        assert_eq!(call.effect_key.as_deref(), Some("shared:ct8f71:***"));
        let request = call.request.unwrap();
        assert_eq!(request.path, "/api/v1/customers/***/events");
        assert_eq!(request.url, "https://c.io/api/v1/customers/***/events");
        assert_eq!(request.body, json!({ "email": "***", "tracked_at": 1 }));
    }
}
