//! Compare: what GrowSurf has and the store hasn't, found and taken in.
//!
//! What belongs here: how far back is read, and the marks that remember it. What doesn't: the rhythm
//! (`periodic`), and history, which is `backfill`'s.
//!
//! GrowSurf lists participants by when they joined, the newest first, and has no list of what
//! changed. So most comparisons read what is new, a page or two, and some read everything.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::SyncError;
use super::backfill::{converted, told};
use super::checkpoint;
use super::counted;
use super::deletions::{self, Deletions, SeenParticipants};
use super::intake::Intake;
use super::listed::Listed;
use super::report::SyncReport;
use super::rewards::{Rewards, Unread};
use super::source::Source;
use crate::domain::{SendFilter, Time};
use crate::growsurf::rest::{Cursor, Page, RestError, Trail};
use crate::sources::growsurf_api::{Kind, Origin, id_of};

/// How a comparison is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
pub struct CompareRules {
    /// How far each goes back behind the one before.
    pub overlap: Duration,
    /// How long before the store was made events are told.
    pub horizon: Duration,
    /// What becomes of those who are gone.
    pub deletions: Deletions,
}

/// How much is compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// What is new since the last comparison.
    Recent,
    /// All there is.
    Full,
}

/// What is remembered of a campaign's comparisons.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct SyncCursor {
    /// Up to when everything was read.
    pub(super) read_until: Option<Time>,
    /// When everything was compared last.
    pub(super) full_at: Option<Time>,
}

/// Compares campaigns.
pub struct Reconcile {
    /// Takes the rows in.
    pub intake: Intake,
    /// How.
    pub rules: CompareRules,
}

/// The note of when a backfill decided what is sent of all before.
pub(super) fn horizon_note(campaign: &str) -> String {
    format!("horizon:{campaign}")
}

/// The name of a campaign's marks.
pub(super) fn marks(campaign: &str) -> String {
    format!("sync:{campaign}")
}

impl Reconcile {
    /// Compares one campaign. Tells what came of it.
    ///
    /// # Errors
    /// See [`SyncError`]; what was found until then stays, and the next comparison begins where
    /// this one did.
    pub async fn run(&self, source: &Source, depth: Scope) -> Result<SyncReport, SyncError> {
        let store = &*self.intake.store;
        let name = marks(&source.campaign.id);
        let marks: SyncCursor = checkpoint::find(store, &name).await?.unwrap_or_default();
        let began_at = self.intake.clock.now();
        let made_at = store.made_at().await?.minus(self.rules.horizon);
        let decided: Option<Time> =
            checkpoint::find(store, &horizon_note(&source.campaign.id)).await?;
        let horizon = decided.map_or(made_at, |decided| decided.max(made_at));
        let back_to = match depth {
            Scope::Full => None,
            Scope::Recent => {
                Some(marks.read_until.map_or(horizon, |it| it.minus(self.rules.overlap)))
            }
        };
        let mut walk = Walk { compare: self, source, tell: SendFilter::Since(horizon), back_to };
        let mut tally = SyncReport::default();
        let mut found = Found::default();
        walk.read(Kind::Participant, &mut tally, &mut found).await?;
        self.intake.take_waiting(&source.campaign.id, began_at, &mut tally).await?;
        if source.campaign.is_affiliate() {
            walk.read(Kind::Commission, &mut tally, &mut found).await?;
            // A payout is issued long after it was made, so its place in the list says nothing.
            walk.back_to = None;
            walk.read(Kind::Payout, &mut tally, &mut found).await?;
        } else {
            walk.read(Kind::Referral, &mut tally, &mut found).await?;
        }
        let Found { seen, unread } = found;
        if depth == Scope::Full {
            self.counted(source, |id| seen.has(id) && !unread.may_have(id), began_at, &mut tally)
                .await?;
            let what = self.rules.deletions;
            deletions::look(&self.intake, source, &seen, what, &mut tally).await?;
        }
        let full_at = if depth == Scope::Full { Some(began_at) } else { marks.full_at };
        let marks = SyncCursor { read_until: Some(began_at), full_at };
        checkpoint::keep(store, &name, &marks).await?;
        Ok(tally)
    }

    /// Notes that everything which GrowSurf has of the participants was counted, if `is_counted` says so.
    async fn counted(
        &self,
        source: &Source,
        is_counted: impl Fn(&str) -> bool,
        began_at: Time,
        tally: &mut SyncReport,
    ) -> Result<(), SyncError> {
        let Source { campaign, shares, .. } = source.clone();
        let origin = Origin { campaign, at: began_at, tell: SendFilter::None, shares };
        let (rows, changed) = (tally.rows, tally.changed);
        let mut next = None;
        loop {
            let id = &source.campaign.id;
            let mut page = counted::page(&self.intake.store, id, next.as_ref()).await?;
            page.rows.retain(|row| id_of(row).is_some_and(|id| is_counted(&id)));
            self.intake.take(told(Kind::Counted, page.rows, &origin), tally).await?;
            next = page.next;
            if next.is_none() {
                // They were looked at before.
                (tally.rows, tally.changed) = (rows, changed);
                return Ok(());
            }
        }
    }
}

/// Participants that a walk has come across.
#[derive(Default)]
struct Found {
    seen: SeenParticipants,
    unread: Unread,
}

/// A walk through one campaign's lists.
struct Walk<'a> {
    compare: &'a Reconcile,
    source: &'a Source,
    tell: SendFilter,
    /// Where it ends; `None` for the end of the list.
    back_to: Option<Time>,
}

impl Walk<'_> {
    /// Reads a list as far back as is wanted.
    async fn read(
        &self,
        kind: Kind,
        tally: &mut SyncReport,
        found: &mut Found,
    ) -> Result<(), SyncError> {
        let intake = &self.compare.intake;
        let mut next: Option<Cursor> = None;
        let mut trail = Trail::default();
        let mut begun_again = false;
        let mut rewards = Rewards::of(self.source);
        loop {
            let page = match self.page(kind, next.clone()).await {
                // Whoever the page began with is gone; what was read changes nothing.
                Err(RestError::Unknown { .. }) if next.is_some() && !begun_again => {
                    (next, trail, begun_again) = (None, Trail::default(), true);
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
            // Friends are numbered in the order in which they are taken in.
            rows.reverse();
            for row in &mut rows {
                if kind == Kind::Participant {
                    if let Some(id) = id_of(row) {
                        found.seen.note(&id);
                    }
                    rewards.complete(row, &mut found.unread, tally).await?;
                }
            }
            let (campaign, shares) = (rewards.campaign().clone(), self.source.shares);
            let origin = Origin { campaign, at: intake.clock.now(), tell: self.tell, shares };
            intake.take(told(kind, rows, &origin), tally).await?;
            next = page.next;
            if next.is_none() || reaches_past {
                return Ok(());
            }
        }
    }

    async fn page(&self, kind: Kind, next: Option<Cursor>) -> Result<Page, RestError> {
        let (client, id) = (&self.source.client, &self.source.campaign.id);
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
