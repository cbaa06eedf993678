//! What commands print, and how they exit.

use std::io::{ErrorKind, Write, stdout};
use std::process::ExitCode;

use crate::config::problem::Problems;

/// Why a command didn't do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The settings are wrong.
    #[error("{0}")]
    Settings(#[from] Problems),
    /// The arguments are wrong.
    #[error("{0}")]
    Usage(String),
    /// It was tried and failed.
    #[error("{0:#}")]
    Failed(#[from] anyhow::Error),
}

/// The exit code for bad usage or settings, after `EX_USAGE` of `sysexits.h`.
pub fn usage() -> ExitCode {
    ExitCode::from(64)
}

/// Prints why a command failed, on standard error, and gives its exit code.
pub fn print_error(failure: &Failure) -> ExitCode {
    eprintln!("referral-relay: {failure}");
    match failure {
        Failure::Settings(_) | Failure::Usage(_) => usage(),
        Failure::Failed(_) => ExitCode::FAILURE,
    }
}

/// Makes a failure of an error that a command met.
pub fn failed(error: impl Into<anyhow::Error>) -> Failure {
    Failure::Failed(error.into())
}

/// A number of things, `thing` being the word for one of them.
pub fn plural(number: u64, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

/// What a command says, printed in one go.
#[derive(Debug, Default)]
pub struct Page(String);

impl Page {
    /// Adds a line.
    pub fn line(&mut self, text: impl AsRef<str>) {
        self.0.push_str(text.as_ref());
        self.0.push('\n');
    }

    /// Prints it. A reader that has read enough (`| head`) is no failure.
    ///
    /// # Errors
    /// If standard output can't be written.
    pub fn print(self) -> Result<(), Failure> {
        match stdout().write_all(self.0.as_bytes()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(failed(error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}
