//! The state of the stand-in GrowSurf.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Map;

use super::campaign::Campaign;
use super::limiter::Limiter;
use super::program::Program;
use crate::sandbox::faults::Faults;
use crate::sandbox::requests::Requests;

/// The scopes of an API key; `None` is all.
pub(super) type Scopes = Option<Vec<String>>;

/// Everything that the stand-in remembers.
#[derive(Debug)]
pub(in crate::sandbox) struct Growsurf {
    pub(super) campaigns: Vec<Campaign>,
    pub(super) limiter: Limiter,
    pub(super) faults: Faults,
    pub(super) keys: HashMap<String, Scopes>,
    pub(super) requests: Requests,
    /// The requests over a limit.
    pub(super) refused: u64,
    pub(super) most_in_flight: usize,
    /// Shared with each request that isn't answered yet.
    pub(super) flights: Arc<()>,
}

impl Growsurf {
    /// Returns the stand-in with the usual program, which ends an hour ago.
    pub(in crate::sandbox) fn new(now: i64) -> Self {
        let program = Program::with(Map::new(), now).expect("the usual program makes sense");
        Self {
            campaigns: program.campaigns(),
            limiter: Limiter::new(Limiter::USUAL),
            faults: Faults::default(),
            keys: HashMap::from([("sandbox".to_owned(), None)]),
            requests: Requests::default(),
            refused: 0,
            most_in_flight: 0,
            flights: Arc::new(()),
        }
    }

    /// Returns a campaign, the first if there is no id.
    pub(super) fn campaign(&mut self, id: Option<&str>) -> Result<&mut Campaign, String> {
        let is_it = |campaign: &&mut Campaign| id.is_none_or(|id| campaign.named.id == id);
        self.campaigns.iter_mut().find(is_it).ok_or_else(|| "campaign: no such id".to_owned())
    }

    /// Awards the delayed credits that are due.
    pub(super) fn advance(&mut self, now: i64) {
        self.campaigns.iter_mut().for_each(|campaign| campaign.advance(now));
    }
}
