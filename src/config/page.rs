//! `[page]`: from which pages clicks and shares are taken, and how many.

use serde::Deserialize;
use serde::de::Deserializer;

use crate::config::check::Check;
use crate::options::origin::Origin;
use crate::options::size::size;
use crate::options::whole;

/// From which pages clicks and shares are taken, and how many.
#[derive(Debug, Clone, Deserialize)]
pub struct PageSettings {
    /// The origins of those pages, as browsers write them.
    #[serde(deserialize_with = "origins")]
    pub origins: Vec<String>,
    /// Largest body of one post in bytes.
    // A post holds a few ids and an address of a page.
    #[serde(deserialize_with = "size::<_, 1024, { 1 << 20 }>")]
    pub max_body: usize,
    /// How many posts are taken of one client's address in a minute.
    #[serde(deserialize_with = "whole::<_, _, 1, 100_000>")]
    pub posts_per_minute: u32,
    /// The most posts of all clients together in a minute.
    #[serde(deserialize_with = "whole::<_, _, 1, 1_000_000>")]
    pub total_posts_per_minute: u32,
    /// The most clicks on one participant's link in a day.
    #[serde(deserialize_with = "whole::<_, _, 1, 1_000_000>")]
    pub clicks_per_day: u32,
    /// The most shares of one participant in a day.
    #[serde(deserialize_with = "whole::<_, _, 1, 1_000_000>")]
    pub shares_per_day: u32,
    /// Percent of Customer.io's pace, and of the requests at once, that calls from posts may take.
    #[serde(deserialize_with = "whole::<_, _, 1, 100>")]
    pub pace_percent: u8,
    /// How many addresses are remembered for that.
    #[serde(deserialize_with = "whole::<_, _, 100, 10_000_000>")]
    pub addresses: usize,
    /// True if what a visitor did is joined with the participant who claims it.
    pub join: bool,
}

impl PageSettings {
    /// Checks that origins and keys for pages are there together.
    pub(super) fn check(&self, has_key: bool, check: &mut Check<'_>) {
        if has_key && self.origins.is_empty() && check.sound(&["page.origins"]) {
            check.broken(
                "page.origins",
                "is empty, and growsurf.campaigns has a page_key: name the origins of your pages, \
                 such as \"https://shop.example.com\"",
            );
        }
        let is_sound = check.sound(&["page.origins", "growsurf.campaigns"]);
        if !has_key && !self.origins.is_empty() && is_sound {
            check.broken(
                "page.origins",
                "has no effect, because no campaign has a page_key: set one under \
                 [[growsurf.campaigns]]",
            );
        }
    }
}

fn origins<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    Ok(Vec::deserialize(from)?.into_iter().map(|Origin(origin)| origin).collect())
}
