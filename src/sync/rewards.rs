//! Rewards: what rows of participants leave out of them.
//!
//! What belongs here: asking for a participant's rewards where their row has none, and for configured
//! rewards that the campaign doesn't show because they are switched off. What doesn't: what rewards
//! mean, which is the rows' own matter.

use serde_json::Value;

use super::source::Source;
use crate::growsurf::rest::rows::configured_id;
use crate::growsurf::rest::{Campaign, RestError};

/// The rewards of one campaign, asked for where they are needed.
pub(super) struct Rewards<'a> {
    source: &'a Source,
    /// The campaign, with all configured rewards that were asked for.
    campaign: Campaign,
    /// True if they were.
    has_all: bool,
}

impl<'a> Rewards<'a> {
    /// The rewards that the campaign itself shows.
    pub(super) fn of(source: &'a Source) -> Self {
        Self { source, campaign: source.campaign.clone(), has_all: false }
    }

    /// The campaign, with the configured rewards that the rows so far name.
    pub(super) fn campaign(&self) -> &Campaign {
        &self.campaign
    }

    /// Asks for what the row of a participant needs: their rewards, where it doesn't have them and
    /// they may have some; and the configured rewards, once, where it names one that isn't known.
    ///
    /// # Errors
    /// GrowSurf's; the same again asks again.
    pub(super) async fn complete(&mut self, row: &mut Value) -> Result<(), RestError> {
        self.complete_row(row).await?;
        let rewards = row.get("rewards").and_then(Value::as_array).into_iter().flatten();
        let is_unknown = |id: &str| !self.campaign.rewards.contains_key(id);
        if self.has_all || !rewards.filter_map(configured_id).any(is_unknown) {
            return Ok(());
        }
        let all = self.source.client.reward_configs(&self.campaign.id).await?;
        self.campaign.rewards.extend(all);
        self.has_all = true;
        Ok(())
    }

    async fn complete_row(&self, row: &mut Value) -> Result<(), RestError> {
        let Some(fields) = row.as_object_mut() else { return Ok(()) };
        let is_some = |name| fields.get(name).is_some_and(|value| !value.is_null());
        let may_have = is_some("referredBy")
            || fields.get("referralCount").is_none_or(|count| count.as_i64() != Some(0));
        let (false, true, Some(id)) =
            (is_some("rewards"), may_have, fields.get("id").and_then(Value::as_str))
        else {
            return Ok(());
        };
        match self.source.client.rewards(&self.campaign.id, id).await {
            Ok(rewards) => {
                fields.insert("rewards".to_owned(), rewards.into());
                Ok(())
            }
            // They were deleted meanwhile.
            Err(RestError::Unknown { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
