//! Sources: the parties that send to the relay.

/// The sender of a webhook, verified at receipt.
///
/// It alone selects the reader of a body: a sender could imitate any shape.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Debug,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[strum(serialize_all = "snake_case")]
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
    /// True if GrowSurf is the sender. The store notes every person whom its webhooks name.
    pub const fn is_growsurf(self) -> bool {
        matches!(self, Self::Growsurf | Self::GrowsurfApi)
    }
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use super::*;
    use crate::domain::Labelled;

    #[test]
    fn every_source_is_found_by_its_label() {
        let labels = Source::VARIANTS.iter().map(|source| source.label());
        assert_eq!(
            labels.clone().collect::<Vec<_>>(),
            [
                "growsurf",
                "growsurf_api",
                "customerio_report",
                "customerio_action",
                "server",
                "page"
            ]
        );
        let found: Vec<Source> = labels.map(|label| label.parse().unwrap()).collect();
        assert_eq!(found, Source::VARIANTS);
        assert!("GROWSURF".parse::<Source>().is_err());
    }
}
