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
use super::checkpoint;
use super::compared;
use super::deletions::{self, Deletions, SeenParticipants};
use super::intake::Intake;
use super::listed::Listed;
use super::lists::Lists;
use super::report::SyncReport;
use super::rewards::UnreadRewards;
use super::target::SyncTarget;
use crate::domain::{SendFilter, Time};
use crate::growsurf::rest::{Cursor, CursorTrail, RestError};
use crate::sources::growsurf_api::{Kind, id_of};

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
        let filter = SendFilter::Since(horizon);
        let lists = Lists::new(&self.intake, target);
        let mut walk = Walk { intake: &self.intake, lists, filter, found: Found::default() };
        let mut report = SyncReport::default();
        walk.read(Kind::Participant, back_to, &mut report).await?;
        self.intake.take_waiting(&target.campaign.id, began_at, &mut report).await?;
        if target.campaign.is_affiliate() {
            walk.read(Kind::Commission, back_to, &mut report).await?;
            // A payout is issued long after it was made, so its place in the list says nothing.
            walk.read(Kind::Payout, None, &mut report).await?;
        } else {
            walk.read(Kind::Referral, back_to, &mut report).await?;
        }
        if scope == Scope::Full {
            walk.end(began_at, &mut report).await?;
            let (seen, what) = (&walk.found.seen, self.rules.deletions);
            deletions::handle(&self.intake, target, seen, what, &mut report).await?;
            compared::keep(&self.intake, target, (seen, &report), began_at).await?;
        }
        let full_at = if scope == Scope::Full { Some(began_at) } else { cursor.full_at };
        let cursor = SyncCursor { read_until: Some(began_at), full_at };
        checkpoint::keep(store, &name, &cursor).await?;
        Ok(report)
    }
}

/// Participants seen during a comparison.
#[derive(Default)]
struct Found {
    seen: SeenParticipants,
    unread: UnreadRewards,
}

/// The reading of one campaign's lists.
struct Walk<'a> {
    intake: &'a Intake,
    lists: Lists<'a>,
    filter: SendFilter,
    found: Found,
}

impl Walk<'_> {
    /// Reads a list back to a time, or to its end.
    async fn read(
        &mut self,
        kind: Kind,
        back_to: Option<Time>,
        report: &mut SyncReport,
    ) -> Result<(), SyncError> {
        let mut next: Option<Cursor> = None;
        let mut trail = CursorTrail::default();
        let mut restarted = false;
        loop {
            let page = match self.lists.page(kind, next.as_ref()).await {
                // The row that the page began with is gone: the list begins again, once.
                Err(SyncError::Rest(RestError::Unknown(..))) if next.is_some() && !restarted => {
                    (next, trail, restarted) = (None, CursorTrail::default(), true);
                    continue;
                }
                page => page?,
            };
            trail.follow(page.next.as_ref())?;
            let is_past = |row: &Value| match (back_to, Listed::of(row).changed_at(kind)) {
                (Some(back_to), Some(at)) => at < back_to,
                _ => false,
            };
            let reaches_past = page.rows.iter().any(is_past);
            let mut rows: Vec<Value> = page.rows;
            rows.retain(|row| !is_past(row));
            // Friends are numbered in the order of acceptance.
            rows.reverse();
            let Found { seen, unread } = &mut self.found;
            if kind == Kind::Participant {
                for row in &rows {
                    if let Some(id) = id_of(row) {
                        seen.note(&id, Listed::of(row).counted());
                    }
                }
            }
            let sent = (self.filter, self.intake.clock.now());
            self.lists.take(kind, rows, sent, unread, report).await?;
            next = page.next;
            if next.is_none() || reaches_past {
                return Ok(());
            }
        }
    }

    /// Notes the full comparison, which began at `began_at`, at every participant seen.
    async fn end(&mut self, began_at: Time, report: &mut SyncReport) -> Result<(), SyncError> {
        let Found { seen, unread } = &mut self.found;
        let mut next = None;
        loop {
            let mut page = self.lists.page(Kind::Counted, next.as_ref()).await?;
            page.rows.retain(|row| id_of(row).is_some_and(|id| seen.has(&id)));
            let sent = (SendFilter::None, began_at);
            self.lists.take(Kind::Counted, page.rows, sent, unread, report).await?;
            next = page.next;
            if next.is_none() {
                return Ok(());
            }
        }
    }
}
