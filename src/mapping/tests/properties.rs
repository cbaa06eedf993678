//! Properties that hold for any notifications, in any order, however often.

use proptest::prelude::*;

use super::memory::Memory;
use super::{RECEIVED, converted, joined, referred, snapshot};
use crate::domain::{Event, Notification, Time};
use crate::mapping::Rules;

/// Returns notifications among four people, at distinct times.
fn any_notifications() -> impl Strategy<Value = Vec<Notification>> {
    let name = || prop_oneof![Just("ann"), Just("bob"), Just("cid"), Just("dee")];
    proptest::collection::vec((name(), name(), any::<bool>(), 0..9_i64), 1..10).prop_map(
        |reported| {
            let notification =
                |(index, (friend, referrer, converts, count)): (usize, (&str, &str, bool, i64))| {
                    let at = 1_780_000_000 + i64::try_from(index).unwrap();
                    match (converts, count % 3) {
                        (true, 0) => unattributed(converted(at, friend, referrer)),
                        (true, _) => converted(at, friend, referrer),
                        // Sources' readers take nobody for their own referrer.
                        (false, _) if friend == referrer => {
                            joined_once(joined(at, snapshot(friend)))
                        }
                        (false, _) => joined_once(referred(at, friend, referrer, count)),
                    }
                };
            reported.into_iter().enumerate().map(notification).collect()
        },
    )
}

/// Returns the join with a time that every report of it shares.
fn joined_once(mut notification: Notification) -> Notification {
    let name = notification.people[0].id.as_deref().unwrap_or_default().as_bytes()[0];
    let at = Some(Time::from_seconds(1_780_000_000 - i64::from(name)));
    notification.events.iter_mut().for_each(|timed| timed.at = at);
    notification.people[0].joined_at = at;
    notification
}

/// Returns the same conversion from a source that doesn't say who referred.
fn unattributed(mut notification: Notification) -> Notification {
    notification.people.truncate(1);
    if let Event::ReferralConverted { referrer, .. } = &mut notification.events[0].event {
        *referrer = None;
    }
    notification
}

/// Returns the final state after some notifications, in this order.
fn state(notifications: &[Notification]) -> (Vec<(String, String)>, Vec<String>) {
    let rules = Rules::standard();
    let mut memory = Memory::new(rules.clone());
    for reported in notifications {
        memory.take_in(reported, RECEIVED).unwrap();
    }
    memory.shown(&rules)
}

proptest! {
    #[test]
    fn any_order_of_arrival_ends_in_the_same_state(mut notifications in any_notifications(), seed in any::<u64>()) {
        // The first referrer is reported once in reality; conversions by another referrer
        // are left out, because the first report of a conversion wins.
        let mut referrers = std::collections::BTreeMap::new();
        notifications.retain(|reported| {
            let friend = reported.people[0].id.clone();
            let Some(referrer) = reported.people.get(1).map(|it| it.id.clone()) else { return true };
            friend != referrer && *referrers.entry(friend).or_insert(referrer.clone()) == referrer
        });
        let before = state(&notifications);
        fastrand::Rng::with_seed(seed).shuffle(&mut notifications);
        prop_assert_eq!(before, state(&notifications));
    }

    #[test]
    fn a_replay_of_everything_plans_nothing(notifications in any_notifications()) {
        let mut memory = Memory::new(Rules::standard());
        for reported in &notifications {
            memory.take_in(reported, RECEIVED).unwrap();
        }
        for reported in &notifications {
            let plan = memory.take_in(reported, Time::from_seconds(1_790_009_999)).unwrap();
            prop_assert_eq!(plan.lanes, vec![]);
        }
    }
}
