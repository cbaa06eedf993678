//! `referral-relay openapi`: the document of the HTTP interface.

use std::process::ExitCode;

use super::output::Output;
use crate::http;

/// Prints it, as `/openapi.json` of a running relay answers it.
pub fn run() -> anyhow::Result<ExitCode> {
    let mut output = Output::default();
    output.document(http::document());
    output.print()?;
    Ok(ExitCode::SUCCESS)
}
