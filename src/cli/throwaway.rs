//! A store that is thrown away: its folder, which goes with it.
//!
//! What belongs here: making the folder and removing it. What doesn't: who works on the store.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use anyhow::{Context, anyhow};

use crate::clock::SystemRandom;
use crate::config::Settings;
use crate::domain::Random;

/// A folder for one store, which only its owner can enter. Dropping it removes the folder.
pub struct Throwaway(PathBuf);

impl Throwaway {
    /// Makes the folder and puts the store of the settings into it.
    pub fn make(settings: &mut Settings) -> anyhow::Result<Self> {
        let name = format!("referral-relay-{:016x}", SystemRandom.next());
        let path = std::env::temp_dir().join(name);
        // Never one that is there already, which another user may have made.
        let made = DirBuilder::new().mode(0o700).create(&path);
        made.with_context(|| {
            let path = path.display();
            format!("can't make the folder {path} of a throw-away store; set TMPDIR to a folder that can be written to")
        })?;
        let folder = Self(path);
        let url = folder.url();
        settings.store.url =
            url.parse().map_err(|error| anyhow!("{url} is no address of a store: {error:?}"))?;
        Ok(folder)
    }

    /// Returns the store's address.
    pub fn url(&self) -> String {
        format!("sqlite:{}", self.0.join("relay.db").display())
    }

    /// Removes the folder.
    pub fn remove(self) -> anyhow::Result<()> {
        let context = || format!("can't remove the folder {}", self.0.display());
        fs::remove_dir_all(&self.0).with_context(context)?;
        Ok(())
    }
}

impl Drop for Throwaway {
    fn drop(&mut self) {
        // It may have been removed already.
        let _gone = fs::remove_dir_all(&self.0);
    }
}
