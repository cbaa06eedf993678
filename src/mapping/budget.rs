//! Budgets of page posts: clicks and shares of one participant on one day.
//!
//! What belongs here: that count, which is part of the participant's state, so it is exact in every
//! backend and survives restarts. What doesn't: limits of clients and of all posts (`http`).
//!
//! A day is the UTC day of receipt. A post that comes late, for example on a relay whose clock lags
//! behind, counts for the later day.

use super::rules::PostsPerDay;
use crate::domain::{Event, Participant, Posts, Time};

/// True if a page's post is over the budget of the participant that it names. Never for other events.
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

/// Counts a page's post. Other events change nothing.
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

/// Returns what was counted on the day of a post, or on a later one.
fn on_day(participant: &Participant, received_at: Time) -> Posts {
    let day = received_at.day();
    let posts = participant.posts.filter(|posts| posts.day >= day);
    posts.unwrap_or(Posts { day, ..Posts::default() })
}
