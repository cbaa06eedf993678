//! Backfill: everything that GrowSurf has of a campaign, once.
//!
//! What belongs here: the pages in order, and the checkpoint after each. The checkpoint follows the page, so
//! an interrupted backfill repeats its last page, which changes nothing. What doesn't: showing progress.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::SyncError;
use super::checkpoint;
use super::counted;
use super::intake::Intake;
use super::listed::Listed;
use super::reconcile::horizon_note;
use super::report::SyncReport;
use super::rewards::{Rewards, Unread};
use super::target::SyncTarget;
use crate::domain::{SendFilter, TRIGGERS_FOR, Time};
use crate::growsurf::rest::{Cursor, Page, Referrals, RestError, Trail};
use crate::sources::growsurf_api::{Kind, Origin, Row, id_of};
use crate::store::{Store, StoreError};

/// The events to send. People are sent in any case.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Events {
    /// Events that are too old to trigger a campaign.
    Late,
    /// All events.
    All,
    /// No events.
    None,
}

/// A part of a campaign's history.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Part {
    Participants,
    Referrals,
    Commissions,
    Payouts,
    Counts,
    Done,
}

/// Progress of a campaign's backfill.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct BackfillCursor {
    events: Events,
    began_at: Time,
    part: Part,
    /// The next page of the part; `None` for the first.
    next: Option<Cursor>,
    /// The cursors of the part's pages so far.
    trail: Trail,
    unread: Unread,
    report: SyncReport,
}

/// A step of a backfill.
#[derive(Debug)]
pub enum Step<'a> {
    /// A campaign begins or continues.
    Begin {
        /// The campaign.
        target: &'a SyncTarget,
        /// Rows read before an interruption.
        before: u64,
    },
    /// A page was accepted.
    Page {
        /// Rows read in this campaign so far.
        rows: u64,
    },
}

/// A backfill of campaigns.
pub struct Backfill {
    /// The intake of rows.
    pub intake: Intake,
    /// The events to send.
    pub events: Events,
}

impl Backfill {
    /// Backfills one campaign, from its checkpoint if there is one, and returns the whole report.
    ///
    /// # Errors
    /// [`SyncError`]; a repetition continues from the checkpoint.
    pub async fn run(
        &self,
        target: &SyncTarget,
        mut show: impl FnMut(Step<'_>),
    ) -> Result<SyncReport, SyncError> {
        let store = &*self.intake.store;
        let name = format!("backfill:{}", target.campaign.id);
        let mut cursor = self.begin(&name).await?;
        if self.events != Events::All {
            // What it leaves out stays left out: the comparison sends only later events.
            let note = horizon_note(&target.campaign.id);
            checkpoint::keep(store, &note, &cursor.began_at).await?;
        }
        show(Step::Begin { target, before: cursor.report.rows });
        let mut restarted = None;
        let mut rewards = Rewards::of(target);
        while cursor.part != Part::Done {
            let page = match self.page(target, &cursor).await? {
                // The row that the page began with is gone: the part begins again, once.
                Err(RestError::Unknown(..))
                    if cursor.next.is_some() && restarted != Some(cursor.part) =>
                {
                    restarted = Some(cursor.part);
                    (cursor.next, cursor.trail) = (None, Trail::default());
                    continue;
                }
                page => page?,
            };
            cursor.trail.follow(page.next.as_ref())?;
            let mut report = SyncReport::default();
            let rows = self.rows(target, &mut rewards, &mut cursor, page.rows, &mut report).await?;
            self.intake.take(rows, &mut report).await?;
            if cursor.part == Part::Counts {
                // They were counted before.
                (report.rows, report.changed) = (0, 0);
            }
            cursor.report.add(&report);
            show(Step::Page { rows: cursor.report.rows });
            cursor.next = page.next;
            if cursor.next.is_none() {
                if cursor.part == Part::Participants {
                    let (id, since) = (&target.campaign.id, cursor.began_at);
                    self.intake.take_waiting(id, since, &mut cursor.report).await?;
                }
                cursor.part = following(cursor.part, target);
            }
            checkpoint::keep(store, &name, &cursor).await?;
        }
        Ok(cursor.report)
    }

    async fn begin(&self, name: &str) -> Result<BackfillCursor, SyncError> {
        let kept = checkpoint::find::<BackfillCursor>(&self.intake.store, name).await?;
        let goes_on = |it: &BackfillCursor| it.part != Part::Done && it.events == self.events;
        Ok(kept.filter(goes_on).unwrap_or_else(|| BackfillCursor {
            events: self.events,
            began_at: self.intake.clock.now(),
            part: Part::Participants,
            next: None,
            trail: Trail::default(),
            unread: Unread::default(),
            report: SyncReport::default(),
        }))
    }

    async fn page(
        &self,
        target: &SyncTarget,
        cursor: &BackfillCursor,
    ) -> Result<Result<Page, RestError>, StoreError> {
        let (client, id, next) = (&target.client, &target.campaign.id, cursor.next.as_ref());
        Ok(match cursor.part {
            Part::Participants => client.participants(id, next).await,
            Part::Referrals => client.referrals(id, &converted(cursor.next.clone())).await,
            Part::Commissions => client.commissions(id, next).await,
            Part::Payouts => client.payouts(id, next).await,
            Part::Counts => Ok(counted::page(&self.intake.store, id, next).await?),
            Part::Done => Ok(Page::default()),
        })
    }

    async fn rows(
        &self,
        target: &SyncTarget,
        rewards: &mut Rewards<'_>,
        cursor: &mut BackfillCursor,
        mut rows: Vec<Value>,
        report: &mut SyncReport,
    ) -> Result<Vec<Row>, SyncError> {
        let filter = match self.events {
            Events::All => SendFilter::History,
            Events::Late => SendFilter::Before(cursor.began_at.minus(TRIGGERS_FOR)),
            Events::None => SendFilter::None,
        };
        if cursor.part == Part::Participants {
            for row in &mut rows {
                rewards.complete(row, &mut cursor.unread, report).await?;
            }
        }
        if cursor.part == Part::Counts {
            rows.retain(|row| id_of(row).is_some_and(|id| !cursor.unread.may_have(&id)));
        }
        let (campaign, shares) = (rewards.campaign().clone(), target.shares);
        let now = self.intake.clock.now();
        let at = if cursor.part == Part::Counts { cursor.began_at } else { now };
        let origin = Origin { campaign, at, tell: filter, shares };
        let kind = match cursor.part {
            Part::Participants | Part::Done => Kind::Participant,
            Part::Referrals => Kind::Referral,
            Part::Commissions => Kind::Commission,
            Part::Payouts => Kind::Payout,
            Part::Counts => Kind::Counted,
        };
        Ok(rows_to_accept(kind, rows, &origin))
    }
}

/// Returns the rows to accept: those of something that happened.
pub(super) fn rows_to_accept(kind: Kind, rows: Vec<Value>, origin: &Origin) -> Vec<Row> {
    rows.into_iter()
        .filter(|row| Listed::of(row).has_happened(kind))
        .map(|row| Row::new(kind, row, origin))
        .collect()
}

/// Returns the query of converted referrals, the latest first.
pub(super) fn converted(next: Option<Cursor>) -> Referrals {
    Referrals { status: Some("CREDIT_AWARDED"), sort_by: Some("referralTriggeredAt"), next }
}

/// Returns the next part. Affiliate programs have commissions in cursor of referrals.
fn following(part: Part, target: &SyncTarget) -> Part {
    match (part, target.campaign.is_affiliate()) {
        (Part::Participants, false) => Part::Referrals,
        (Part::Participants, true) => Part::Commissions,
        (Part::Commissions, _) => Part::Payouts,
        (Part::Referrals | Part::Payouts, _) => Part::Counts,
        (Part::Counts | Part::Done, _) => Part::Done,
    }
}

/// Extent of a campaign's history in the store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum History {
    /// No backfill has begun.
    Nothing,
    /// A backfill has begun.
    Part,
    /// A backfill has ended.
    Whole,
}

/// Returns the extent of a campaign's history in the store.
///
/// # Errors
/// The store's.
pub async fn history(store: &Store, campaign: &str) -> Result<History, StoreError> {
    let cursor: Option<BackfillCursor> =
        checkpoint::find(store, &format!("backfill:{campaign}")).await?;
    Ok(match cursor {
        None => History::Nothing,
        Some(cursor) if cursor.part == Part::Done => History::Whole,
        Some(_) => History::Part,
    })
}
