//! `[feedback]`: what goes back to GrowSurf, and how much of it.

use crate::config::key::{Key, Kind};
use crate::config::reader::Reader;

pub(super) const KEYS: &[Key] = &[
    Key::new("clicks", Kind::Flag),
    Key::new("unsubscribes", Kind::Flag),
    Key::new("asks_per_hour", Kind::Whole),
    Key::new("writes_per_minute", Kind::Whole),
];

/// What goes back to GrowSurf, and how much of it.
#[derive(Debug, Clone)]
pub struct FeedbackSettings {
    /// Whether clicks on referral links in messages are counted in participants' metadata.
    pub clicks: bool,
    /// Whether unsubscribing at Customer.io is told.
    pub unsubscribes: bool,
    /// How much campaigns at Customer.io may ask for one participant in an hour.
    pub asks_per_hour: u32,
    /// How many calls a minute GrowSurf gets.
    pub writes_per_minute: u32,
}

impl FeedbackSettings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            clicks: reader.flag("feedback.clicks"),
            unsubscribes: reader.flag("feedback.unsubscribes"),
            asks_per_hour: reader.whole("feedback.asks_per_hour", 1..=10_000),
            writes_per_minute: reader.whole("feedback.writes_per_minute", 1..=400),
        }
    }
}
