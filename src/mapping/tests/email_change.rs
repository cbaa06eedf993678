//! Addresses that change, subscriptions that end, and what is counted.

use super::memory::Memory;
use super::{
    RECEIVED, call, calls, joined, knowing, notification, profile, referred, snapshot, with,
};
use crate::domain::{
    Call, Email, Event, Facts, LaneKey, Notification, ParticipantIndex, Reward, Scalar, SendFilter,
    Snapshot, Time,
};
use crate::mapping::Rules;

/// Returns the same participant under another address.
fn renamed(name: &str, to: &str) -> Snapshot {
    let address = format!("{to}@example.com");
    let mut snapshot = with(snapshot(name), &[(Facts::EMAIL, Scalar::from(address.as_str()))]);
    snapshot.email = Email::parse(&address).map_err(str::to_owned);
    snapshot
}

fn email(name: &str) -> LaneKey {
    Email::parse(&format!("{name}@example.com")).unwrap().into()
}

#[test]
fn a_changed_address_is_identified_anew_and_then_merged() {
    let mut memory = Memory::new(Rules::standard());
    memory.take_in(&joined(1_780_000_000, snapshot("fay")), RECEIVED).unwrap();
    let changed = joined(1_780_000_100, renamed("fay", "fay.new"));
    let plan = memory.take_in(&changed, RECEIVED).unwrap();
    assert_eq!(calls(&plan), [call("fay.new", "identify"), call("fay.new", "merge")]);
    assert_eq!(profile(&plan, "fay.new")["email"], Scalar::from("fay.new@example.com"));
    let from = plan.lanes[0].calls.iter().find_map(|planned| match &planned.call {
        Call::Merge { from, .. } => Some(from.clone()),
        _ => None,
    });
    assert_eq!(from.map(LaneKey::Person), Some(email("fay")));
    // The same person, with the same participant and lane.
    assert_eq!(memory.people.len(), 1);
    assert_eq!(memory.people[0].key, email("fay.new"));
}

#[test]
fn a_merge_is_planned_again_a_few_times_and_then_reported() {
    let mut memory = Memory::new(Rules::standard());
    memory.take_in(&joined(1_780_000_000, snapshot("fay")), RECEIVED).unwrap();
    let mut merges = 0;
    let mut notices = Vec::new();
    for hour in 0..6 {
        let at = RECEIVED.plus(std::time::Duration::from_secs(hour * 3_600));
        let seen = joined(at.seconds(), renamed("fay", "new"));
        let plan = memory.take_in(&seen, at).unwrap();
        merges += calls(&plan).iter().filter(|(_, what)| what == "merge").count();
        notices.extend(plan.notices);
        // Twice at one time is once.
        let again = memory.take_in(&seen, at).unwrap();
        assert_eq!(calls(&again), []);
    }
    assert_eq!(merges, 3);
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert!(notices[0].contains("fay001") && !notices[0].contains('@'), "{notices:?}");
}

#[test]
fn a_change_to_another_persons_address_is_reported_once_and_merges_nothing() {
    let mut memory = Memory::new(Rules::standard());
    memory.take_in(&joined(1_780_000_000, snapshot("fay")), RECEIVED).unwrap();
    memory.take_in(&joined(1_780_000_000, snapshot("rae")), RECEIVED).unwrap();
    let changed = joined(1_780_000_100, renamed("fay", "rae"));
    let plan = memory.take_in(&changed, RECEIVED).unwrap();
    assert!(plan.notices[0].contains("another person has already"), "{:?}", plan.notices);
    assert!(calls(&plan).iter().all(|(who, what)| who == "fay@example.com" && what != "merge"));
    assert_eq!(memory.people.len(), 2);
    let again = memory.take_in(&changed, RECEIVED).unwrap();
    assert!(again.notices.is_empty());
}

#[test]
fn a_person_of_two_campaigns_moves_when_both_have_the_new_address() {
    let mut memory = Memory::new(Rules::standard());
    let other = |mut notification: Notification| {
        notification.campaign.id = Some("other".to_owned());
        notification
    };
    memory.take_in(&joined(1_780_000_000, snapshot("fay")), RECEIVED).unwrap();
    memory.take_in(&other(joined(1_780_000_000, snapshot("fay"))), RECEIVED).unwrap();
    let changed = joined(1_780_000_100, renamed("fay", "new"));
    let plan = memory.take_in(&changed, RECEIVED).unwrap();
    assert!(plan.notices[0].contains("another campaign"), "{:?}", plan.notices);
    assert_eq!(memory.people[0].key, email("fay"));
    let plan = memory.take_in(&other(changed), RECEIVED).unwrap();
    assert!(calls(&plan).contains(&call("new", "merge")), "{:?}", calls(&plan));
    assert_eq!(memory.people[0].key, email("new"));
}

#[test]
fn an_older_address_takes_nobody_back() {
    let mut memory = Memory::new(Rules::standard());
    memory.take_in(&joined(1_780_000_100, renamed("fay", "new")), RECEIVED).unwrap();
    let plan = memory.take_in(&joined(1_780_000_000, snapshot("fay")), RECEIVED).unwrap();
    assert_eq!(calls(&plan), []);
    assert_eq!(memory.people[0].key, email("new"));
}

#[test]
fn a_subscription_is_ended_only_when_it_is_seen_to_end() {
    let with_flag = |flag| with(snapshot("fay"), &[(Facts::UNSUBSCRIBED, Scalar::Boolean(flag))]);
    let mut memory = Memory::new(Rules::standard());
    let mut at = 1_780_000_000;
    let mut unsubscribes = |flag, memory: &mut Memory| {
        at += 100;
        let plan = memory.take_in(&joined(at, with_flag(flag)), RECEIVED).unwrap();
        let all = serde_json::to_string(&calls(&plan)).unwrap();
        let profiles = plan.lanes.iter().flat_map(|lane| &lane.calls);
        for planned in profiles {
            if let Call::Identify { attributes, .. } = &planned.call {
                assert!(!attributes.contains_key("unsubscribed"));
            }
        }
        all.contains("unsubscribe")
    };
    assert!(!unsubscribes(false, &mut memory));
    assert!(unsubscribes(true, &mut memory));
    assert!(!unsubscribes(true, &mut memory));
    assert!(!unsubscribes(false, &mut memory));
    assert!(unsubscribes(true, &mut memory));
    // Who is unsubscribed when first seen isn't seen to become so.
    let mut memory = Memory::new(Rules::standard());
    assert!(!unsubscribes(true, &mut memory));
}

fn reward(at: i64, id: &str, approved: bool) -> Notification {
    let reward = Reward { id: id.to_owned(), approved, ..Reward::default() };
    notification(
        at,
        vec![snapshot("fay")],
        vec![Event::RewardEarned { earner: ParticipantIndex(0), reward }],
    )
}

#[test]
fn rewards_are_counted_once_sent_or_not() {
    let mut rules = Rules::standard();
    rules.events.remove(crate::mapping::events::REWARD_CLAIMED);
    for rules in [Rules::standard(), rules] {
        let mut memory = knowing(["fay"], rules);
        memory.take_in(&reward(1_780_000_000, "r1", false), RECEIVED).unwrap();
        memory.take_in(&reward(1_780_000_001, "r1", true), RECEIVED).unwrap();
        memory.take_in(&reward(1_780_000_002, "r1", true), RECEIVED).unwrap();
        let plan = memory.take_in(&reward(1_780_000_003, "r2", true), RECEIVED).unwrap();
        assert_eq!(profile(&plan, "fay")["total_rewards"], Scalar::Integer(2));
    }
}

#[test]
fn a_reward_without_a_time_is_counted_and_not_sent() {
    let mut memory = knowing(["fay"], Rules::standard());
    let mut timeless = reward(1_780_000_000, "r1", true);
    timeless.events[0].at = None;
    let plan = memory.take_in(&timeless, RECEIVED).unwrap();
    assert_eq!(calls(&plan), [call("fay", "identify")]);
    assert_eq!(profile(&plan, "fay")["total_rewards"], Scalar::Integer(1));
    assert_eq!(plan.filtered_events, ["reward"]);
    // Its webhook knows when.
    let plan = memory.take_in(&reward(1_780_000_000, "r1", true), RECEIVED).unwrap();
    assert!(calls(&plan).contains(&call("fay", "referral_reward_claimed")));
}

#[test]
fn a_filtered_event_is_counted_and_can_be_sent_later() {
    let mut memory = knowing(["rae"], Rules::standard());
    let mut history = referred(1_780_000_000, "fay", "rae", 1);
    history.filter = SendFilter::Before(Time::from_seconds(1_780_000_000));
    let plan = memory.take_in(&history, RECEIVED).unwrap();
    assert_eq!(plan.filtered_events, ["joined", "friend_signed_up"]);
    assert_eq!(calls(&plan), [call("fay", "identify"), call("rae", "identify")]);
    assert_eq!(profile(&plan, "rae")["first_referral_date"], Scalar::Integer(1_780_000_000));
    history.filter = SendFilter::None;
    assert_eq!(memory.take_in(&history, RECEIVED).unwrap().filtered_events.len(), 2);
    history.filter = SendFilter::Since(Time::from_seconds(1_780_000_000));
    let plan = memory.take_in(&history, RECEIVED).unwrap();
    assert_eq!(calls(&plan).iter().filter(|(_, what)| what != "identify").count(), 2);
    history.filter = SendFilter::None;
    let plan = memory.take_in(&history, RECEIVED).unwrap();
    assert_eq!(plan.filtered_events.len(), 0, "what was reported isn't left out");
    assert!(!plan.has_changes);
}

#[test]
fn days_to_the_first_referral_are_counted_from_joining() {
    let mut memory = Memory::new(Rules::standard());
    let joined_at = 1_780_000_000 - 3 * 86_400 - 1;
    memory.take_in(&joined(joined_at, snapshot("rae")), RECEIVED).unwrap();
    let plan = memory.take_in(&referred(1_780_000_000, "fay", "rae", 1), RECEIVED).unwrap();
    assert_eq!(profile(&plan, "rae")["days_to_first_referral"], Scalar::Integer(3));
}

#[test]
fn a_prefix_keeps_campaigns_apart() {
    let mut rules = Rules::standard();
    rules.prefixes = [("camp".to_owned(), "spring_".to_owned())].into();
    let mut memory = Memory::new(rules);
    memory.take_in(&referred(1_780_000_000, "fay", "rae", 5), RECEIVED).unwrap();
    let mut other = referred(1_780_000_100, "fay", "rae", 2);
    other.campaign.id = Some("other".to_owned());
    let plan = memory.take_in(&other, RECEIVED).unwrap();
    let rae = profile(&plan, "rae");
    assert_eq!(rae["spring_total_referrals"], Scalar::Integer(5));
    assert_eq!(rae["total_referrals"], Scalar::Integer(2));
    assert_eq!(rae["spring_referral_tier"], Scalar::from("power_referrer"));
    assert!(rae.contains_key("first_name") && !rae.contains_key("spring_first_name"));
}

#[test]
fn an_address_with_a_new_owner_is_never_merged_again() {
    let mut memory = Memory::new(Rules::standard());
    memory.take_in(&joined(1_780_000_000, snapshot("fay")), RECEIVED).unwrap();
    memory.take_in(&joined(1_780_000_100, renamed("fay", "new")), RECEIVED).unwrap();
    // Another participant joins with the address that was left.
    let mut other = renamed("gil", "fay");
    other.id = Some("gil001".to_owned());
    memory.take_in(&joined(1_780_000_200, other), RECEIVED).unwrap();
    let later = RECEIVED.plus(std::time::Duration::from_secs(3_600));
    let seen = joined(later.seconds(), renamed("fay", "new"));
    let plan = memory.take_in(&seen, later).unwrap();
    assert_eq!(calls(&plan), []);
    assert_eq!(memory.people.len(), 2);
}

#[test]
fn an_address_that_was_left_is_taken_over_by_no_other_participant() {
    let mut memory = Memory::new(Rules::standard());
    memory.take_in(&joined(1_780_000_000, snapshot("ann")), RECEIVED).unwrap();
    memory.take_in(&joined(1_780_000_000, snapshot("bob")), RECEIVED).unwrap();
    let plan = memory.take_in(&joined(1_780_000_100, renamed("bob", "cid")), RECEIVED).unwrap();
    assert_eq!(calls(&plan), [call("cid", "identify"), call("cid", "merge")]);
    let moved = joined(1_780_000_100, renamed("ann", "bob"));
    let plan = memory.take_in(&moved, RECEIVED).unwrap();
    assert!(plan.notices[0].contains("another person had before"), "{:?}", plan.notices);
    assert!(calls(&plan).iter().all(|(who, _)| who == "ann@example.com"), "{:?}", calls(&plan));
    // Bob may come back to his own.
    let plan = memory.take_in(&joined(1_780_000_200, snapshot("bob")), RECEIVED).unwrap();
    assert!(calls(&plan).contains(&call("bob", "merge")), "{:?}", calls(&plan));
}

#[test]
fn a_repeated_report_is_not_the_latest() {
    let mut memory = Memory::new(Rules::standard());
    let other = |mut notification: Notification| {
        notification.campaign.id = Some("other".to_owned());
        notification
    };
    let count =
        |referrals: i64| with(snapshot("fay"), &[(Facts::REFERRAL_COUNT, Scalar::from(referrals))]);
    memory.take_in(&joined(1_780_000_000, count(3)), RECEIVED).unwrap();
    let plan = memory.take_in(&other(joined(1_780_000_100, count(7))), RECEIVED).unwrap();
    assert_eq!(profile(&plan, "fay")["total_referrals"], Scalar::Integer(7));
    for at in [1_780_000_200, 1_780_000_300] {
        let plan = memory.take_in(&joined(at, count(3)), RECEIVED).unwrap();
        assert_eq!(calls(&plan), []);
        assert!(!plan.has_changes);
        let plan = memory.take_in(&other(joined(at + 50, count(7))), RECEIVED).unwrap();
        assert_eq!(calls(&plan), []);
    }
    let plan = memory.take_in(&joined(1_780_000_400, count(4)), RECEIVED).unwrap();
    assert_eq!(profile(&plan, "fay")["total_referrals"], Scalar::Integer(4));
}
