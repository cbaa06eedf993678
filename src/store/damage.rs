//! Damage to the store, for operators.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The known damage to the store. Clones share it.
///
/// A damaged store makes the relay neither unready nor unhealthy: nothing else would accept the webhooks, and a
/// restart fixes nothing.
#[derive(Clone, Debug, Default)]
pub struct Damage(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    found: Option<String>,
    aside: Vec<PathBuf>,
}

impl Damage {
    /// Notes that the open store is damaged.
    pub fn found(&self, what: String) {
        self.known().found = Some(what);
    }

    /// Notes the damaged stores that were set aside and wait for an operator.
    pub fn set_aside(&self, stores: Vec<PathBuf>) {
        self.known().aside = stores;
    }

    /// Returns the operator's tasks, a sentence each; empty if there is no damage.
    pub fn tasks(&self) -> Vec<String> {
        let known = self.known();
        let found = known.found.iter().map(|what| {
            format!(
                "the store is damaged: {what}; copy its file and the log beside it, then restart \
                 the relay, which sets the store aside (`referral-relay guide backups`)"
            )
        });
        let aside = known.aside.iter().map(|store| {
            format!(
                "a damaged store was set aside as {}; save from it what is needed, then remove it \
                 (`referral-relay guide backups`)",
                store.display()
            )
        });
        found.chain(aside).collect()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
