//! Errors in the log: with every cause, in both formats.

use std::error::Error;
use std::fmt;

/// Shows an error and all its causes in one line: `the store can't take a write: disk is full`.
///
/// The last cause helps most, and the JSON format of `tracing-subscriber` shows only the first of an
/// error.
#[derive(Clone, Copy)]
pub struct ErrorChain<'a>(pub &'a (dyn Error + 'static));

impl fmt::Display for ErrorChain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut last = self.0;
        while let Some(cause) = last.source() {
            write!(f, ": {cause}")?;
            last = cause;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("can't write")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn every_cause_is_shown_once() {
        let error = Outer(std::io::Error::other("the disk is full"));
        assert_eq!(ErrorChain(&error).to_string(), "can't write: the disk is full");
    }
}
