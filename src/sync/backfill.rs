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
use super::source::Source;
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
    tally: SyncReport,
}

/// A step of a backfill.
#[derive(Debug)]
pub enum Step<'a> {
    /// A campaign begins or continues.
    Begin {
        /// The campaign.
        source: &'a Source,
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
        source: &Source,
        mut tell: impl FnMut(Step<'_>),
    ) -> Result<SyncReport, SyncError> {
        let store = &*self.intake.store;
        let name = format!("backfill:{}", source.campaign.id);
        let mut place = self.begin(&name).await?;
        if self.events != Events::All {
            // What it leaves out stays left out: the comparison tells only of what comes after.
            let note = horizon_note(&source.campaign.id);
            checkpoint::keep(store, &note, &place.began_at).await?;
        }
        tell(Step::Begin { source, before: place.tally.rows });
        let mut begun_again = None;
        let mut rewards = Rewards::of(source);
        while place.part != Part::Done {
            let page = match self.page(source, &place).await? {
                // Whoever the page began with is gone; what of the part was done changes nothing.
                // If it is so again, something else is wrong.
                Err(RestError::Unknown(..))
                    if place.next.is_some() && begun_again != Some(place.part) =>
                {
                    begun_again = Some(place.part);
                    (place.next, place.trail) = (None, Trail::default());
                    continue;
                }
                page => page?,
            };
            place.trail.follow(page.next.as_ref())?;
            let mut tally = SyncReport::default();
            let rows = self.rows(source, &mut rewards, &mut place, page.rows, &mut tally).await?;
            self.intake.take(rows, &mut tally).await?;
            if place.part == Part::Counts {
                // They were looked at before.
                (tally.rows, tally.changed) = (0, 0);
            }
            place.tally.add(&tally);
            tell(Step::Page { rows: place.tally.rows });
            place.next = page.next;
            if place.next.is_none() {
                if place.part == Part::Participants {
                    let (id, since) = (&source.campaign.id, place.began_at);
                    self.intake.take_waiting(id, since, &mut place.tally).await?;
                }
                place.part = following(place.part, source);
            }
            checkpoint::keep(store, &name, &place).await?;
        }
        Ok(place.tally)
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
            tally: SyncReport::default(),
        }))
    }

    async fn page(
        &self,
        source: &Source,
        place: &BackfillCursor,
    ) -> Result<Result<Page, RestError>, StoreError> {
        let (client, id, next) = (&source.client, &source.campaign.id, place.next.as_ref());
        Ok(match place.part {
            Part::Participants => client.participants(id, next).await,
            Part::Referrals => client.referrals(id, &converted(place.next.clone())).await,
            Part::Commissions => client.commissions(id, next).await,
            Part::Payouts => client.payouts(id, next).await,
            Part::Counts => Ok(counted::page(&self.intake.store, id, next).await?),
            Part::Done => Ok(Page::default()),
        })
    }

    async fn rows(
        &self,
        source: &Source,
        rewards: &mut Rewards<'_>,
        place: &mut BackfillCursor,
        mut rows: Vec<Value>,
        tally: &mut SyncReport,
    ) -> Result<Vec<Row>, SyncError> {
        let tell = match self.events {
            Events::All => SendFilter::History,
            Events::Late => SendFilter::Before(place.began_at.minus(TRIGGERS_FOR)),
            Events::None => SendFilter::None,
        };
        if place.part == Part::Participants {
            for row in &mut rows {
                rewards.complete(row, &mut place.unread, tally).await?;
            }
        }
        if place.part == Part::Counts {
            rows.retain(|row| id_of(row).is_some_and(|id| !place.unread.may_have(&id)));
        }
        let (campaign, shares) = (rewards.campaign().clone(), source.shares);
        let now = self.intake.clock.now();
        let at = if place.part == Part::Counts { place.began_at } else { now };
        let origin = Origin { campaign, at, tell, shares };
        let kind = match place.part {
            Part::Participants | Part::Done => Kind::Participant,
            Part::Referrals => Kind::Referral,
            Part::Commissions => Kind::Commission,
            Part::Payouts => Kind::Payout,
            Part::Counts => Kind::Counted,
        };
        Ok(told(kind, rows, &origin))
    }
}

/// Returns the rows to accept: those of something that happened.
pub(super) fn told(kind: Kind, rows: Vec<Value>, origin: &Origin) -> Vec<Row> {
    rows.into_iter()
        .filter(|row| Listed::of(row).has_happened(kind))
        .map(|row| Row::new(kind, row, origin))
        .collect()
}

/// Returns the query of converted referrals, the latest first.
pub(super) fn converted(next: Option<Cursor>) -> Referrals {
    Referrals { status: Some("CREDIT_AWARDED"), sort_by: Some("referralTriggeredAt"), next }
}

/// Returns the next part. Affiliate programs have commissions in place of referrals.
fn following(part: Part, source: &Source) -> Part {
    match (part, source.campaign.is_affiliate()) {
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
    let place: Option<BackfillCursor> =
        checkpoint::find(store, &format!("backfill:{campaign}")).await?;
    Ok(match place {
        None => History::Nothing,
        Some(place) if place.part == Part::Done => History::Whole,
        Some(_) => History::Part,
    })
}
