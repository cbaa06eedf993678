//! Budgets of page posts: clicks and shares of one participant on one day.
//!
//! The count is part of the participant's record, so it is exact on every backend. Limits of clients and of
//! all posts are `http`'s.
//!
//! A day is the UTC day of receipt. A late post, for example of a relay whose clock lags, counts for the
//! later day.

use super::rules::PostsPerDay;
use crate::domain::{Event, Participant, Posts, Time};

/// True if a page's post exceeds its participant's budget.
pub fn is_spent(
    event: &Event,
    participant: &Participant,
    received_at: Time,
    most: PostsPerDay,
) -> bool {
    let posts = on_day(participant, received_at);
    match event {
        Event::Visited(_) => posts.clicks >= most.clicks,
        Event::ShareReported { is_from_page: true, .. } => posts.shares >= most.shares,
        _ => false,
    }
}

/// Counts a page's post.
pub fn spend(event: &Event, participant: &mut Participant, received_at: Time) {
    let mut posts = on_day(participant, received_at);
    match event {
        Event::Visited(_) => posts.clicks = posts.clicks.saturating_add(1),
        Event::ShareReported { is_from_page: true, .. } => {
            posts.shares = posts.shares.saturating_add(1)
        }
        _ => return,
    }
    participant.posts = Some(posts);
}

/// Returns the posts of a day, or of a later one.
fn on_day(participant: &Participant, received_at: Time) -> Posts {
    let day = received_at.day();
    let posts = participant.posts.filter(|posts| posts.day >= day);
    posts.unwrap_or(Posts { day, ..Posts::default() })
}
