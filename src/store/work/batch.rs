//! A batch of notifications on its way through the phases of planning.
//!
//! What belongs here: the bulk reads between the phases. What doesn't: the use of a plan (`accept`).

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Mutex, PoisonError};

use crate::domain::{Draft, ErasureKey, EventId, Planned, ReadKey, ReadSet, Time};
use crate::store::overlay::Overlay;
use crate::store::planning::{Planning, Subject};
use crate::store::record;
use crate::store::unit::{Hash, PlanKeys, Unit, UnitFault};

/// Keys that earlier tries of a transaction have asked for. The next one holds them all at once, in order.
pub type Wanted = Mutex<BTreeSet<ReadKey>>;

/// A notification of a batch; the reason, if nothing of it can be mapped.
pub type Candidate<'a> = Result<(Subject<'a>, Time), String>;

/// Records of a batch, read phase by phase.
pub struct Batch<'a> {
    planning: &'a Planning,
    /// `None` if nothing is to be changed. Then nobody is held.
    wanted: Option<&'a Wanted>,
    /// True if people are held. Postgres would have to hold others out of order.
    has_held: bool,
    pub overlay: Overlay,
}

/// A notification whose calls are drafted.
pub struct Drafted<'a> {
    draft: Box<dyn Draft + 'a>,
    effects: Vec<EventId>,
}

impl<'a> Batch<'a> {
    /// Returns an empty batch.
    pub fn new(planning: &'a Planning, wanted: Option<&'a Wanted>) -> Self {
        let overlay = Overlay::new(planning.hash_key, planning.has_tombstones());
        Self { planning, wanted, has_held: false, overlay }
    }

    /// Resolves and links all candidates; returns the keys that each depends on.
    pub async fn read<U: Unit>(
        &mut self,
        unit: &mut U,
        candidates: &[Candidate<'_>],
    ) -> Result<Vec<Result<Vec<ReadKey>, String>>, U::Fault> {
        let mut keys: Vec<Result<Vec<ReadKey>, String>> = Vec::with_capacity(candidates.len());
        for candidate in candidates {
            keys.push(
                candidate
                    .as_ref()
                    .map_err(Clone::clone)
                    .and_then(|(subject, now)| subject.resolve(&self.overlay.read_set(*now))),
            );
        }
        self.fetch(unit, keys.iter().flatten().flatten()).await?;
        for (candidate, keys) in candidates.iter().zip(&mut keys) {
            let (Ok((subject, now)), Ok(named)) = (candidate, &mut *keys) else { continue };
            match subject.link(&self.set(named, *now)) {
                Ok(linked) => named.extend(linked),
                Err(reason) => *keys = Err(reason),
            }
        }
        self.fetch(unit, keys.iter().flatten().flatten()).await?;
        Ok(keys)
    }

    /// Returns the records that each candidate depends on.
    pub fn sets(
        &self,
        candidates: &[Candidate<'_>],
        keys: &[Result<Vec<ReadKey>, String>],
    ) -> Vec<Result<ReadSet, String>> {
        let set = |(candidate, keys): (&Candidate<'_>, &Result<Vec<ReadKey>, String>)| {
            let (_, now) = candidate.as_ref().map_err(Clone::clone)?;
            Ok(self.set(keys.as_ref().map_err(Clone::clone)?, *now))
        };
        candidates.iter().zip(keys).map(set).collect()
    }

    /// Drafts the calls of all candidates, and reads their effects.
    pub async fn drafts<'d, U: Unit>(
        &mut self,
        unit: &mut U,
        candidates: &'d [Candidate<'_>],
        sets: &'d [Result<ReadSet, String>],
    ) -> Result<Vec<Result<Drafted<'d>, String>>, U::Fault> {
        let draft = |(candidate, set): (&'d Candidate<'_>, &'d Result<ReadSet, String>)| {
            let (subject, _) = candidate.as_ref().map_err(Clone::clone)?;
            draft(subject, set.as_ref().map_err(Clone::clone)?)
        };
        let drafts: Vec<Result<Drafted<'d>, String>> =
            candidates.iter().zip(sets).map(draft).collect();
        let effects: Vec<ReadKey> = drafts.iter().flatten().flat_map(Drafted::keys).collect();
        self.fetch(unit, effects.iter()).await?;
        Ok(drafts)
    }

    /// Returns the records of keys that were read.
    pub fn set(&self, keys: &[ReadKey], now: Time) -> ReadSet {
        let mut set = self.overlay.read_set(now);
        self.overlay.answer(&mut set, keys);
        set
    }

    /// Reads the records of keys, unless they were read before.
    ///
    /// # Errors
    /// A conflict if people must be held after others were, or someone was erased for the first time.
    pub async fn fetch<U: Unit>(
        &mut self,
        unit: &mut U,
        keys: impl Iterator<Item = &ReadKey>,
    ) -> Result<(), U::Fault> {
        let mut missing: BTreeSet<ReadKey> =
            keys.filter(|key| !self.overlay.has(key)).cloned().collect();
        if missing.is_empty() {
            return Ok(());
        }
        if let Some(wanted) = self.wanted
            && !U::READS_HOLD
            && missing.iter().any(is_of_people)
        {
            let mut wanted = wanted.lock().unwrap_or_else(PoisonError::into_inner);
            wanted.extend(missing.iter().cloned());
            if self.has_held {
                return Err(U::Fault::conflict());
            }
            missing.extend(wanted.iter().cloned());
            self.has_held = true;
        }
        let (keys, tombstones) = self.plan_keys(&missing);
        let found = match self.wanted {
            Some(_) => unit.hold_records(&keys).await?,
            None => unit.records(&keys).await?,
        };
        // Someone who isn't there because they were erased has their tombstone by now.
        if self.planning.note_tombstones(found.tombstone_check.as_deref())? {
            return Err(U::Fault::conflict());
        }
        for (hash, key) in tombstones {
            let erased_at = found.tombstones.get(&hash).copied().map(Time::from_micros);
            self.overlay.add_tombstone(key, erased_at);
        }
        Ok(self.overlay.add(&keys, found)?)
    }

    fn plan_keys(&self, of: &BTreeSet<ReadKey>) -> (PlanKeys, BTreeMap<Hash, ErasureKey>) {
        let mut keys = PlanKeys::default();
        let mut tombstones = BTreeMap::new();
        for key in of {
            match key {
                ReadKey::Lane(identifier) => {
                    keys.identifiers.insert(record::column(identifier));
                }
                ReadKey::Participant(key) => drop(keys.participants.insert(key.clone())),
                ReadKey::Link(link) => drop(keys.links.insert(link.clone())),
                ReadKey::Effect(id) => drop(keys.effects.insert(*id)),
                ReadKey::Tombstone(key) => {
                    let hash = self.planning.hash(key);
                    keys.tombstones.insert(hash);
                    tombstones.insert(hash, key.clone());
                }
            }
        }
        (keys, tombstones)
    }

    /// Returns the plan of a draft, by the ledger as it is after the plans before.
    pub fn finish(&self, subject: &Subject<'_>, drafted: Drafted<'_>) -> Planned {
        let Drafted { draft, effects } = drafted;
        let recorded: HashSet<EventId> =
            effects.into_iter().filter(|id| self.overlay.is_recorded(*id)).collect();
        subject.finish(draft, &recorded)
    }
}

/// Drafts the calls of a notification.
pub fn draft<'a>(subject: &'a Subject<'_>, set: &'a ReadSet) -> Result<Drafted<'a>, String> {
    let (draft, effects) = subject.draft(set)?;
    Ok(Drafted { draft, effects })
}

impl Drafted<'_> {
    /// Returns the keys of its effects.
    pub fn keys(&self) -> impl Iterator<Item = ReadKey> + '_ {
        self.effects.iter().copied().map(ReadKey::Effect)
    }
}

fn is_of_people(key: &ReadKey) -> bool {
    matches!(key, ReadKey::Lane(_) | ReadKey::Participant(_) | ReadKey::Link(_))
}
