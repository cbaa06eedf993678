//! `referral-relay openapi`: the document of the HTTP interface.

use std::process::ExitCode;

use super::output::{Failure, Output};
use crate::http;

/// Prints it, as `/openapi.json` of a running relay answers it.
pub fn run() -> Result<ExitCode, Failure> {
    let mut output = Output::default();
    output.document(http::document());
    output.print()?;
    Ok(ExitCode::SUCCESS)
}
