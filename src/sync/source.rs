//! The source: which campaigns are asked about, and with which key.
//!
//! What belongs here: that choice, made from the settings and from what the key sees. What doesn't:
//! what is asked about them.

use std::collections::BTreeSet;

use thiserror::Error;

use crate::growsurf::rest::{Client, RestError};
use crate::sources::growsurf_api::Campaign;

/// One campaign, and how it is asked about.
#[derive(Clone, Debug)]
pub struct Source {
    /// The campaign, as GrowSurf describes it.
    pub campaign: Campaign,
    /// The client with the key that sees it.
    pub client: Client,
    /// Whether counts of shares tell of shares.
    pub shares: bool,
}

/// A campaign that the settings name.
#[derive(Clone, Debug)]
pub struct CampaignClient {
    /// Its id.
    pub id: String,
    /// Its own key's client, if it has a key of its own.
    pub client: Option<Client>,
    /// Whether counts of shares tell of shares.
    pub shares: bool,
}

/// Why there is nothing to ask about.
#[derive(Debug, Error)]
pub enum SourceError {
    /// The settings hold no key.
    #[error(
        "growsurf.api_key is not set; GrowSurf shows it, RELAY__GROWSURF__API_KEY sets it, and \
         it needs the scopes program:read, participant:read and reward:read"
    )]
    NoKey,
    /// The key sees no campaign.
    #[error("the key sees no campaign that has begun; check its list of programs")]
    NoCampaign,
    /// GrowSurf says what.
    #[error("can't ask about campaign {id}")]
    Campaign {
        /// Which.
        id: String,
        /// Why.
        #[source]
        source: RestError,
    },
    /// GrowSurf says what.
    #[error("can't ask which campaigns there are")]
    Campaigns(#[source] RestError),
}

impl Source {
    /// Finds the campaigns: those asked for; else those that the settings name; else all that the
    /// key sees and that have begun. `general` is the client of the key for all of them.
    ///
    /// # Errors
    /// See [`SourceError`].
    pub async fn find(
        general: Option<&Client>,
        named: &[CampaignClient],
        asked: &[String],
    ) -> Result<Vec<Self>, SourceError> {
        let ids: Vec<&str> = match asked {
            [] => named.iter().map(|it| it.id.as_str()).collect(),
            asked => asked.iter().map(String::as_str).collect(),
        };
        let ids: BTreeSet<&str> = ids.into_iter().collect();
        let of = |id: &str| named.iter().find(|it| it.id == id);
        let mut sources = Vec::new();
        for id in ids {
            let own = of(id).and_then(|it| it.client.as_ref());
            let client = own.or(general).ok_or(SourceError::NoKey)?.clone();
            let campaign = client.campaign(id).await;
            let campaign =
                campaign.map_err(|source| SourceError::Campaign { id: id.to_owned(), source })?;
            sources.push(Self { campaign, client, shares: of(id).is_none_or(|it| it.shares) });
        }
        if !sources.is_empty() {
            return Ok(sources);
        }
        let client = general.ok_or(SourceError::NoKey)?;
        let campaigns = client.campaigns().await.map_err(SourceError::Campaigns)?;
        for listed in campaigns.into_iter().filter(Campaign::is_live) {
            // The list may leave out what the campaign itself tells.
            let campaign = client.campaign(&listed.id).await;
            let campaign = campaign
                .map_err(|source| SourceError::Campaign { id: listed.id.clone(), source })?;
            sources.push(Self { campaign, client: client.clone(), shares: true });
        }
        if sources.is_empty() { Err(SourceError::NoCampaign) } else { Ok(sources) }
    }
}
