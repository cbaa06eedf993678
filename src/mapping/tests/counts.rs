//! Counts and numbers: sent only while they are known to be complete.

use proptest::prelude::*;

use super::memory::Memory;
use super::{RECEIVED, converted, joined, knowing, news, referred, snapshot, with};
use crate::domain::{
    Attributes, Call, Event, Facts, News, Participant, Plan, Scalar, Snapshot, Tell, Time, Who,
};
use crate::mapping::Rules;

/// What is sent only while the counts are complete.
const COUNTS: [&str; 5] = [
    "total_friends",
    "first_referral_date",
    "days_to_first_referral",
    "total_conversions",
    "total_rewards",
];

/// A friend signs up in a program with a qualifying action: the referrer then has so many leads.
fn lead(at: i64, friend: &str, referrer: &str, leads: i64) -> News {
    let mut news = referred(at, friend, referrer, 0);
    news.people[1].facts.insert(Facts::LEAD_COUNT.to_owned(), leads.into());
    news
}

/// Everything that GrowSurf has was counted; its reading began then.
fn counted(at: i64, name: &str) -> News {
    let who = Snapshot::named("row", format!("{name}001"));
    let mut news = news(at, vec![who], vec![Event::AllCounted { who: Who(0) }]);
    news.tell = Tell::Nothing;
    news
}

fn take(memory: &mut Memory, news: &News) -> Plan {
    memory.take_in(news, RECEIVED).unwrap()
}

/// The number of the friend that a plan tells of; `None` without one.
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

/// Somebody's present profile.
fn profile(memory: &Memory, name: &str) -> Attributes {
    let address = format!("{name}@example.com");
    let person = memory.people.iter().find(|it| it.identifier.value() == address).unwrap();
    crate::mapping::profile::attributes(person, &Rules::standard())
}

fn total(memory: &Memory, name: &str) -> Option<i64> {
    profile(memory, name).get("total_friends").and_then(Scalar::as_integer)
}

#[test]
fn friends_are_numbered_whether_or_not_they_are_credited() {
    let mut memory = knowing(["rae"], Rules::standard());
    for (friend, place) in [("ann", 1), ("bob", 2), ("cid", 3)] {
        let told = lead(1_780_000_000 + place * 1_000, friend, "rae", place);
        assert_eq!(number(&take(&mut memory, &told)), Some(place));
        assert_eq!(total(&memory, "rae"), Some(place));
        assert_eq!(memory.take_in(&told, RECEIVED).unwrap().lanes, []);
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
        let told = referred(1_780_000_000 + count, friend, "rae", count);
        assert_eq!(number(&take(&mut memory, &told)), None);
    }
    take(&mut memory, &converted(1_780_000_100, "ann", "rae"));
    let rae = profile(&memory, "rae");
    assert!(COUNTS.iter().all(|name| !rae.contains_key(*name)), "{rae:?}");
    assert_eq!(rae["last_referral_date"], Scalar::Integer(1_780_000_012));
    assert_eq!(rae["total_referrals"], Scalar::Integer(12));
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
    // A row that tells of a join long after it may leave out friends whose credit has expired.
    let mut memory = Memory::new(Rules::standard());
    let mut row = joined(1_779_000_000, snapshot("rae"));
    row.as_of = Some(Time::from_seconds(1_779_900_000));
    take(&mut memory, &row);
    assert_eq!(number(&take(&mut memory, &referred(1_780_000_000, "ann", "rae", 1))), None);
}

#[test]
fn friends_who_sign_up_at_once_each_get_a_number() {
    for friends in 2..=4 {
        let mut memory = knowing(["rae"], Rules::standard());
        let numbers: Vec<_> = (1..=friends)
            .map(|place| {
                let friend = format!("friend{place}");
                number(&take(&mut memory, &lead(1_780_000_000 + place, &friend, "rae", friends)))
            })
            .collect();
        assert_eq!(numbers, (1..=friends).map(Some).collect::<Vec<_>>());
        assert_eq!(total(&memory, "rae"), Some(friends));
    }
}

#[test]
fn a_webhook_that_comes_late_gets_the_next_number() {
    let mut memory = knowing(["rae"], Rules::standard());
    let told = |friend, place| lead(1_780_000_000 + place * 3_600, friend, "rae", place);
    assert_eq!(number(&take(&mut memory, &told("ann", 1))), Some(1));
    assert_eq!(number(&take(&mut memory, &told("cid", 3))), Some(2));
    assert_eq!(total(&memory, "rae"), None, "somebody is missing");
    // Whoever signs up later comes behind somebody who is missing.
    assert_eq!(number(&take(&mut memory, &told("dee", 4))), None);
    assert_eq!(number(&take(&mut memory, &told("bob", 2))), Some(4));
    assert_eq!(total(&memory, "rae"), Some(4));
    assert_eq!(number(&take(&mut memory, &told("eve", 5))), Some(5));
}

#[test]
fn a_count_that_is_lost_is_regained_by_counting_everything() {
    let mut memory = knowing(["rae"], Rules::standard());
    take(&mut memory, &lead(1_780_000_000, "ann", "rae", 1));
    assert_eq!(number(&take(&mut memory, &lead(1_780_010_000, "zed", "rae", 11))), None);
    assert_eq!(total(&memory, "rae"), None);
    let mut row = lead(1_780_005_000, "bob", "rae", 3);
    (row.people[1].first_hand, row.tell) = (false, Tell::Nothing);
    take(&mut memory, &row);
    let plan = take(&mut memory, &counted(1_780_020_000, "rae"));
    assert_eq!(super::calls(&plan), [super::call("rae", "identify")]);
    assert_eq!(total(&memory, "rae"), Some(3));
    assert!(!take(&mut memory, &counted(1_780_030_000, "rae")).is_news);
    // What is told again of before changes nothing.
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
    for tell in [Tell::History, Tell::Nothing, Tell::Before(RECEIVED)] {
        let mut memory = knowing(["rae"], Rules::standard());
        let mut told = lead(1_780_000_000, "ann", "rae", 1);
        told.tell = tell;
        let plan = take(&mut memory, &told);
        if tell != Tell::Nothing {
            assert_eq!(number(&plan), None);
        }
        assert_eq!(number(&take(&mut memory, &lead(1_780_000_001, "bob", "rae", 2))), Some(2));
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

/// Friends of two referrers, of whom one is seen from the start, each told with the count that GrowSurf
/// had by then.
fn sign_ups() -> impl Strategy<Value = Vec<News>> {
    proptest::collection::vec((any::<bool>(), 0..3_i64), 1..9).prop_map(|friends| {
        let mut counts = std::collections::BTreeMap::new();
        let mut told: Vec<News> = vec![joined(1_779_000_000, snapshot("rae"))];
        for (place, (is_rae, ahead)) in (0..).zip(friends) {
            let referrer = if is_rae { "rae" } else { "sue" };
            let count = counts.entry(referrer).or_insert(if is_rae { 0 } else { 10 });
            *count += 1;
            // A snapshot may count friends whose own webhooks are still on their way.
            let total = if is_rae { *count } else { *count + ahead };
            told.push(lead(1_780_000_000 + place, &format!("friend{place}"), referrer, total));
        }
        told
    })
}

proptest! {
    #[test]
    fn in_any_order_the_counts_end_the_same_and_true(
        told in sign_ups(), seed in any::<u64>(), again in any::<u64>(),
    ) {
        let mut shuffled = told.clone();
        fastrand::Rng::with_seed(seed).shuffle(&mut shuffled);
        let mut memory = Memory::new(Rules::standard());
        let mut numbers = Vec::new();
        for news in &shuffled {
            let plan = take(&mut memory, news);
            if news.told.len() == 2 && news.people[1].id.as_deref() == Some("rae001") {
                numbers.extend(number(&plan));
            }
        }
        let friends = told.iter().filter(|it| {
            it.people.get(1).is_some_and(|it| it.id.as_deref() == Some("rae001"))
        });
        let friends = i64::try_from(friends.count()).unwrap();
        prop_assert_eq!(total(&memory, "rae"), Some(friends).filter(|it| *it > 0));
        if memory.people.iter().any(|it| it.identifier.value() == "sue@example.com") {
            prop_assert_eq!(total(&memory, "sue"), None);
        }
        // No number twice, and none beyond the truth.
        prop_assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
        prop_assert!(numbers.iter().all(|it| (1..=friends).contains(it)), "{numbers:?}");
        let before = memory.shown(&Rules::standard());
        fastrand::Rng::with_seed(again).shuffle(&mut shuffled);
        for news in &shuffled {
            let plan = take(&mut memory, news);
            prop_assert!(plan.lanes.iter().all(|lane| lane.calls.is_empty()));
        }
        prop_assert_eq!(before, memory.shown(&Rules::standard()));
    }

    #[test]
    fn in_order_every_friend_has_their_place(told in sign_ups()) {
        let mut memory = Memory::new(Rules::standard());
        let mut place = 0;
        for news in &told {
            let plan = take(&mut memory, news);
            match news.people.get(1).and_then(|it| it.id.as_deref()) {
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
