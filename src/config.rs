//! Settings: found in layers, checked whole, handed out as plain values.
//!
//! Later layers win: the built-in `config/default.toml`, one file, the environment (`tree`). They are read
//! into the sections' structs (`node`), whose types fix the form of values. Then the rules of the sections
//! and over them are checked. All problems are reported together. Where a module takes settings as they are,
//! the struct is its own. The module that takes a setting knows its meaning.

mod check;
pub mod customerio;
pub mod delivery;
mod environment;
pub mod growsurf;
mod mapping;
mod node;
pub mod page;
pub mod problem;
mod proxies;
pub mod server;
pub mod sources;
pub mod store;
pub mod sync;
#[cfg(test)]
mod tests;
mod together;
pub mod tokens;
mod tree;

use serde::Deserialize;

use crate::config::check::Check;
use crate::config::customerio::CustomerioSettings;
use crate::config::delivery::DeliverySettings;
use crate::config::growsurf::GrowsurfSettings;
use crate::config::page::PageSettings;
use crate::config::problem::Problems;
use crate::config::server::ServerSettings;
use crate::config::sources::Sources;
use crate::config::store::StoreSettings;
use crate::config::sync::SyncSettings;
use crate::config::tokens::{AdminSettings, TokenSettings};
pub use crate::config::tree::EffectiveSetting;
use crate::config::tree::Tree;
use crate::insights::InsightsOptions;
use crate::mapping::{FeedbackRules, Rules};
use crate::telemetry::LogOptions;

/// The documented defaults of every key.
pub const DEFAULTS: &str = include_str!("../config/default.toml");

/// Every setting of the relay. Its types have the keys of `config/default.toml`, which documents them.
#[derive(Debug, Clone, Deserialize)]
pub struct Settings {
    pub server: ServerSettings,
    pub store: StoreSettings,
    pub growsurf: GrowsurfSettings,
    pub customerio: CustomerioSettings,
    pub delivery: DeliverySettings,
    pub sync: SyncSettings,
    pub feedback: FeedbackRules,
    /// Names, tiers and keys of metadata; other sections decide the other rules.
    pub mapping: Rules,
    pub admin: AdminSettings,
    pub api: TokenSettings,
    pub page: PageSettings,
    pub insights: InsightsOptions,
    pub log: LogOptions,
    /// Values that are allowed but probably not meant, one sentence each.
    #[serde(skip)]
    pub warnings: Vec<String>,
    #[serde(skip)]
    summary: Vec<EffectiveSetting>,
}

/// The settings that a command requires: the Customer.io credentials, and a secret to check webhooks with or
/// the explicit permission to go without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Required {
    /// For commands that receive and deliver.
    Everything,
    /// For the others.
    Nothing,
}

impl Settings {
    /// Loads and checks the settings.
    ///
    /// # Errors
    ///
    /// Every problem of every layer, and every rule broken by the merged values, at once.
    pub fn load(sources: &Sources, needs: Required) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let mut tree = Tree::built_in();
        if let Some((path, read)) = sources.file() {
            let place = path.display().to_string();
            match read {
                Ok(text) => tree.add_toml(&text, &place, &mut problems),
                Err(error) => problems.push(&place, "", format!("can't read {place}: {error}")),
            }
            // By itself, so that what a variable replaces is checked as well.
            node::read::<Self>(&mut tree, &mut problems);
        }
        environment::add(&mut tree, sources, &mut problems);
        let (mut settings, secrets): (Self, _) = node::read(&mut tree, &mut problems);
        settings.summary = tree.summary(&secrets);
        let mut check = Check { tree: &tree, problems: &mut problems, warnings: Vec::new() };
        settings.check(needs, &mut check);
        settings.warnings = check.warnings;
        settings.warnings.extend(proxies::warnings(sources, &settings));
        if problems.list().is_empty() { Ok(settings) } else { Err(problems) }
    }

    /// Returns every key, its value and its place, in the order of the sections; no secret is
    /// shown.
    pub fn summary(&self) -> &[EffectiveSetting] {
        &self.summary
    }

    /// True if a file or variable sets this key, even to its default.
    pub fn is_set(&self, key: &str) -> bool {
        self.summary.iter().any(|it| it.key == key && !it.is_built_in())
    }

    fn check(&mut self, needs: Required, check: &mut Check<'_>) {
        self.server.check(check);
        self.store.check(check);
        self.growsurf.check(needs == Required::Everything, check);
        self.customerio.check(needs == Required::Everything, check);
        self.delivery.check(self.customerio.timeout, check);
        self.sync.check(self.growsurf.has_api_key(), check);
        mapping::check(&mut self.mapping, check);
        self.page.check(self.growsurf.has_page_key(), check);
        together::check(self, check);
    }
}
