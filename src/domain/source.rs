//! Sources: the parties that send to the relay.
//!
//! What belongs here: their names. What doesn't: reading what a source sends, which `ingest` does.

/// The sender of a webhook, as the relay verified it at receipt.
///
/// The source alone selects the reader of a body, never the body's shape: a sender could imitate
/// any shape.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Source {
    /// GrowSurf's webhooks, in both dialects.
    Growsurf,
    /// Rows of GrowSurf's REST API.
    GrowsurfApi,
    /// Customer.io's reporting webhooks.
    CustomerioReport,
    /// Webhook actions of Customer.io's campaigns.
    CustomerioAction,
    /// The operator's own backend, by `/v1/events`.
    Server,
    /// Scripts on the operator's pages.
    Page,
}

impl Source {
    /// All sources.
    pub const ALL: [Self; 6] = [
        Self::Growsurf,
        Self::GrowsurfApi,
        Self::CustomerioReport,
        Self::CustomerioAction,
        Self::Server,
        Self::Page,
    ];

    /// Returns the name in the store and in output.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Growsurf => "growsurf",
            Self::GrowsurfApi => "growsurf_api",
            Self::CustomerioReport => "customerio_report",
            Self::CustomerioAction => "customerio_action",
            Self::Server => "server",
            Self::Page => "page",
        }
    }

    /// Returns the source of this name.
    pub fn from_label(label: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.label() == label)
    }

    /// True if GrowSurf is the sender. Of these the store notes every person that they name.
    pub const fn is_growsurf(self) -> bool {
        matches!(self, Self::Growsurf | Self::GrowsurfApi)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_is_found_by_its_label() {
        for source in Source::ALL {
            assert_eq!(Source::from_label(source.label()), Some(source));
        }
        assert_eq!(Source::from_label("GROWSURF"), None);
    }
}
