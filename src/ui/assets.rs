//! The style sheet, the script and the icon, served under the hash of their bytes, so that browsers keep them.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::failure::Failure;

/// A file that pages load.
pub struct Asset {
    bytes: &'static [u8],
    kind: &'static str,
    path: LazyLock<String, fn() -> String>,
}

/// The style sheet of all pages.
pub static STYLE: Asset = Asset {
    bytes: include_bytes!("assets/style.css"),
    kind: "text/css; charset=utf-8",
    path: LazyLock::new(|| path(STYLE.bytes, "css")),
};

/// The script of all pages. Everything works without it.
pub static SCRIPT: Asset = Asset {
    bytes: include_bytes!("assets/pages.js"),
    kind: "text/javascript; charset=utf-8",
    path: LazyLock::new(|| path(SCRIPT.bytes, "js")),
};

/// The icon of the browser's tab.
pub static ICON: Asset = Asset {
    bytes: include_bytes!("assets/icon.svg"),
    kind: "image/svg+xml",
    path: LazyLock::new(|| path(ICON.bytes, "svg")),
};

impl Asset {
    /// Returns the path that the file is served at.
    pub fn path(&'static self) -> &'static str {
        &self.path
    }
}

fn path(bytes: &[u8], extension: &str) -> String {
    let hash = hex::encode(&Sha256::digest(bytes)[..8]);
    format!("/ui/assets/{hash}.{extension}")
}

/// Serves a file by its name; it never changes under that name.
pub async fn show(Path(name): Path<String>) -> Response {
    let has_name = |asset: &&'static Asset| asset.path().ends_with(&format!("/{name}"));
    let Some(asset) = [&STYLE, &SCRIPT, &ICON].into_iter().find(has_name) else {
        let detail = "There is no file of this name; load the page again.";
        return Failure::new(StatusCode::NOT_FOUND, detail).into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, asset.kind),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    (headers, asset.bytes).into_response()
}
