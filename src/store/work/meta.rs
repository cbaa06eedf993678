//! Single values, kept numbers and notes: read and written.

use std::time::Duration;

use crate::domain::{Destination, Time};
use crate::store::inbox::Prunable;
use crate::store::meta::{self, Meta};
use crate::store::rows::{Changes, Counters, duration};
use crate::store::unit::{Unit, Work};
use crate::store::{KvUpdate, Pruned, Stats, StoredDestinations, Workspace};

/// See [`Store::stats`](crate::store::Store::stats).
pub(in crate::store) struct ReadStats;

impl Work for ReadStats {
    type Output = Stats;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<Stats, U::Fault> {
        let (Counters { pending, dead, parked }, oldest) = unit.numbers().await?;
        let kept = |number| u64::try_from(number).unwrap_or(0);
        Ok(Stats {
            pending: kept(pending),
            oldest_pending: oldest.map(Time::from_micros),
            dead: kept(dead),
            parked: kept(parked),
        })
    }
}

/// See [`Store::destination`](crate::store::Store::destination).
pub(in crate::store) struct ReadDestinations;

impl Work for ReadDestinations {
    type Output = StoredDestinations;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<StoredDestinations, U::Fault> {
        let [accepting, accepting_back, workspace] = numbers(
            unit,
            [
                Meta::Accepting(Destination::CustomerIo),
                Meta::Accepting(Destination::GrowSurf),
                Meta::Workspace,
            ],
        )
        .await?;
        let clock = |micros: Option<i64>| micros.map_or(Duration::ZERO, duration);
        Ok(StoredDestinations {
            accepting: clock(accepting),
            accepting_back: clock(accepting_back),
            workspace: workspace.map(|environment_id| Workspace { environment_id }),
        })
    }
}

/// See [`Store::pruned_until`](crate::store::Store::pruned_until).
pub(in crate::store) struct ReadPruned;

impl Work for ReadPruned {
    type Output = Pruned;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<Pruned, U::Fault> {
        let which = [Prunable::Finished, Prunable::Parked].map(Meta::PrunedUntil);
        let [finished, parked] = numbers(unit, which).await?;
        Ok(Pruned {
            finished: finished.map(Time::from_micros),
            parked: parked.map(Time::from_micros),
        })
    }
}

/// Returns the numbers remembered.
async fn numbers<U: Unit, const N: usize>(
    unit: &mut U,
    which: [Meta; N],
) -> Result<[Option<i64>; N], U::Fault> {
    let mut numbers = [None; N];
    for (number, text) in numbers.iter_mut().zip(unit.metas(&which).await?) {
        *number = text.as_deref().map(meta::number).transpose()?;
    }
    Ok(numbers)
}

/// Remembers a value in place of the one before. See
/// [`Store::probe`](crate::store::Store::probe) and
/// [`Store::remember_workspace`](crate::store::Store::remember_workspace).
pub(in crate::store) struct Remember(pub(in crate::store) Meta, pub(in crate::store) String);

impl Work for Remember {
    type Output = ();

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<(), U::Fault> {
        let metas = vec![(self.0, Some(self.1.clone()))];
        unit.write(Changes { metas, ..Changes::default() }).await
    }
}

/// Returns the store's secret: this seed if the store is new, else the one of its first opening.
pub(in crate::store) struct OpenSecret(pub(in crate::store) [u8; 32]);

impl Work for OpenSecret {
    type Output = [u8; 32];

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<[u8; 32], U::Fault> {
        if let Some(kept) = unit.hold_meta(Meta::HashKey).await? {
            return Ok(meta::secret(&kept)?);
        }
        let metas = vec![(Meta::HashKey, Some(hex::encode(self.0)))];
        unit.write(Changes { metas, ..Changes::default() }).await?;
        Ok(self.0)
    }
}

/// See [`Store::kv_get`](crate::store::Store::kv_get).
pub(in crate::store) struct ReadNote(pub(in crate::store) String);

impl Work for ReadNote {
    type Output = Option<String>;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<Option<String>, U::Fault> {
        unit.note(&self.0).await
    }
}

/// See [`Store::kv_update`](crate::store::Store::kv_update).
pub(in crate::store) struct UpdateNote {
    pub(in crate::store) name: String,
    pub(in crate::store) revise: KvUpdate,
}

impl Work for UpdateNote {
    type Output = String;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<String, U::Fault> {
        let text = (self.revise)(unit.hold_note(&self.name).await?.as_deref());
        let notes = vec![(self.name.clone(), text.clone())];
        unit.write(Changes { notes, ..Changes::default() }).await?;
        Ok(text)
    }
}
