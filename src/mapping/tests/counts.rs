//! Counts and numbers: sent only while they are known to be complete.

use proptest::prelude::*;

use super::memory::Memory;
use super::{RECEIVED, converted, joined, knowing, notification, referred, snapshot, with};
use crate::domain::Event::ParticipantJoined;
use crate::domain::{
    Attributes, Call, Event, Facts, Notification, Participant, ParticipantIndex, Plan, Scalar,
    SendFilter, Snapshot, Time,
};
use crate::mapping::Rules;

/// The attributes that are sent only while the counts are complete.
const COUNTS: [&str; 5] = [
    "total_friends",
    "first_referral_date",
    "days_to_first_referral",
    "total_conversions",
    "total_rewards",
];

/// Returns the sign-up of a friend in a program with a qualifying action; the referrer then has
/// this many leads.
fn lead(at: i64, friend: &str, referrer: &str, leads: i64) -> Notification {
    let mut notification = referred(at, friend, referrer, 0);
    notification.people[1].facts.insert(Facts::LEAD_COUNT.to_owned(), leads.into());
    notification
}

/// Returns the sign-up of a friend through `rae` without counts.
fn lead_of_unknown_count(at: i64) -> Notification {
    let mut notification = lead(at, "ann", "rae", 0);
    notification.people[1].facts.remove(Facts::LEAD_COUNT);
    notification.people[1].facts.remove(Facts::REFERRAL_COUNT);
    notification
}

/// Returns everything that GrowSurf has was counted; its reading began then.
fn counted(at: i64, name: &str) -> Notification {
    let who = Snapshot::with_id("row", format!("{name}001"));
    let mut notification = notification(
        at,
        vec![who],
        vec![Event::FullyCompared { participant: ParticipantIndex(0) }],
    );
    notification.filter = SendFilter::None;
    notification
}

fn take(memory: &mut Memory, notification: &Notification) -> Plan {
    memory.take_in(notification, RECEIVED).unwrap()
}

/// Returns the number of the friend in a plan; `None` without one.
fn number(plan: &Plan) -> Option<i64> {
    let calls = plan.lanes.iter().flat_map(|lane| &lane.calls);
    let mut friends = calls.filter_map(|planned| match &planned.call {
        Call::Track { name, data, .. } if name == "referral_friend_signed_up" => Some(data),
        _ => None,
    });
    let friend = friends.next().expect("a friend signed up");
    assert_eq!(friends.next(), None);
    friend.get("friend_number").and_then(Scalar::as_integer)
}

fn participant<'a>(memory: &'a Memory, name: &str) -> &'a Participant {
    let id = Some(format!("{name}001"));
    let mut everybody = memory.people.iter().flat_map(|person| &person.participants);
    everybody.find(|participant| participant.growsurf_id == id).unwrap()
}

/// Returns a person's present profile.
fn profile(memory: &Memory, name: &str) -> Attributes {
    let address = format!("{name}@example.com");
    let person = memory.people.iter().find(|it| it.key.value() == address).unwrap();
    crate::mapping::profile::attributes(person, &Rules::standard())
}

fn total(memory: &Memory, name: &str) -> Option<i64> {
    profile(memory, name).get("total_friends").and_then(Scalar::as_integer)
}

#[test]
fn friends_are_numbered_whether_or_not_they_are_credited() {
    let mut memory = knowing(["rae"], Rules::standard());
    for (friend, place) in [("ann", 1), ("bob", 2), ("cid", 3)] {
        let reported = lead(1_780_000_000 + place * 1_000, friend, "rae", place);
        assert_eq!(number(&take(&mut memory, &reported)), Some(place));
        assert_eq!(total(&memory, "rae"), Some(place));
        assert_eq!(memory.take_in(&reported, RECEIVED).unwrap().lanes, []);
    }
    let rae = profile(&memory, "rae");
    assert_eq!(rae["first_referral_date"], Scalar::Integer(1_780_001_000));
    assert_eq!(rae["last_referral_date"], Scalar::Integer(1_780_003_000));
    assert_eq!(rae["total_referrals"], Scalar::Integer(0));
}

#[test]
fn nothing_is_invented_of_a_referrer_who_is_seen_late() {
    let mut memory = Memory::new(Rules::standard());
    for (friend, count) in [("ann", 11), ("bob", 12)] {
        let reported = referred(1_780_000_000 + count, friend, "rae", count);
        assert_eq!(number(&take(&mut memory, &reported)), None);
    }
    take(&mut memory, &converted(1_780_000_100, "ann", "rae"));
    let rae = profile(&memory, "rae");
    assert!(COUNTS.iter().all(|name| !rae.contains_key(*name)), "{rae:?}");
    assert_eq!(rae["last_referral_date"], Scalar::Integer(1_780_000_012));
    assert_eq!(rae["total_referrals"], Scalar::Integer(12));
}

#[test]
fn a_join_is_from_the_start_if_it_is_recent_and_nobody_was_referred() {
    const JOINED: i64 = 1_779_000_000;
    const DAY: i64 = 86_400;
    let none = (Facts::REFERRAL_COUNT, Scalar::Integer(0));
    let lead = (Facts::LEAD_COUNT, Scalar::Integer(1));
    for (joined_ago, counts, is_from_start) in [
        (Some(0), vec![], true),
        (Some(60), vec![none.clone()], true),
        (Some(60), vec![none.clone(), lead.clone()], false),
        (Some(3_600), vec![none.clone()], false),
        (Some(400 * DAY), vec![], false),
        (Some(400 * DAY), vec![none.clone()], false),
        // In another unit, or in the future, it can't be believed.
        (Some(JOINED - JOINED / 1_000), vec![none.clone()], false),
        (Some(JOINED - RECEIVED.seconds() - 2 * DAY), vec![none.clone()], false),
        (None, vec![none.clone()], true),
        (None, vec![], false),
        (None, vec![none, lead.clone()], false),
        (None, vec![lead], false),
    ] {
        for has_time in [true, false] {
            let mut rae = with(snapshot("rae"), &counts);
            let now = if has_time { JOINED } else { RECEIVED.seconds() };
            rae.joined_at = joined_ago.map(|ago| Time::from_seconds(now - ago));
            let who = ParticipantJoined { participant: ParticipantIndex(0), referral_source: None };
            let mut join = notification(JOINED, vec![rae], vec![who]);
            let mut friend = lead_of_unknown_count(1_780_000_000);
            if !has_time {
                // The guide's shape has no time of its own.
                for notification in [&mut join, &mut friend] {
                    notification.as_of = None;
                    notification.events.iter_mut().for_each(|timed| timed.at = None);
                }
            }
            let mut memory = Memory::new(Rules::standard());
            take(&mut memory, &join);
            let place = number(&take(&mut memory, &friend));
            assert_eq!(place, is_from_start.then_some(1), "{joined_ago:?} {counts:?} {has_time}");
            let rae = profile(&memory, "rae");
            for name in &COUNTS[..2] {
                assert_eq!(rae.contains_key(*name), is_from_start, "{name}: {joined_ago:?}");
            }
        }
    }
}

#[test]
fn a_join_without_a_time_counts_until_an_early_one_is_known_in_any_order() {
    for (joined_ago, is_from_start) in [(60, true), (400 * 86_400, false)] {
        let join = {
            let who = ParticipantJoined { participant: ParticipantIndex(0), referral_source: None };
            let rae = with(snapshot("rae"), &[(Facts::REFERRAL_COUNT, Scalar::Integer(0))]);
            notification(1_779_000_000, vec![rae], vec![who])
        };
        let mut row = notification(1_779_900_000, vec![snapshot("rae")], vec![]);
        row.people[0].joined_at = Some(Time::from_seconds(1_779_000_000 - joined_ago));
        let friend = lead_of_unknown_count(1_780_000_000);
        for order in [[&join, &row, &friend], [&row, &join, &friend], [&join, &friend, &row]] {
            let mut memory = Memory::new(Rules::standard());
            for notification in order {
                take(&mut memory, notification);
            }
            assert_eq!(total(&memory, "rae"), is_from_start.then_some(1), "{joined_ago}");
        }
    }
}

#[test]
fn who_joins_with_referrals_is_not_seen_from_the_start() {
    for (name, count) in [(Facts::REFERRAL_COUNT, 1), (Facts::LEAD_COUNT, 1)] {
        let mut memory = Memory::new(Rules::standard());
        let rae = with(snapshot("rae"), &[(name, Scalar::Integer(count))]);
        take(&mut memory, &joined(1_779_000_000, rae));
        assert_eq!(number(&take(&mut memory, &referred(1_780_000_000, "ann", "rae", 1))), None);
        assert_eq!(total(&memory, "rae"), None);
    }
    // A row that reports a join long after it may leave out friends whose credit has expired.
    let mut memory = Memory::new(Rules::standard());
    let mut row = joined(1_779_000_000, snapshot("rae"));
    row.as_of = Some(Time::from_seconds(1_779_900_000));
    take(&mut memory, &row);
    assert_eq!(number(&take(&mut memory, &referred(1_780_000_000, "ann", "rae", 1))), None);
}

/// Plans the sign-ups of friends in consecutive seconds from `began_at`, in this order. GrowSurf
/// reports `reported` friends with each. Returns their numbers.
fn sign_up(
    memory: &mut Memory,
    began_at: i64,
    order: impl Iterator<Item = i64>,
    reported: i64,
) -> Vec<Option<i64>> {
    let number = |place| {
        let friend = format!("friend{began_at}x{place}");
        number(&take(memory, &lead(began_at + place, &friend, "rae", reported)))
    };
    order.map(number).collect()
}

#[test]
fn friends_whose_webhooks_are_on_their_way_together_get_numbers_as_they_arrive() {
    const MINUTES: i64 = 60;
    // The counts agreed last when rae joined, and then when ann signed up.
    for (joined_ago, is_known) in [(1, true), (9, true), (11, false), (40 * 1_440, false)] {
        for friends in 2..=6 {
            let all = || (1..=friends).map(Some).collect::<Vec<_>>();
            let last_only = || {
                let mut numbers = vec![None; usize::try_from(friends).unwrap()];
                *numbers.last_mut().unwrap() = Some(friends);
                numbers
            };
            let expected = if is_known { all() } else { last_only() };
            let began_at = 1_779_000_000 + joined_ago * MINUTES;
            let mut memory = knowing(["rae"], Rules::standard());
            assert_eq!(sign_up(&mut memory, began_at, 0..friends, friends), expected);
            let mut memory = knowing(["rae"], Rules::standard());
            assert_eq!(sign_up(&mut memory, began_at, (0..friends).rev(), friends), expected);
            assert_eq!(total(&memory, "rae"), Some(friends));

            let mut memory = knowing(["rae"], Rules::standard());
            take(&mut memory, &lead(1_780_000_000, "ann", "rae", 1));
            let began_at = 1_780_000_000 + joined_ago * MINUTES;
            let numbers = sign_up(&mut memory, began_at, (0..friends).rev(), friends + 1);
            let behind_ann: Vec<_> = expected.iter().map(|it| it.map(|it| it + 1)).collect();
            assert_eq!(numbers, behind_ann);
        }
    }
}

#[test]
fn a_friend_behind_others_who_may_be_lost_since_long_has_no_number() {
    for (referrals, leads) in [(0, 4), (3, 1)] {
        let mut memory = knowing(["rae"], Rules::standard());
        for at in [1_782_000_000, 1_782_000_100] {
            let mut reported = lead(at, &format!("friend{at}"), "rae", leads);
            let counts = &mut reported.people[1].facts;
            counts.insert(Facts::REFERRAL_COUNT.to_owned(), referrals.into());
            assert_eq!(number(&take(&mut memory, &reported)), None, "{referrals} {leads} {at}");
        }
        assert_eq!(total(&memory, "rae"), None);
    }
}

#[test]
fn a_report_from_before_a_friend_is_no_proof_that_nobody_is_missing() {
    let mut memory = knowing(["rae"], Rules::standard());
    // Ann's webhook is lost, and the next report counts her.
    let rae = with(snapshot("rae"), &[(Facts::LEAD_COUNT, Scalar::Integer(1))]);
    let event = Event::FraudStatusChanged { participant: ParticipantIndex(0) };
    take(&mut memory, &notification(1_780_000_000, vec![rae], vec![event]));
    for (friend, place) in [("bob", 2), ("cid", 3)] {
        let reported = lead(1_780_000_000 + place * 30, friend, "rae", place);
        assert_eq!(number(&take(&mut memory, &reported)), None, "{friend}");
    }
    assert_eq!(number(&take(&mut memory, &lead(1_779_900_000, "ann", "rae", 1))), Some(3));
    assert_eq!(number(&take(&mut memory, &lead(1_780_100_000, "dee", "rae", 4))), Some(4));
}

#[test]
fn a_row_whose_referrer_has_friends_that_are_missing_gives_no_number() {
    let mut memory = knowing(["rae"], Rules::standard());
    for (friend, place, expected) in [("cid", 3, None), ("bob", 2, None), ("ann", 1, Some(3))] {
        let mut row = lead(1_780_000_000 + place, friend, "rae", 3);
        row.people[1].is_subject = false;
        assert_eq!(number(&take(&mut memory, &row)), expected, "{friend}");
    }
}

#[test]
fn a_webhook_that_comes_late_gets_the_next_number() {
    let mut memory = knowing(["rae"], Rules::standard());
    let reported = |friend, place| lead(1_780_000_000 + place * 3_600, friend, "rae", place);
    assert_eq!(number(&take(&mut memory, &reported("ann", 1))), Some(1));
    assert_eq!(number(&take(&mut memory, &reported("cid", 3))), None, "bob may be lost");
    assert_eq!(total(&memory, "rae"), None, "a friend is missing");
    assert_eq!(number(&take(&mut memory, &reported("dee", 4))), None);
    assert_eq!(number(&take(&mut memory, &reported("bob", 2))), Some(4));
    assert_eq!(total(&memory, "rae"), Some(4));
    assert_eq!(number(&take(&mut memory, &reported("eve", 5))), Some(5));
}

#[test]
fn a_count_that_is_lost_is_regained_by_counting_everything() {
    let mut memory = knowing(["rae"], Rules::standard());
    take(&mut memory, &lead(1_780_000_000, "ann", "rae", 1));
    assert_eq!(number(&take(&mut memory, &lead(1_780_010_000, "zed", "rae", 11))), None);
    assert_eq!(total(&memory, "rae"), None);
    let mut row = lead(1_780_005_000, "bob", "rae", 3);
    (row.people[1].is_subject, row.filter) = (false, SendFilter::None);
    take(&mut memory, &row);
    let plan = take(&mut memory, &counted(1_780_020_000, "rae"));
    assert_eq!(super::calls(&plan), [super::call("rae", "identify")]);
    assert_eq!(total(&memory, "rae"), Some(3));
    assert!(!take(&mut memory, &counted(1_780_030_000, "rae")).has_changes);
    // A repeated report of before changes nothing.
    let replayed = memory.take_in(&lead(1_780_010_000, "zed", "rae", 11), RECEIVED).unwrap();
    assert_eq!(replayed.lanes.iter().flat_map(|lane| &lane.calls).count(), 0);
    assert_eq!(number(&take(&mut memory, &lead(1_780_040_000, "cid", "rae", 4))), Some(4));
}

#[test]
fn what_growsurf_counts_and_the_reading_did_not_find_stays_missing() {
    let mut memory = Memory::new(Rules::standard());
    take(&mut memory, &lead(1_780_000_000, "ann", "rae", 2));
    take(&mut memory, &counted(1_780_000_000, "rae"));
    assert_eq!(total(&memory, "rae"), None);
}

#[test]
fn history_gets_no_number_and_is_counted() {
    for filter in [SendFilter::History, SendFilter::None, SendFilter::Before(RECEIVED)] {
        let mut memory = knowing(["rae"], Rules::standard());
        let mut reported = lead(1_780_000_000, "ann", "rae", 1);
        reported.filter = filter;
        let plan = take(&mut memory, &reported);
        if filter != SendFilter::None {
            assert_eq!(number(&plan), None);
        }
        assert_eq!(number(&take(&mut memory, &lead(1_780_000_001, "bob", "rae", 2))), Some(2));
    }
}

#[test]
fn a_friend_who_is_counted_before_their_event_keeps_the_number_for_it() {
    let early = Time::from_seconds(1_500_000_000);
    for filter in [SendFilter::None, SendFilter::Before(early), SendFilter::Since(RECEIVED)] {
        for has_address in [true, false] {
            let mut memory = knowing(["rae"], Rules::standard());
            let mut ann = lead(1_780_000_000, "ann", "rae", 1);
            if !has_address {
                ann.people[0].email = Err("data.email is missing".to_owned());
                ann.people[0].facts.remove(Facts::EMAIL);
            }
            let mut row = ann.clone();
            (row.people[1].is_subject, row.filter) = (false, filter);
            let plan = take(&mut memory, &row);
            assert!(plan.filtered_events.iter().any(|kind| kind.contains("friend")), "{plan:?}");
            assert_eq!(total(&memory, "rae"), Some(1));
            let bob = lead(1_780_000_001, "bob", "rae", 2);
            assert_eq!(number(&take(&mut memory, &bob)), Some(2));
            assert_eq!(number(&take(&mut memory, &ann)), Some(1), "{filter:?} {has_address}");
            assert_eq!(participant(&memory, "rae").unsent_numbers.len(), 0);
            assert_eq!(participant(&memory, "rae").friends, 2);
        }
    }
    // History gets no number, though it was known.
    let mut memory = knowing(["rae"], Rules::standard());
    let mut ann = lead(1_780_000_000, "ann", "rae", 1);
    for (filter, is_sent) in [(SendFilter::None, false), (SendFilter::History, true)] {
        ann.filter = filter;
        let plan = take(&mut memory, &ann);
        assert!(!is_sent || number(&plan).is_none());
    }
    assert_eq!(participant(&memory, "rae").unsent_numbers.len(), 0);
}

#[test]
fn a_friend_who_is_counted_while_the_count_is_incomplete_gets_no_number_later() {
    let mut memory = Memory::new(Rules::standard());
    let mut row = lead(1_780_000_000, "ann", "rae", 1);
    row.filter = SendFilter::None;
    take(&mut memory, &row);
    take(&mut memory, &counted(1_780_010_000, "rae"));
    assert_eq!(total(&memory, "rae"), Some(1));
    let ann = lead(1_780_000_000, "ann", "rae", 1);
    assert_eq!(number(&take(&mut memory, &ann)), None);
}

#[test]
fn a_participant_keeps_only_so_many_numbers() {
    let mut memory = knowing(["rae"], Rules::standard());
    for place in 1..=105 {
        let mut row = lead(1_780_000_000 + place, &format!("friend{place}"), "rae", place);
        row.filter = SendFilter::None;
        take(&mut memory, &row);
    }
    assert_eq!(participant(&memory, "rae").unsent_numbers.len(), 100);
    for (place, expected) in [(5, None), (6, Some(6)), (105, Some(105))] {
        let reported = lead(1_780_000_000 + place, &format!("friend{place}"), "rae", place);
        assert_eq!(number(&take(&mut memory, &reported)), expected);
    }
}

#[test]
fn friends_are_counted_where_their_event_is_off_and_where_they_have_no_address() {
    let mut rules = Rules::standard();
    rules.events.remove("referral_friend_signed_up");
    let mut memory = knowing(["rae"], rules);
    take(&mut memory, &lead(1_780_000_000, "ann", "rae", 1));
    assert_eq!(total(&memory, "rae"), Some(1));

    let mut memory = knowing(["rae"], Rules::standard());
    let mut nobody = lead(1_780_000_000, "ann", "rae", 1);
    nobody.people[0].email = Err("data.email is missing".to_owned());
    nobody.people[0].facts.remove(Facts::EMAIL);
    assert_eq!(number(&take(&mut memory, &nobody)), Some(1));
    // Once their address is known it is the same friend.
    let known = memory.take_in(&lead(1_780_000_000, "ann", "rae", 1), RECEIVED).unwrap();
    assert!(!super::calls(&known).iter().any(|(_, what)| what == "referral_friend_signed_up"));
    assert_eq!(participant(&memory, "rae").friends, 1);
    assert_eq!(number(&take(&mut memory, &lead(1_780_000_001, "bob", "rae", 2))), Some(2));
}

#[test]
fn nobody_is_a_friend_of_their_own() {
    let mut memory = knowing(["rae"], Rules::standard());
    take(&mut memory, &lead(1_780_000_000, "rae", "rae", 0));
    assert_eq!(participant(&memory, "rae").friends, 0);
}

/// Returns friends of two referrers, one of them seen from the start, each with GrowSurf's count by
/// then.
fn sign_ups() -> impl Strategy<Value = Vec<Notification>> {
    proptest::collection::vec((any::<bool>(), 0..3_i64), 1..9).prop_map(|friends| {
        let mut counts = std::collections::BTreeMap::new();
        let mut reported: Vec<Notification> = vec![joined(1_779_000_000, snapshot("rae"))];
        for (place, (is_rae, ahead)) in (0..).zip(friends) {
            let referrer = if is_rae { "rae" } else { "sue" };
            let count = counts.entry(referrer).or_insert(if is_rae { 0 } else { 10 });
            *count += 1;
            // A snapshot may count friends whose own webhooks are still on their way.
            let total = if is_rae { *count } else { *count + ahead };
            reported.push(lead(1_780_000_000 + place, &format!("friend{place}"), referrer, total));
        }
        reported
    })
}

/// Friends of a referrer: how many seconds after the one before each signed up, whether their webhook is
/// lost, and whether another webhook then reports the referrer's count.
fn gaps() -> impl Strategy<Value = Vec<(i64, bool, bool)>> {
    let gap = prop_oneof![1..60_i64, 500..700_i64, 3_600..86_400_i64];
    proptest::collection::vec((gap, any::<bool>(), any::<bool>()), 1..9)
}

proptest! {
    #[test]
    fn in_any_order_the_counts_end_the_same_and_true(
        reported in sign_ups(), seed in any::<u64>(), again in any::<u64>(),
    ) {
        let mut shuffled = reported.clone();
        fastrand::Rng::with_seed(seed).shuffle(&mut shuffled);
        let mut memory = Memory::new(Rules::standard());
        let mut numbers = Vec::new();
        for notification in &shuffled {
            let plan = take(&mut memory, notification);
            if notification.events.len() == 2 && notification.people[1].id.as_deref() == Some("rae001") {
                numbers.extend(number(&plan));
            }
        }
        let friends = reported.iter().filter(|it| {
            it.people.get(1).is_some_and(|it| it.id.as_deref() == Some("rae001"))
        });
        let friends = i64::try_from(friends.count()).unwrap();
        prop_assert_eq!(total(&memory, "rae"), Some(friends).filter(|it| *it > 0));
        if memory.people.iter().any(|it| it.key.value() == "sue@example.com") {
            prop_assert_eq!(total(&memory, "sue"), None);
        }
        // No number twice, and none beyond the truth.
        prop_assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
        prop_assert!(numbers.iter().all(|it| (1..=friends).contains(it)), "{numbers:?}");
        let before = memory.shown(&Rules::standard());
        fastrand::Rng::with_seed(again).shuffle(&mut shuffled);
        for notification in &shuffled {
            let plan = take(&mut memory, notification);
            prop_assert!(plan.lanes.iter().all(|lane| lane.calls.is_empty()));
        }
        prop_assert_eq!(before, memory.shown(&Rules::standard()));
    }

    #[test]
    fn who_is_looked_up_before_their_webhook_keeps_their_place(
        reported in sign_ups(), looked_up in any::<u16>(), seed in any::<u64>(),
    ) {
        let mut memory = Memory::new(Rules::standard());
        take(&mut memory, &reported[0]);
        let is_looked_up = |place: usize| looked_up >> place & 1 == 1;
        let mut rows: Vec<Notification> = reported[1..].iter().enumerate()
            .filter(|(place, _)| is_looked_up(*place))
            .map(|(_, notification)| {
                let mut row = notification.clone();
                (row.people[1].is_subject, row.filter) = (false, SendFilter::None);
                row
            })
            .collect();
        fastrand::Rng::with_seed(seed).shuffle(&mut rows);
        for row in &rows {
            take(&mut memory, row);
        }
        let mut numbers = Vec::new();
        let mut friends = 0;
        for (place, notification) in reported[1..].iter().enumerate() {
            let number = number(&take(&mut memory, notification));
            if notification.people[1].id.as_deref() == Some("rae001") {
                friends += 1;
                // One who was looked up before others arrived may have none.
                prop_assert!(number.is_some() || is_looked_up(place));
                numbers.extend(number);
            } else {
                prop_assert_eq!(number, None);
            }
        }
        numbers.sort_unstable();
        prop_assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
        prop_assert!(numbers.iter().all(|it| (1..=friends).contains(it)), "{numbers:?}");
    }

    #[test]
    fn nobody_who_signed_up_long_before_is_missing_from_a_number(
        friends in gaps(), seed in any::<u64>(),
    ) {
        let mut memory = knowing(["rae"], Rules::standard());
        let mut at = 1_779_000_000;
        let mut signed_up = Vec::new();
        let mut reported = Vec::new();
        for (place, (gap, is_lost, is_reported)) in (1..).zip(friends) {
            at += gap;
            signed_up.push(at);
            if !is_lost {
                reported.push((Some(at), lead(at, &format!("friend{place}"), "rae", place)));
            }
            if is_reported {
                let rae = with(snapshot("rae"), &[(Facts::LEAD_COUNT, place.into())]);
                let event = Event::FraudStatusChanged { participant: ParticipantIndex(0) };
                reported.push((None, notification(at, vec![rae], vec![event])));
            }
        }
        fastrand::Rng::with_seed(seed).shuffle(&mut reported);
        let mut arrived = Vec::new();
        for (friend, notification) in reported {
            let plan = take(&mut memory, &notification);
            let Some(at) = friend else { continue };
            arrived.push(at);
            let Some(number) = number(&plan) else { continue };
            prop_assert_eq!(usize::try_from(number).unwrap(), arrived.len());
            let mut long_before = signed_up.iter().filter(|it| **it < at - 600);
            prop_assert!(long_before.all(|it| arrived.contains(it)), "{signed_up:?} {arrived:?}");
        }
    }

    #[test]
    fn in_order_every_friend_has_their_place(reported in sign_ups()) {
        let mut memory = Memory::new(Rules::standard());
        let mut place = 0;
        for notification in &reported {
            let plan = take(&mut memory, notification);
            match notification.people.get(1).and_then(|it| it.id.as_deref()) {
                Some("rae001") => {
                    place += 1;
                    prop_assert_eq!(number(&plan), Some(place));
                }
                Some(_) => prop_assert_eq!(number(&plan), None),
                None => {}
            }
        }
    }
}
