//! Proofs of the sender: first by the headers alone, before a body takes memory, and then by the
//! signature over the body.
//!
//! What belongs here: the keys of each source, and the order of the checks. What doesn't: the schemes
//! of the signatures (`growsurf`, `customerio`), the campaign that a signature vouches for (`owner`),
//! and bearer tokens (`http`).

use secrecy::{ExposeSecret, SecretString};

use super::{Ingest, IngestError};
use crate::customerio::signature::{SignatureError, check_headers, verify};
use crate::domain::{Source, Time};
use crate::sources::growsurf::signature::check_header;

/// GrowSurf's header with time and signature
/// (<https://docs.growsurf.com/developer-tools/webhooks>).
pub(super) const SIGNATURE: &str = "growsurf-signature";

impl Ingest {
    /// Checks all that the headers of a request of `source` show of its proof without the body. `header`
    /// gives a header.
    ///
    /// # Errors
    /// [`IngestError::Signature`] or [`IngestError::Report`] if one is missing, malformed, or of the wrong
    /// time.
    pub fn check_headers<'h>(
        &self,
        source: Source,
        header: impl Fn(&'static str) -> Option<&'h str>,
    ) -> Result<(), IngestError> {
        let now = self.clock.now();
        match (source, self.customerio_keys(source)) {
            (Source::Growsurf, _) if self.auth.secrets.is_empty() => Ok(()),
            (Source::Growsurf, _) => Ok(check_header(header(SIGNATURE), now, self.auth.max_age)?),
            (_, Some((_, setting))) => check_headers(header, now, self.auth.report_max_age)
                .map_err(|fault| IngestError::Report { fault, keys: setting }),
            (_, None) => Ok(()),
        }
    }

    /// Checks that a key of Customer.io's signed the body, if `source` is one of Customer.io's.
    pub(super) fn check_customerio<'h>(
        &self,
        source: Source,
        header: impl Fn(&'static str) -> Option<&'h str>,
        body: &[u8],
        received_at: Time,
    ) -> Result<(), IngestError> {
        let Some((keys, setting)) = self.customerio_keys(source) else { return Ok(()) };
        let keys = keys.iter().map(|key| key.expose_secret().as_bytes());
        let verified = verify(header, body, keys, received_at, self.auth.report_max_age);
        verified.map_err(|fault: SignatureError| IngestError::Report { fault, keys: setting })
    }

    /// Returns the keys that sign the webhooks of one of Customer.io's sources, and their setting.
    fn customerio_keys(&self, source: Source) -> Option<(&[SecretString], &'static str)> {
        match source {
            Source::CustomerioReport => {
                Some((&self.auth.reporting_keys, "customerio.reporting_keys"))
            }
            Source::CustomerioAction => Some((&self.auth.action_keys, "customerio.action_keys")),
            _ => None,
        }
    }
}
