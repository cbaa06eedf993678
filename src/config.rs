//! Settings: found in layers, checked whole, handed out as plain values.
//!
//! Later layers win: the built-in `config/default.toml`, one file, the environment. Each layer is
//! checked against the schema (`key`), the layers are merged, and each section reads its part into
//! a struct that holds only values that make sense. All problems are reported together. This module
//! knows no other of the crate; what a setting does is the business of whoever takes it.

pub mod admin;
pub mod api;
pub mod customerio;
pub mod delivery;
mod environment;
pub mod feedback;
pub mod growsurf;
mod key;
mod layer;
pub mod log;
pub mod mapping;
pub mod page;
pub mod problem;
mod proxies;
mod reader;
pub mod server;
pub mod sources;
pub mod store;
pub mod summary;
pub mod sync;
#[cfg(test)]
mod tests;
mod together;
pub mod value;

use ::config::{Config, Value};

use crate::config::admin::AdminSettings;
use crate::config::api::ApiSettings;
use crate::config::customerio::CustomerioSettings;
use crate::config::delivery::DeliverySettings;
use crate::config::feedback::FeedbackSettings;
use crate::config::growsurf::GrowsurfSettings;
use crate::config::layer::Layer;
use crate::config::log::LogSettings;
use crate::config::mapping::MappingSettings;
use crate::config::page::PageSettings;
use crate::config::problem::{Fault, Problems};
use crate::config::reader::{BUILT_IN, Reader};
use crate::config::server::ServerSettings;
use crate::config::sources::Sources;
use crate::config::store::StoreSettings;
use crate::config::summary::EffectiveSetting;
use crate::config::sync::SyncSettings;

/// The documented defaults of every key.
pub const DEFAULTS: &str = include_str!("../config/default.toml");

/// Every setting of the relay.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Listeners, and the bounds on what clients may cost.
    pub server: ServerSettings,
    /// Where webhooks and deliveries are kept, and for how long.
    pub store: StoreSettings,
    /// How webhooks prove themselves.
    pub growsurf: GrowsurfSettings,
    /// The workspace, how fast it is called, and what identifies a person there.
    pub customerio: CustomerioSettings,
    /// Retries, probes, batches and leases.
    pub delivery: DeliverySettings,
    /// The comparison with GrowSurf, and the watch over its webhooks.
    pub sync: SyncSettings,
    /// What goes back to GrowSurf, and how much of it.
    pub feedback: FeedbackSettings,
    /// Names of events and attributes, tiers, attributes from metadata.
    pub mapping: MappingSettings,
    /// Who may use the admin API.
    pub admin: AdminSettings,
    /// Who may tell the relay events, server to server.
    pub api: ApiSettings,
    /// From which pages clicks and shares are taken.
    pub page: PageSettings,
    /// How much is logged, and in which form.
    pub log: LogSettings,
    /// What is allowed but probably not meant, one sentence each.
    pub warnings: Vec<String>,
    summary: Vec<EffectiveSetting>,
}

/// What a command can't do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Required {
    /// A secret to check webhooks with, or the explicit permission to go without.
    pub webhook_secret: bool,
    /// The Customer.io credentials.
    pub credentials: bool,
}

impl Required {
    /// What it takes to receive and deliver.
    pub const EVERYTHING: Self = Self { webhook_secret: true, credentials: true };

    /// For commands that neither receive nor deliver.
    pub const NOTHING: Self = Self { webhook_secret: false, credentials: false };
}

impl Settings {
    /// Loads and checks the settings.
    ///
    /// # Errors
    ///
    /// Every problem of every layer, and every rule broken by the merged values, at once.
    pub fn load(sources: &Sources, needs: Required) -> Result<Self, Problems> {
        let mut problems = Problems::none();
        let defaults = Layer::from_toml(DEFAULTS, BUILT_IN, &mut problems);
        let mut layers = vec![defaults.clone()];
        if let Some((path, read)) = sources.file() {
            let place = path.display().to_string();
            match read {
                Ok(text) => layers.push(Layer::from_toml(&text, &place, &mut problems)),
                Err(source) => {
                    let path = place.clone();
                    problems.push(&place, "", Fault::Unreadable { path, source });
                }
            }
        }
        layers.push(environment::layer(sources, &mut problems));
        let tree = merge(layers);
        let defaults = merge(vec![defaults]);
        let mut settings = Self::read(&tree, &defaults, needs, &mut problems);
        settings.warnings.extend(proxies::warnings(sources, &settings));
        if problems.is_empty() { Ok(settings) } else { Err(problems) }
    }

    /// Every key, its value and its place, in the order of the sections; no secret is shown.
    pub fn summary(&self) -> &[EffectiveSetting] {
        &self.summary
    }

    fn read(tree: &Value, defaults: &Value, needs: Required, problems: &mut Problems) -> Self {
        let mut reader = Reader::new(tree, defaults, problems);
        let server = ServerSettings::read(&mut reader);
        let store = StoreSettings::read(&mut reader);
        let growsurf = GrowsurfSettings::read(&mut reader, needs.webhook_secret);
        let customerio = CustomerioSettings::read(&mut reader, needs.credentials);
        let delivery = DeliverySettings::read(&mut reader, customerio.timeout);
        let sync = SyncSettings::read(&mut reader, growsurf.has_api_key());
        let feedback = FeedbackSettings::read(&mut reader);
        let mapping = MappingSettings::read(&mut reader);
        let admin = AdminSettings::read(&mut reader);
        let api = ApiSettings::read(&mut reader);
        let page = PageSettings::read(&mut reader, growsurf.has_page_key());
        let log = LogSettings::read(&mut reader);
        let mut settings = Self {
            server,
            store,
            growsurf,
            customerio,
            delivery,
            sync,
            feedback,
            mapping,
            admin,
            api,
            page,
            log,
            warnings: Vec::new(),
            summary: summary::of(tree),
        };
        together::check(&settings, &mut reader);
        settings.warnings = reader.into_warnings();
        settings
    }
}

/// The layers in one tree, later ones over earlier ones, key by key; lists are replaced whole.
fn merge(layers: Vec<Layer>) -> Value {
    let builder =
        layers.into_iter().fold(Config::builder(), |builder, layer| builder.add_source(layer));
    let merged = builder.build();
    merged.expect("a layer is a map in memory, so collecting it can't fail").cache
}
