//! The lists of one campaign: their pages, and the intake of their rows.

use serde_json::{Value, json};

use super::SyncError;
use super::intake::Intake;
use super::listed::Listed;
use super::report::SyncReport;
use super::rewards::{Rewards, UnreadRewards};
use super::target::SyncTarget;
use crate::domain::{SendFilter, Time};
use crate::growsurf::rest::{Cursor, Page, Referrals};
use crate::sources::growsurf_api::{Kind, Origin, Row, id_of};
use crate::store::StoreError;

/// Known participants in a page.
const KNOWN: usize = 100;

/// The lists of one campaign.
pub(super) struct Lists<'a> {
    intake: &'a Intake,
    target: &'a SyncTarget,
    rewards: Rewards<'a>,
}

impl<'a> Lists<'a> {
    /// Returns the lists of a campaign.
    pub(super) fn new(intake: &'a Intake, target: &'a SyncTarget) -> Self {
        Self { intake, target, rewards: Rewards::of(target) }
    }

    /// Returns the page of a list that begins at `from`: newest first; referrals that converted, latest first.
    pub(super) async fn page(&self, kind: Kind, from: Option<&Cursor>) -> Result<Page, SyncError> {
        let (client, id) = (&self.target.client, &self.target.campaign.id);
        Ok(match kind {
            Kind::Participant => client.participants(id, from).await?,
            Kind::Referral => {
                let (status, sort_by) = (Some("CREDIT_AWARDED"), Some("referralTriggeredAt"));
                let converted = Referrals { status, sort_by, next: from.cloned() };
                client.referrals(id, &converted).await?
            }
            Kind::Commission => client.commissions(id, from).await?,
            Kind::Payout => client.payouts(id, from).await?,
            Kind::Counted => self.known(from).await?,
        })
    }

    /// Returns a page of the participants in the store. A row of each ends a full comparison.
    async fn known(&self, from: Option<&Cursor>) -> Result<Page, StoreError> {
        let after = match from {
            Some(Cursor::Id(id)) => Some(id.as_str()),
            Some(Cursor::Offset(_)) | None => None,
        };
        let ids = self.intake.store.participants(&self.target.campaign.id, after, KNOWN).await?;
        let next = ids.last().filter(|_| ids.len() == KNOWN).cloned().map(Cursor::Id);
        Ok(Page { rows: ids.into_iter().map(|id| json!({ "id": id })).collect(), next })
    }

    /// Accepts the rows of something that happened by `at`. Completes participants' rewards before.
    pub(super) async fn take(
        &mut self,
        kind: Kind,
        mut rows: Vec<Value>,
        (filter, at): (SendFilter, Time),
        unread: &mut UnreadRewards,
        report: &mut SyncReport,
    ) -> Result<(), SyncError> {
        match kind {
            Kind::Participant => {
                for row in &mut rows {
                    self.rewards.complete(row, unread, report).await?;
                }
            }
            Kind::Counted => {
                rows.retain(|row| id_of(row).is_some_and(|id| !unread.may_have(&id)));
            }
            Kind::Referral | Kind::Commission | Kind::Payout => {}
        }
        let (campaign, shares) = (self.rewards.campaign().clone(), self.target.shares);
        let origin = Origin { campaign, at, filter, shares };
        let happened = rows.into_iter().filter(|row| Listed::of(row).has_happened(kind));
        let rows = happened.map(|row| Row::new(kind, row, &origin)).collect();
        let counts = (report.rows, report.changed);
        self.intake.take(rows, report).await?;
        if kind == Kind::Counted {
            // These participants' own rows were counted.
            (report.rows, report.changed) = counts;
        }
        Ok(())
    }
}
