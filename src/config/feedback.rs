//! `[feedback]`: what goes back to GrowSurf, and how much of it.

use serde::Deserialize;

use crate::config::value::whole;

/// What goes back to GrowSurf, and how much of it.
#[derive(Debug, Clone, Deserialize)]
pub struct FeedbackSettings {
    /// True if clicks on referral links in messages are counted in participants' metadata.
    pub clicks: bool,
    /// True if unsubscribing at Customer.io is told.
    pub unsubscribes: bool,
    /// How much campaigns at Customer.io may ask for one participant in an hour.
    #[serde(deserialize_with = "whole::<_, _, 1, 10_000>")]
    pub asks_per_hour: u32,
    /// How many calls a minute GrowSurf gets.
    #[serde(deserialize_with = "whole::<_, _, 1, 400>")]
    pub writes_per_minute: u32,
}
