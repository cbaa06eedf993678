//! JSON answers that people may read on a terminal.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::domain::characters::escape;

/// An answer as JSON in which every hidden character is escaped: most texts came from outside.
pub(crate) struct Json<T>(pub T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        let kind = HeaderValue::from_static("application/json");
        ([(header::CONTENT_TYPE, kind)], text(&self.0)).into_response()
    }
}

/// Writes a document as JSON in which every hidden character is escaped.
pub(super) fn text(document: &impl Serialize) -> String {
    let text = serde_json::to_string(document).expect("documents of texts and numbers are JSON");
    escape(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_answer_steers_a_terminal() {
        let hostile = "\u{1b}[2J\u{9b}2J\u{202e}\u{2028}";
        assert_eq!(text(&[hostile]), r#"["\u001b[2J\u009b2J\u202e\u2028"]"#);
    }
}
