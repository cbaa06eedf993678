//! Refusals by headers alone, before a body is read or memory is taken for it.
//!
//! What belongs here: what a signature's headers show without the body. What doesn't: the body's
//! own proof, which is checked once it is there.

use super::{Ingest, IngestError};
use crate::customerio::signature::check_headers;
use crate::sources::growsurf::signature::check_header;

/// The setting with the keys of reports.
pub const REPORTING_KEYS: &str = "customerio.reporting_keys";

/// The setting with the keys of campaigns' actions.
pub const ACTION_KEYS: &str = "customerio.action_keys";

impl Ingest {
    /// Checks the signature's header of one of GrowSurf's webhooks, if signatures are asked for.
    ///
    /// # Errors
    /// [`IngestError::Signature`] if it is missing, malformed, or of the wrong time.
    pub fn check_webhook_header(&self, signature: Option<&str>) -> Result<(), IngestError> {
        if self.trust.secrets.is_empty() {
            return Ok(());
        }
        Ok(check_header(signature, self.clock.now(), self.trust.max_age)?)
    }

    /// Checks the signature's headers of one of Customer.io's webhooks, whose keys `setting` names.
    ///
    /// # Errors
    /// [`IngestError::Report`] if one is missing, malformed, or of the wrong time.
    pub fn check_customerio_headers<'h>(
        &self,
        header: impl Fn(&'static str) -> Option<&'h str>,
        setting: &'static str,
    ) -> Result<(), IngestError> {
        let checked = check_headers(header, self.clock.now(), self.trust.report_max_age);
        checked.map_err(|fault| IngestError::Report { fault, keys: setting })
    }
}
