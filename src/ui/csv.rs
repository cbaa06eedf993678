//! CSV by RFC 4180, for spreadsheets that read a cell beginning with `=`, `+`, `-` or `@` as a formula.

use axum::http::header;
use axum::response::{IntoResponse, Response};

/// A file of comma-separated values.
pub struct Csv(String);

impl Csv {
    /// Begins a file with its header.
    pub fn new(columns: &[&str]) -> Self {
        let mut csv = Self(String::new());
        csv.row(columns);
        csv
    }

    /// Adds a row.
    pub fn row(&mut self, cells: &[&str]) {
        let cells: Vec<String> = cells.iter().map(|it| cell(it)).collect();
        self.0.push_str(&cells.join(","));
        self.0.push_str("\r\n");
    }

    /// Returns the file as an answer.
    pub fn answer(self, name: &str) -> Response {
        let kept = format!("attachment; filename=\"{name}\"");
        let headers = [
            (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
            (header::CONTENT_DISPOSITION, kept),
        ];
        (headers, self.0).into_response()
    }
}

/// Returns a cell, quoted where it must be, with an apostrophe before what would be a formula.
fn cell(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if is_formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\r', '\n']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_no_formulas() {
        for (text, written) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"no\"", "\"say \"\"no\"\"\""),
            ("two\r\nlines", "\"two\r\nlines\""),
            ("=1+1", "'=1+1"),
            ("@sum,1", "\"'@sum,1\""),
            ("-5", "'-5"),
            ("+49", "'+49"),
            ("", ""),
        ] {
            assert_eq!(cell(text), written);
        }
        let mut csv = Csv::new(&["a", "b"]);
        csv.row(&["1", "x,y"]);
        assert_eq!(csv.0, "a,b\r\n1,\"x,y\"\r\n");
    }
}
