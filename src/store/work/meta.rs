//! Single values and kept numbers: read and written.

use std::sync::Arc;

use crate::domain::Time;
use crate::store::meta::{self, HASH_KEY, TOMBSTONE_CHECK};
use crate::store::rows::{Changes, Counters};
use crate::store::unit::{Unit, Work};
use crate::store::{Books, Stats, StoreError};

/// Implements [`Store::stats`](crate::store::Store::stats).
pub struct ReadStats;

impl Work for ReadStats {
    type Output = Stats;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<Stats, U::Fault> {
        let (Counters { pending, dead, parked, .. }, oldest) = unit.numbers().await?;
        let kept = |number| u64::try_from(number).unwrap_or(0);
        Ok(Stats {
            pending: kept(pending),
            oldest_pending: oldest.map(Time::from_micros),
            dead: kept(dead),
            parked: kept(parked),
        })
    }
}

/// See [`Store::books`](crate::store::Store::books).
pub struct ReadBooks;

impl Work for ReadBooks {
    type Output = Books;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<Books, U::Fault> {
        let kept = unit.counters().await?;
        let number = |number| u64::try_from(number).unwrap_or(0);
        Ok(Books {
            received: number(kept.received),
            mapped: number(kept.mapped),
            unmapped: number(kept.unmapped),
            parked: number(kept.parked),
            planned: number(kept.planned),
            delivered: number(kept.delivered),
            pending: number(kept.pending),
            dead: number(kept.dead),
            discarded: number(kept.discarded),
            replaced: number(kept.replaced),
            erased: number(kept.erased),
        })
    }
}

/// Reads single values by their keys.
pub struct ReadValues<const N: usize>(pub [String; N]);

impl<const N: usize> Work for ReadValues<N> {
    type Output = [Option<String>; N];

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<Self::Output, U::Fault> {
        let values = unit.values(&self.0).await?;
        Ok(values.try_into().expect("a value for each key"))
    }
}

/// A change of a single value: makes the next one of the present one and of the present time by the clock of lanes.
/// `None` forgets it. May be called more than once.
pub type ValueChange =
    Arc<dyn Fn(Option<&str>, i64) -> Result<Option<String>, StoreError> + Send + Sync>;

/// Changes a single value, and returns the new one.
pub struct UpdateValue {
    pub key: String,
    pub now: Time,
    pub change: ValueChange,
}

impl Work for UpdateValue {
    type Output = Option<String>;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<Option<String>, U::Fault> {
        let before = unit.hold_value(&self.key).await?;
        let now = unit.by_lanes(self.now, self.now);
        let after = (self.change)(before.as_deref(), now)?;
        if after != before {
            let values = vec![(self.key.clone(), after.clone())];
            unit.write(Changes { values, ..Changes::default() }).await?;
        }
        Ok(after)
    }
}

/// The store's secret, and the check of the key that tombstones were made with, if there are any.
pub type Secrets = ([u8; 32], Option<String>);

/// Returns the store's secrets. This seed is one of them if the store is new, else that of its first opening is.
pub struct OpenSecrets(pub [u8; 32]);

impl Work for OpenSecrets {
    type Output = Secrets;

    async fn run<U: Unit>(&self, unit: &mut U) -> Result<Secrets, U::Fault> {
        let hash_key = match unit.hold_value(HASH_KEY).await? {
            Some(kept) => meta::secret(&kept)?,
            None => {
                let values = vec![(HASH_KEY.to_owned(), Some(hex::encode(self.0)))];
                unit.write(Changes { values, ..Changes::default() }).await?;
                self.0
            }
        };
        let check = unit.values(&[TOMBSTONE_CHECK.to_owned()]).await?.pop().flatten();
        Ok((hash_key, check))
    }
}
