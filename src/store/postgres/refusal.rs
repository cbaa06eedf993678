//! Refusals: reasons for not using a server.
//!
//! What belongs here: the reasons in words. What doesn't: finding them (`connecting`).

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use super::fault::Said;

/// A reason for not using a server.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// It can't be reached, or refused.
    #[error(transparent)]
    Said(Said),
    #[error("it didn't answer within {0:?}")]
    Silent(Duration),
    #[error("its name can't be resolved")]
    Unresolved(#[source] io::Error),
    #[error("it ended the connection")]
    Ended,
    #[error("it is a read-only standby")]
    Standby,
    #[error("it accepts no writes (transaction_read_only is on)")]
    ReadOnly,
}

impl From<tokio_postgres::Error> for Refusal {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Said(Said(error))
    }
}

/// The servers of a URL, each with the reason why it isn't used.
#[derive(Debug)]
pub(crate) struct NoServer(pub(super) Vec<(String, Refusal)>);

impl NoServer {
    /// True if a server was there that only follows another.
    pub(super) fn has_standby(&self) -> bool {
        self.0.iter().any(|(_, why)| matches!(why, Refusal::Standby))
    }
}

impl fmt::Display for NoServer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The causes of the only one are shown as causes.
        if let [(server, why)] = &self.0[..] {
            return match why {
                Refusal::Said(_) => why.fmt(out),
                _ => write!(out, "{server}: {why}"),
            };
        }
        out.write_str("no server of store.url accepts writes")?;
        for (place, (server, why)) in self.0.iter().enumerate() {
            let mark = if place == 0 { ": " } else { "; " };
            write!(out, "{mark}{server}: {why}")?;
            let mut cause = why.source();
            while let Some(error) = cause {
                write!(out, ": {error}")?;
                cause = error.source();
            }
        }
        Ok(())
    }
}

impl Error for NoServer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0[..] {
            [(_, why)] => why.source(),
            _ => None,
        }
    }
}
