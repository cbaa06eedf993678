//! Planning: the phases of a plan, and the secrets that they need.
//!
//! What belongs here: checks before the planner, the campaign of a webhook that names none, and a planner that
//! panics. What doesn't: the reads between the phases (`work::batch`).

use std::borrow::Cow;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use secrecy::SecretString;

use crate::domain::{
    Campaign, Class, Draft, Dropped, ErasureKey, EventId, Notification, Plan, Planned, Planner,
    ReadKey, ReadSet, Time,
};

use super::StoreError;
use super::tombstones::TombstoneKey;
use super::unit::Hash;
use super::work::Secrets;

/// The planner, and the secrets that plans depend on.
pub(super) struct Planning {
    pub(super) planner: Arc<dyn Planner>,
    pub(super) hash_key: [u8; 32],
    pub(super) tombstones: TombstoneKey,
    /// True once anyone was erased. It stays so.
    has_tombstones: AtomicBool,
}

impl Planning {
    /// Returns the planning of a store.
    pub(super) fn new(
        planner: Arc<dyn Planner>,
        hash_key: [u8; 32],
        tombstones: TombstoneKey,
    ) -> Self {
        Self { planner, hash_key, tombstones, has_tombstones: AtomicBool::new(false) }
    }

    /// Returns the planning of a store with these secrets, under the key of tombstones of the settings.
    ///
    /// # Errors
    /// As [`Self::note_tombstones`].
    pub(super) fn open(
        planner: Arc<dyn Planner>,
        tombstone_key: Option<&SecretString>,
        (hash_key, check): &Secrets,
    ) -> Result<Self, StoreError> {
        let tombstones = TombstoneKey::new(tombstone_key, hash_key);
        let planning = Self::new(planner, *hash_key, tombstones);
        planning.note_tombstones(check.as_deref())?;
        Ok(planning)
    }

    /// True if this process knows that anyone was ever erased from the store.
    pub(super) fn has_tombstones(&self) -> bool {
        self.has_tombstones.load(Ordering::Relaxed)
    }

    /// Notes the check of the tombstones' key. True if the tombstones are new to this process.
    ///
    /// # Errors
    /// [`StoreError::OtherKey`] if they were made with another key. They wouldn't be found.
    pub(super) fn note_tombstones(&self, check: Option<&str>) -> Result<bool, StoreError> {
        let has_some = self.tombstones.verify(check)?;
        Ok(has_some && !self.has_tombstones.swap(true, Ordering::Relaxed))
    }

    /// Returns the hash that a tombstone is kept as.
    pub(super) fn hash(&self, key: &ErasureKey) -> Hash {
        self.tombstones.hash(key)
    }

    /// Prepares a decoded webhook for the phases.
    ///
    /// `assumed` is the campaign that a stored webhook was planned in before, if it names none. The
    /// settings of today may name another, in which the same effects would be new ones.
    ///
    /// # Errors
    /// The reason why nothing of it can be mapped.
    pub(super) fn subject<'a>(
        &'a self,
        decoded: &'a Result<Notification, String>,
        assumed: Option<&str>,
        received_at: Time,
    ) -> Result<Subject<'a>, String> {
        let notification = decoded.as_ref().map_err(Clone::clone)?;
        // Here for every way in, so that no backend accepts what another can't hold.
        notification.check_ids()?;
        let campaign = notification.lacks_campaign().then(|| {
            assumed.or_else(|| self.planner.only_campaign()).unwrap_or(Campaign::UNNAMED).to_owned()
        });
        let notification = match campaign.as_deref().filter(|id| *id != Campaign::UNNAMED) {
            Some(id) => Cow::Owned(notification.in_campaign(id)),
            None => Cow::Borrowed(notification),
        };
        Ok(Subject { planner: &*self.planner, notification, assumed: campaign, received_at })
    }
}

/// A notification on its way through the phases of a plan.
pub(super) struct Subject<'a> {
    planner: &'a dyn Planner,
    notification: Cow<'a, Notification>,
    /// The campaign that it is planned in, if it names none.
    assumed: Option<String>,
    received_at: Time,
}

impl Subject<'_> {
    /// Calls [`Planner::resolve`].
    pub(super) fn resolve(&self, read: &ReadSet) -> Result<Vec<ReadKey>, String> {
        guarded(|| Ok(self.planner.resolve(&self.notification, read)))
    }

    /// Calls [`Planner::link`].
    pub(super) fn link(&self, read: &ReadSet) -> Result<Vec<ReadKey>, String> {
        guarded(|| Ok(self.planner.link(&self.notification, self.received_at, read)))
    }

    /// Returns the draft and its effects. See [`Planner::draft`].
    pub(super) fn draft<'a>(
        &'a self,
        read: &'a ReadSet,
    ) -> Result<(Box<dyn Draft + 'a>, Vec<EventId>), String> {
        guarded(|| {
            let draft = self.planner.draft(&self.notification, self.received_at, read)?;
            let effects = draft.effects();
            Ok((draft, effects))
        })
    }

    /// Calls [`Draft::finish`].
    pub(super) fn finish(
        &self,
        draft: Box<dyn Draft + '_>,
        recorded: &HashSet<EventId>,
    ) -> Planned {
        let plan = guarded(|| draft.finish(recorded))?;
        Ok(Plan { assumed_campaign: self.assumed.clone(), ..plan })
    }
}

/// Returns the result of a phase; a panic is the reason why nothing can be mapped.
fn guarded<T>(phase: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(phase)).unwrap_or_else(|panic| {
        Err(format!("internal: planning panicked: {}", panic_text(&*panic)))
    })
}

/// Returns the reason why an arrival isn't stored, if it isn't: a page's post that leads to nothing.
pub(super) fn dropped(class: Class, planned: &Planned) -> Option<Dropped> {
    match planned {
        _ if class != Class::Page => None,
        Ok(plan) if plan.is_over_budget => Some(Dropped::Budget),
        Ok(plan) if !plan.unmapped.is_empty() => Some(Dropped::Unknown),
        Ok(plan) if !plan.has_changes => Some(Dropped::Nothing),
        Ok(_) => None,
        Err(_) => Some(Dropped::Unknown),
    }
}

/// Returns the error of work that panicked. It would panic again, so the data is taken to be at fault.
pub(super) fn panicked(doing: &'static str, panic: &(dyn std::any::Any + Send)) -> StoreError {
    StoreError::Contradiction { doing, source: panic_text(panic).into() }
}

/// Returns the message of a panic.
fn panic_text(payload: &(dyn std::any::Any + Send)) -> &str {
    let text = payload.downcast_ref::<&'static str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
