//! `[sync]`: the comparison with GrowSurf, and the watch over its webhooks.

use std::time::Duration;

use crate::config::key::{Key, Kind};
use crate::config::reader::Reader;

pub(super) const KEYS: &[Key] = &[
    Key::new("enabled", Kind::Flag),
    Key::new("every", Kind::Text),
    Key::new("full_every", Kind::Text),
    Key::new("overlap", Kind::Text),
    Key::new("horizon", Kind::Text),
    Key::new("deletions", Kind::Text),
    Key::new("watch_every", Kind::Text),
];

/// The comparison with GrowSurf, and the watch over its webhooks.
#[derive(Debug, Clone)]
pub struct SyncSettings {
    /// Whether a running relay compares by itself.
    pub enabled: bool,
    /// Time from one comparison of what is new to the next.
    pub every: Duration,
    /// Time from one comparison of everything to the next.
    pub full_every: Duration,
    /// How far each goes back behind the one before.
    pub overlap: Duration,
    /// How long before the store was made events are still sent.
    pub horizon: Duration,
    /// What becomes of somebody who was deleted at GrowSurf.
    pub deletions: Deletions,
    /// Time from one look at the webhook's state to the next.
    pub watch_every: Duration,
}

/// What becomes of somebody who was deleted at GrowSurf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletions {
    /// It is said.
    Report,
    /// They are erased from the store.
    Forget,
}

impl SyncSettings {
    /// Reads the section. `has_key` says whether GrowSurf can be asked.
    pub(super) fn read(reader: &mut Reader<'_>, has_key: bool) -> Self {
        let settings = Self {
            enabled: reader.flag("sync.enabled"),
            every: reader.duration("sync.every"),
            full_every: reader.duration("sync.full_every"),
            overlap: reader.duration("sync.overlap"),
            horizon: reader.duration("sync.horizon"),
            deletions: reader.parse("sync.deletions", |text| match text {
                "report" => Ok(Deletions::Report),
                "forget" => Ok(Deletions::Forget),
                _ => Err("\"report\" or \"forget\"".into()),
            }),
            watch_every: reader.duration("sync.watch_every"),
        };
        if settings.enabled && !has_key && reader.sound(&["growsurf.api_key", "sync.enabled"]) {
            let rule = "can't compare without growsurf.api_key (RELAY__GROWSURF__API_KEY)";
            reader.broken("sync.enabled", rule);
        }
        settings
    }
}
