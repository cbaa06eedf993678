//! Backfill: everything that GrowSurf has of some campaigns, once.
//!
//! What belongs here: the pages in their order, and the bookmark behind each. What doesn't: showing
//! how far it is. A page is taken in whole before the bookmark moves on, so a backfill that dies
//! begins again with the page it was at, which then tells nothing new.

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

/// Which events are sent. People are sent in any case.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Events {
    /// Those that trigger no campaign any more.
    Late,
    /// All of them.
    All,
    /// None.
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

/// How far the backfill of a campaign came.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct BackfillCursor {
    events: Events,
    began_at: Time,
    part: Part,
    /// The place where the next page of the part begins; `None` for its first.
    next: Option<Cursor>,
    /// The places where pages of the part began.
    trail: Trail,
    unread: Unread,
    tally: SyncReport,
}

/// What a backfill is at.
#[derive(Debug)]
pub enum Step<'a> {
    /// A campaign begins, or goes on.
    Begin {
        /// The campaign.
        source: &'a Source,
        /// Rows that were looked at before it was interrupted.
        before: u64,
    },
    /// A page was taken in.
    Page {
        /// Rows looked at in this campaign so far.
        rows: u64,
    },
}

/// Backfills campaigns.
pub struct Backfill {
    /// Takes the rows in.
    pub intake: Intake,
    /// Which events are sent.
    pub events: Events,
}

impl Backfill {
    /// Backfills one campaign, from where it was interrupted if it was. Tells what came of it, and
    /// of what was done before the interruption.
    ///
    /// # Errors
    /// See [`SyncError`]; the same again goes on where it was.
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
                Err(RestError::Unknown { .. })
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

/// Rows as they are taken in, without those that tell of nothing that happened.
pub(super) fn told(kind: Kind, rows: Vec<Value>, origin: &Origin) -> Vec<Row> {
    rows.into_iter()
        .filter(|row| Listed::of(row).has_happened(kind))
        .map(|row| Row::new(kind, row, origin))
        .collect()
}

/// The referrals that converted, the last one first.
pub(super) fn converted(next: Option<Cursor>) -> Referrals {
    Referrals { status: Some("CREDIT_AWARDED"), sort_by: Some("referralTriggeredAt"), next }
}

/// What comes behind a part: affiliate programs have commissions where others have referrals.
fn following(part: Part, source: &Source) -> Part {
    match (part, source.campaign.is_affiliate()) {
        (Part::Participants, false) => Part::Referrals,
        (Part::Participants, true) => Part::Commissions,
        (Part::Commissions, _) => Part::Payouts,
        (Part::Referrals | Part::Payouts, _) => Part::Counts,
        (Part::Counts | Part::Done, _) => Part::Done,
    }
}

/// How much of a campaign's history a store has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum History {
    /// No backfill was begun.
    Nothing,
    /// A backfill was begun and hasn't ended.
    Part,
    /// A backfill has ended.
    Whole,
}

/// Returns how much of a campaign's history the store has.
///
/// # Errors
/// If the store can't be read.
pub async fn history(store: &Store, campaign: &str) -> Result<History, StoreError> {
    let place: Option<BackfillCursor> =
        checkpoint::find(store, &format!("backfill:{campaign}")).await?;
    Ok(match place {
        None => History::Nothing,
        Some(place) if place.part == Part::Done => History::Whole,
        Some(_) => History::Part,
    })
}
