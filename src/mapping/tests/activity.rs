//! Activity: the same in any order of arrival, from every source, however often it is reported.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::memory::Memory;
use super::{converted, joined, notification, referred, snapshot, with};
use crate::domain::{
    Activity, Amount, Event, Facts, Notification, Participant, ParticipantIndex, Scalar,
    SendFilter, ShareMethod, Snapshot, Time, TimedEvent, Week,
};
use crate::mapping::Rules;

/// A Monday at noon.
const START: i64 = 1_767_614_400;
const DAY: i64 = 86_400;
const WEEK: i64 = 7 * DAY;

/// A report and the time of its receipt.
type Report = (Notification, Time);

fn rules() -> Rules {
    let mut rules = Rules::standard();
    rules.shares_from_page.insert("camp".to_owned());
    rules
}

fn participant(memory: &Memory, name: &str) -> Participant {
    let address = format!("{name}@example.com");
    let person = memory.people.iter().find(|it| it.key.value() == address).unwrap();
    person.participants[0].clone()
}

fn activity(memory: &Memory, name: &str) -> Activity {
    participant(memory, name).activity
}

/// Returns the weeks of a participant with their shares, friends and conversions, counted from [`START`].
fn weeks(memory: &Memory, name: &str) -> Vec<(i32, u32, u32, u32)> {
    let start = Week::of(Time::from_seconds(START), &TimeZone::UTC).unwrap();
    let activity = activity(memory, name);
    let weeks = activity.weeks.iter();
    weeks.map(|(week, it)| (week.0 - start.0, it.shares, it.friends, it.conversions)).collect()
}

fn take(memory: &mut Memory, reports: &[Report]) {
    for (report, received_at) in reports {
        memory.take_in(report, *received_at).unwrap();
    }
}

fn received(mut report: Notification, at: i64) -> Report {
    // The guide's shape has neither ids nor times.
    report.as_of = None;
    report.events.iter_mut().for_each(|event| event.at = None);
    for person in &mut report.people {
        (person.id, person.joined_at) = (None, None);
        person.facts.remove(Facts::REFERRER_ID);
    }
    (report, Time::from_seconds(at))
}

/// Returns a report that is received a day later: a webhook of GrowSurf's, or a row.
fn webhook(report: Notification) -> Report {
    let at = report.as_of.unwrap();
    (report, Time::from_seconds(at.seconds() + DAY))
}

fn signed_up(at: i64, friend: &str, referrer: &str) -> Notification {
    let mut report = referred(at, friend, referrer, 0);
    report.people[0].joined_at = Some(Time::from_seconds(at));
    report
}

/// Returns the row of a friend, fetched later.
fn row(at: i64, friend: &str, referrer: &str) -> Notification {
    let mut report = signed_up(at, friend, referrer);
    report.people[1].is_subject = false;
    (report.as_of, report.filter) = (Some(Time::from_seconds(at + 30 * DAY)), SendFilter::None);
    report
}

fn bought(at: i64, friend: &str, referrer: &str, value: i64) -> Notification {
    let mut report = converted(at, friend, referrer);
    let Event::ReferralConverted { value: worth, .. } = &mut report.events[0].event else {
        panic!()
    };
    let currency = Some("EUR".to_owned());
    *worth = Some(Amount { value: Scalar::Integer(value), currency });
    report
}

fn unattributed(mut report: Notification) -> Notification {
    report.people.truncate(1);
    let Event::ReferralConverted { referrer, .. } = &mut report.events[0].event else { panic!() };
    *referrer = None;
    report
}

fn shared(at: i64, name: &str, channel: &str, key: &str, is_from_page: bool) -> Notification {
    let (channel, key) = (channel.to_owned(), key.to_owned());
    let participant = ParticipantIndex(0);
    let event = Event::ShareReported { participant, channel, key, is_from_page };
    notification(at, vec![Snapshot { email: snapshot(name).email, ..snapshot(name) }], vec![event])
}

fn counted(at: i64, name: &str, counts: &[(&str, i64)]) -> Notification {
    let counts = counts.iter().map(|(channel, count)| ((*channel).to_owned(), *count)).collect();
    let event = Event::SharesCounted { participant: ParticipantIndex(0), counts };
    let at = Time::from_seconds(at);
    let mut report = notification(at.seconds(), vec![snapshot(name)], Vec::new());
    report.events.push(TimedEvent { at: Some(at), event });
    report
}

#[test]
fn what_a_participant_did_is_kept_by_week() {
    let mut memory = Memory::new(rules());
    let reports = [
        webhook(joined(START, snapshot("rae"))),
        webhook(signed_up(START + DAY, "ann", "rae")),
        webhook(signed_up(START + WEEK, "bob", "rae")),
        webhook(bought(START + 2 * WEEK, "ann", "rae", 25)),
        webhook(shared(START + WEEK, "rae", "email", "s1", true)),
        webhook(shared(START + WEEK, "rae", "email", "s1", true)),
        webhook(shared(START + WEEK + DAY, "rae", "facebook", "s2", false)),
    ];
    take(&mut memory, &reports);
    assert_eq!(weeks(&memory, "rae"), [(0, 0, 1, 0), (1, 2, 1, 0), (2, 0, 0, 1)]);
    let rae = activity(&memory, "rae");
    assert_eq!(rae.first_conversion, Some(Time::from_seconds(START + 2 * WEEK)));
    assert_eq!(rae.shares[&ShareMethod::Email].count, 1);
    assert_eq!(
        rae.shares[&ShareMethod::Social].first,
        Some(Time::from_seconds(START + WEEK + DAY))
    );
    let ann = activity(&memory, "ann");
    assert_eq!(ann.converted, rae.first_conversion);
    assert_eq!(ann.value.map(|it| (it.minor, it.currency)), Some((2_500, "EUR".to_owned())));
    // Who did nothing has nothing.
    assert!(activity(&memory, "bob").is_empty());
}

#[test]
fn first_counts_of_shares_have_no_week_and_no_time() {
    let mut memory = Memory::new(rules());
    let counts = [("email", 3), ("twitter", 1), ("sms", 0)];
    take(&mut memory, &[webhook(counted(START, "rae", &counts))]);
    assert_eq!(weeks(&memory, "rae"), []);
    let rae = activity(&memory, "rae");
    let email = rae.shares[&ShareMethod::Email];
    assert_eq!((email.count, email.dated, email.first), (3, 0, None));
    assert!(!rae.shares.contains_key(&ShareMethod::Message));

    let later = webhook(counted(START + WEEK, "rae", &[("email", 5), ("sms", 1)]));
    take(&mut memory, &[later.clone(), later]);
    assert_eq!(weeks(&memory, "rae"), [(1, 3, 0, 0)]);
    let email = activity(&memory, "rae").shares[&ShareMethod::Email];
    assert_eq!((email.count, email.dated), (5, 2));
}

#[test]
fn of_two_times_the_earlier_one_counts() {
    let mut memory = Memory::new(rules());
    // The guide's shape is received late, and then the row has the true time.
    let reports = [
        received(joined(START, snapshot("rae")), START + DAY),
        received(signed_up(START, "ann", "rae"), START + 3 * WEEK),
        webhook(row(START + DAY, "ann", "rae")),
        webhook(unattributed(converted(START + 4 * WEEK, "ann", "rae"))),
        webhook(converted(START + 2 * WEEK, "ann", "rae")),
    ];
    take(&mut memory, &reports);
    assert_eq!(weeks(&memory, "rae"), [(0, 0, 1, 0), (2, 0, 0, 1)]);
    let rae = participant(&memory, "rae");
    assert_eq!(rae.first_referral, Some(Time::from_seconds(START + DAY)));
    assert_eq!((rae.friends, rae.conversions), (1, 1));
    assert_eq!(rae.activity.joined, Some(Time::from_seconds(START + DAY)));
    assert_eq!(activity(&memory, "ann").joined, None, "the row webhook it");
}

#[test]
fn a_conversion_counts_for_a_referrer_who_becomes_known_later() {
    let mut memory = Memory::new(rules());
    let reports = [
        webhook(unattributed(converted(START + WEEK, "ann", "rae"))),
        webhook(unattributed(converted(START, "ann", "rae"))),
        webhook(signed_up(START - WEEK, "ann", "rae")),
    ];
    take(&mut memory, &reports);
    assert_eq!(weeks(&memory, "rae"), [(-1, 0, 1, 0), (0, 0, 0, 1)]);
}

#[test]
fn weeks_follow_the_time_zone_of_the_settings() {
    // Sunday at noon in UTC is Monday on Kiritimati.
    let sunday = START - DAY;
    for (zone, week) in [("UTC", -1), ("Pacific/Kiritimati", 0)] {
        let time_zone = TimeZone::get(zone).unwrap();
        let mut memory = Memory::new(Rules { time_zone, ..rules() });
        let share = shared(sunday, "rae", "email", "s1", true);
        take(&mut memory, &[webhook(joined(START, snapshot("rae"))), webhook(share)]);
        assert_eq!(weeks(&memory, "rae"), [(week, 1, 0, 0)], "{zone}");
    }
}

/// Makes a report about a small program: two referrers, five friends, 80 weeks.
fn report() -> impl Strategy<Value = Report> {
    let friend = prop_oneof![
        Just(("ann", "rae")),
        Just(("bob", "rae")),
        Just(("cid", "rae")),
        Just(("dee", "ann")),
        Just(("eve", "ann")),
    ];
    (0..9_u8, friend, 0..80 * 7_i64).prop_map(|(kind, (friend, referrer), day)| {
        let at = START + day * DAY;
        // A friend joined once, no matter who reports it.
        let joined_at = START + i64::from(friend.as_bytes()[0] - b'a') * 3 * WEEK;
        let key = format!("{day}");
        match kind {
            0 => webhook(signed_up(joined_at, friend, referrer)),
            1 => webhook(row(joined_at, friend, referrer)),
            2 => received(signed_up(joined_at, friend, referrer), at.max(joined_at)),
            3 => webhook(converted(at, friend, referrer)),
            4 => webhook(bought(at, friend, referrer, day)),
            5 => webhook(unattributed(converted(at, friend, referrer))),
            6 => received(converted(at, friend, referrer), at),
            7 => webhook(shared(
                at,
                "rae",
                ["email", "facebook"][usize::from(day % 2 == 0)],
                &key,
                true,
            )),
            _ => webhook(shared(at, "rae", "sms", &key, false)),
        }
    })
}

/// The part of a document that insights read.
type Kept = (Activity, Option<Time>, i64, i64);

/// Returns what everyone's documents keep, by address.
fn documents(reports: &[Report]) -> BTreeMap<String, Kept> {
    let mut memory = Memory::new(rules());
    take(&mut memory, reports);
    let kept =
        |it: &Participant| (it.activity.clone(), it.first_referral, it.friends, it.conversions);
    memory.people.iter().map(|it| (it.key.value().to_owned(), kept(&it.participants[0]))).collect()
}

proptest! {
    #[test]
    fn any_order_of_arrival_ends_in_the_same_documents(
        reports in proptest::collection::vec(report(), 1..14),
        counts in proptest::collection::vec((0..3_i64, 0..80 * 7_i64), 0..4),
        repeats in proptest::collection::vec(any::<prop::sample::Index>(), 0..6),
        seed in any::<u64>(),
    ) {
        let before = [webhook(joined(START, snapshot("rae")))];
        // The relay reads counts one after another.
        let (mut total, mut day) = (0, 0);
        let counts: Vec<Report> = counts.into_iter().map(|(more, later)| {
            (total, day) = (total + more, day + later / 4);
            webhook(counted(START + day * DAY, "rae", &[("email", total), ("sms", total)]))
        }).collect();
        let all = |mut reports: Vec<Report>, seed: Option<u64>| {
            let mut known = before.to_vec();
            if let Some(seed) = seed {
                let mut random = fastrand::Rng::with_seed(seed);
                random.shuffle(&mut reports);
                let mut place = 0;
                for count in &counts {
                    place = random.usize(place..=reports.len());
                    reports.insert(place, count.clone());
                    place += 1;
                }
            } else {
                reports.extend(counts.iter().cloned());
            }
            known.extend(reports);
            documents(&known)
        };
        let mut often = reports.clone();
        often.extend(repeats.iter().map(|it| it.get(&reports).clone()));
        prop_assert_eq!(all(reports, None), all(often, Some(seed)));
    }
}

#[test]
fn a_name_alone_is_no_activity() {
    let mut memory = Memory::new(rules());
    let rae = with(snapshot("rae"), &[(Facts::FIRST_NAME, Scalar::from("Rae"))]);
    take(&mut memory, &[webhook(joined(START, rae))]);
    let text = serde_json::to_string(&participant(&memory, "rae")).unwrap();
    assert!(!text.contains("activity"), "{text}");
}
