//! Rewards that participants' rows lack.
//!
//! What belongs here: fetching a participant's rewards, and configured rewards that are switched off; and the
//! participants whose rewards weren't read. What doesn't: the rewards' events.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::listed::{Listed, RewardEvidence};
use super::report::SyncReport;
use super::target::SyncTarget;
use crate::growsurf::rest::RestError;
use crate::sources::growsurf_api::{Campaign, configured_id, id_of};
use crate::telemetry::ErrorChain;

/// The most participants of a run whose rewards are fetched without evidence: GrowSurf's requests in an hour.
const WITHOUT_EVIDENCE: usize = 20_000;

/// The most participants remembered as unread.
const REMEMBERED: usize = 1_000;

/// Participants whose rewards weren't read. Their counts are incomplete.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct UnreadRewards {
    participants: BTreeSet<String>,
    /// True if there are more than are remembered.
    may_be_anybody: bool,
}

impl UnreadRewards {
    fn note(&mut self, id: &str) {
        if self.participants.len() < REMEMBERED {
            self.participants.insert(id.to_owned());
        } else {
            self.may_be_anybody |= !self.participants.contains(id);
        }
    }

    /// True if the participant's rewards may not have been read.
    pub(super) fn may_have(&self, id: &str) -> bool {
        self.may_be_anybody || self.participants.contains(id)
    }
}

/// The rewards of one campaign, fetched on demand.
pub(super) struct Rewards<'a> {
    target: &'a SyncTarget,
    /// The campaign, with the configured rewards fetched so far.
    campaign: Campaign,
    /// True if the configured rewards were fetched.
    has_configs: bool,
    /// The participants whose rewards may still be fetched without evidence.
    without_evidence: usize,
}

impl<'a> Rewards<'a> {
    /// Returns the rewards that the campaign itself lists.
    pub(super) fn of(target: &'a SyncTarget) -> Self {
        let campaign = target.campaign.clone();
        Self { target, campaign, has_configs: false, without_evidence: WITHOUT_EVIDENCE }
    }

    /// Returns the campaign with the configured rewards of the rows so far.
    pub(super) fn campaign(&self) -> &Campaign {
        &self.campaign
    }

    /// Completes the row of a participant: fetches missing rewards, and once the configured ones.
    ///
    /// What GrowSurf refuses is left out, with a notice.
    ///
    /// # Errors
    /// GrowSurf's, if they concern more than this row; a repetition fetches again.
    pub(super) async fn complete(
        &mut self,
        row: &mut Value,
        unread: &mut UnreadRewards,
        report: &mut SyncReport,
    ) -> Result<(), RestError> {
        self.complete_row(row, unread, report).await?;
        let rewards = row.get("rewards").and_then(Value::as_array).into_iter().flatten();
        let is_unknown = |id: &str| !self.campaign.rewards.contains_key(id);
        if self.has_configs || !rewards.filter_map(configured_id).any(is_unknown) {
            return Ok(());
        }
        match self.target.client.reward_configs(&self.campaign.id).await {
            Ok(all) => self.campaign.rewards.extend(all),
            Err(error) if error.is_local() => report.add_notice(&format!(
                "the configured rewards weren't read, so earned rewards that are switched off lack \
                 description, coupon and value: {}",
                ErrorChain(&error)
            )),
            Err(error) => return Err(error),
        }
        self.has_configs = true;
        Ok(())
    }

    async fn complete_row(
        &mut self,
        row: &mut Value,
        unread: &mut UnreadRewards,
        report: &mut SyncReport,
    ) -> Result<(), RestError> {
        let Some(id) = id_of(row) else { return Ok(()) };
        match Listed::of(row).reward_evidence(self.campaign.is_affiliate()) {
            RewardEvidence::Listed | RewardEvidence::None => return Ok(()),
            RewardEvidence::Some => {}
            RewardEvidence::Unknown if self.without_evidence > 0 => self.without_evidence -= 1,
            RewardEvidence::Unknown => {
                unread.note(&id);
                report.unread_rewards += 1;
                report.add_notice(
                    "GrowSurf's rows don't say who has rewards (isWinner), and its limits don't allow a \
                     request for each participant; the rewards of the others arrive by webhook only",
                );
                return Ok(());
            }
        }
        match self.target.client.rewards(&self.campaign.id, &id).await {
            Ok(rewards) => {
                row["rewards"] = rewards.into();
                Ok(())
            }
            Err(error) if error.is_local() => {
                unread.note(&id);
                report.unread_rewards += 1;
                let error = ErrorChain(&error);
                report.add_notice(&format!("participant {id}: the rewards weren't read: {error}"));
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_those_that_are_remembered_anybody_may_be_unread() {
        let mut unread = UnreadRewards::default();
        for number in 0..REMEMBERED {
            unread.note(&number.to_string());
        }
        unread.note("0");
        assert!(unread.may_have("0") && !unread.may_have("other"));
        unread.note("one more");
        assert!(unread.may_have("other"));
    }
}
