//! Complaints in an answer's body.
//!
//! Documented shapes: `{"meta":{"errors":["…"]}}` and `{"meta":{"error":"…"}}` of v1, and
//! `{"errors":[{"batch_index":0,"reason":"…","field":"…","message":"…"}]}` of v2 (sections 400 and 207 of
//! <https://docs.customer.io/integrations/api/track/>). A body of another shape has no complaints. Texts are
//! masked, cut and quoted here.

use serde_json::Value;

use crate::customerio::text::shown;
use crate::domain::{Outcome, quote};

/// The longest message; observed ones have about 60 bytes.
const MESSAGE_BYTES: usize = 300;

/// The longest field.
const FIELD_BYTES: usize = 200;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Complaint {
    /// The index of the operation in its batch.
    pub(super) index: Option<usize>,
    /// The field at fault.
    pub(super) field: Option<String>,
    /// The fault.
    pub(super) message: String,
}

impl From<Complaint> for Outcome {
    fn from(complaint: Complaint) -> Self {
        Self::Rejected { reason: complaint.message, field: complaint.field }
    }
}

/// Returns the complaints of a body; `None` if it is no JSON object.
pub(super) fn list(body: &[u8]) -> Option<Vec<Complaint>> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let body = body.as_object()?;
    let mut complaints = Vec::new();
    if let Some(meta) = body.get("meta") {
        let errors = meta["errors"].as_array().into_iter().flatten();
        complaints.extend(errors.chain(meta.get("error")).map(complaint));
    }
    complaints.extend(body.get("error").filter(|error| !error.is_null()).map(complaint));
    let errors = body.get("errors").and_then(Value::as_array).into_iter().flatten();
    complaints.extend(errors.map(complaint));
    Some(complaints)
}

/// Reads one entry. An unreadable entry is a complaint as well.
fn complaint(error: &Value) -> Complaint {
    let text = |name: &str| error[name].as_str().filter(|text| !text.is_empty());
    let index = error["batch_index"].as_u64().and_then(|index| usize::try_from(index).ok());
    let message = error.as_str().or_else(|| text("message")).or_else(|| text("reason"));
    let message =
        message.map_or("no reason given".to_owned(), |said| quote(&shown(said, MESSAGE_BYTES)));
    let field = text("field").map(|field| shown(field, FIELD_BYTES));
    Complaint { index, field, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Vec<(Option<usize>, Option<String>, String)> {
        let complaints = list(body.as_bytes()).unwrap();
        complaints.into_iter().map(|one| (one.index, one.field, one.message)).collect()
    }

    #[test]
    fn all_documented_shapes_are_read() {
        let none = None::<String>;
        assert_eq!(
            read(r#"{"meta":{"errors":["event name cannot be longer than 100 bytes","two"]}}"#),
            [
                (None, none.clone(), quote("event name cannot be longer than 100 bytes")),
                (None, none.clone(), quote("two"))
            ]
        );
        assert_eq!(
            read(r#"{"meta":{"error":"one identifier each"}}"#),
            [(None, none, quote("one identifier each"))]
        );
        assert_eq!(
            read(
                r#"{"errors":[{"batch_index":1,"reason":"invalid","field":"attributes.plan",
                "message":"property value cannot be longer than 1000 bytes"},{"reason":"required","field":"name"}]}"#
            ),
            [
                (
                    Some(1),
                    Some("attributes.plan".to_owned()),
                    quote("property value cannot be longer than 1000 bytes")
                ),
                (None, Some("name".to_owned()), quote("required"))
            ]
        );
    }

    #[test]
    fn other_shapes_complain_about_nothing_or_without_words() {
        for body in ["{}", r#"{"meta":3,"errors":{}}"#, r#"{"meta":{"errors":"a"},"errors":[]}"#] {
            assert_eq!(read(body), [], "{body}");
        }
        for body in ["", "[]", "<html>", "\"text\"", "{\"meta\":"] {
            assert_eq!(list(body.as_bytes()), None, "{body}");
        }
        for entry in ["7", "null", "{}", "[]", r#"{"batch_index":-1,"message":""}"#] {
            let wordless = [(None, None, "no reason given".to_owned())];
            assert_eq!(read(&format!(r#"{{"errors":[{entry}]}}"#)), wordless, "{entry}");
        }
    }

    #[test]
    fn foreign_text_is_masked_and_bounded() {
        let [(_, field, message)] = read(&format!(
            r#"{{"errors":[{{"field":"{}","message":"fay@example.com is taken {}"}}]}}"#,
            "f".repeat(1_000),
            "é".repeat(1_000),
        ))
        .try_into()
        .unwrap();
        assert_eq!(field.unwrap().len(), FIELD_BYTES);
        assert!(message.starts_with("\u{201c}f***@example.com is taken"));
        assert!(message.len() <= MESSAGE_BYTES + "\u{201c}\u{201d}".len());
    }
}
