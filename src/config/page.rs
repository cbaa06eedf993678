//! `[page]`: the pages whose clicks and shares are accepted, and how many.

use serde::Deserialize;

use crate::config::check::Check;
use crate::http::PageOptions;
use crate::mapping::PostsPerDay;
use crate::options::whole;

#[derive(Debug, Clone, Deserialize)]
pub struct PageSettings {
    /// The origins of those pages, and the number of posts that are accepted.
    pub posts: PageOptions,
    pub per_day: PostsPerDay,
    /// The percentage of Customer.io's pace, and of the requests at once, for calls from posts.
    #[serde(deserialize_with = "whole::<_, _, 1, 100>")]
    pub pace_percent: u8,
    /// True if a visitor's events are joined with the participant who claims them.
    pub join: bool,
}

impl PageSettings {
    /// Checks that origins and keys for pages are there together.
    pub(super) fn check(&self, has_key: bool, check: &mut Check<'_>) {
        check.rule(
            &["page.origins"],
            has_key && self.posts.origins.is_empty(),
            "is empty, and growsurf.campaigns has a page_key: name the origins of your pages, such as \
             \"https://shop.example.com\"",
        );
        check.rule(
            &["page.origins", "growsurf.campaigns"],
            !has_key && !self.posts.origins.is_empty(),
            "has no effect, because no campaign has a page_key: set one under [[growsurf.campaigns]]",
        );
    }
}
