//! The number of posts of pages that count for one participant in a day.

use std::time::Duration;

use super::super::memory::Memory;
use super::super::{RECEIVED, calls, joined, snapshot};
use super::{share, visit};
use crate::domain::{Event, Notification, Time};
use crate::mapping::{PostsPerDay, Rules};

/// Returns a memory that knows ann and bob, and lets each have 3 clicks and 2 shares a day.
fn limited() -> Memory {
    let mut rules = Rules::standard();
    rules.shares_from_page.insert("camp".to_owned());
    rules.posts_per_day = PostsPerDay { clicks: 3, shares: 2 };
    let mut memory = Memory::new(rules);
    for name in ["ann", "bob"] {
        memory.take_in(&joined(1_789_000_000, snapshot(name)), RECEIVED).unwrap();
    }
    memory
}

/// Returns the number of posts that count; the others must be dropped for the budget.
fn counted(memory: &mut Memory, posts: &[Notification], at: Time) -> usize {
    let mut count = 0;
    for post in posts {
        let before = memory.people.clone();
        let plan = memory.take_in(post, at).unwrap();
        assert_eq!(plan.has_changes, !plan.is_over_budget, "{plan:?}");
        if plan.is_over_budget {
            assert_eq!((calls(&plan), &memory.people), (vec![], &before));
            assert!(plan.ledger_only.is_empty() && plan.lanes.is_empty(), "{plan:?}");
        } else {
            count += 1;
        }
    }
    count
}

fn clicks(of: &str, day: &str) -> Vec<Notification> {
    let of_visitor = |number| {
        visit(of, &format!("visitor-{day}-{number}"), &format!("click-{of}-{day}-{number}"))
    };
    (0..10).map(of_visitor).collect()
}

fn shares(of: &str, day: &str) -> Vec<Notification> {
    (0..10).map(|number| share(of, &format!("share-{day}-{number}"))).collect()
}

const DAY: Duration = Duration::from_secs(86_400);

#[test]
fn each_participant_has_a_budget_of_each_kind_for_each_day() {
    let mut memory = limited();
    for (day, at) in [("one", RECEIVED), ("two", RECEIVED.plus(DAY))] {
        for name in ["ann", "bob"] {
            assert_eq!(counted(&mut memory, &clicks(name, day), at), 3, "{name}, day {day}");
            assert_eq!(counted(&mut memory, &shares(name, day), at), 2, "{name}, day {day}");
        }
    }
    let total = |memory: &Memory| memory.people[0].participants[0].shares;
    assert_eq!(total(&memory), Some(4), "what is over isn't counted either");
}

#[test]
fn a_post_that_comes_again_uses_up_nothing() {
    let mut memory = limited();
    let first = visit("ann", "visitor-1", "click-001");
    assert_eq!(counted(&mut memory, std::slice::from_ref(&first), RECEIVED), 1);
    for _ in 0..5 {
        let plan = memory.take_in(&first, RECEIVED).unwrap();
        assert!(!plan.has_changes && !plan.is_over_budget, "{plan:?}");
    }
    assert_eq!(counted(&mut memory, &clicks("ann", "one"), RECEIVED), 2);
}

#[test]
fn a_day_ends_at_midnight_and_a_late_post_counts_for_the_day_after() {
    let mut memory = limited();
    let midnight = Time::from_seconds((RECEIVED.day() + 1) * 86_400);
    let before = midnight.minus(Duration::from_micros(1));
    assert_eq!(counted(&mut memory, &clicks("ann", "one"), before), 3);
    assert_eq!(counted(&mut memory, &clicks("ann", "two"), midnight), 3);
    assert_eq!(counted(&mut memory, &clicks("ann", "three"), before), 0, "of a clock that lags");
}

#[test]
fn a_share_whose_event_is_off_is_counted_within_the_budget_as_well() {
    let mut rules = Rules::standard();
    rules.shares_from_page.insert("camp".to_owned());
    rules.posts_per_day = PostsPerDay { clicks: 3, shares: 2 };
    rules.events.remove("referral_shared");
    let mut memory = Memory::new(rules);
    memory.take_in(&joined(1_789_000_000, snapshot("ann")), RECEIVED).unwrap();
    assert_eq!(counted(&mut memory, &shares("ann", "one"), RECEIVED), 2);
}

#[test]
fn what_others_than_pages_report_is_not_limited() {
    let mut memory = limited();
    assert_eq!(counted(&mut memory, &shares("ann", "one"), RECEIVED), 2);
    for number in 0..10 {
        let mut notification = share("ann", &format!("by-server-{number}"));
        notification.is_from_server = true;
        for timed in &mut notification.events {
            if let Event::ShareReported { is_from_page: by_page, .. } = &mut timed.event {
                *by_page = false;
            }
        }
        let plan = memory.take_in(&notification, RECEIVED).unwrap();
        assert!(plan.has_changes && !plan.is_over_budget, "{plan:?}");
    }
}
