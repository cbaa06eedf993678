//! Backfill: everything that GrowSurf has of a campaign, once.
//!
//! What belongs here: the pages in order, and the checkpoint after each. The checkpoint follows the page, so
//! an interrupted backfill repeats its last page, which changes nothing. What doesn't: showing progress.

use serde::{Deserialize, Serialize};

use super::SyncError;
use super::checkpoint;
use super::intake::Intake;
use super::lists::Lists;
use super::reconcile::horizon_note;
use super::report::SyncReport;
use super::rewards::UnreadRewards;
use super::target::SyncTarget;
use crate::domain::{SendFilter, TRIGGERS_FOR, Time};
use crate::growsurf::rest::{Cursor, CursorTrail, RestError};
use crate::sources::growsurf_api::Kind;
use crate::store::{Store, StoreError};

/// The events to send. People are sent in any case.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Events {
    /// Events that are too old to trigger a campaign.
    Late,
    All,
    None,
}

/// Progress of a campaign's backfill.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct BackfillCursor {
    events: Events,
    began_at: Time,
    /// The list to read; `None` at the end.
    list: Option<Kind>,
    /// The next page of the list; `None` for the first.
    next: Option<Cursor>,
    /// The cursors of the list's pages so far.
    trail: CursorTrail,
    unread: UnreadRewards,
    report: SyncReport,
}

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
        let filter = match self.events {
            Events::All => SendFilter::History,
            Events::Late => SendFilter::Before(cursor.began_at.minus(TRIGGERS_FOR)),
            Events::None => SendFilter::None,
        };
        show(Step::Begin { target, before: cursor.report.rows });
        let mut restarted = None;
        let mut lists = Lists::new(&self.intake, target);
        while let Some(list) = cursor.list {
            let page = match lists.page(list, cursor.next.as_ref()).await {
                // The row that the page began with is gone: the list begins again, once.
                Err(SyncError::Rest(RestError::Unknown(..)))
                    if cursor.next.is_some() && restarted != Some(list) =>
                {
                    restarted = Some(list);
                    (cursor.next, cursor.trail) = (None, CursorTrail::default());
                    continue;
                }
                page => page?,
            };
            cursor.trail.follow(page.next.as_ref())?;
            let mut report = SyncReport::default();
            let at = if list == Kind::Counted { cursor.began_at } else { self.intake.clock.now() };
            let unread = &mut cursor.unread;
            lists.take(list, page.rows, (filter, at), unread, &mut report).await?;
            cursor.report.add(&report);
            show(Step::Page { rows: cursor.report.rows });
            cursor.next = page.next;
            if cursor.next.is_none() {
                if list == Kind::Participant {
                    let (id, since) = (&target.campaign.id, cursor.began_at);
                    self.intake.take_waiting(id, since, &mut cursor.report).await?;
                }
                cursor.list = following(list, target);
            }
            checkpoint::keep(store, &name, &cursor).await?;
        }
        Ok(cursor.report)
    }

    async fn begin(&self, name: &str) -> Result<BackfillCursor, SyncError> {
        let kept = checkpoint::find::<BackfillCursor>(&self.intake.store, name).await?;
        let goes_on = |it: &BackfillCursor| it.list.is_some() && it.events == self.events;
        Ok(kept.filter(goes_on).unwrap_or_else(|| BackfillCursor {
            events: self.events,
            began_at: self.intake.clock.now(),
            list: Some(Kind::Participant),
            next: None,
            trail: CursorTrail::default(),
            unread: UnreadRewards::default(),
            report: SyncReport::default(),
        }))
    }
}

/// Returns the next list. Affiliate programs have commissions in place of referrals.
fn following(list: Kind, target: &SyncTarget) -> Option<Kind> {
    match (list, target.campaign.is_affiliate()) {
        (Kind::Participant, false) => Some(Kind::Referral),
        (Kind::Participant, true) => Some(Kind::Commission),
        (Kind::Commission, _) => Some(Kind::Payout),
        (Kind::Referral | Kind::Payout, _) => Some(Kind::Counted),
        (Kind::Counted, _) => None,
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
        Some(cursor) if cursor.list.is_none() => History::Whole,
        Some(_) => History::Part,
    })
}
