//! Reconciliation: accepts what GrowSurf has and the store lacks.
//!
//! What belongs here: the extent of a comparison, and its checkpoint. What doesn't: the schedule (`periodic`)
//! and history (`backfill`).
//!
//! GrowSurf lists participants by time of joining, newest first, and has no list of changes. So most
//! comparisons read a page or two, and some read everything.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::SyncError;
use super::backfill::{converted, rows_to_accept};
use super::checkpoint;
use super::counted;
use super::deletions::{self, Deletions, SeenParticipants};
use super::intake::Intake;
use super::listed::Listed;
use super::report::SyncReport;
use super::rewards::{Rewards, Unread};
use super::target::SyncTarget;
use crate::domain::{SendFilter, Time};
use crate::growsurf::rest::{Cursor, Page, RestError, Trail};
use crate::sources::growsurf_api::{Kind, Origin, id_of};

/// The rules of a comparison.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
pub struct CompareRules {
    /// The overlap with the comparison before.
    pub overlap: Duration,
    /// The age of events that are sent, before the store was made.
    pub horizon: Duration,
    /// The treatment of deleted participants.
    pub deletions: Deletions,
}

/// The extent of a comparison.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// Changes since the last comparison.
    Recent,
    /// Everything.
    Full,
}

/// The checkpoint of a campaign's comparisons.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct SyncCursor {
    /// The time up to which everything was read.
    pub(super) read_until: Option<Time>,
    /// The time of the last full comparison.
    pub(super) full_at: Option<Time>,
}

/// The comparison of campaigns.
pub struct Reconcile {
    /// The intake of rows.
    pub intake: Intake,
    /// The rules.
    pub rules: CompareRules,
}

/// Returns the key of the time up to which a backfill decided what is sent.
pub(super) fn horizon_note(campaign: &str) -> String {
    format!("horizon:{campaign}")
}

/// Returns the key of a campaign's checkpoint.
pub(super) fn checkpoint_key(campaign: &str) -> String {
    format!("sync:{campaign}")
}

impl Reconcile {
    /// Compares one campaign and returns the report.
    ///
    /// # Errors
    /// [`SyncError`]; accepted rows stay, and the next comparison begins at the same place.
    pub async fn run(&self, target: &SyncTarget, scope: Scope) -> Result<SyncReport, SyncError> {
        let store = &*self.intake.store;
        let name = checkpoint_key(&target.campaign.id);
        let cursor: SyncCursor = checkpoint::find(store, &name).await?.unwrap_or_default();
        let began_at = self.intake.clock.now();
        let made_at = store.made_at().await?.minus(self.rules.horizon);
        let decided: Option<Time> =
            checkpoint::find(store, &horizon_note(&target.campaign.id)).await?;
        let horizon = decided.map_or(made_at, |decided| decided.max(made_at));
        let back_to = match scope {
            Scope::Full => None,
            Scope::Recent => {
                Some(cursor.read_until.map_or(horizon, |it| it.minus(self.rules.overlap)))
            }
        };
        let mut walk = Walk { compare: self, target, filter: SendFilter::Since(horizon), back_to };
        let mut report = SyncReport::default();
        let mut found = Found::default();
        walk.read(Kind::Participant, &mut report, &mut found).await?;
        self.intake.take_waiting(&target.campaign.id, began_at, &mut report).await?;
        if target.campaign.is_affiliate() {
            walk.read(Kind::Commission, &mut report, &mut found).await?;
            // A payout is issued long after it was made, so its place in the list says nothing.
            walk.back_to = None;
            walk.read(Kind::Payout, &mut report, &mut found).await?;
        } else {
            walk.read(Kind::Referral, &mut report, &mut found).await?;
        }
        let Found { seen, unread } = found;
        if scope == Scope::Full {
            self.counted(target, |id| seen.has(id) && !unread.may_have(id), began_at, &mut report)
                .await?;
            let what = self.rules.deletions;
            deletions::handle(&self.intake, target, &seen, what, &mut report).await?;
        }
        let full_at = if scope == Scope::Full { Some(began_at) } else { cursor.full_at };
        let cursor = SyncCursor { read_until: Some(began_at), full_at };
        checkpoint::keep(store, &name, &cursor).await?;
        Ok(report)
    }

    /// Notes the full comparison at every participant whom `is_counted` admits.
    async fn counted(
        &self,
        target: &SyncTarget,
        is_counted: impl Fn(&str) -> bool,
        began_at: Time,
        report: &mut SyncReport,
    ) -> Result<(), SyncError> {
        let SyncTarget { campaign, shares, .. } = target.clone();
        let origin = Origin { campaign, at: began_at, tell: SendFilter::None, shares };
        let (rows, changed) = (report.rows, report.changed);
        let mut next = None;
        loop {
            let id = &target.campaign.id;
            let mut page = counted::page(&self.intake.store, id, next.as_ref()).await?;
            page.rows.retain(|row| id_of(row).is_some_and(|id| is_counted(&id)));
            self.intake.take(rows_to_accept(Kind::Counted, page.rows, &origin), report).await?;
            next = page.next;
            if next.is_none() {
                // They were counted before.
                (report.rows, report.changed) = (rows, changed);
                return Ok(());
            }
        }
    }
}

/// Participants seen during a comparison.
#[derive(Default)]
struct Found {
    seen: SeenParticipants,
    unread: Unread,
}

/// The reading of one campaign's lists.
struct Walk<'a> {
    compare: &'a Reconcile,
    target: &'a SyncTarget,
    filter: SendFilter,
    /// The time at which it ends; `None` for the end of the list.
    back_to: Option<Time>,
}

impl Walk<'_> {
    /// Reads a list back to that time.
    async fn read(
        &self,
        kind: Kind,
        report: &mut SyncReport,
        found: &mut Found,
    ) -> Result<(), SyncError> {
        let intake = &self.compare.intake;
        let mut next: Option<Cursor> = None;
        let mut trail = Trail::default();
        let mut restarted = false;
        let mut rewards = Rewards::of(self.target);
        loop {
            let page = match self.page(kind, next.clone()).await {
                // The row that the page began with is gone: the list begins again, once.
                Err(RestError::Unknown(..)) if next.is_some() && !restarted => {
                    (next, trail, restarted) = (None, Trail::default(), true);
                    continue;
                }
                page => page?,
            };
            trail.follow(page.next.as_ref())?;
            let is_past = |row: &Value| match (self.back_to, Listed::of(row).changed_at(kind)) {
                (Some(back_to), Some(at)) => at < back_to,
                _ => false,
            };
            let reaches_past = page.rows.iter().any(is_past);
            let mut rows: Vec<Value> = page.rows;
            rows.retain(|row| !is_past(row));
            // Friends are numbered in the order of acceptance.
            rows.reverse();
            for row in &mut rows {
                if kind == Kind::Participant {
                    if let Some(id) = id_of(row) {
                        found.seen.note(&id);
                    }
                    rewards.complete(row, &mut found.unread, report).await?;
                }
            }
            let (campaign, shares) = (rewards.campaign().clone(), self.target.shares);
            let origin = Origin { campaign, at: intake.clock.now(), tell: self.filter, shares };
            intake.take(rows_to_accept(kind, rows, &origin), report).await?;
            next = page.next;
            if next.is_none() || reaches_past {
                return Ok(());
            }
        }
    }

    async fn page(&self, kind: Kind, next: Option<Cursor>) -> Result<Page, RestError> {
        let (client, id) = (&self.target.client, &self.target.campaign.id);
        match kind {
            Kind::Participant => client.participants(id, next.as_ref()).await,
            Kind::Referral => client.referrals(id, &converted(next)).await,
            Kind::Commission => client.commissions(id, next.as_ref()).await,
            Kind::Payout => client.payouts(id, next.as_ref()).await,
            // The store knows them, not GrowSurf.
            Kind::Counted => Ok(Page::default()),
        }
    }
}
