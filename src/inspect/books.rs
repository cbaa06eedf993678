//! The books: every webhook and call there ever was, and each campaign's numbers beside GrowSurf's.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_with::{DisplayFromStr, serde_as};

use super::Inspector;
use crate::domain::Time;
use crate::store::{Books, StoreError};
use crate::sync::{Compared, Difference, Numbers};

/// The books as of a moment.
#[serde_as]
#[derive(Clone, Debug, Serialize)]
pub struct BooksView {
    /// The moment.
    #[serde_as(as = "DisplayFromStr")]
    pub at: Time,
    /// The kept numbers.
    #[serde(flatten)]
    pub books: Books,
    /// Webhooks that no line accounts for; 0 if the books balance.
    pub webhooks_off: i64,
    /// Calls that no line accounts for.
    pub calls_off: i64,
    /// The campaigns.
    pub campaigns: Vec<CampaignView>,
}

/// A campaign at its last full comparison.
#[serde_as]
#[derive(Clone, Debug, Serialize)]
pub struct CampaignView {
    /// Its id.
    pub campaign: String,
    /// The time of the comparison; `None` if there was none yet.
    #[serde_as(as = "Option<DisplayFromStr>")]
    pub compared_at: Option<Time>,
    /// GrowSurf's numbers.
    pub growsurf: Option<Numbers>,
    /// The relay's.
    pub relay: Option<Numbers>,
    /// The differences.
    pub differences: Vec<Difference>,
    /// The number of differences that aren't listed.
    pub more: u64,
}

impl CampaignView {
    /// Returns the lines of the numbers: their names, GrowSurf's and the relay's.
    pub fn lines(&self) -> Vec<(&'static str, u64, u64)> {
        let (Some(growsurf), Some(relay)) = (&self.growsurf, &self.relay) else {
            return Vec::new();
        };
        vec![
            ("participants", growsurf.participants, relay.participants),
            ("referrals", growsurf.referrals, relay.referrals),
            ("conversions", growsurf.conversions, relay.conversions),
        ]
    }
}

impl BooksView {
    /// Returns the lines that webhooks are divided into.
    pub fn webhooks(&self) -> [(&'static str, u64); 2] {
        let Books { mapped, unmapped, .. } = self.books;
        [("mapped, wholly or in part", mapped), ("parked, or discarded when they were", unmapped)]
    }

    /// Returns the lines that calls are divided into.
    pub fn calls(&self) -> [(&'static str, u64); 6] {
        let Books { delivered, pending, dead, discarded, replaced, erased, .. } = self.books;
        [
            ("delivered", delivered),
            ("waiting", pending),
            ("dead letters", dead),
            ("discarded by hand", discarded),
            ("replaced by a newer identify", replaced),
            ("erased", erased),
        ]
    }
}

impl Inspector {
    /// Returns the books.
    ///
    /// # Errors
    /// The store's.
    pub async fn books(&self) -> Result<BooksView, StoreError> {
        let books = self.store.books().await?;
        let (webhooks_off, calls_off) = books.differences();
        let known = self.store.campaigns().await?.into_iter();
        let ids: BTreeSet<String> = known.chain(self.campaigns.iter().cloned()).collect();
        let mut campaigns = Vec::new();
        for campaign in ids {
            let compared = Compared::last(&self.store, &campaign).await?;
            campaigns.push(match compared {
                Some(Compared { at, growsurf, relay, differences, more }) => CampaignView {
                    campaign,
                    compared_at: Some(at),
                    growsurf: Some(growsurf),
                    relay: Some(relay),
                    differences,
                    more,
                },
                None => CampaignView {
                    campaign,
                    compared_at: None,
                    growsurf: None,
                    relay: None,
                    differences: Vec::new(),
                    more: 0,
                },
            });
        }
        Ok(BooksView { at: self.now, books, webhooks_off, calls_off, campaigns })
    }
}
