//! `[page]`: from which pages clicks and shares are taken, and how many.

use crate::config::key::{Key, Kind};
use crate::config::reader::Reader;
use crate::config::value::origin::origin;

pub(super) const KEYS: &[Key] = &[
    Key::new("origins", Kind::List),
    Key::new("max_body", Kind::Size),
    Key::new("posts_per_minute", Kind::Whole),
    Key::new("total_posts_per_minute", Kind::Whole),
    Key::new("clicks_per_day", Kind::Whole),
    Key::new("shares_per_day", Kind::Whole),
    Key::new("pace_percent", Kind::Whole),
    Key::new("addresses", Kind::Whole),
    Key::new("join", Kind::Flag),
];

/// A post holds a few ids and an address of a page.
const BODY: std::ops::RangeInclusive<u64> = 1024..=1 << 20;

/// From which pages clicks and shares are taken, and how many.
#[derive(Debug, Clone)]
pub struct PageSettings {
    /// The origins of those pages, as browsers write them.
    pub origins: Vec<String>,
    /// Largest body of one post in bytes.
    pub max_body: usize,
    /// How many posts are taken of one client's address in a minute.
    pub posts_per_minute: u32,
    /// The most posts of all clients together in a minute.
    pub total_posts_per_minute: u32,
    /// The most clicks on one participant's link in a day.
    pub clicks_per_day: u32,
    /// The most shares of one participant in a day.
    pub shares_per_day: u32,
    /// The part of Customer.io's pace, and of the requests at once, that calls from posts may take:
    /// above 0, at most 1.
    pub pace_share: f64,
    /// How many addresses are remembered for that.
    pub addresses: usize,
    /// Whether what a visitor did is joined with the participant who claims it.
    pub join: bool,
}

impl PageSettings {
    /// `has_key` tells whether any campaign has a key for pages.
    pub(super) fn read(reader: &mut Reader<'_>, has_key: bool) -> Self {
        let settings = Self {
            origins: reader.parse_list("page.origins", origin),
            max_body: reader.size("page.max_body", BODY),
            posts_per_minute: reader.whole("page.posts_per_minute", 1..=100_000),
            total_posts_per_minute: reader.whole("page.total_posts_per_minute", 1..=1_000_000),
            clicks_per_day: reader.whole("page.clicks_per_day", 1..=1_000_000),
            shares_per_day: reader.whole("page.shares_per_day", 1..=1_000_000),
            pace_share: f64::from(reader.whole::<u8>("page.pace_percent", 1..=100)) / 100.0,
            addresses: reader.whole("page.addresses", 100..=10_000_000),
            join: reader.flag("page.join"),
        };
        if has_key && settings.origins.is_empty() && reader.sound(&["page.origins"]) {
            reader.broken(
                "page.origins",
                "is empty, and growsurf.campaigns has a page_key: name the origins of your pages, \
                 such as \"https://shop.example.com\"",
            );
        }
        let is_sound = reader.sound(&["page.origins", "growsurf.campaigns"]);
        if !has_key && !settings.origins.is_empty() && is_sound {
            reader.broken(
                "page.origins",
                "has no effect, because no campaign has a page_key: set one under \
                 [[growsurf.campaigns]]",
            );
        }
        settings
    }
}
