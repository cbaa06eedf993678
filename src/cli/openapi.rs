//! `referral-relay openapi`: the document of the HTTP interface.

use std::process::ExitCode;

use super::output::{Failure, Output};
use crate::http;

/// Prints it, as `/openapi.json` of a running relay answers it.
pub fn run() -> Result<ExitCode, Failure> {
    let mut page = Output::default();
    page.document(http::document());
    page.print()?;
    Ok(ExitCode::SUCCESS)
}
