//! Campaigns to synchronise, and the clients for them.

use std::collections::BTreeSet;

use thiserror::Error;

use crate::growsurf::rest::{Client, RestError};
use crate::sources::growsurf_api::Campaign;

/// One campaign and its client.
#[derive(Clone, Debug)]
pub struct SyncTarget {
    /// The campaign, as GrowSurf describes it.
    pub campaign: Campaign,
    pub client: Client,
    /// True if counts of shares become events.
    pub shares: bool,
}

/// A campaign in the settings.
#[derive(Clone, Debug)]
pub struct CampaignClient {
    pub id: String,
    /// The client of its own key.
    pub client: Option<Client>,
    /// True if counts of shares become events.
    pub shares: bool,
}

/// Reason for having no campaigns.
#[derive(Debug, Error)]
pub enum SyncTargetError {
    /// The settings hold no key.
    #[error(
        "growsurf.api_key is not set; GrowSurf shows it, RELAY__GROWSURF__API_KEY sets it, and \
         it needs the scopes program:read, participant:read and reward:read"
    )]
    NoKey,
    /// The key sees no campaign.
    #[error("the key sees no campaign that has begun; check its list of programs")]
    NoCampaign,
    /// GrowSurf's answer for one campaign.
    #[error("can't read campaign {id}")]
    Campaign {
        /// The campaign's id.
        id: String,
        #[source]
        source: RestError,
    },
    /// GrowSurf's answer for the list.
    #[error("can't list the campaigns")]
    Campaigns(#[source] RestError),
}

impl SyncTarget {
    /// Returns the requested campaigns, or those in the settings, or all that the key sees and that have
    /// begun.
    /// `general` is the client of the shared key.
    ///
    /// # Errors
    /// [`SyncTargetError`].
    pub async fn find(
        general: Option<&Client>,
        named: &[CampaignClient],
        requested: &[String],
    ) -> Result<Vec<Self>, SyncTargetError> {
        let ids: Vec<&str> = match requested {
            [] => named.iter().map(|it| it.id.as_str()).collect(),
            requested => requested.iter().map(String::as_str).collect(),
        };
        let ids: BTreeSet<&str> = ids.into_iter().collect();
        let of = |id: &str| named.iter().find(|it| it.id == id);
        let mut targets = Vec::new();
        for id in ids {
            let own = of(id).and_then(|it| it.client.as_ref());
            let client = own.or(general).ok_or(SyncTargetError::NoKey)?.clone();
            let campaign = client.campaign(id).await;
            let campaign = campaign
                .map_err(|source| SyncTargetError::Campaign { id: id.to_owned(), source })?;
            targets.push(Self { campaign, client, shares: of(id).is_none_or(|it| it.shares) });
        }
        if !targets.is_empty() {
            return Ok(targets);
        }
        let client = general.ok_or(SyncTargetError::NoKey)?;
        let campaigns = client.campaigns().await.map_err(SyncTargetError::Campaigns)?;
        for listed in campaigns.into_iter().filter(Campaign::is_live) {
            // The list may omit fields that the campaign itself has.
            let campaign = client.campaign(&listed.id).await;
            let campaign = campaign
                .map_err(|source| SyncTargetError::Campaign { id: listed.id.clone(), source })?;
            targets.push(Self { campaign, client: client.clone(), shares: true });
        }
        if targets.is_empty() { Err(SyncTargetError::NoCampaign) } else { Ok(targets) }
    }
}
