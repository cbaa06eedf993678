//! `/ui/settings`: the settings that hold, with their places. For operators only.

use askama::Template;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;

use super::UiState;
use super::layout::{Frame, answer};
use super::session::Operator;

/// The page's path.
pub const HERE: &str = "/ui/settings";

/// A setting that holds.
#[derive(Clone, Debug, Serialize)]
pub struct Setting {
    /// The dotted path of the key.
    pub key: String,
    /// The value; "set" or "not set" for a secret.
    pub value: String,
    /// The file, the variable or the built-in defaults.
    pub place: String,
    /// True if neither a file nor a variable sets it.
    #[serde(skip)]
    pub is_built_in: bool,
}

#[derive(Template, Serialize)]
#[template(path = "settings.html", config = "src/ui/askama.toml")]
struct Page<'a> {
    #[serde(skip)]
    frame: Frame,
    settings: &'a [Setting],
    warnings: &'a [String],
}

pub async fn show(
    State(state): State<UiState>,
    Operator(session, _): Operator,
    headers: HeaderMap,
) -> Response {
    let (settings, warnings) = (&*state.tools.settings, &*state.tools.warnings);
    answer(&headers, &Page { frame: Frame::of(&session, HERE), settings, warnings })
}
