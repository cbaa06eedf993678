//! Output and exit codes of commands.

use std::io::{ErrorKind, IsTerminal, Write, stdin, stdout};
use std::process::ExitCode;

use anyhow::Context;
use serde::Serialize;

use crate::config::problem::Problems;
use crate::domain::characters::{escape, escape_lines};
use crate::telemetry::{LAST_LINES, stderr};

/// The reason why arguments are wrong.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// Returns the exit code for bad usage or settings (`EX_USAGE` of `sysexits.h`).
pub fn usage() -> ExitCode {
    ExitCode::from(64)
}

/// Prints the reason of a failure on standard error and returns the exit code.
pub fn print_error(error: &anyhow::Error) -> ExitCode {
    let is_usage = error.is::<Problems>() || error.is::<Usage>();
    // Problems of settings are a line each; an error of something else is one line, whatever it holds.
    let text = format!("{error:#}");
    let text = if is_usage { escape_lines(&text) } else { escape(&text) };
    for line in format!("referral-relay: {text}").lines() {
        stderr().write(line);
    }
    if is_usage { usage() } else { ExitCode::FAILURE }
}

/// Writes a line on standard error while a command runs; it is dropped if it can't be written.
pub fn note(text: impl AsRef<str>) {
    stderr().write(&escape(text.as_ref()));
}

/// Writes the last lines on standard error when dropped, also while a panic unwinds.
pub struct LastLines;

impl Drop for LastLines {
    fn drop(&mut self) {
        stderr().flush(LAST_LINES);
    }
}

/// True if a person at a terminal can answer.
pub fn is_interactive() -> bool {
    stdin().is_terminal() && stdout().is_terminal()
}

/// Asks at the terminal; true if the answer is yes.
///
/// # Errors
/// If standard input can't be read.
pub fn is_confirmed(question: &str) -> anyhow::Result<bool> {
    note(format!("{question} [y/N]"));
    stderr().flush(LAST_LINES);
    let mut answer = String::new();
    stdin().read_line(&mut answer).context("can't read standard input")?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// A command's output, printed at once. All of it is escaped, because most of it came from outside.
#[derive(Debug, Default)]
pub struct Output(String);

impl Output {
    /// Adds one line; line breaks in the text are escaped.
    pub fn line(&mut self, text: impl AsRef<str>) {
        self.0.push_str(&escape(text.as_ref()));
        self.0.push('\n');
    }

    /// Adds an empty line.
    pub fn blank(&mut self) {
        self.0.push('\n');
    }

    /// Adds a document of several lines, such as JSON, in which no text from outside has a line break.
    pub fn document(&mut self, text: impl AsRef<str>) {
        self.0.push_str(&escape_lines(text.as_ref()));
        self.0.push('\n');
    }

    /// Adds a value as JSON.
    pub fn json(&mut self, value: &impl Serialize) {
        let text =
            serde_json::to_string_pretty(value).expect("views are plain values with text keys");
        self.document(text);
    }

    /// Adds a value as JSON, or as `write` shows it to people.
    pub fn show<T: Serialize>(
        &mut self,
        as_json: bool,
        value: &T,
        write: impl FnOnce(&T, &mut Self),
    ) {
        if as_json { self.json(value) } else { write(value, self) }
    }

    /// Prints the output after the notes. A reader that closes early (`| head`) is no failure.
    ///
    /// # Errors
    /// If standard output can't be written.
    pub fn print(self) -> anyhow::Result<()> {
        stderr().flush(LAST_LINES);
        let mut out = stdout().lock();
        printed(out.write_all(self.0.as_bytes()).and_then(|()| out.flush()))
    }

    /// Prints the output on its own thread, so that the command never waits for a reader.
    pub fn print_beside(self) {
        let print = move || {
            if let Err(failure) = self.print() {
                note(format!("referral-relay: {failure}"));
            }
        };
        if std::thread::Builder::new().spawn(print).is_err() {
            note("referral-relay: can't start a thread to print with");
        }
    }
}

/// Converts the result of printing: a reader that closes early is no failure.
///
/// # Errors
/// If standard output can't be written.
pub fn printed(result: std::io::Result<()>) -> anyhow::Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other.context("can't write to standard output"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_escaped() {
        let mut output = Output::default();
        output.line("reason  \u{1b}]0;title\u{7}\u{202e}\nok    everything  \u{9b}2J");
        output.document(format!("{:#}", serde_json::json!({ "a": "\u{85}\u{2028}\n" })));
        output.blank();
        let expected = "reason  \\u001b]0;title\\u0007\\u202e\\nok    everything  \\u009b2J\n\
                    {\n  \"a\": \"\\u0085\\u2028\\n\"\n}\n\n";
        assert_eq!(output.0, expected);
    }
}
